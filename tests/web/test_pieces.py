"""Long response bodies are sent in pieces."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.pieces import Pieces
from tests.web.asgi import run, says_hello, scope_of

BODY = bytes(range(256)) * 200


def answering(*parts: bytes) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for place, part in enumerate(parts):
            more = place + 1 < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return answer


@pytest.mark.parametrize("parts", [(BODY,), (BODY, b"", BODY[:10]), (b"",)])
def test_an_answer_is_the_same_in_pieces_that_each_are_small(parts: tuple[bytes, ...]) -> None:
    start, *pieces = run(Pieces(answering(*parts), 1000), scope_of("http", "/"), [])
    assert start["type"] == "http.response.start"
    assert b"".join(piece["body"] for piece in pieces) == b"".join(parts)
    assert max(len(piece["body"]) for piece in pieces) <= 1000
    assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]


def test_a_slow_reader_gets_no_more_than_the_next_piece() -> None:
    handed: list[int] = []

    class Full(Exception):
        """Raised where the server would make the sender wait for room in its buffer."""

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            handed.append(len(message["body"]))
            raise Full

    async def into_full(scope: Scope, receive: Receive, _: Send) -> None:
        with pytest.raises(Full):
            await Pieces(answering(BODY), 1000)(scope, receive, send)

    run(into_full, scope_of("http", "/"), [])
    assert handed == [1000]


def test_web_sockets_are_let_through() -> None:
    said: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "bytes": BODY},
    ]
    sent = run(Pieces(says_hello, 10), scope_of("websocket", "/"), said)
    assert sent[-1] == {"type": "websocket.send", "bytes": BODY}
