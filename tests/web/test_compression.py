"""Files of the bundle are compressed once and served so; nothing else is changed."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field

import brotli
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from lib.web import compression
from lib.web.compression import CompressedFiles
from tests.own_event_loop import run_async
from tests.web.asgi import scope_of
from tests.web.asking import ask

SCRIPT = "export const answer = 42; " * 400
NAME = "/static/js/index.DormvYxC.js"
FOREVER = "public, immutable, max-age=31536000"


@dataclass
class Streamlit:
    """Serves files like Streamlit does, and counts its requests."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.asked.append(path)
        known = path.endswith((NAME, "/static/js/index.CX5AQgxi.js"))
        if path.endswith(("/app/static/font.woff2", "/media/export.html")):
            answer = Response("a font, or a page for one viewer", media_type="text/html")
        elif known and b'"file"' in dict(scope["headers"]).get(b"if-none-match", b""):
            answer = Response(status_code=304)
        elif known:
            headers = {"cache-control": FOREVER, "etag": '"file"', "accept-ranges": "bytes"}
            answer = Response(SCRIPT, media_type="text/javascript", headers=headers)
        else:
            answer = Response(
                "<html>", media_type="text/html", headers={"cache-control": "no-cache"}
            )
        await answer(scope, receive, send)


@pytest.fixture
def streamlit() -> Streamlit:
    return Streamlit()


@pytest.fixture
def app(streamlit: Streamlit) -> CompressedFiles:
    return CompressedFiles(streamlit)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("BR;q=0.5", "br"),
    ],
)
def test_a_file_comes_in_the_best_coding_that_the_browser_takes(
    app: CompressedFiles, accepted: str, coding: str
) -> None:
    answer = ask(app, NAME, accept_encoding=accepted)

    decode = {"br": brotli.decompress, "gzip": gzip.decompress}[coding]
    assert answer.headers["coding"] == coding
    assert decode(answer.content).decode() == SCRIPT
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == FOREVER


@pytest.mark.parametrize("accepted", ["", "identity", "deflate, zstd", "br;q=0, gzip;q=0.000"])
def test_a_browser_that_takes_no_coding_of_ours_gets_the_file_as_it_is(
    app: CompressedFiles, accepted: str
) -> None:
    answer = ask(app, NAME, accept_encoding=accepted)

    assert (answer.headers["coding"], answer.text) == ("", SCRIPT)


def test_a_file_is_compressed_once_for_all_browsers(
    app: CompressedFiles, streamlit: Streamlit
) -> None:
    bodies = {ask(app, NAME, accept_encoding="br").content for _ in range(3)}

    assert len(bodies) == 1
    assert streamlit.asked == [NAME]


def test_a_browser_that_has_the_compressed_file_is_told_that_it_has_not_changed(
    app: CompressedFiles,
) -> None:
    mark = ask(app, NAME, accept_encoding="br").headers["etag"]

    again = ask(app, NAME, accept_encoding="br", if_none_match=mark)

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)


def test_a_browser_that_has_the_plain_file_gets_the_compressed_one(app: CompressedFiles) -> None:
    answer = ask(app, NAME, accept_encoding="br", if_none_match='"file"')

    assert (answer.status_code, answer.headers["coding"]) == (200, "br")


def test_each_coding_has_a_mark_of_its_own(app: CompressedFiles) -> None:
    codings = ("br", "gzip", "identity")

    assert len({ask(app, NAME, accept_encoding=each).headers["etag"] for each in codings}) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/static/js/unknown.abc123.js",
        "/static/js//index.DormvYxC.js",
        "/static/media/index.DormvYxC.js",
        "/media/export.html",
        "/_stcore/health",
        "/",
    ],
)
def test_nothing_else_is_compressed_or_cached(
    app: CompressedFiles, streamlit: Streamlit, path: str
) -> None:
    answers = [ask(app, path, accept_encoding="br") for _ in range(2)]

    assert [answer.headers["coding"] for answer in answers] == ["", ""]
    assert len(streamlit.asked) == 2


def test_a_part_of_a_file_and_its_headers_alone_are_left_to_streamlit(
    app: CompressedFiles,
) -> None:
    assert ask(app, NAME, accept_encoding="br", range="bytes=0-9").headers["coding"] == ""
    assert ask(app, NAME, accept_encoding="br", method="HEAD").headers["coding"] == ""


def test_arbitrarily_many_names_do_not_fill_the_memory(
    app: CompressedFiles, streamlit: Streamlit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "MOST_KEPT", 1)
    other = "/static/js/index.CX5AQgxi.js"

    answers = [ask(app, name, accept_encoding="br") for name in (NAME, other, other, NAME)]

    assert [answer.headers["coding"] for answer in answers] == ["br"] * 4
    assert streamlit.asked == [NAME, other, other]


def test_files_below_another_path_are_compressed_too(streamlit: Streamlit) -> None:
    app = CompressedFiles(streamlit, base_path="audience")

    assert ask(app, f"/audience{NAME}", accept_encoding="br").headers["coding"] == "br"


def test_fonts_and_outlines_are_asked_for_once_a_day(app: CompressedFiles) -> None:
    answer = ask(app, "/app/static/font.woff2", accept_encoding="br")

    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert answer.headers["coding"] == ""


def test_concurrent_requests_for_a_file_compress_it_once(
    app: CompressedFiles, streamlit: Streamlit
) -> None:
    answered = []

    async def asks() -> None:
        async def send(message: Message) -> None:
            answered.append(message["type"])

        scope = scope_of("http", NAME, accept_encoding="gzip")
        await app(scope, lambda: asyncio.sleep(0, {"type": "http.request"}), send)

    async def all_ask() -> None:
        await asyncio.gather(*(asks() for _ in range(20)))

    run_async(all_ask)
    assert streamlit.asked == [NAME]
    assert answered.count("http.response.start") == 20
