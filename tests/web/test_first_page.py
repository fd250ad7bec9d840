"""Streamlit's page gets initial styles, and preloads for the scripts that it will need."""

from __future__ import annotations

import brotli
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lib.web import first_page, streamlit_internals
from lib.web.first_page import FirstPage
from tests.web.asking import ask

THEIRS = streamlit_internals.INDEX.read_bytes()


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves its page for every path that is no file's, compressed or in part if requested."""
    path, headers = scope["path"], dict(scope["headers"])
    if path.startswith(("/media/", "/_stcore/")):
        answer = Response(b"of another kind", media_type="text/html")
    elif b"range" in headers or b"br" in headers.get(b"accept-encoding", b""):
        answer = Response(THEIRS[:100], media_type="text/html")
    else:
        kept = {"cache-control": "no-cache", "etag": '"theirs"', "last-modified": "yesterday"}
        answer = Response(THEIRS, media_type="text/html", headers=kept)
    await answer(scope, receive, send)


@pytest.mark.parametrize("path", ["/", "/channels", "/no/such/page"])
def test_every_address_gets_our_page(path: str) -> None:
    answer = ask(FirstPage(streamlit), path)

    assert first_page.STYLE in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert "last-modified" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize(
    ("path", "to"),
    [("/overview", "./"), ("/overview/", "../"), ("/overview?channel=zalo", "./?channel=zalo")],
)
def test_the_first_page_is_found_by_its_name_too(path: str, to: str) -> None:
    answer = ask(FirstPage(streamlit), path)

    assert (answer.status_code, answer.headers["location"]) == (307, to)


def test_the_style_of_pages_is_in_it() -> None:
    answer = ask(FirstPage(streamlit, style="h1 { color: red; }"), "/")

    assert "html { h1 { color: red; } }" in answer.text


def test_it_comes_compressed_and_says_the_same() -> None:
    app = FirstPage(streamlit)

    plain, compressed = ask(app, "/"), ask(app, "/", accept_encoding="gzip, br")

    assert compressed.headers["coding"] == "br"
    assert brotli.decompress(compressed.content) == plain.content
    assert plain.headers["etag"] != compressed.headers["etag"]


def test_a_browser_that_has_it_is_told_that_it_has_not_changed() -> None:
    app = FirstPage(streamlit)
    mark = ask(app, "/").headers["etag"]

    again = ask(app, "/channels", if_none_match=mark)

    assert (again.status_code, again.content) == (304, b"")


def test_a_part_of_it_is_answered_with_the_whole() -> None:
    assert first_page.STYLE in ask(FirstPage(streamlit), "/", range="bytes=0-9").text


@pytest.mark.parametrize("path", ["/media/page.html", "/_stcore/health"])
def test_other_answers_go_by(path: str) -> None:
    answer = ask(FirstPage(streamlit), path, accept_encoding="br")

    assert (answer.text, answer.headers["coding"]) == ("of another kind", "")


def test_its_own_script_stays_as_it_is_because_the_policy_knows_it_by_its_hash() -> None:
    ours = first_page.extended(THEIRS.decode())

    assert "<script>" in ours
    assert ours.count("<script") == THEIRS.decode().count("<script")


def test_scripts_and_font_are_preloaded_once_and_exist() -> None:
    ours = first_page.extended(THEIRS.decode())
    folder = streamlit_internals.INDEX.parent
    scripts = streamlit_internals.scripts_of((*first_page.ELEMENTS, *first_page.LATER))

    assert scripts
    for script in scripts:
        assert ours.count(f'href="./{script}"') == 1
        assert (folder / script).is_file()


def test_charts_are_loaded_after_what_the_first_numbers_need() -> None:
    ours = first_page.extended(THEIRS.decode())
    announced = [line for line in ours.split("<link ") if "PlotlyChart" in line]

    assert len(announced) == 1
    assert 'fetchpriority="low"' in announced[0]


def test_an_unused_font_is_not_requested() -> None:
    assert "SourceSans" in THEIRS.decode()
    assert "SourceSans" not in first_page.extended(THEIRS.decode())
