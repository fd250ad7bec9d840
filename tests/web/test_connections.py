"""Limits below ASGI, on a separate uvicorn: incomplete requests, too many, large messages."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from lib.web import connections
from lib.web.connections import FRAMES_AT_ONCE, BoundedFrames, Connections
from lib.web.messages import MOST_MESSAGE_BYTES
from tests.serving import free_port
from tests.web.asgi import says_hello

HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


@dataclass(frozen=True)
class Server:
    port: int
    clients: ExitStack

    def open(self, says: bytes = b"") -> socket.socket:
        """Open a connection and send `says`; it is closed at the end of the test."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.clients.enter_context(client)
        client.sendall(says)
        return client


@contextmanager
def server(bounds: Connections, *, compress: bool = False) -> Iterator[Server]:
    """A uvicorn server, configured as Streamlit does, but without pings: it would drop the clients
    of these tests for not answering them."""
    port = free_port()
    uvicorn_server = uvicorn.Server(
        uvicorn.Config(
            says_hello,
            host="127.0.0.1",
            port=port,
            ws="websockets-sansio",
            ws_max_size=10 * 1024 * 1024,
            ws_per_message_deflate=compress,
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
        )
    )
    before = connections.installed()
    connections.install(bounds)
    thread = threading.Thread(target=uvicorn_server.run, daemon=True)
    thread.start()
    try:
        while not uvicorn_server.started:
            time.sleep(0.01)
        with ExitStack() as clients:
            yield Server(port, clients)
    finally:
        uvicorn_server.should_exit = True
        thread.join(60)
        connections.install(before)


def is_dropped(client: socket.socket, within: float = 60) -> bool:
    """Whether the server closes the connection."""
    client.settimeout(within)
    try:
        while True:
            if not client.recv(65_536):
                return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("says", [b"", b"GET / HT", HALF], ids=["nothing", "a line", "headers"])
def test_a_connection_without_a_request_is_dropped(says: bytes) -> None:
    with server(Connections(seconds_for_headers=0.3)) as running:
        assert is_dropped(running.open(says))


def test_a_second_request_on_the_same_connection_is_not_waited_for_either() -> None:
    with server(Connections(seconds_for_headers=1)) as running:
        client = running.open(HALF + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        client.sendall(HALF)
        assert is_dropped(client)


def test_a_slow_request_that_is_complete_in_time_is_answered() -> None:
    with server(Connections(seconds_for_headers=60)) as running:
        client = running.open()
        for byte in (HALF + b"\r\n").splitlines(keepends=True):
            time.sleep(0.05)
            client.sendall(byte)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_web_socket_may_stay_as_long_as_it_likes() -> None:
    with server(Connections(seconds_for_headers=1)) as running:
        client = running.open(UPGRADE + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 101")
        assert not is_dropped(client, 1.5)


def test_above_the_limit_the_oldest_is_dropped_and_the_next_is_served() -> None:
    with server(Connections(most=5)) as running:
        waiting = [running.open(HALF) for _ in range(8)]
        assert all(is_dropped(client) for client in waiting[:3])
        assert not any(is_dropped(client, 0.1) for client in waiting[3:])
        assert httpx.get(f"http://127.0.0.1:{running.port}").text == "hello"


def frame(size: int, sent: int, *, opcode: int = 2, is_last: bool = True, rsv: int = 0) -> bytes:
    """The start of a masked frame of announced `size`, with the first `sent` bytes."""
    head = struct.pack("!BBQ", (0x80 if is_last else 0) | rsv | opcode, 0x80 | 127, size)
    return head + b"\0\0\0\0" + b"x" * sent


@pytest.mark.parametrize(
    "says",
    [
        frame(MOST_MESSAGE_BYTES + 1, 0),
        frame(200_000, 200_000, is_last=False) + frame(200_000, 0, opcode=0),
    ],
    ids=["one that is announced", "in parts"],
)
def test_a_message_that_would_be_too_big_ends_the_web_socket_before_it_is_there(
    says: bytes,
) -> None:
    with server(Connections()) as running:
        client = running.open(UPGRADE + b"\r\n")
        client.recv(65_536)
        client.sendall(says)
        assert is_dropped(client)


def test_a_message_that_is_big_once_it_is_decompressed_ends_the_web_socket() -> None:
    packer = zlib.compressobj(wbits=-12)
    packed = packer.compress(b"\0" * 50_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    packed = packed[:-4]
    assert len(packed) < MOST_MESSAGE_BYTES
    with server(Connections(), compress=True) as running:
        client = running.open(UPGRADE + DEFLATE + b"\r\n")
        assert b"permessage-deflate" in client.recv(65_536)
        client.sendall(frame(len(packed), 0, rsv=0x40) + packed)
        assert is_dropped(client)


def test_a_message_of_the_size_that_is_allowed_gets_through() -> None:
    with server(Connections()) as running:
        client = running.open(UPGRADE + b"\r\n")
        client.recv(65_536)
        client.sendall(frame(MOST_MESSAGE_BYTES, MOST_MESSAGE_BYTES))
        assert len(client.recv(65_536)) > 1000


def small(opcode: int, *, is_last: bool = False) -> bytes:
    """A masked frame with nothing in it."""
    return bytes([opcode | (0x80 if is_last else 0), 0x80]) + b"\0\0\0\0"


PING = small(9, is_last=True)


@pytest.mark.parametrize(
    "says",
    [small(2) + small(0) * 1000, PING * 1000, small(2, is_last=True) * 1000],
    ids=["parts of a message", "pings", "messages"],
)
def test_very_many_frames_end_the_web_socket(says: bytes) -> None:
    with server(Connections()) as running:
        client = running.open(UPGRADE + b"\r\n")
        client.recv(65_536)
        client.sendall(says)
        assert is_dropped(client)


def test_as_many_frames_as_a_browser_may_send_at_once_get_through() -> None:
    with server(Connections()) as running:
        client = running.open(UPGRADE + b"\r\n")
        client.recv(65_536)
        client.sendall(PING * (FRAMES_AT_ONCE - 50) + small(2) + small(0) * 48)
        assert not is_dropped(client, 0.5)


def test_what_is_sent_does_not_wait_until_what_came_before_is_acknowledged() -> None:
    bounds = Connections()
    with server(bounds) as running:
        client = running.open(HALF + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        (protocol,) = bounds.open
        own = protocol.transport.get_extra_info("socket")
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_uvicorn_still_has_what_the_limits_rely_on() -> None:
    """If this fails, check `lib/web/connections.py` against the new version of uvicorn."""
    config = uvicorn.Config(says_hello, log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.new_event_loop()
    try:
        protocol = H11Protocol(config, state, {}, loop)
        for name in ("config", "transport", "client", "cycle", "loop"):
            assert hasattr(protocol, name), f"uvicorn's protocol has no {name} any more"
        for name in ("connection_made", "data_received", "connection_lost"):
            assert callable(getattr(protocol, name)), f"uvicorn's protocol has no {name} any more"
        assert hasattr(config, "ws_max_size"), "uvicorn bounds messages in another way"
        connections.install(connections.installed())
        web_socket = WebSocketsSansIOProtocol(config, state, {}, loop)
        assert isinstance(web_socket.conn, BoundedFrames), "uvicorn takes frames in another way"
    finally:
        loop.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no such bound on Windows")
def test_the_bound_on_connections_leaves_files_for_everything_else() -> None:
    import resource

    bounds = connections.install()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert bounds.most < soft
