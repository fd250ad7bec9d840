"""Middleware that limits open web sockets: each is a session with a script run of its own."""

import asyncio
import ipaddress
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.answers import TRY_AGAIN_LATER, close_socket, refuse
from lib.web.logs import RareWarning

log = logging.getLogger(__name__)

MOST = 500
MOST_OF_ONE_PEER = 250
"""High, since a company behind NAT or a proxy that forwards no addresses is one peer."""

MOST_STRANGERS = 100
"""Limit for visitors who still have to sign in. A new one displaces the oldest, so that nobody can
keep others from signing in; a displaced page reconnects by itself."""


class Sockets:
    """Refuses web sockets beyond the limits.

    `is_welcome` says whether the visitor who opens one may see anything, or still has to sign in.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_welcome: Callable[[Scope], bool] = lambda _: True,
        most: int = MOST,
        most_of_one_peer: int = MOST_OF_ONE_PEER,
        most_strangers: int = MOST_STRANGERS,
    ) -> None:
        self.app = app
        self.is_welcome = is_welcome
        self.most, self.most_of_one_peer = most, most_of_one_peer
        self.most_strangers = most_strangers
        self.by_peer: Counter[str] = Counter()
        self.strangers: OrderedDict[object, asyncio.Event] = OrderedDict()
        self.warn = RareWarning(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        peer = peer_of(scope)
        if not self.is_welcome(scope):
            await self._serve_stranger(scope, receive, send)
            return
        if self.by_peer.total() >= self.most or self.by_peer[peer] >= self.most_of_one_peer:
            self.warn(
                "Refused a web socket of %s: %d are open, %d of them its own.",
                peer,
                self.by_peer.total(),
                self.by_peer[peer],
            )
            await refuse(
                scope, send, HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open just now."
            )
            return
        self.by_peer[peer] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.by_peer[peer] -= 1
            if not self.by_peer[peer]:
                del self.by_peer[peer]

    async def _serve_stranger(self, scope: Scope, receive: Receive, send: Send) -> None:
        own, must_go = object(), asyncio.Event()
        while len(self.strangers) >= self.most_strangers:
            self.warn("Too many visitors who have not signed in; the oldest are disconnected.")
            _, oldest = self.strangers.popitem(last=False)
            oldest.set()
        self.strangers[own] = must_go
        try:
            await self.app(scope, _receive_until(must_go, receive, send), send)
        finally:
            self.strangers.pop(own, None)


def _receive_until(must_go: asyncio.Event, receive: Receive, send: Send) -> Receive:
    """Wrap `receive`: once the event is set, it closes the web socket and reports a disconnect."""
    coming: asyncio.Task[Message] | None = None

    async def receive_or_go() -> Message:
        nonlocal coming
        coming = coming or asyncio.ensure_future(receive())
        going = asyncio.ensure_future(must_go.wait())
        try:
            await asyncio.wait({coming, going}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            going.cancel()
        if must_go.is_set():
            coming.cancel()
            await close_socket(send, TRY_AGAIN_LATER)
            return {"type": "websocket.disconnect", "code": TRY_AGAIN_LATER}
        found, coming = coming.result(), None
        return found

    return receive_or_go


def peer_of(scope: Scope) -> str:
    """The client's IPv4 address, or its IPv6 /64 network, which usually belongs to one user."""
    address = (scope.get("client") or ("",))[0]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "an unknown address"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
