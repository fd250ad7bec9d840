"""Serve Streamlit's JavaScript bundle compressed, compressing each file only once.

Streamlit sends its scripts uncompressed, because it would have to compress them for each request.
They are most of a first load: 8 MB, which Brotli reduces to 2.4.

Only files that are the same for everybody are compressed. Responses with a viewer's own data are
not, as their compressed length could reveal their contents (BREACH).
"""

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.paths import relative

MOST_KEPT = 1_000
"""Maximum number of cached files. Streamlit has 320; on a case-insensitive file system, a file can
be requested under many names."""

APP_FILES_FRESH = "public, max-age=86400"
"""Cache fonts and map outlines for a day: they change with a release without changing names."""

# For Plotly's 4.7 MB, Brotli 6 takes 0.1 s and is within 3 % of 9, which takes 0.33 s; 11 takes 7.
CODECS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda body: bytes(brotli.compress(body, quality=6)),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}

_BUNDLE = re.compile(r"static/(?:js|css)/[\w-][\w.-]*\.(?:js|css)")
_APP_FILES = "app/static/"


@dataclass(frozen=True)
class _Kept:
    """A compressed file with the headers of its response."""

    headers: list[tuple[bytes, bytes]]
    etag: str
    body: bytes


class CompressedFiles:
    """Middleware that serves the bundle compressed and sets Cache-Control for static files."""

    def __init__(self, app: ASGIApp, base_path: str = "") -> None:
        self._app = app
        self._base_path = base_path
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._turns: WeakValueDictionary[tuple[str, str], anyio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        path = relative(scope["path"], self._base_path)
        if path.startswith(_APP_FILES):
            await self._app(scope, receive, _with_cache_control(APP_FILES_FRESH, send))
            return
        asked = Headers(scope=scope)
        coding = best_encoding(asked.get("accept-encoding", ""))
        if coding is None or "range" in asked or not _BUNDLE.fullmatch(path):
            await self._app(scope, receive, send)
            return
        kept = self._kept.get((path, coding))
        if kept is None:
            answer = await self._collected(scope, receive, path, coding)
            if isinstance(answer, BufferedResponse):
                await answer.pass_on(send)
                return
            kept = answer
        is_known = kept.etag in asked.get("if-none-match", "")
        await send(
            {
                "type": "http.response.start",
                "status": 304 if is_known else 200,
                "headers": not_modified_headers(kept.headers) if is_known else kept.headers,
            }
        )
        await send({"type": "http.response.body", "body": b"" if is_known else kept.body})

    async def _collected(
        self, scope: Scope, receive: Receive, path: str, coding: str
    ) -> "_Kept | BufferedResponse":
        """The compressed file, or the response as it is if it may not be cached. Concurrent
        requests for the same file wait: each would buffer and compress all of it."""
        async with self._turns.setdefault((path, coding), anyio.Lock()):
            kept = self._kept.get((path, coding))
            if kept is None:
                # If-None-Match must be compared with our ETag, not with that of Streamlit's file.
                plain = {**scope, "headers": unconditional_headers(scope["headers"])}
                answer = BufferedResponse()
                await self._app(plain, receive, answer.collect)
                if not answer.is_cacheable:
                    return answer
                kept = await anyio.to_thread.run_sync(_compress, answer, coding)
                if len(self._kept) < MOST_KEPT:
                    self._kept[path, coding] = kept
        return kept


class BufferedResponse:
    """Buffers a response of the app until it is complete."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def collect(self, message: Message) -> None:
        self._messages.append(message)

    async def pass_on(self, send: Send) -> None:
        for message in self._messages:
            await send(message)

    @property
    def headers(self) -> MutableHeaders:
        return MutableHeaders(raw=list(self._messages[0]["headers"]))

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self._messages[1:])

    @property
    def is_cacheable(self) -> bool:
        """Whether it is a complete, immutable file.

        For a name that does not exist, Streamlit answers with its page, which is not immutable.
        """
        if [message["type"] for message in self._messages[:1]] != ["http.response.start"]:
            return False
        return (
            self._messages[0]["status"] == 200
            and "immutable" in self.headers.get("cache-control", "")
            and "content-encoding" not in self.headers
            and all(message["type"] == "http.response.body" for message in self._messages[1:])
        )


def _compress(answer: BufferedResponse, coding: str) -> _Kept:
    body = CODECS[coding](answer.body)
    headers = answer.headers
    # A different representation needs a different ETag.
    etag = f'"{headers.get("etag", "").removeprefix("W/").strip(chr(34))}-{coding}"'
    headers["etag"] = etag
    headers["content-encoding"] = coding
    headers["content-length"] = str(len(body))
    headers.add_vary_header("Accept-Encoding")
    del headers["accept-ranges"]
    return _Kept(headers.raw, etag, body)


def best_encoding(accepted: str) -> str | None:
    """Our best encoding among those `accepted`; None if there is none.

    Browsers accept Brotli only over HTTPS.
    """
    offers = {}
    for offer in accepted.lower().split(","):
        name, _, quality = offer.partition(";")
        offers[name.strip()] = quality.replace(" ", "")
    refused = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return next((name for name in CODECS if offers.get(name, "q=0") not in refused), None)


def unconditional_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    conditions = {b"if-none-match", b"if-modified-since"}
    return [(name, value) for name, value in headers if name not in conditions]


def not_modified_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers for a 304 response, which has no body."""
    described = {b"content-length", b"content-encoding", b"content-type"}
    return [(name, value) for name, value in headers if name not in described]


def _with_cache_control(rule: str, send: Send) -> Send:
    """Wrap `send` to add Cache-Control `rule` to successful responses that have none."""

    async def send_with_rule(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (200, 304):
            MutableHeaders(scope=message).setdefault("cache-control", rule)
        await send(message)

    return send_with_rule
