"""Tells a run of a page that the browser has drawn what it was sent so far.

Streamlit sends and never hears what became of it. So a run that has more to send, but wants the
rest drawn first, puts an image into the page, and a browser asks for an image when it draws it.
"""

import secrets
import threading
from weakref import WeakValueDictionary

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web.paths import relative

PATH = "app/static/painted"
"""Below the dashboard's own, where its files are."""


class Sign:
    """An image of a name that only one browser learns; waited for by one run."""

    def __init__(self) -> None:
        self.name = secrets.token_urlsafe(16)
        self._is_drawn = threading.Event()

    @property
    def html(self) -> str:
        return f'<img src="{PATH}?{self.name}" alt="" width="0" height="0">'

    def drawn(self) -> None:
        self._is_drawn.set()

    def wait(self, seconds: float) -> bool:
        """Until the browser has drawn it, at most so long; says whether it has."""
        return self._is_drawn.wait(seconds)


_signs: WeakValueDictionary[str, Sign] = WeakValueDictionary()
_is_served = threading.Event()


def sign() -> Sign | None:
    """A new one, forgotten when its run lets go of it; None where nothing of ours would hear of it,
    as when pages run without the server."""
    if not _is_served.is_set():
        return None
    made = Sign()
    _signs[made.name] = made
    return made


class Painted:
    """Hears what browsers have drawn."""

    def __init__(self, app: ASGIApp, base_path: str = "") -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            _is_served.set()
        if scope["type"] != "http" or relative(scope["path"], self._base_path) != PATH:
            await self._app(scope, receive, send)
            return
        asked = _signs.get(scope["query_string"].decode("latin-1"))
        if asked is not None:
            asked.drawn()
        answer = Response(status_code=204, headers={"cache-control": "no-store"})
        await answer(scope, receive, send)
