"""Limits on what a browser may send over its web socket."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from lib.web import streamlit_internals
from lib.web.answers import NO_TEXT
from lib.web.messages import MOST_PEERS, Messages, Throttle, Throttles
from tests.web.asgi import run, says_hello, scope_of

CONNECT: Message = {"type": "websocket.connect"}


def rerun(query: str = "") -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = query
    return message.SerializeToString()


def of_kind(kind: str) -> bytes:
    message = BackMsg()
    match kind:
        case "file_urls_request":
            message.file_urls_request.request_id = "1"
        case "install_skills" | "dismiss_skills_nudge" | "deferred_file" | "dataframe_chunk":
            getattr(message.backend_operation_request, kind).SetInParent()
        case _:
            setattr(message, kind, True)
    return message.SerializeToString()


def got_through(*said: bytes, app: ASGIApp | None = None) -> list[bytes]:
    messages = [{"type": "websocket.receive", "bytes": each} for each in said]
    sent = run(app or Messages(says_hello), scope_of("websocket", "/"), [CONNECT, *messages])
    return [message["bytes"] for message in sent if message["type"] == "websocket.send"]


def test_what_our_pages_send_gets_through() -> None:
    said = rerun("channel=whatsapp"), of_kind("app_heartbeat"), of_kind("deferred_file")
    assert got_through(*said) == list(said)


@pytest.mark.parametrize(
    "kind",
    [
        *("install_skills", "dismiss_skills_nudge", "dataframe_chunk", "file_urls_request"),
        *("clear_cache", "set_run_on_save", "stop_script", "load_git_info"),
        *("debug_disconnect_websocket", "debug_shutdown_runtime"),
    ],
)
def test_no_other_message_gets_through_and_the_next_one_does(kind: str) -> None:
    assert got_through(of_kind(kind), rerun()) == [rerun()]


def test_every_kind_of_message_that_streamlit_knows_is_decided_on() -> None:
    kinds = {each.name for each in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    assert kinds >= streamlit_internals.MESSAGES - {"deferred_file"}
    passing = {
        kind
        for kind in kinds - {"rerun_script", "backend_operation_request", "file_urls_request"}
        if got_through(of_kind(kind))
    }
    assert passing == {"app_heartbeat"}


class Clock:
    """A clock that advances only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    async def pause(self, seconds: float) -> None:
        self.now += seconds


def test_a_tab_that_sends_too_fast_waits_and_loses_nothing() -> None:
    clock = Clock()
    app = Messages(
        says_hello,
        lambda: Throttle(40, 5, lambda: clock.now),
        clock.pause,
        clock=lambda: clock.now,
    )
    said = [rerun(str(number)) for number in range(1000)]
    assert got_through(*said, app=app) == said
    # The first 40 immediately, then five a second.
    assert clock.now - 1000 == pytest.approx(960 / 5)


def test_fast_clicking_is_never_throttled() -> None:
    clock = Clock()
    throttle = Throttle(40, 5, lambda: clock.now)
    for _ in range(300):
        clock.now += 1 / 3
        assert throttle.wait() == 0


def test_a_tab_that_slept_for_a_day_may_send_what_accumulated_at_once() -> None:
    clock = Clock()
    throttle = Throttle(40, 5, lambda: clock.now)
    clock.now += 24 * 60 * 60
    assert [throttle.wait() for _ in range(40)] == [0] * 40


async def _counts(scope: Scope, receive: Receive, send: Send) -> None:
    await says_hello(scope, receive, send)


def test_each_tab_has_a_throttle_of_its_own() -> None:
    made: list[Throttle] = []

    def throttle() -> Throttle:
        made.append(Throttle())
        return made[-1]

    app = Messages(_counts, throttle)
    got_through(rerun(), app=app)
    got_through(rerun(), app=app)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("is_welcome", "seconds"),
    # Of 50 tabs with ten messages each: 400 at once and 40 a second, or 60 and five a second.
    [(True, 100 / 40), (False, 440 / 5)],
    ids=["viewers", "strangers"],
)
def test_reconnecting_is_no_faster_than_a_single_tab(is_welcome: bool, seconds: float) -> None:
    clock = Clock()
    app = Messages(
        says_hello,
        lambda: Throttle(40, 5, lambda: clock.now),
        clock.pause,
        lambda _: is_welcome,
        lambda: clock.now,
    )
    for _ in range(50):
        said = [rerun(str(number)) for number in range(10)]
        assert got_through(*said, app=app) == said
    assert clock.now - 1000 == pytest.approx(seconds)


def test_the_throttles_of_peers_take_a_bounded_amount_of_memory() -> None:
    throttles = Throttles(10, 1)
    for number in range(MOST_PEERS + 5):
        throttles.of(f"peer {number}")
    assert len(throttles) == MOST_PEERS


def test_text_ends_the_web_socket_before_anybody_fails_on_it() -> None:
    said: list[Message] = [{"type": "websocket.receive", "text": "hello"}]
    sent = run(Messages(says_hello), scope_of("websocket", "/"), [CONNECT, *said])
    assert sent[-1] == {"type": "websocket.close", "code": NO_TEXT}
