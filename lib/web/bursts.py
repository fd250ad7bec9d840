"""Middleware that sends what a run draws in bursts.

Streamlit sends each element as soon as it exists, and a browser draws the page anew for what has
arrived so far: with a trickle of elements, many times. So frames wait for each other until the run
ends, and the browser draws them together. Those that announce the run wait, too: for each of them
the browser would go through all elements of the page, and compete with the server for cores.

A page has a first part, its numbers, which is to be seen before the rest arrives
(`lib.ui.deferred`). What follows it waits until the browser has drawn it, while the run goes on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web import paint_signals, streamlit_internals
from lib.web.paint_signals import PaintSignal

MOST_SECONDS = 0.1
"""A frame waits no longer than this for others: a page that takes longer shows what it has."""

MOST_BYTES = 65_536
"""Frames of this size together wait no longer for others, so that what waits for a slow client is
bounded."""

FIRST_PAINT_SECONDS = 3.0
"""How long a tab's first part of a page is waited for. A browser that loads no images never tells
that it has drawn; it is not waited for again."""

PAINT_SECONDS = 0.25
"""How long later ones are waited for."""

MOST_WAITING_BYTES = 1_000_000
"""What waits for the browser to draw. When it is more, the sender waits, too."""

Pause = Callable[[float], Awaitable[None]]


class Bursts:
    """Holds back frames of web sockets for a moment. `pause` sleeps for a number of seconds."""

    def __init__(self, app: ASGIApp, pause: Pause = asyncio.sleep) -> None:
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

    def __init__(self, send: Send, pause: Pause) -> None:
        self._send, self._pause = send, pause
        self._held: deque[tuple[Message, PaintSignal | None]] = deque()
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._is_pausing = False
        self._is_between_runs = True
        self._painting: asyncio.Task[None] | None = None
        self._is_painting = False
        self._patience = FIRST_PAINT_SECONDS

    async def send(self, message: Message) -> None:
        """Send a message or hold it. Raises what an earlier one raised when it was sent."""
        self._raise_failures()
        data = message.get("bytes")
        if message["type"] != "websocket.send" or not data:
            self._held.append((message, None))
            await self.end()
            return
        if self._is_between_runs and streamlit_internals.begins_run(data):
            self._is_between_runs = False
            await self.end()
        signal = paint_signals.in_frame(data)
        self._held.append((message, signal))
        self._bytes += len(data)
        ends = streamlit_internals.ends_run(data)
        self._is_between_runs |= ends
        if self._is_painting:
            if self._bytes >= MOST_WAITING_BYTES and self._painting is not None:
                await asyncio.wait({self._painting})
        elif ends or signal is not None or self._bytes >= MOST_BYTES:
            await self._send_held()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._send_soon())

    async def end(self) -> None:
        """Send all that is held, without waiting for the browser any longer."""
        if self._is_painting and self._painting is not None:
            self._painting.cancel()
            self._painting, self._is_painting = None, False
        await self._send_held(waits=False)

    def drop(self) -> None:
        """Forget what is held."""
        for task in (self._timer, self._painting):
            if task is not None:
                task.cancel()
        self._held.clear()

    def _raise_failures(self) -> None:
        if self._timer is not None and self._timer.done():
            timer, self._timer = self._timer, None
            timer.result()
        if self._painting is not None and self._painting.done():
            painting, self._painting = self._painting, None
            painting.result()

    async def _send_held(self, *, waits: bool = True) -> None:
        """Send what is held; if the sender `waits`, only until the browser has to draw."""
        if self._timer is not None and self._is_pausing:  # not while it sends
            self._timer.cancel()
            self._timer = None
        async with self._turn:  # in order, whoever sends
            while self._held and not (waits and self._is_painting):
                message, signal = self._held.popleft()
                self._bytes -= len(message.get("bytes") or b"")
                await self._send(message)
                if signal is None:
                    continue
                signal.set_sent()
                if waits and self._patience:
                    self._is_painting = True
                    self._painting = asyncio.create_task(self._send_when_drawn(signal))

    async def _send_soon(self) -> None:
        while self._held and not self._is_painting:
            self._is_pausing = True
            await self._pause(MOST_SECONDS)
            self._is_pausing = False
            await self._send_held()

    async def _send_when_drawn(self, signal: PaintSignal) -> None:
        self._patience = PAINT_SECONDS if await self._is_drawn(signal) else 0.0
        self._is_painting = False
        await self._send_held()

    async def _is_drawn(self, signal: PaintSignal) -> bool:
        """Wait for the browser as long as we have patience; return whether it has drawn."""
        drawn = asyncio.ensure_future(signal.wait_until_drawn())
        pause = asyncio.ensure_future(self._pause(self._patience))
        try:
            await asyncio.wait({drawn, pause}, return_when=asyncio.FIRST_COMPLETED)
            return drawn.done()
        finally:
            drawn.cancel()
            pause.cancel()
