"""Who gets the files that a page offers."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import refuse
from lib.web.paths import relative


class Downloads:
    """Gives files to those who may see something, by their identity as it is now. Their addresses
    are hashes that nobody guesses, but an address can be passed on, and outlives an invitation."""

    def __init__(
        self, app: ASGIApp, is_welcome: Callable[[Scope], bool], base_path: str = ""
    ) -> None:
        self.app = app
        self.is_welcome = is_welcome
        self.base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_download = scope["type"] == "http" and relative(
            scope["path"], self.base_path
        ).startswith(streamlit_internals.DOWNLOADS)
        if is_download and not self.is_welcome(scope):
            await refuse(scope, send, HTTPStatus.FORBIDDEN, "Sign in to download this.")
        else:
            await self.app(scope, receive, send)
