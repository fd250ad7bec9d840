"""Middleware that checks access to the files that pages offer for download."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import refuse
from lib.web.paths import relative


class Downloads:
    """Refuses downloads to visitors who may see nothing, by their identity at that moment.

    The URLs are unguessable hashes, but a URL can be passed on, and it outlives an invitation.
    """

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
