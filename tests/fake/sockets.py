"""Connections that read requests and send answers, intact or spoilt by a fault."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from tests.fake.answers import Answer
from tests.fake.faults import CutShort, Drip, Dropped, Fault, Flood, Garbled

if TYPE_CHECKING:
    from tests.fake.server import FakeChatbotx


class Connection(BaseHTTPRequestHandler):
    """A connection that reads requests and sends answers, intact or spoilt by a fault."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Sockets

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.fake.idle_seconds)

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.fake.serve(self)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def send(self, answer: Answer, fault: Fault | None, closing: threading.Event) -> None:
        """Send `answer`, or what `fault` turns it into."""
        # The idle timeout is for reading: a client may be slow to receive a long answer.
        self.connection.settimeout(None)
        match fault:
            case Answer():
                self._send_whole(fault)
            case Dropped(reset=True):
                self._reset()
            case Dropped():
                self.close_connection = True
            case CutShort():
                self._send_cut(answer, fault)
            case Garbled():
                half = answer.body[: len(answer.body) // 2]
                self._send_whole(Answer(200, half.ljust(len(answer.body), b"\x00")))
            case Flood():
                self._send_stream(_flood(fault.size))
            case Drip():
                self._send_stream(_drip(fault.seconds, closing))
            case _:
                self._send_whole(answer)
        if self.connection.fileno() >= 0:
            self.connection.settimeout(self.server.fake.idle_seconds)

    def _send_whole(self, answer: Answer) -> None:
        """Send a page in chunks, as the platform does, and anything else with its length."""
        body = b"" if self.command == "HEAD" else answer.body
        if answer.status == 200 and body:
            head = _head(answer, "Transfer-Encoding: chunked")
            self.wfile.write(b"%b%b%b" % (head, _chunk(body), _chunk(b"")))
        else:
            self.wfile.write(_head(answer, f"Content-Length: {len(answer.body)}") + body)

    def _send_cut(self, answer: Answer, fault: CutShort) -> None:
        self.close_connection = True
        part = answer.body[: int(len(answer.body) * fault.share)]
        if fault.chunked:
            self.wfile.write(_head(answer, "Transfer-Encoding: chunked") + _chunk(part))
        else:
            self.wfile.write(_head(answer, f"Content-Length: {len(answer.body)}") + part)

    def _send_stream(self, blocks: Iterator[bytes]) -> None:
        self.wfile.write(_head(Answer(200), "Transfer-Encoding: chunked"))
        for block in blocks:
            self.wfile.write(_chunk(block))
        self.wfile.write(_chunk(b""))

    def _reset(self) -> None:
        """Close without the orderly shutdown that the standard library would do first."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


class Sockets(ThreadingTCPServer):
    """The listening socket and a thread for each connection, which can all be stopped at once."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, fake: FakeChatbotx, port: int) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.fake = fake
        self.open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        self.shutdown()
        self._accepting.join()
        self.server_close()
        still_open = self.open.copy()
        for connection in still_open.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in still_open:
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self.open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        del self.open[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep exceptions from a test's hooks; ignore clients that close the connection."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.fake.errors.append(error)


_SHUTDOWN_POLL_SECONDS = 0.01
_BLOCK_BYTES = 64 * 1024


def _head(answer: Answer, framing: str) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        *([f"Date: {formatdate(usegmt=True)}"] if answer.dated else []),
        *([f"Content-Type: {answer.content_type}"] if answer.content_type else []),
        *(f"{name}: {value}" for name, value in answer.headers),
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _flood(size: int) -> Iterator[bytes]:
    yield b'{"data":["'
    for sent in range(0, size, _BLOCK_BYTES):
        yield b"x" * min(_BLOCK_BYTES, size - sent)


def _drip(seconds: float, closing: threading.Event) -> Iterator[bytes]:
    while not closing.wait(seconds):
        yield b" "
