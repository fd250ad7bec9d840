"""Streamlit's HTML page, extended to load faster and without layout shifts.

Streamlit's page loads scripts, opens a web socket, and only then learns what to draw and how. So
its first content moves right after it appears, and scripts for metrics and charts are requested
only when they are needed. Here the page gets initial styles and preloads for those scripts. It
contains nothing about the viewer and is the same for everybody, so it can safely be compressed.
"""

import hashlib
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.compression import (
    CODECS,
    BufferedResponse,
    best_encoding,
    not_modified_headers,
    unconditional_headers,
)
from lib.web.paths import relative

STYLE = f"""
{streamlit_internals.VIEW_TO_COME} {{ display: none; }}
[class*="st-key-numbers-"] {{ min-height: 6.2rem; }}
[class*="st-key-numbers-about-"] {{ min-height: 7.7rem; }}
[class*="st-key-numbers-lines-"] {{ min-height: 8.7rem; }}
[class*="st-key-numbers-lines-about-"] {{ min-height: 11.6rem; }}
@media (max-width: 40rem) {{
  [class*="st-key-numbers-"] {{ min-height: 12.4rem; }}
  [class*="st-key-numbers-pairs-"] {{ min-height: 14.6rem; }}
  [class*="st-key-numbers-about-"] {{ min-height: 14.1rem; }}
  [class*="st-key-numbers-about-pairs-"] {{ min-height: 16.4rem; }}
  [class*="st-key-numbers-lines-"] {{ min-height: 15.6rem; }}
  [class*="st-key-numbers-lines-about-"] {{ min-height: 17.2rem; }}
}}
"""
"""Hides what the sidebar would push aside when it appears, and reserves the height of a row of
numbers before it is drawn: with or without trends and a line above it. On a phone they stand in
pairs, of three the last below."""

ELEMENTS = ("Html", "Metric", "Selectbox", "Multiselect", "DateInput")
"""Kinds of elements at the top of a page and in the sidebar. Their scripts are loaded together with
those of the page, not one after another as elements are drawn."""

FIRST = "overview"
"""Name of the default page, whose URL has no name. A URL with it is redirected, because Streamlit
would show "page not found"."""

LATER = ("PlotlyChart",)
"""Kinds of elements that follow the numbers: loaded with low priority, run when needed."""

FONT = "app/static/inter-latin.woff2"


def extended(page: str, style: str = "") -> str:
    """Streamlit's `page` with our styles, the pages' `style`, and preloads added to its head."""
    soon = streamlit_internals.scripts_of(ELEMENTS)
    later = [each for each in streamlit_internals.scripts_of(LATER) if each not in soon]
    return streamlit_internals.with_head(
        page,
        # Nesting in `html` gives these rules a higher specificity than those Streamlit adds later.
        f"<style>{STYLE}html {{ {style} }}</style>"
        f'<link rel="preload" href="./{FONT}" as="font" type="font/woff2" crossorigin>'
        + _preloads(soon)
        + _preloads(later, ' fetchpriority="low"'),
    )


def _preloads(scripts: Sequence[str], how: str = "") -> str:
    return "".join(
        f'<link rel="modulepreload" crossorigin href="./{each}"{how}>' for each in scripts
    )


class FirstPage:
    """Middleware that replaces Streamlit's page by ours."""

    def __init__(self, app: ASGIApp, base_path: str = "", style: str = "") -> None:
        self._app = app
        self._base_path = base_path
        self._theirs = streamlit_internals.INDEX.read_bytes()
        ours = extended(self._theirs.decode(), style).encode()
        self._bodies = {coding: compress(ours) for coding, compress in CODECS.items()} | {"": ours}
        self._mark = hashlib.sha256(ours).hexdigest()[:32]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._may_be_page(scope):
            await self._app(scope, receive, send)
            return
        if relative(scope["path"], self._base_path).rstrip("/") == FIRST:
            await self._redirect_to_first(scope)(scope, receive, send)
            return
        # Buffering is fine: the page has 10 kB, and no other response on these paths is larger.
        answer = BufferedResponse()
        await self._app(_unconditional(scope), receive, answer.collect)
        if answer.body != self._theirs:
            await answer.pass_on(send)
            return
        asked = Headers(scope=scope)
        coding = best_encoding(asked.get("accept-encoding", "")) or ""
        mark = f'"{self._mark}-{coding}"'
        headers = answer.headers
        self._describe(headers, coding, mark)
        is_known = mark in asked.get("if-none-match", "")
        await send(
            {
                "type": "http.response.start",
                "status": 304 if is_known else 200,
                "headers": not_modified_headers(headers.raw) if is_known else headers.raw,
            }
        )
        await send(
            {"type": "http.response.body", "body": b"" if is_known else self._bodies[coding]}
        )

    def _redirect_to_first(self, scope: Scope) -> RedirectResponse:
        above = "../" if scope["path"].endswith("/") else "./"
        query = scope.get("query_string", b"").decode("latin-1")
        return RedirectResponse(f"{above}?{query}" if query else above)

    def _may_be_page(self, scope: Scope) -> bool:
        """Whether Streamlit may answer with its page, as for every path that is not a file's."""
        path = relative(scope["path"], self._base_path)
        return scope["method"] == "GET" and not path.startswith(_FILES)

    def _describe(self, headers: MutableHeaders, coding: str, mark: str) -> None:
        headers["etag"] = mark
        headers["content-length"] = str(len(self._bodies[coding]))
        headers.add_vary_header("Accept-Encoding")
        for name in ("last-modified", "accept-ranges"):
            del headers[name]
        if coding:
            headers["content-encoding"] = coding


_FILES = (
    "static/",
    "app/static/",
    streamlit_internals.CORE,
    streamlit_internals.COMPONENTS,
    streamlit_internals.DOWNLOADS,
)


def _unconditional(scope: Scope) -> Scope:
    """The request without conditions, ranges and compression, so that the answer is complete."""
    left_out = {b"accept-encoding", b"range", b"if-range"}
    kept = [each for each in unconditional_headers(scope["headers"]) if each[0] not in left_out]
    return {**scope, "headers": kept}
