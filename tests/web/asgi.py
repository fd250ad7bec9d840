"""Send a single request, or open a web socket, through a middleware under test."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.own_event_loop import run_async


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


async def says_hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every request, and echoes every web socket message."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


def ask(
    app: ASGIApp, path: str = "/", query: str = "", scheme: str = "http", **headers: str
) -> Answer:
    """A request; underscores in header names become hyphens."""
    sent = run(app, scope_of("http", path, query, scheme, **headers), [])
    start, body = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, body["body"].decode())


def scope_of(kind: str, path: str, query: str = "", scheme: str = "http", **headers: str) -> Scope:
    return {
        "type": kind,
        "method": "GET",
        "scheme": scheme,
        "path": path,
        "query_string": query.encode(),
        "server": ("10.0.0.7", 8501),
        "client": ("203.0.113.9", 50_000),
        "extensions": {"websocket.http.response": {}},
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }


def run(app: ASGIApp, scope: Scope, messages: Iterable[Message]) -> list[Message]:
    """What the app sends if the client sends these messages and disconnects."""
    waiting, sent = deque(messages), list[Message]()

    async def receive() -> Message:
        return waiting.popleft() if waiting else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        await app(scope, receive, send)

    run_async(answer)
    return sent
