"""A script run is notified once the browser has drawn what it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from lib.web import painted
from lib.web.painted import Painted
from tests.web.asking import ask


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("let through")(scope, receive, send)


@pytest.fixture(autouse=True)
def nothing_is_served_yet() -> Iterator[None]:
    was = painted._is_served.is_set()
    painted._is_served.clear()
    yield
    (painted._is_served.set if was else painted._is_served.clear)()


def connect(app: Painted) -> None:
    """Open a web socket, as a browser does."""

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None: ...

    call = app({"type": "websocket", "path": "/_stcore/stream"}, receive, send)
    with pytest.raises(StopIteration):
        call.send(None)


def address(sign: painted.Sign) -> str:
    found = re.search(r'src="([^"]+)"', sign.html)
    assert found is not None
    return f"/{found.group(1)}"


def test_a_sign_is_drawn_when_a_browser_asks_for_its_image() -> None:
    app = Painted(streamlit)
    connect(app)
    sign = painted.sign()
    assert sign is not None
    assert not sign.wait(0)

    answer = ask(app, address(sign))

    assert sign.wait(0)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "no-store")


def test_it_is_drawn_below_another_path_too() -> None:
    app = Painted(streamlit, "audience")
    connect(app)
    sign = painted.sign()
    assert sign is not None

    ask(app, f"/audience{address(sign)}")

    assert sign.wait(0)


def test_the_image_of_one_tab_says_nothing_of_another() -> None:
    app = Painted(streamlit)
    connect(app)
    mine, theirs = painted.sign(), painted.sign()
    assert mine is not None
    assert theirs is not None

    ask(app, address(theirs))

    assert theirs.wait(0)
    assert not mine.wait(0)


@pytest.mark.parametrize("name", ["", "guessed", "%00", "x" * 4_000])
def test_a_name_that_nobody_waits_for_is_answered_alike(name: str) -> None:
    assert ask(Painted(streamlit), f"/{painted.PATH}?{name}").status_code == 204


def test_signs_of_runs_that_are_over_are_forgotten() -> None:
    app = Painted(streamlit)
    connect(app)
    before = len(painted._signs)
    sign = painted.sign()
    assert len(painted._signs) == before + 1

    del sign

    assert len(painted._signs) == before


def test_without_a_server_of_ours_there_is_nothing_to_wait_for() -> None:
    Painted(streamlit)

    assert painted.sign() is None


def test_other_requests_go_by() -> None:
    assert ask(Painted(streamlit), "/app/static/favicon.png").text == "let through"
