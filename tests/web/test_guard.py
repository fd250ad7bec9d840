"""Which requests reach the app behind the middleware, and the headers of every response."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.guard import guard
from lib.web.headers import answer_headers, content_security_policy
from lib.web.messages import MOST_MESSAGE_BYTES
from lib.web.names import Names, Rules
from lib.web.requests import MOST_QUERY_BYTES
from tests.own_event_loop import run_async
from tests.web import asgi

HEADERS = {"content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff"}


async def anything(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every request, and echoes web socket messages."""
    if scope["type"] == "http":
        if scope["path"] == "/broken":
            raise RuntimeError("of no concern to the browser")
        headers = [(b"access-control-allow-origin", b"*"), (b"x-content-type-options", b"other")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"let through"})
        return
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message["bytes"] == b"break":
            raise TypeError("of no concern to the browser")
        await send({"type": "websocket.send", "bytes": message["bytes"]})


def guarded(rules: Rules, is_welcome: bool = True) -> ASGIApp:
    """The small app behind the middleware, combined as Streamlit does."""
    app: ASGIApp = anything
    for each in reversed(guard(HEADERS, rules, is_welcome=lambda _: is_welcome)):
        app = each.cls(app, *each.args, **each.kwargs)
    return app


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Browser:
    """A client of the guarded app that uses the name `host`; the app listens on this machine."""

    host: str = "dashboard.example.com"
    listens_on: str = "10.0.0.7"
    rules: Rules = field(default_factory=Rules)
    is_welcome: bool = True

    def ask(self, path: str = "/", query: str = "", method: str = "GET", **headers: str) -> Answer:
        """Send one request; `content_length` is the header of that name."""
        sent = self._run({"type": "http", "method": method}, path, query, headers, ())
        return _answer(sent, "http")

    def connect(
        self, path: str = "/_stcore/stream", *says: bytes | str, **headers: str
    ) -> list[Message]:
        """What the app sends on a web socket, or instead of one, if the browser `says` this and
        disconnects."""
        scope: Scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
        said: list[Message] = [
            {"type": "websocket.receive", "bytes" if isinstance(each, bytes) else "text": each}
            for each in says
        ]
        messages = [{"type": "websocket.connect"}, *said, {"type": "websocket.disconnect"}]
        return self._run(scope, path, "", headers, messages)

    def _run(
        self,
        scope: Scope,
        path: str,
        query: str,
        headers: dict[str, str],
        messages: Iterable[Message],
    ) -> list[Message]:
        names = {"host": self.host} | headers
        waiting, sent = deque(messages), list[Message]()

        async def receive() -> Message:
            return waiting.popleft()

        async def send(message: Message) -> None:
            sent.append(message)

        whole = {
            **scope,
            "path": path,
            "query_string": query.encode(),
            "server": (self.listens_on, 8501),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in names.items()
            ],
        }

        async def answer() -> None:
            await guarded(self.rules, self.is_welcome)(whole, receive, send)

        run_async(answer)
        return sent


def browser(
    host: str = Browser.host, listens_on: str = Browser.listens_on, **rules: Any
) -> Browser:
    return Browser(host, listens_on, Rules(**rules))


def _answer(sent: list[Message], kind: str) -> Answer:
    start, body = sent
    assert start["type"] == f"{kind}.response.start"
    assert body["type"] == f"{kind}.response.body"
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert len(dict(headers)) == len(headers), "a header is sent twice"
    return Answer(start["status"], dict(headers), body["body"].decode())


def denial(sent: list[Message]) -> Answer:
    """The response to a web socket handshake that was refused."""
    return _answer(sent, "websocket.http")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/countries", 200),
        ("/static/js/index.js", 200),
        ("/app/static/world_110m.json", 200),
        ("/media/0f3a.csv", 200),
        ("/_stcore/health", 200),
        ("/_stcore/host-config", 200),
        ("/auth/login", 200),
        ("/auth/logout", 200),
        ("/oauth2callback", 200),
        ("/_stcore/metrics", 404),
        ("/_stcore/script-health-check", 404),
        ("/_stcore/upload_file/a/b", 404),
        ("/_stcore/bidi-components/x/index.js", 404),
        ("/_stcore/agent/openapi.json", 404),
        ("/_stcore/agent/interact", 404),
        ("/_stcore/agent/mcp", 404),
        ("/_stcore/whatever-comes-next", 404),
        ("/component/x/index.html", 404),
        ("//_stcore/metrics", 404),
    ],
)
def test_only_what_the_dashboard_needs_is_open(path: str, status: int) -> None:
    answer = browser().ask(path)
    assert answer.status == status
    assert answer.headers["content-security-policy"] == "default-src 'none'"


