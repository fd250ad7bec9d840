"""Notify a running page that the browser has drawn what it was sent so far.

Streamlit gets no feedback about what it sends. So a run that wants the first part drawn before it
sends the next one puts an image into the page, which the browser requests when it draws it.
"""

import secrets
import threading
from weakref import WeakValueDictionary

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web.paths import relative

PATH = "app/static/painted"
"""Path of the image, below the base path, next to the static files."""


class PaintSignal:
    """An image with a secret name, which one browser requests and one run waits for."""

    def __init__(self) -> None:
        self.name = secrets.token_urlsafe(16)
        self._is_drawn = threading.Event()

    def style(self, selector: str) -> str:
        """A rule that makes the browser request the image when it draws such an element."""
        return f'{selector} {{ background-image: url("{PATH}?{self.name}"); }}'

    def set_drawn(self) -> None:
        self._is_drawn.set()

    def wait(self, seconds: float) -> bool:
        """Wait until the browser has drawn it, `seconds` at most; return whether it has."""
        return self._is_drawn.wait(seconds)


_signals: WeakValueDictionary[str, PaintSignal] = WeakValueDictionary()
_is_served = threading.Event()


def paint_signal() -> PaintSignal | None:
    """A new signal, which is dropped when its run no longer refers to it.

    None if our middleware serves no browser, for example when pages run without the server.
    """
    if not _is_served.is_set():
        return None
    signal = PaintSignal()
    _signals[signal.name] = signal
    return signal


class PaintSignals:
    """Answers requests for the images and notifies the runs that wait for them."""

    def __init__(self, app: ASGIApp, base_path: str = "") -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            _is_served.set()
        if scope["type"] != "http" or relative(scope["path"], self._base_path) != PATH:
            await self._app(scope, receive, send)
            return
        signal = _signals.get(scope["query_string"].decode("latin-1"))
        if signal is not None:
            signal.set_drawn()
        answer = Response(status_code=204, headers={"cache-control": "no-store"})
        await answer(scope, receive, send)
