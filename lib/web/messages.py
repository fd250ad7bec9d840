"""Middleware that limits what a browser may send over its web socket: kind, size and rate."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web import streamlit_internals
from lib.web.answers import NO_TEXT, TOO_BIG, close_socket
from lib.web.logs import RareWarning
from lib.web.sockets import peer_of

log = logging.getLogger(__name__)

MOST_MESSAGE_BYTES = 262_144
"""Maximum size of a message: the URL, the state of all widgets, and some headroom."""

BURST = 40
"""Messages that a tab may send without being throttled. Loading a page takes about five."""

PER_SECOND = 5.0
"""Rate after the burst. Fast clicking is three a second, fragments that refresh add one."""


class Throttle:
    """A leaky bucket: delays messages beyond `burst` to `per_second`, without dropping any."""

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
        """Reserve the next turn; return how many seconds to wait for it."""
        now = self._clock()
        self._next = max(self._next, now - self._room) + self._step
        return max(self._next - now, 0.0)


BURST_OF_STRANGERS, STRANGERS_PER_SECOND = 60, 5.0
"""Messages from one peer, over all tabs that are not signed in. Signing in takes three messages."""

BURST_OF_PEER, PEER_PER_SECOND = 400, 40.0
"""Messages from one peer, over all tabs that may see something. A peer may be a company behind one
address, where a hundred viewers click every few seconds; one server computes no more than this."""

MOST_PEERS = 10_000


class Throttles:
    """A throttle for each peer. It outlives web sockets: reconnecting must not give a new burst."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._by_peer: OrderedDict[str, Throttle] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_peer)

    def of(self, peer: str) -> Throttle:
        throttle = self._by_peer.setdefault(
            peer, Throttle(self._burst, self._per_second, self._clock)
        )
        self._by_peer.move_to_end(peer)
        if len(self._by_peer) > MOST_PEERS:
            self._by_peer.popitem(last=False)
        return throttle


class Messages:
    """Passes on only messages that our pages send, at the rate of a human.

    The socket of a tab that is too fast is not read for a while, so TCP holds back what it sends on
    its own machine. All tabs of one peer also share a throttle. `is_welcome` says whether the
    sender of a request may see anything. `pause` sleeps for a number of seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        throttle: Callable[[], Throttle] = Throttle,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        is_welcome: Callable[[Scope], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.is_welcome = is_welcome
        self.throttle = throttle
        self.pause = pause
        self.viewers = Throttles(BURST_OF_PEER, PEER_PER_SECOND, clock)
        self.strangers = Throttles(BURST_OF_STRANGERS, STRANGERS_PER_SECOND, clock)
        self.warn_of_size = RareWarning(log)
        self.warn_of_kind = RareWarning(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        of_tab = self.throttle()
        of_peer = (self.viewers if self.is_welcome(scope) else self.strangers).of(peer_of(scope))

        async def receive_bounded() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                data = message.get("bytes") or message.get("text") or b""
                if len(data) > MOST_MESSAGE_BYTES:
                    self.warn_of_size(
                        "A browser sent %d bytes at once and was disconnected.", len(data)
                    )
                    await close_socket(send, TOO_BIG)
                    return {"type": "websocket.disconnect", "code": TOO_BIG}
                if isinstance(data, str):
                    await close_socket(send, NO_TEXT)
                    return {"type": "websocket.disconnect", "code": NO_TEXT}
                if wait := of_tab.wait():
                    await self.pause(wait)
                if wait := of_peer.wait():
                    await self.pause(wait)
                if self.passes(data):
                    return message

        await self.app(scope, receive_bounded, send)

    def passes(self, data: bytes) -> bool:
        """Whether to pass on a message. Unparsable data passes: Streamlit closes the socket."""
        kind = streamlit_internals.kind_of(data)
        if kind is None or kind in streamlit_internals.MESSAGES:
            return True
        self.warn_of_kind("A message of a kind that no page of ours sends was dropped: %s.", kind)
        return False