def test_what_is_closed_is_closed_below_a_base_path_too() -> None:
    behind = browser(base_path="/audience")
    assert behind.ask("/audience/_stcore/health").status == 200
    assert behind.ask("/audience/_stcore/metrics").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(method: str) -> None:
    assert browser().ask(method=method).status == 405


def test_a_request_with_content_is_refused() -> None:
    assert browser().ask(content_length="1").status == 413


def test_a_request_with_content_of_unknown_length_is_refused() -> None:
    assert browser().ask(transfer_encoding="chunked").status == 413


def test_a_link_may_be_long_but_not_unlimited() -> None:
    longest = "x" * MOST_QUERY_BYTES
    assert browser().ask(query=longest).status == 200
    assert browser().ask(query=longest + "x").status == 414


def test_our_headers_take_the_place_of_others_and_no_other_origin_may_read() -> None:
    answer = browser().ask()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_downloads_are_never_cached() -> None:
    assert browser().ask("/media/0f3a.csv").headers["cache-control"] == "private, no-store"
    assert "cache-control" not in browser().ask().headers


def test_a_script_that_only_looks_whether_a_file_is_there_gets_none_of_it() -> None:
    """It would not read the answer, and keep the browser's connection."""
    assert browser().ask("/media/0f3a.csv", sec_fetch_mode="navigate").text == "let through"
    looked = browser().ask("/media/0f3a.csv", sec_fetch_mode="cors")
    assert (looked.status, looked.text, looked.headers["content-length"]) == (200, "", "0")
    assert Browser(is_welcome=False).ask("/media/0f3a.csv", sec_fetch_mode="cors").status == 403


def test_downloads_require_access_at_that_moment() -> None:
    stranger = Browser(is_welcome=False)
    assert stranger.ask("/media/0f3a.csv").status == 403
    assert stranger.ask("/static/js/index.js").status == 200


def test_an_unexpected_error_has_our_headers_and_a_reference_that_the_log_has_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = browser().ask("/broken")
    assert answer.status == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    reference = answer.text.removeprefix("Something went wrong. Reference ").strip().strip(".")
    assert len(reference) == 9
    assert reference in caplog.text
    assert "of no concern" in caplog.text


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://dashboard.example.com.evil.example",
        "http://localhost:3000",
        "null",
        "file://",
        "http://[",
        "",
    ],
)
def test_pages_of_other_origins_get_nothing(origin: str) -> None:
    assert browser().ask("/_stcore/host-config", origin=origin).status == 403
    refused = denial(browser().connect(origin=origin))
    assert refused.status == 403
    assert refused.headers["content-security-policy"] == "default-src 'none'"


@pytest.mark.parametrize("origin", ["http://dashboard.example.com", "https://intranet.example.com"])
def test_pages_of_its_own_origin_and_of_those_that_are_allowed_may_connect(origin: str) -> None:
    allowing = browser(allowed_origins=("intranet.example.com",))
    sent = allowing.connect("/_stcore/stream", b"hello", origin=origin)
    assert sent[-1] == {"type": "websocket.send", "bytes": b"hello"}


def test_the_handshake_of_the_web_socket_has_the_headers_too() -> None:
    accepted = browser().connect()[0]
    assert accepted["type"] == "websocket.accept"
    assert (b"x-content-type-options", b"nosniff") in accepted["headers"]


