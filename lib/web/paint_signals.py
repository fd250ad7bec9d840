"""Tell the server that a browser has drawn what it was sent so far.

Streamlit gets no feedback about what it sends. So after the first part of a page comes a style with
an image, which the browser requests when it draws that part; `lib.web.bursts` sends the rest then.
"""

import asyncio
import re
import secrets
import threading
from weakref import WeakValueDictionary

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web.paths import relative

PATH = "app/static/painted"
"""Path of the image, below the base path, next to the static files."""

_OURS = secrets.token_urlsafe(8)
"""Begins the names of this process's images, so that no text from the workspace passes for one.
Viewers could copy one from their own page, and delay others by as much as `bursts` waits."""

_NAME = re.compile(rf"{PATH}\?({_OURS}[\w-]+)".encode())


class PaintSignal:
    """An image that one browser requests when it has drawn what came before it."""

    def __init__(self) -> None:
        self._name = f"{_OURS}{secrets.token_urlsafe(16)}"
        self._sent = threading.Event()
        self._drawn = asyncio.Event()
        _awaited[self._name] = self

    def style(self, selector: str) -> str:
        """A rule that makes the browser request the image when it draws such an element."""
        return f'{selector} {{ background-image: url("{PATH}?{self._name}"); }}'

    def set_sent(self) -> None:
        self._sent.set()

    def wait_until_sent(self, most_seconds: float) -> None:
        """For the thread that draws the page."""
        self._sent.wait(most_seconds)

    def set_drawn(self) -> None:
        self._drawn.set()

    async def wait_until_drawn(self) -> None:
        await self._drawn.wait()


_awaited: WeakValueDictionary[str, PaintSignal] = WeakValueDictionary()
is_served = threading.Event()
"""Set as soon as a browser has connected through our middleware. Nobody else answers signals, for
example when pages run without the server."""


def in_frame(frame: bytes) -> PaintSignal | None:
    """The signal of the rule in a message to a browser, while somebody refers to it."""
    found = _NAME.search(frame)
    return _awaited.get(found[1].decode()) if found else None


class PaintSignals:
    """Answers requests for the images and notifies those who wait for them."""

    def __init__(self, app: ASGIApp, base_path: str = "") -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            is_served.set()
        if scope["type"] != "http" or relative(scope["path"], self._base_path) != PATH:
            await self._app(scope, receive, send)
            return
        signal = _awaited.get(scope["query_string"].decode("latin-1"))
        if signal is not None:
            signal.set_drawn()
        answer = Response(status_code=204, headers={"cache-control": "no-store"})
        await answer(scope, receive, send)
