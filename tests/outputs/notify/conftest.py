"""A real mail server and real web hooks, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from lib.settings import Mail
from tests.serving import free_port


class MailServer:
    """Accepts mails; `refuse` holds replies to give instead, by command."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refuse: dict[str, str] = {}
        self.drop_after_data = False
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def mails(self) -> list[EmailMessage]:
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            found.append(parsed)
        return found

    def channel(self, *to: str) -> Mail:
        return Mail(to or ("ana@example.com",), "127.0.0.1", self.port, "none", "us@example.com")

    async def handle_MAIL(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        for refused in (address, "RCPT"):
            if refused in self.refuse:
                return self.refuse[refused]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        self.envelopes.append(envelope)
        if self.drop_after_data:
            assert server.transport is not None
            server.transport.close()
        return "250 taken"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@dataclass
class Hook:
    """A web hook: what it received, and its response (status, headers, body)."""

    port: int = 0
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": "text/plain"}, b"ok")
    silent: threading.Event | None = None
    """If set, the hook accepts the request and waits for this event without answering."""

    @property
    def payload(self) -> Any:
        """Body of the only request."""
        ((_, body),) = self.requests
        return json.loads(body)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.requests.append((self.path, body))
            if found.silent is not None:
                found.silent.wait(120)
                return
            status, headers, content = found.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        if found.silent is not None:
            found.silent.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def to_hook(monkeypatch: pytest.MonkeyPatch, hook: Hook) -> Callable[[], None]:
    """Redirect requests for the services' own hosts to the hook on this machine: a real request
    over a real socket, to another address."""
    requests = pytest.importorskip("requests")
    original = requests.Session.send

    def send(session: Any, request: Any, **given: Any) -> Any:
        _, _, rest = request.url.partition("://")
        _, slash, path = rest.partition("/")
        request.url = f"{hook.address}{slash}{path}"
        return original(session, request, **given)

    def install() -> None:
        monkeypatch.setattr(requests.Session, "send", send)

    return install
