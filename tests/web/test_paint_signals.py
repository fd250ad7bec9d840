"""The server is notified once the browser has drawn what it was sent."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from lib.web import paint_signals
from lib.web.paint_signals import PaintSignal, PaintSignals
from tests.own_event_loop import run_async
from tests.web.asking import ask


def connect(app: PaintSignals) -> None:
    """Open a web socket, as a browser does."""

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None: ...

    call = app({"type": "websocket", "path": "/_stcore/stream"}, receive, send)
    with pytest.raises(StopIteration):
        call.send(None)


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("let through")(scope, receive, send)


def address(rule: str) -> str:
    found = re.search(r'url\("([^"]+)"\)', rule)
    assert found is not None
    return f"/{found.group(1)}"


def is_drawn(signal: PaintSignal) -> bool:
    return run_async(lambda: _is_drawn(signal))


async def _is_drawn(signal: PaintSignal) -> bool:
    waiting = asyncio.ensure_future(signal.wait_until_drawn())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done()


def test_a_part_is_drawn_when_a_browser_asks_for_the_image_of_its_style() -> None:
    app = PaintSignals(streamlit)
    signal = PaintSignal()
    sent = signal.style("h1")
    assert not is_drawn(signal)

    answer = ask(app, address(sent))

    assert is_drawn(signal)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "no-store")


def test_it_is_drawn_below_another_path_too() -> None:
    app = PaintSignals(streamlit, "audience")
    signal = PaintSignal()
    sent = signal.style("h1")

    ask(app, f"/audience{address(sent)}")

    assert is_drawn(signal)


def test_the_image_of_one_tab_says_nothing_of_another() -> None:
    app = PaintSignals(streamlit)
    my_signal, their_signal = PaintSignal(), PaintSignal()

    ask(app, address(their_signal.style("h1")))

    assert is_drawn(their_signal)
    assert not is_drawn(my_signal)


@pytest.mark.parametrize("name", ["", "guessed", "%00", "x" * 4_000])
def test_an_unknown_name_gets_the_same_answer(name: str) -> None:
    assert ask(PaintSignals(streamlit), f"/{paint_signals.PATH}?{name}").status_code == 204


def test_a_text_that_looks_like_such_a_style_is_none() -> None:
    text = f'h1 {{ background-image: url("{paint_signals.PATH}?{"x" * 22}"); }}'.encode()

    assert paint_signals.in_frame(text) is None


def test_a_signal_is_found_in_the_message_that_carries_its_style() -> None:
    signal = PaintSignal()
    message = f"delta{signal.style('h1')}".encode()

    assert paint_signals.in_frame(message) is signal


def test_signals_that_nobody_waits_for_any_more_are_forgotten() -> None:
    signal = PaintSignal()
    message = signal.style("h1").encode()

    del signal

    assert paint_signals.in_frame(message) is None


def test_pages_count_as_served_once_a_browser_has_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paint_signals, "is_served", threading.Event())
    app = PaintSignals(streamlit)
    ask(app, "/app/static/favicon.png")
    assert not paint_signals.is_served.is_set()

    connect(app)

    assert paint_signals.is_served.is_set()


def test_other_requests_go_by() -> None:
    assert ask(PaintSignals(streamlit), "/app/static/favicon.png").text == "let through"
