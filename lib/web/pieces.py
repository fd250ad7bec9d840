"""Long response bodies are sent in pieces, each when there is room for it.

uvicorn copies what it is given into a buffer until the client has read it: a thousand clients that
request the largest script and read nothing would occupy a thousand copies of it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE_BYTES = 16_384
"""uvicorn buffers up to 64 kB per connection beside it before it makes the sender wait."""


class Pieces:
    """Splits response bodies, so that the server can make the sender wait between two pieces."""

    def __init__(self, app: ASGIApp, piece: int = PIECE_BYTES) -> None:
        self.app = app
        self.piece = piece

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= self.piece:
                await send(message)
                return
            has_more = message.get("more_body", False)
            for begin in range(0, len(body), self.piece):
                end = begin + self.piece
                more = has_more or end < len(body)
                part = {"type": message["type"], "body": body[begin:end], "more_body": more}
                await send(part)

        await self.app(scope, receive, send_in_pieces)