def test_a_web_socket_that_streamlit_refuses_is_refused_with_our_headers() -> None:
    refused = denial(browser().connect("/refused"))
    assert refused.status == 403
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("kind", [bytes, str])
def test_a_message_that_is_too_large_closes_the_web_socket(kind: type) -> None:
    most = b"\xff" * MOST_MESSAGE_BYTES  # not a valid message: Streamlit is left to reject it
    too_much = most + b"\xff" if kind is bytes else "x" * (MOST_MESSAGE_BYTES + 1)
    sent = browser().connect("/_stcore/stream", most, too_much, most)
    assert [message["type"] for message in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert sent[-1]["code"] == 1009


def test_an_unexpected_error_in_a_web_socket_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    sent = browser().connect("/_stcore/stream", b"break")
    assert sent[-1] == {"type": "websocket.close", "code": 1011}
    assert "Reference" in caplog.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("dashboard.example.com", 200),
        ("DASHBOARD.example.com:8501", 200),
        ("a.b.example.org", 200),
        ("example.org", 421),
        ("evil.example", 421),
        ("dashboard.example.com.evil.example", 421),
    ],
)
def test_where_names_are_set_the_dashboard_answers_to_no_other(host: str, status: int) -> None:
    hosts = ("dashboard.example.com", "*.example.org")
    assert browser(host, allowed_hosts=hosts).ask().status == status
    assert browser(host, allowed_hosts=hosts).ask("/_stcore/health").status == 200


@pytest.mark.parametrize(
    ("host", "listens_on", "headers", "status"),
    [
        ("localhost:8501", "127.0.0.1", {}, 200),
        ("127.0.0.1:8501", "127.0.0.1", {}, 200),
        ("[::1]:8501", "::1", {}, 200),
        ("rebound.evil.example", "127.0.0.1", {}, 421),
        ("rebound.evil.example", "::1", {}, 421),
        ("dashboard.example.com", "127.0.0.1", {"x_forwarded_for": "203.0.113.9"}, 200),
        ("dashboard.example.com", "10.0.0.7", {}, 200),
    ],
)
def test_a_page_that_points_its_name_here_gets_nothing(
    host: str, listens_on: str, headers: dict[str, str], status: int
) -> None:
    assert browser(host, listens_on).ask(**headers).status == status


def test_refused_names_are_logged_once_a_minute_with_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guarded = Names(anything, Rules(allowed_hosts=("dashboard.example.com",)))
    for number in range(1000):
        asgi.ask(guarded, host=f"scan{number}.evil.example")
    (written,) = [record.getMessage() for record in caplog.records]
    assert "203.0.113.9" in written
    assert "'scan0.evil.example'" in written


def test_a_name_of_any_length_takes_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Names(anything, Rules(allowed_hosts=("dashboard.example.com",)))
    asgi.ask(guarded, host="x" * 30_000 + "\n2026-01-01 CRITICAL forged")
    (written,) = [record.getMessage() for record in caplog.records]
    assert len(written) < 500
    assert "\n" not in written


@pytest.mark.parametrize("host", ["", "a b", "user@host", "host/path", "host?query", "host:port"])
def test_an_invalid_host_is_refused(host: str) -> None:
    assert browser(host).ask().status == 421


def test_streamlit_s_own_script_is_allowed_by_its_hash_and_no_other(tmp_path: Path) -> None:
    index = tmp_path / "index.html"
    index.write_text("<script>alert(1)</script><script src='x.js'></script>")
    policy = content_security_policy(index)
    script_src = policy.split("; ")[1]
    # printf 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert script_src == (
        "script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    )
    assert "unsafe-eval'" not in script_src.replace("'wasm-unsafe-eval'", "")


def test_frame_ancestors_are_our_own_origin_and_those_that_are_named(tmp_path: Path) -> None:
    index = tmp_path / "index.html"
    index.touch()
    own = answer_headers(index)
    assert own["content-security-policy"].endswith("frame-ancestors 'self'")
    assert own["x-frame-options"] == "SAMEORIGIN"
    others = answer_headers(index, "'self' https://*.example.com")
    assert others["content-security-policy"].endswith(
        "frame-ancestors 'self' https://*.example.com"
    )
    assert "x-frame-options" not in others
    nobody = answer_headers(index, "'none'")
    assert nobody["x-frame-options"] == "DENY"
