"""A script run is notified once the browser has drawn what it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from lib.web import paint_signals
from lib.web.paint_signals import PaintSignals
from tests.web.asking import ask


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("let through")(scope, receive, send)


@pytest.fixture(autouse=True)
def nothing_is_served_yet() -> Iterator[None]:
    was = paint_signals._is_served.is_set()
    paint_signals._is_served.clear()
    yield
    (paint_signals._is_served.set if was else paint_signals._is_served.clear)()


def connect(app: PaintSignals) -> None:
    """Open a web socket, as a browser does."""

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None: ...

    call = app({"type": "websocket", "path": "/_stcore/stream"}, receive, send)
    with pytest.raises(StopIteration):
        call.send(None)


def address(sign: paint_signals.PaintSignal) -> str:
    found = re.search(r'url\("([^"]+)"\)', sign.style("h1"))
    assert found is not None
    return f"/{found.group(1)}"


def test_a_sign_is_drawn_when_a_browser_asks_for_its_image() -> None:
    app = PaintSignals(streamlit)
    connect(app)
    sign = paint_signals.paint_signal()
    assert sign is not None
    assert not sign.wait(0)

    answer = ask(app, address(sign))

    assert sign.wait(0)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "no-store")


def test_it_is_drawn_below_another_path_too() -> None:
    app = PaintSignals(streamlit, "audience")
    connect(app)
    sign = paint_signals.paint_signal()
    assert sign is not None

    ask(app, f"/audience{address(sign)}")

    assert sign.wait(0)


def test_the_image_of_one_tab_says_nothing_of_another() -> None:
    app = PaintSignals(streamlit)
    connect(app)
    mine, theirs = paint_signals.paint_signal(), paint_signals.paint_signal()
    assert mine is not None
    assert theirs is not None

    ask(app, address(theirs))

    assert theirs.wait(0)
    assert not mine.wait(0)


@pytest.mark.parametrize("name", ["", "guessed", "%00", "x" * 4_000])
def test_an_unknown_name_gets_the_same_answer(name: str) -> None:
    assert ask(PaintSignals(streamlit), f"/{paint_signals.PATH}?{name}").status_code == 204


def test_signs_of_runs_that_are_over_are_forgotten() -> None:
    app = PaintSignals(streamlit)
    connect(app)
    before = len(paint_signals._signals)
    sign = paint_signals.paint_signal()
    assert len(paint_signals._signals) == before + 1

    del sign

    assert len(paint_signals._signals) == before


def test_without_a_server_of_ours_there_is_nothing_to_wait_for() -> None:
    PaintSignals(streamlit)

    assert paint_signals.paint_signal() is None


def test_other_requests_go_by() -> None:
    assert ask(PaintSignals(streamlit), "/app/static/favicon.png").text == "let through"
