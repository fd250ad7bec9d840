"""The server: `streamlit run app.py`. Starts fetching before the first viewer comes, and sets the
headers of every answer."""

import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib import refresh, settings
from lib.settings import SettingsError

FRAME = Path(__file__).parent / "pages" / "frame.py"

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"SAMEORIGIN",
}


class SecurityHeaders:
    """Adds `HEADERS` to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Begins to fetch at start-up; ends a running crawl at shutdown."""
    with suppress(SettingsError):  # the page says what is wrong, to those who can mend it
        refresh.refresher_of(settings.load())
    yield
    refresh.stop_all()


app = st.App(FRAME, lifespan=lifespan, middleware=[Middleware(SecurityHeaders)])

if __name__ == "__main__":
    # A host that runs this file as a plain script gets the same pages.
    runpy.run_path(str(FRAME), run_name="__main__")
