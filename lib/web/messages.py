"""What a browser may send through its web socket: which messages, how big, how often."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import TOO_BIG, hang_up
from lib.web.logs import RareWarning

log = logging.getLogger(__name__)

MOST_MESSAGE_BYTES = 262_144
"""From a browser: the address, the state of all widgets, and some room."""

BURST = 40
"""Messages that a tab may send as fast as it likes. A page that loads sends about five."""

PER_SECOND = 5.0
"""Afterwards. Clicking in haste is three a second, and parts that renew themselves are one."""


class Pace:
    """Slows down what comes faster than `per_second`, once `burst` are through. Nothing is lost."""

    def __init__(
        self,
        burst: int = BURST,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._step = 1 / per_second
        self._room = burst * self._step
        self._clock = clock
        self._next = 0.0

    def wait(self) -> float:
        """Takes a turn; how many seconds from now it is."""
        now = self._clock()
        self._next = max(self._next, now - self._room) + self._step
        return max(self._next - now, 0.0)


class Messages:
    """Lets through the messages that our pages send, at the pace of a person.

    A tab that is too fast waits, and its socket is not read meanwhile, so what it sends waits in
    its own machine. `pause` sleeps for so many seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        pace: Callable[[], Pace] = Pace,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.app = app
        self.pace = pace
        self.pause = pause
        self.warn_of_size = RareWarning(log)
        self.warn_of_kind = RareWarning(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        pace = self.pace()

        async def receive_bounded() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                data = message.get("bytes") or message.get("text") or b""
                if len(data) > MOST_MESSAGE_BYTES:
                    self.warn_of_size(
                        "A browser sent %d bytes at once, and was hung up on.", len(data)
                    )
                    await hang_up(send, TOO_BIG)
                    return {"type": "websocket.disconnect", "code": TOO_BIG}
                if wait := pace.wait():
                    await self.pause(wait)
                if self.passes(data):
                    return message

        await self.app(scope, receive_bounded, send)

    def passes(self, data: bytes | str) -> bool:
        """What is no message at all passes too: Streamlit hangs up on it."""
        kind = streamlit_internals.kind_of(data) if isinstance(data, bytes) else None
        if kind is None or kind in streamlit_internals.MESSAGES:
            return True
        self.warn_of_kind("A message of a kind that no page of ours sends was dropped: %s.", kind)
        return False
