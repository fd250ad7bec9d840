"""Middleware that gives the files of pages only to those to whom they were offered.

Streamlit serves a file to everybody who knows its URL. That is a hash of its contents, so somebody
who may not see a workspace could guess a small table of it, number by number, and ask whether it is
there; and a URL can be passed on, and outlives an invitation.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import refuse
from lib.web.paths import relative

MOST_PERSONS = 1_000
MOST_FILES = 1_000
"""How many persons are remembered, and how many files of each. A page has two pictures, and a file
is fetched as soon as it has been created."""

_FILE = re.compile(rb"/media/([0-9a-f]{32})\b")

_asker: ContextVar[str] = ContextVar("asker", default="")


def person_in(claims: Mapping[str, Any]) -> str:
    """Who an identity is of, the same after signing in again; "" for somebody without one."""
    email = claims.get("email")
    return email.lower() if isinstance(email, str) else ""


def asker() -> str:
    """Who asked for the file that this thread creates; "" where nobody signs in."""
    return _asker.get()


class Offers:
    """Which files were offered to whom."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def note(self, person: str, file: str) -> None:
        own = self._files.setdefault(person, OrderedDict())
        own[file] = None
        own.move_to_end(file)
        self._files.move_to_end(person)
        if len(own) > MOST_FILES:
            own.popitem(last=False)
        if len(self._files) > MOST_PERSONS:
            self._files.popitem(last=False)

    def include(self, person: str, file: str) -> bool:
        return file in self._files.get(person, ())


class Downloads:
    """Refuses files to visitors who may see nothing at that moment, and to those who were not sent
    their URLs.

    `person_of` says who sends a request, "" if nobody signs in: then all may see the same.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_welcome: Callable[[Scope], bool],
        base_path: str = "",
        person_of: Callable[[Scope], str] = lambda _: "",
    ) -> None:
        self.app = app
        self.is_welcome = is_welcome
        self.base_path = base_path
        self.person_of = person_of
        self.offers = Offers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._watch(scope, receive, send)
            return
        path = relative(scope["path"], self.base_path) if scope["type"] == "http" else ""
        if not path.startswith(streamlit_internals.DOWNLOADS):
            await self.app(scope, receive, send)
            return
        file = path.removeprefix(streamlit_internals.DOWNLOADS).partition(".")[0]
        person = self.person_of(scope)
        if not self.is_welcome(scope):
            await refuse(scope, send, HTTPStatus.FORBIDDEN, "Sign in to download this.")
        elif person and not self.offers.include(person, file):
            await refuse(scope, send, HTTPStatus.NOT_FOUND, "There is no such file any more.")
        elif Headers(scope=scope).get("sec-fetch-mode") == "cors":
            await self.app(_for_head(scope), receive, _without_body(send))
        else:
            await self.app(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the files whose URLs are sent on a web socket."""
        person = self.person_of(scope)
        _asker.set(person)  # Streamlit's tasks and threads of this web socket inherit it.

        async def send_and_note(message: Message) -> None:
            data = message.get("bytes") or b""
            for file in _FILE.findall(data) if person else ():
                self.offers.note(person, file.decode())
            await send(message)

        await self.app(scope, receive, send_and_note)


def _for_head(scope: Scope) -> Scope:
    """The request as one for the headers only, so that nothing is compressed for it."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "method": "HEAD", "headers": headers}


def _without_body(send: Send) -> Send:
    """Wrap `send` to leave out the contents.

    Before each download, Streamlit's front end fetches the file by script to see whether it is
    there, and does not read the answer. The browser would keep that connection until it forgets
    the answer; it has six, so the seventh large file of a tab would not come.
    """

    async def send_empty(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["content-length"] = "0"
        elif message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_empty
