"""Middleware that allows only what the dashboard needs.

That is pages, static files, downloads, sign-in, the health check and the web socket. Streamlit
serves more: uploads, metrics, components and an API.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import Refusal, refuse
from lib.web.paths import relative

MOST_QUERY_BYTES = 32_768
"""Maximum length of a query string. A link with all countries and a hundred tags has half of it."""

OPEN_IN_CORE = {
    streamlit_internals.HEALTH,
    streamlit_internals.HOST_CONFIG,
    streamlit_internals.STREAM,
}
_CLOSED = (streamlit_internals.CORE, streamlit_internals.COMPONENTS)
_METHODS = {"GET", "HEAD"}


class Requests:
    """Refuses paths and methods that the dashboard does not serve, and requests with a body."""

    def __init__(self, app: ASGIApp, base_path: str = "") -> None:
        self.app = app
        self.base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, send, *refusal)

    def refusal(self, scope: Scope) -> Refusal | None:
        path = relative(scope["path"], self.base_path)
        if path.startswith(_CLOSED) and path not in OPEN_IN_CORE:
            return HTTPStatus.NOT_FOUND, "There is nothing here."
        if len(scope["query_string"]) > MOST_QUERY_BYTES:
            return HTTPStatus.REQUEST_URI_TOO_LONG, "This link is too long."
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _METHODS:
            return HTTPStatus.METHOD_NOT_ALLOWED, "This dashboard is for reading."
        given = dict(scope["headers"])
        if given.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in given:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This dashboard takes no content."
        return None
