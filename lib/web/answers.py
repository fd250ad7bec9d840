"""Responses of our own to HTTP requests and to web socket handshakes."""

from contextlib import suppress
from http import HTTPStatus

from starlette.types import Scope, Send

Header = tuple[bytes, bytes]
Refusal = tuple[HTTPStatus, str]

NO_TEXT, POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR, TRY_AGAIN_LATER = 1003, 1008, 1009, 1011, 1013
"""Close codes of web sockets (RFC 6455, section 7.4, and the IANA registry)."""


async def refuse(scope: Scope, send: Send, status: HTTPStatus, sentence: str) -> None:
    """Answer a request, or a web socket handshake, with a sentence as plain text."""
    await respond(scope, send, status, f"{sentence}\n".encode(), b"text/plain; charset=utf-8")


async def respond(
    scope: Scope,
    send: Send,
    status: HTTPStatus,
    body: bytes,
    content_type: bytes,
    *headers: Header,
) -> None:
    """Answer with `body`.

    A web socket handshake is refused with it if the server supports the ASGI extension for that;
    otherwise the socket is closed.
    """
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


async def close_socket(send: Send, code: int) -> None:
    """Close an open web socket; it may be closed already."""
    with suppress(RuntimeError, OSError):
        await send({"type": "websocket.close", "code": code})
