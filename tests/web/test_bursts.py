"""What a run draws reaches the browser in bursts, in order and without loss."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from lib.web import paint_signals
from lib.web.bursts import MOST_BYTES, MOST_WAITING_BYTES, Bursts
from lib.web.paint_signals import PaintSignal
from tests.own_event_loop import run_async

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """A web socket whose clock stands still unless a script waits; `received` are the frames that
    have reached the browser."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._time = 0.0
        self.received: list[bytes] = []
        self.is_broken = False
        self.reads = asyncio.Event()
        self.reads.set()

    def run(self, kind: str = "websocket") -> Line:
        run_async(lambda: self._run(kind))
        return self

    async def _run(self, kind: str) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self._send = send
            await self._script(self)

        async def receive() -> Message:
            return {"type": "websocket.disconnect", "code": 1000}

        await Bursts(app, pause=self._pause)({"type": kind}, receive, self._take)

    async def send(self, *frames: bytes) -> None:
        for frame in frames:
            await self._send({"type": "websocket.send", "bytes": frame})

    async def close(self) -> None:
        await self._send({"type": "websocket.close", "code": 1000})

    async def wait(self, seconds: float) -> None:
        await self.others()
        self._time += seconds
        await self.others()

    async def others(self) -> None:
        """Let everybody go on who can, without time passing."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def _take(self, message: Message) -> None:
        await self.reads.wait()
        if self.is_broken:
            raise OSError("the browser is gone")
        self.received.append(message.get("bytes", message["type"].encode()))

    async def _pause(self, seconds: float) -> None:
        until = self._time + seconds
        while self._time < until:
            await asyncio.sleep(0)


def end_of_run() -> bytes:
    message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    return bytes(message.SerializeToString())


def test_frames_wait_for_each_other_until_the_run_ends() -> None:
    async def script(line: Line) -> None:
        await line.send(b"title")
        await line.wait(0.04)
        await line.send(b"number")
        assert line.received == []
        await line.send(end_of_run())
        assert line.received == [b"title", b"number", end_of_run()]
        await line.send(b"state")
        await line.wait(0.09)
        assert len(line.received) == 3
        await line.wait(0.011)
        assert line.received[3:] == [b"state"]

    Line(script).run()


def beginning_of_run() -> bytes:
    message = ForwardMsg()
    message.new_session.page_script_hash = "overview"
    return bytes(message.SerializeToString())


def test_what_announces_a_run_waits_for_its_elements_but_not_what_was_left_before_it() -> None:
    async def script(line: Line) -> None:
        await line.send(b"state", beginning_of_run(), b"title")
        assert line.received == [b"state"]
        await line.send(end_of_run())
        assert line.received[1:] == [beginning_of_run(), b"title", end_of_run()]

    Line(script).run()


@pytest.fixture
def style() -> Callable[[], bytes]:
    """Makes styles that ask a browser to tell when it has drawn."""
    drawn: list[PaintSignal] = []  # by scripts, which refer to them until they are sent

    def draw_style() -> bytes:
        drawn.append(PaintSignal())
        return drawn[-1].style("h1").encode()

    return draw_style


async def draw(style: bytes) -> None:
    """Request the image of a style, as a browser does that has drawn it."""

    async def take(message: Message) -> None: ...

    async def receive() -> Message:
        return {"type": "http.request"}

    found = re.search(rb"painted\?([\w-]+)", style)
    assert found is not None
    path = f"/{paint_signals.PATH}"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": found[1]}
    await paint_signals.PaintSignals(nobody)(scope, receive, take)


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("asked for something else")


def test_what_follows_the_numbers_waits_until_the_browser_has_drawn_them(
    style: Callable[[], bytes],
) -> None:
    async def script(line: Line) -> None:
        for _ in range(2):
            line.received.clear()
            numbers = style()
            await line.send(beginning_of_run(), b"number", numbers, b"chart", end_of_run())
            await line.wait(0.2)
            assert line.received == [beginning_of_run(), b"number", numbers]
            await draw(numbers)
            await line.others()
            assert line.received[3:] == [b"chart", end_of_run()]

    Line(script).run()


def test_a_browser_that_does_not_tell_what_it_has_drawn_is_waited_for_only_once(
    style: Callable[[], bytes],
) -> None:
    async def script(line: Line) -> None:
        await line.send(beginning_of_run(), style(), b"chart", end_of_run())
        await line.wait(2.9)
        assert len(line.received) == 2
        await line.wait(0.11)
        assert len(line.received) == 4
        await line.send(beginning_of_run(), style(), b"chart", end_of_run())
        assert len(line.received) == 8

    Line(script).run()


def test_a_later_run_waits_less_than_the_first(style: Callable[[], bytes]) -> None:
    async def script(line: Line) -> None:
        first = style()
        await line.send(beginning_of_run(), first, end_of_run())
        await draw(first)
        await line.others()
        line.received.clear()
        await line.send(beginning_of_run(), style(), b"chart", end_of_run())
        await line.wait(0.24)
        assert len(line.received) == 2
        await line.wait(0.02)
        assert len(line.received) == 4

    Line(script).run()


def test_a_new_run_does_not_wait_until_the_last_one_is_drawn(style: Callable[[], bytes]) -> None:
    async def script(line: Line) -> None:
        await line.send(beginning_of_run(), style(), b"chart", style(), end_of_run())
        assert len(line.received) == 2
        await line.send(beginning_of_run())
        assert len(line.received) == 5

    Line(script).run()


def test_the_sender_waits_too_if_very_much_waits_for_the_browser(
    style: Callable[[], bytes],
) -> None:
    async def script(line: Line) -> None:
        numbers = style()
        await line.send(numbers)
        sending = asyncio.create_task(line.send(bytes(MOST_WAITING_BYTES), b"chart"))
        await line.others()
        assert not sending.done()
        await draw(numbers)
        await sending
        await line.wait(0.101)
        assert len(line.received) == 3

    Line(script).run()


def test_a_run_that_takes_long_shows_what_it_has() -> None:
    async def script(line: Line) -> None:
        for second in range(5):
            await line.send(bytes([second]))
            await line.wait(0.101)
            assert len(line.received) == second + 1

    Line(script).run()


def test_what_is_held_back_is_bounded() -> None:
    async def script(line: Line) -> None:
        await line.send(b"small", bytes(MOST_BYTES))
        assert len(line.received) == 2

    Line(script).run()


def test_a_browser_that_reads_slowly_gets_everything_in_order() -> None:
    async def script(line: Line) -> None:
        line.reads.clear()
        await line.send(b"title", b"number")
        await line.wait(0.101)
        ending = asyncio.create_task(line.send(b"chart", end_of_run()))
        await line.others()
        assert line.received == []
        line.reads.set()
        await ending
        assert line.received == [b"title", b"number", b"chart", end_of_run()]

        line.reads.clear()
        await line.send(b"age")
        await line.wait(0.101)
        await line.send(b"state")
        line.reads.set()
        await line.wait(0.101)
        await line.wait(0.101)
        assert line.received[4:] == [b"age", b"state"]

    Line(script).run()


def test_everything_is_sent_before_the_connection_is_closed() -> None:
    async def script(line: Line) -> None:
        await line.send(b"last")
        await line.close()

    assert Line(script).run().received == [b"last", b"websocket.close"]


def test_what_is_left_is_sent_at_the_end_or_dropped_if_nobody_is_there() -> None:
    async def script(line: Line) -> None:
        await line.send(b"last")

    async def abandoned(line: Line) -> None:
        await script(line)
        line.is_broken = True

    assert Line(script).run().received == [b"last"]
    assert Line(abandoned).run().received == []


def test_the_sender_is_told_that_the_browser_is_gone() -> None:
    async def script(line: Line) -> None:
        line.is_broken = True
        await line.send(b"lost")
        await line.wait(0.101)
        with pytest.raises(OSError, match="gone"):
            await line.send(b"too late")

    Line(script).run()


def test_answers_to_requests_are_not_held_back() -> None:
    async def script(line: Line) -> None:
        await line.send(b"body")
        assert line.received == [b"body"]

    Line(script).run("http")
