"""Answers of our own: a sentence instead of what was asked for, or instead of a web socket."""

from contextlib import suppress
from http import HTTPStatus

from starlette.types import Scope, Send

Header = tuple[bytes, bytes]
Refusal = tuple[HTTPStatus, str]

POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR, TRY_AGAIN_LATER = 1008, 1009, 1011, 1013
"""Codes with which a web socket is closed (RFC 6455, section 7.4, and its registry)."""


async def refuse(scope: Scope, send: Send, status: HTTPStatus, sentence: str) -> None:
    """Answers a request, or the opening of a web socket, with a sentence."""
    await respond(scope, send, status, f"{sentence}\n".encode(), b"text/plain; charset=utf-8")


async def respond(
    scope: Scope,
    send: Send,
    status: HTTPStatus,
    body: bytes,
    content_type: bytes,
    *headers: Header,
) -> None:
    """Answers with `body`. A web socket is closed where the server cannot send a body instead."""
    kind = scope["type"]
    if kind == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http"
    described = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    await send({"type": f"{kind}.response.start", "status": status.value, "headers": described})
    await send({"type": f"{kind}.response.body", "body": body})


async def hang_up(send: Send, code: int) -> None:
    """Closes an open web socket."""
    # The other side may have hung up before.
    with suppress(RuntimeError, OSError):
        await send({"type": "websocket.close", "code": code})
