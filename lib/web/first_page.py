"""Streamlit's page with what has to be known before anything is drawn.

Streamlit's page fetches scripts, opens a web socket and only then learns what to draw and how it
looks. So it shows what moves right after, and asks for the scripts of numbers and charts when they
are needed. Here the page is given its first style and the names of those scripts. It says nothing
of anybody and is the same for all, so it may be compressed.
"""

import hashlib
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.compression import CODECS, Collected, coding_for, of_unchanged, without_conditions
from lib.web.paths import relative

STYLE = f"""
{streamlit_internals.VIEW_TO_COME} {{ display: none; }}
[class*="st-key-numbers-"] {{ min-height: 6.2rem; }}
[class*="st-key-numbers-about-"] {{ min-height: 7.7rem; }}
[class*="st-key-numbers-lines-"] {{ min-height: 8.7rem; }}
[class*="st-key-numbers-lines-about-"] {{ min-height: 11.6rem; }}
@media (max-width: 40rem) {{ [class*="st-key-numbers-about-pairs-"] {{ min-height: 16.4rem; }} }}
"""
"""Nothing is shown that the sidebar would push aside when it comes, and a row of numbers, with
trends in it or a line above it or without, has its height before it is drawn; four of them stand in
two rows on a phone."""

ELEMENTS = ("Html", "Metric", "PageLink", "Selectbox", "Multiselect", "DateInput")
"""Kinds of elements at the top of a page and in the sidebar: their scripts are fetched with those
of the page, not one after another when it is drawn."""

FIRST = "overview"
"""The name of the page that has none in its address. Whoever gives it is led there: Streamlit says
that it is not found."""

LATER = ("PlotlyChart",)
"""What comes after the numbers. It is fetched meanwhile, and run when it is needed."""

FONT = "app/static/inter-latin.woff2"


def made(page: str, style: str = "") -> str:
    """Streamlit's `page` with our styles, and `style` of the pages, in its head; with the scripts
    and the font announced that it will need."""
    soon = streamlit_internals.scripts_of(ELEMENTS)
    later = [each for each in streamlit_internals.scripts_of(LATER) if each not in soon]
    return streamlit_internals.with_head(
        page,
        # Below `html` its rules outweigh those that Streamlit's page adds after them.
        f"<style>{STYLE}html {{ {style} }}</style>"
        f'<link rel="preload" href="./{FONT}" as="font" type="font/woff2" crossorigin>'
        + _announced(soon)
        + _announced(later, ' fetchpriority="low"'),
    )


def _announced(scripts: Sequence[str], how: str = "") -> str:
    return "".join(
        f'<link rel="modulepreload" crossorigin href="./{each}"{how}>' for each in scripts
    )


class FirstPage:
    """Answers with our page where Streamlit would answer with its own."""

    def __init__(self, app: ASGIApp, base_path: str = "", style: str = "") -> None:
        self._app = app
        self._base_path = base_path
        self._theirs = streamlit_internals.INDEX.read_bytes()
        ours = made(self._theirs.decode(), style).encode()
        self._bodies = {coding: compress(ours) for coding, compress in CODECS.items()} | {"": ours}
        self._mark = hashlib.sha256(ours).hexdigest()[:32]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._may_be_page(scope):
            await self._app(scope, receive, send)
            return
        if relative(scope["path"], self._base_path).rstrip("/") == FIRST:
            await self._led_to_first(scope)(scope, receive, send)
            return
        # An answer is held back whole: pages are 10 kB, and what is sent here else is no longer.
        answer = Collected()
        await self._app(_plainly_asked(scope), receive, answer.collect)
        if answer.body != self._theirs:
            await answer.pass_on(send)
            return
        asked = Headers(scope=scope)
        coding = coding_for(asked.get("accept-encoding", "")) or ""
        mark = f'"{self._mark}-{coding}"'
        headers = answer.headers
        self._describe(headers, coding, mark)
        is_known = mark in asked.get("if-none-match", "")
        await send(
            {
                "type": "http.response.start",
                "status": 304 if is_known else 200,
                "headers": of_unchanged(headers.raw) if is_known else headers.raw,
            }
        )
        await send(
            {"type": "http.response.body", "body": b"" if is_known else self._bodies[coding]}
        )

    def _led_to_first(self, scope: Scope) -> RedirectResponse:
        above = "../" if scope["path"].endswith("/") else "./"
        query = scope.get("query_string", b"").decode("latin-1")
        return RedirectResponse(f"{above}?{query}" if query else above)

    def _may_be_page(self, scope: Scope) -> bool:
        """Every address that is no file's."""
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


def _plainly_asked(scope: Scope) -> Scope:
    """For the whole of it, as it is."""
    left_out = {b"accept-encoding", b"range", b"if-range"}
    kept = [each for each in without_conditions(scope["headers"]) if each[0] not in left_out]
    return {**scope, "headers": kept}
