"""Middleware that sends what a run draws in bursts.

Streamlit sends each element as soon as it exists, and a browser draws the page anew for what has
arrived so far: with a trickle of elements, many times. So frames wait for each other until the run
waits for the browser or ends, and the browser draws them together. Only the one that announces the
run goes at once: the browser prepares for it while the server computes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web import paint_signals, streamlit_internals

MOST_SECONDS = 0.05
"""A frame waits no longer than this: a page that takes longer shows what it has."""

MOST_BYTES = 65_536
"""Frames of this size together wait no longer, so that what waits for a slow client is bounded."""


class Bursts:
    """Holds back frames of web sockets for a moment. `pause` sleeps for a number of seconds."""

    def __init__(
        self, app: ASGIApp, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._app = app
        self._pause = pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        burst = _Burst(send, self._pause)
        try:
            await self._app(scope, receive, burst.send)
            with suppress(OSError):  # nobody is there any more
                await burst.end()
        finally:
            burst.drop()


class _Burst:
    """The frames of one web socket that have not been sent yet."""

    def __init__(self, send: Send, pause: Callable[[float], Awaitable[None]]) -> None:
        self._send, self._pause = send, pause
        self._held: list[Message] = []
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._is_pausing = False
        self._is_between_runs = True

    async def send(self, message: Message) -> None:
        """Send a message or hold it. Raises what an earlier one raised when it was sent."""
        if self._timer is not None and self._timer.done():
            timer, self._timer = self._timer, None
            timer.result()
        data = message.get("bytes")
        self._held.append(message)
        if message["type"] != "websocket.send" or not data:
            await self.end()
            return
        begins = self._is_between_runs and streamlit_internals.begins_run(data)
        ends = streamlit_internals.ends_run(data)
        if begins or ends:
            self._is_between_runs = ends
        if begins or ends or _is_last_before_pause(data):
            await self.end()
            return
        self._bytes += len(data)
        if self._bytes >= MOST_BYTES:
            await self.end()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._end_soon())

    async def end(self) -> None:
        """Send what is held."""
        if self._timer is not None and self._is_pausing:  # not while it sends
            self._timer.cancel()
            self._timer = None
        async with self._turn:  # in order, whoever sends
            held, self._held, self._bytes = self._held, [], 0
            for message in held:
                await self._send(message)

    def drop(self) -> None:
        """Forget what is held."""
        if self._timer is not None:
            self._timer.cancel()
        self._held.clear()

    async def _end_soon(self) -> None:
        while self._held:
            self._is_pausing = True
            await self._pause(MOST_SECONDS)
            self._is_pausing = False
            await self.end()


def _is_last_before_pause(frame: bytes) -> bool:
    """Whether nothing follows this frame until the browser answers."""
    return paint_signals.PATH.encode() in frame
