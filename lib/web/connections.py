"""Connections below ASGI, where middleware cannot reach: those that never complete a request are
limited, and none holds back what it sends.

Different launchers (`streamlit run`, uvicorn, a platform) create their own uvicorn server, but all
of them use uvicorn's protocol classes, so these are patched. `tests/web/test_connections.py` fails
when an upgrade of uvicorn changes what this relies on.
"""

import asyncio
import logging
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets import websockets_sansio_impl
from websockets.exceptions import ProtocolError
from websockets.frames import Frame
from websockets.server import ServerProtocol

from lib.web.logs import RareWarning
from lib.web.messages import MOST_MESSAGE_BYTES, Throttle

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:  # an optional package; `install` leaves out what is None
    HttpToolsProtocol = None  # type: ignore[assignment, misc]

log = logging.getLogger(__name__)

SECONDS_FOR_HEADERS = 30.0
"""Time from opening a connection, or from the first byte of a further request, to the end of the
headers. Browsers send them at once; the slowest phone takes a few seconds."""

MOST_CONNECTIONS = 1000
"""Maximum number of connections, not counting web sockets. A browser opens at most six and closes
them after five idle seconds. Lower if the process may not open that many files."""

FRAMES_AT_ONCE = 200
FRAMES_PER_SECOND = 50.0
"""Frames accepted from one web socket. A browser sends a message as one frame, or a few if it is
long, and a page sends at most about five messages a second. Parsing a frame costs far more than
sending its six bytes."""


class BoundedFrames(ServerProtocol):
    """Closes a web socket that sends more frames than a browser does.

    Any layer above is too late: everything that arrives together is parsed before anybody else is
    served.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._throttle = Throttle(FRAMES_AT_ONCE, FRAMES_PER_SECOND)

    def recv_frame(self, frame: Frame) -> None:
        if self._throttle.wait():
            raise ProtocolError("too many frames")
        super().recv_frame(frame)


@dataclass(eq=False)
class _Connection:
    """An open HTTP connection, possibly idle between requests."""

    protocol: Any
    since: float
    peer: str
    timer: asyncio.TimerHandle | None = None

    def is_busy(self) -> bool:
        cycle = self.protocol.cycle
        return cycle is not None and not cycle.response_complete

    def is_web_socket(self) -> bool:
        return self.protocol.transport.get_protocol() is not self.protocol

    def drop(self) -> None:
        if not self.protocol.transport.is_closing():
            self.protocol.transport.abort()


@dataclass
class Connections:
    """The open HTTP connections of this process.

    If there are more than `most`, the oldest one of the peer that has most of them is dropped.
    """

    seconds_for_headers: float = SECONDS_FOR_HEADERS
    most: int = MOST_CONNECTIONS
    open: dict[Any, _Connection] = field(default_factory=dict)
    warn: RareWarning = field(default_factory=lambda: RareWarning(log))

    def made(self, protocol: Any) -> None:
        config = protocol.config
        # Streamlit sets this to the size of what it sends itself; browsers send far less.
        config.ws_max_size = min(config.ws_max_size, MOST_MESSAGE_BYTES)
        peer = protocol.client[0] if protocol.client else ""
        own = _Connection(protocol, time.monotonic(), peer)
        self.open[protocol] = own
        self._start_timer(own)
        if len(self.open) > self.most:
            self._drop_oldest()

    def received(self, protocol: Any) -> None:
        own = self.open.get(protocol)
        if own is None:
            return
        if own.is_web_socket():
            self.lost(protocol)
        elif own.is_busy():
            self._stop_timer(own)
        elif own.timer is None:
            self._start_timer(own)

    def lost(self, protocol: Any) -> None:
        own = self.open.pop(protocol, None)
        if own is not None:
            self._stop_timer(own)

    def _start_timer(self, own: _Connection) -> None:
        loop = own.protocol.loop
        own.timer = loop.call_later(self.seconds_for_headers, self._on_timeout, own)

    def _stop_timer(self, own: _Connection) -> None:
        if own.timer is not None:
            own.timer.cancel()
            own.timer = None

    def _on_timeout(self, own: _Connection) -> None:
        own.timer = None
        if not own.is_busy() and not own.is_web_socket():
            own.drop()

    def _drop_oldest(self) -> None:
        (peer, number), *_ = Counter(each.peer for each in self.open.values()).most_common(1)
        self.warn(
            "%d connections are open, %d of them of %s; its oldest one is dropped.",
            len(self.open),
            number,
            peer or "an unknown address",
        )
        # Oldest first.
        own = [each for each in self.open.values() if each.peer == peer]
        oldest = next((each for each in own if not each.is_busy()), own[0])
        self.lost(oldest.protocol)
        oldest.drop()


def _files_allowed() -> int:
    """How many files this process may have open, after raising the limit as far as needed."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


_FILES = 2048
_RESERVED_FILES = 700
"""Files reserved for web sockets, snapshots, the crawl and everything else."""

ACCEPTED_AT_ONCE = 100
"""Connections that asyncio accepts in one turn of the event loop. uvicorn sets 2048, which can be
more than the file limit: asyncio would try them all and log each failure."""


_installed: Connections | None = None


def install(connections: Connections | None = None) -> Connections:
    """Limit all connections that this process accepts from now on.

    A second call replaces the limits.
    """
    global _installed  # noqa: PLW0603 - the patched classes are global to the process, too
    is_first = _installed is None
    spare = _files_allowed() - _RESERVED_FILES
    _installed = connections or Connections(most=max(min(MOST_CONNECTIONS, spare), 100))
    if is_first:
        for protocol in (H11Protocol, HttpToolsProtocol):
            if protocol is not None:
                _wrap(protocol)
        websockets_sansio_impl.__dict__["ServerProtocol"] = BoundedFrames
    return _installed


def installed() -> Connections | None:
    """The limits of this process."""
    return _installed


def limit_accepts(loop: asyncio.AbstractEventLoop) -> None:
    """Limit how many connections `loop` accepts in one turn, for servers started from now on."""
    create_server = loop.create_server

    def create_bounded(*arguments: Any, backlog: int = 100, **more: Any) -> Any:
        return create_server(*arguments, backlog=min(backlog, ACCEPTED_AT_ONCE), **more)

    # The launcher configures uvicorn, not we, and the loop is all that we are given.
    loop.create_server = create_bounded  # type: ignore[method-assign]


def _send_at_once(transport: asyncio.BaseTransport) -> None:
    """Send small packets without waiting until the client has acknowledged the one before, which
    browsers delay by 40 ms: a response and a message are several. asyncio does so by itself, except
    on connections of a listening socket that uvicorn has made."""
    own = transport.get_extra_info("socket")
    if own is not None and own.family in (socket.AF_INET, socket.AF_INET6):
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _wrap(protocol: Any) -> None:
    made, received, lost = (
        protocol.connection_made,
        protocol.data_received,
        protocol.connection_lost,
    )

    def connection_made(self: Any, transport: asyncio.BaseTransport) -> None:
        _send_at_once(transport)
        made(self, transport)
        if _installed is not None:
            _installed.made(self)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        if _installed is not None:
            _installed.received(self)

    def connection_lost(self: Any, error: Exception | None) -> None:
        if _installed is not None:
            _installed.lost(self)
        lost(self, error)

    protocol.connection_made = connection_made
    protocol.data_received = data_received
    protocol.connection_lost = connection_lost
