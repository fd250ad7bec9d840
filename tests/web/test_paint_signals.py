"""The server is notified once the browser has drawn what it was sent."""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from lib.web import paint_signals
from lib.web.paint_signals import PaintSignals
from tests.own_event_loop import run_async
from tests.web.asking import ask


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("let through")(scope, receive, send)


@pytest.fixture(autouse=True)
def nothingis_served_yet() -> Iterator[None]:
    was = paint_signals.is_served.is_set()
    paint_signals.is_served.clear()
    yield
    (paint_signals.is_served.set if was else paint_signals.is_served.clear)()


def connect(app: PaintSignals) -> None:
    """Open a web socket, as a browser does."""

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None: ...

    call = app({"type": "websocket", "path": "/_stcore/stream"}, receive, send)
    with pytest.raises(StopIteration):
        call.send(None)


def rule() -> str:
    found = paint_signals.style("h1")
    assert found is not None
    return found


def awaited(rule: str) -> paint_signals.PaintSignal:
    found = paint_signals.awaited(rule.encode())
    assert found is not None
    return found


def address(rule: str) -> str:
    found = re.search(r'url\("([^"]+)"\)', rule)
    assert found is not None
    return f"/{found.group(1)}"


def is_drawn(signal: paint_signals.PaintSignal) -> bool:
    return run_async(lambda: _is_drawn(signal))


async def _is_drawn(signal: paint_signals.PaintSignal) -> bool:
    waiting = asyncio.ensure_future(signal.wait())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done()


def test_a_part_is_drawn_when_a_browser_asks_for_the_image_of_its_style() -> None:
    app = PaintSignals(streamlit)
    connect(app)
    sent = rule()
    signal = awaited(sent)
    assert not is_drawn(signal)

    answer = ask(app, address(sent))

    assert is_drawn(signal)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "no-store")


def test_it_is_drawn_below_another_path_too() -> None:
    app = PaintSignals(streamlit, "audience")
    connect(app)
    sent = rule()
    signal = awaited(sent)

    ask(app, f"/audience{address(sent)}")

    assert is_drawn(signal)


def test_the_image_of_one_tab_says_nothing_of_another() -> None:
    app = PaintSignals(streamlit)
    connect(app)
    mine, theirs = rule(), rule()
    my_signal, their_signal = awaited(mine), awaited(theirs)

    ask(app, address(theirs))

    assert is_drawn(their_signal)
    assert not is_drawn(my_signal)


@pytest.mark.parametrize("name", ["", "guessed", "%00", "x" * 4_000])
def test_an_unknown_name_gets_the_same_answer(name: str) -> None:
    assert ask(PaintSignals(streamlit), f"/{paint_signals.PATH}?{name}").status_code == 204


def test_a_text_that_looks_like_such_a_style_is_none() -> None:
    text = f'h1 {{ background-image: url("{paint_signals.PATH}?{"x" * 22}"); }}'.encode()

    assert not paint_signals.is_in(text)
    assert paint_signals.awaited(text) is None


def test_signals_that_nobody_waits_for_any_more_are_forgotten() -> None:
    connect(PaintSignals(streamlit))
    signal = awaited(rule())
    known = weakref.ref(signal)

    del signal

    assert known() is None


def test_without_a_server_of_ours_there_is_nothing_to_wait_for() -> None:
    PaintSignals(streamlit)

    assert paint_signals.style("h1") is None


def test_other_requests_go_by() -> None:
    assert ask(PaintSignals(streamlit), "/app/static/favicon.png").text == "let through"
