"""Middleware that sends what a run draws in bursts.

Streamlit sends each element as soon as it exists. A browser draws the page anew for what has
arrived so far, so a trickle of elements makes it draw several times. Here frames wait for those
that follow at once, and the browser draws them together.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET_SECONDS = 0.008
"""A burst ends when nothing came for this long. Streamlit sends every 5 ms while a page runs."""

MOST_SECONDS = 0.05
"""A burst ends this long after its first frame: a page that takes longer shows what it has."""

MOST_BYTES = 65_536
"""A burst of this size is sent at once, so that a client that reads nothing occupies no more."""


class Bursts:
    """Holds back frames of web sockets for a moment. `pause` sleeps for a number of seconds, `now`
    is a clock."""

    def __init__(
        self,
        app: ASGIApp,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._app = app
        self._pause = pause
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        burst = _Burst(send, self._pause, self._now or asyncio.get_running_loop().time)
        try:
            await self._app(scope, receive, burst.send)
            await burst.conclude()
        finally:
            burst.drop()


class _Burst:
    def __init__(
        self, send: Send, pause: Callable[[float], Awaitable[None]], now: Callable[[], float]
    ) -> None:
        self._send, self._pause, self._now = send, pause, now
        self._held: list[Message] = []
        self._size = 0
        self._first = self._last = 0.0
        self._turn = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Send or hold a message. Raises what an earlier one raised when it was sent."""
        if self._ending is not None and self._ending.done():
            ended, self._ending = self._ending, None
            ended.result()
        if message["type"] != "websocket.send":
            await self._flush()
            await self._send(message)
            return
        self._last = self._now()
        if not self._held:
            self._first = self._last
        self._held.append(message)
        self._size += len(message.get("bytes") or message.get("text") or b"")
        if self._size >= MOST_BYTES:
            await self._flush()
        elif self._ending is None:
            self._ending = asyncio.create_task(self._end())

    async def conclude(self) -> None:
        """Send the rest, if somebody is still there."""
        with suppress(OSError):
            await self._flush()

    def drop(self) -> None:
        """Forget what has not been sent."""
        if self._ending is not None:
            self._ending.cancel()
        self._held.clear()

    async def _end(self) -> None:
        """Send the burst when it is over."""
        while self._held:
            over = min(self._last + QUIET_SECONDS, self._first + MOST_SECONDS)
            if (left := over - self._now()) > 0:
                await self._pause(left)
            else:
                await self._flush()

    async def _flush(self) -> None:
        async with self._turn:  # in order, however many send
            held, self._held, self._size = self._held, [], 0
            for message in held:
                await self._send(message)
