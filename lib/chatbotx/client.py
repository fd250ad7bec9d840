"""HTTP client for the ChatbotX API: authorisation, rate limit, timeouts and retries.

The token is set once, as a header of an HTTP client that follows no redirects. Every error of the
HTTP library is translated before it can be printed, so the token never appears in one.
"""

import contextlib
import math
import random
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from lib.chatbotx import refusals, schema, tokens
from lib.chatbotx.body import ACCEPT_ENCODING, BrokenEncoding, RefusedEncoding, pieces_of
from lib.chatbotx.errors import (
    Cancelled,
    ChatbotXError,
    ServerTrouble,
    TooSlow,
    Unreachable,
    WrongAddress,
)
from lib.chatbotx.query import CountQuery, Query
from lib.chatbotx.rate_limiter import RateLimiter
from lib.chatbotx.refusals import TryAgain

__all__ = ["LARGEST_ANSWER", "Client", "CountQuery", "Patience", "Query", "RateLimiter"]

LARGEST_ANSWER = 64 * 2**20
"""In bytes. A page of 1000 contacts has about 2.5 MB; anything larger than this is refused."""

T = TypeVar("T")

_WATCHDOG_INTERVAL = 0.05
"""In seconds."""

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Plain HTTP needs no certificates, and loading them takes 20 ms of CPU."""


@dataclass(frozen=True)
class Patience:
    """Timeouts and retry limits; all times in seconds.

    `silence` is the longest wait for the next byte, `answer` for a whole answer. Abandoned requests
    keep running on the server, hence the long `answer`. A deep page takes long before its first
    byte: without a database index, about 13 ms for each contact that the server skips. So both
    limits grow by `per_skipped` for each skipped contact, by `longest_skipping` at most.

    A request is tried `attempts` times. A pause starts at `first_pause`, doubles up to
    `longest_pause`, and follows the server's Retry-After up to `longest_hold`. A crawl may retry
    `free_retries` times plus `retries_per_answer` times the number of answers: a server that fails
    some requests can still be read, one that answers none cannot. `count` limits the time spent on
    the server's own count, `crawl` the whole crawl. Deep pages that take longer than `slow_page`
    are read one at a time.
    """

    connect: float = 10
    silence: float = 60
    answer: float = 180
    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30
    longest_hold: float = 120
    free_retries: int = 200
    retries_per_answer: float = 0.5
    per_skipped: float = 0.05
    longest_skipping: float = 600
    count: float = 20
    crawl: float = 30 * 60
    slow_page: float = 1


@dataclass(frozen=True)
class _Limits:
    """Seconds that one answer may take: until its next byte, and in total."""

    silence: float
    answer: float


class Client:
    """Client for one workspace; thread-safe, and to be closed after use.

    `base_url` ends with `/api`, without a slash behind it. `requests` and `retries` count what was
    sent. `workspace_id` is taken from the token; None if the token does not contain it. Setting
    `cancelled` ends every request, including those in flight; so does the end of `patience.crawl`,
    counted from the creation of the client. `sleep` waits so many seconds and returns whether the
    requests were aborted meanwhile; by default, in real time.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        decode: Callable[[bytes], schema.Answer] | None = None,
        patience: Patience = Patience(),
        rate_limiter: RateLimiter | None = None,
        connections: int = 4,
        transport: httpx.BaseTransport | None = None,
        cancelled: threading.Event | None = None,
        jitter: random.Random | None = None,
        sleep: Callable[[float], bool] | None = None,
    ) -> None:
        self._path = urlsplit(base_url).path + "/v1/contacts"
        self._decode = decode or schema.Decoder()
        self.patience = patience
        self._rate_limiter = rate_limiter or RateLimiter(None)
        self._jitter = jitter or random.Random()
        self._deadline = time.monotonic() + patience.crawl
        self._lock = threading.Lock()
        self._aborted = threading.Event()
        self._sleep = sleep or self._aborted.wait
        self._closed = threading.Event()
        self._watchdog: threading.Thread | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.cancelled = cancelled or threading.Event()
        self.connections = connections
        self.workspace_id = tokens.workspace_id(token)
        self.requests = 0
        self.retries = 0
        self._answers = 0
        try:
            self._http = httpx.Client(
                base_url=base_url,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "Accept-Encoding": ACCEPT_ENCODING,
                    "User-Agent": "chatbotx-audience-dashboard",
                },
                limits=httpx.Limits(max_connections=connections, keepalive_expiry=4.5),
                follow_redirects=False,
                # Plain HTTP is only allowed to this machine, and the unencrypted token must not
                # go through a proxy.
                trust_env=base_url.startswith("https:"),
                verify=_NO_CERTIFICATES if base_url.startswith("http:") else True,
                transport=transport,
            )
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            # Caused by the environment: HTTPS_PROXY, SSL_CERT_FILE and the like.
            raise Unreachable(refusals.UNREACHABLE) from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all requests in flight and close all connections."""
        self.abort()
        self._closed.set()
        if self._watchdog is not None:
            self._watchdog.join()
        self._http.close()

    def abort(self) -> None:
        """End every request: waiting, in flight or made later.

        Each raises Cancelled, or TooSlow if the time of the crawl is over. Does not set
        `cancelled`, which belongs to the caller.
        """
        self._aborted.set()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            _shut_down(each)

    @property
    def is_ended(self) -> bool:
        """Whether requests are no longer made, so that `check` raises."""
        return self.cancelled.is_set() or self._aborted.is_set() or self._is_late

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def check(self) -> None:
        """Raise Cancelled or TooSlow if requests are no longer made."""
        self._wait(0)

    def contacts(self, query: Query) -> schema.Answer:
        """The answer to `query`, with retries where they may help. Raises ChatbotXError."""
        patience = self.patience
        skipping = min(patience.per_skipped * query.skipped, patience.longest_skipping)
        limits = _Limits(patience.silence + skipping, patience.answer + skipping)
        target = f"{self._path}?{query.encoded()}"
        return self._decoded(lambda: self._get(target, limits), self._decode)

    def count(self, query: CountQuery, until: float) -> int | None:
        """The server's own count of contacts; None if there is none before `until`.

        `until` is a time of `time.monotonic`. Older servers have no such endpoint, and nothing
        depends on it, so all other errors count as None. Raises Cancelled, and TooSlow only if the
        time of the whole crawl is over.
        """
        target = f"{self._path}/count?{query.encoded()}"

        def get() -> tuple[httpx.Response, bytes]:
            left = until - time.monotonic()
            if left <= 0:
                raise TooSlow(refusals.TOO_SLOW)
            return self._get(target, _Limits(left, left))

        try:
            return self._decoded(get, schema.total_of, until)
        except Cancelled:
            raise
        except ChatbotXError:
            self.check()
            return None

    def _decoded(
        self,
        get: Callable[[], tuple[httpx.Response, bytes]],
        decode: Callable[[bytes], T],
        until: float = math.inf,
    ) -> T:
        """Request and decode an answer, with retries where they may help."""
        self._start_watchdog()
        attempt = 1
        while True:
            while (delay := self._rate_limiter.delay()) > 0:
                self._wait(delay, until)
            self.check()
            asked_at = self._rate_limiter.clock()
            try:
                answer = self._attempt(get, decode)
            except TryAgain as trouble:
                self.check()  # a request that we ended ourselves is not retried
                with self._lock:
                    self.retries += 1
                    spent = self.retries > self._retries_allowed
                if attempt >= self.patience.attempts or spent:
                    raise trouble.final from trouble.__cause__
                pause = self._pause(attempt)
                if trouble.retry_after is not None:
                    pause = max(pause, min(trouble.retry_after, self.patience.longest_hold))
                if trouble.is_rate_limit:
                    self._rate_limiter.hold(pause, asked_at)
                self._wait(pause, until)
                attempt += 1
            else:
                with self._lock:
                    self._answers += 1
                return answer

    @property
    def _retries_allowed(self) -> float:
        return self.patience.free_retries + self.patience.retries_per_answer * self._answers

    def _pause(self, attempt: int) -> float:
        """Exponential backoff in seconds, with 25% jitter to keep walkers from synchronising."""
        pause = min(self.patience.first_pause * 2 ** (attempt - 1), self.patience.longest_pause)
        with self._lock:
            return pause * self._jitter.uniform(0.75, 1.25)

    def _wait(self, seconds: float, until: float = math.inf) -> None:
        """Sleep; raise Cancelled or TooSlow if the crawl ends before or during that time."""
        if self.cancelled.is_set():
            raise Cancelled(refusals.STOPPED)
        if time.monotonic() + seconds > min(self._deadline, until):
            raise TooSlow(refusals.TOO_SLOW)
        if self._aborted.is_set() or (seconds > 0 and self._sleep(seconds)):
            raise TooSlow(refusals.TOO_SLOW) if self._is_late else Cancelled(refusals.STOPPED)

    def _start_watchdog(self) -> None:
        with self._lock:
            if self._watchdog is None:
                self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._watchdog.start()

    def _watch(self) -> None:
        """Abort requests once the crawl is cancelled or late.

        A thread that is blocked on a socket cannot check for itself.
        """
        while not self._closed.wait(_WATCHDOG_INTERVAL):
            if self.is_ended:
                self.abort()
                return

    def _attempt(
        self, get: Callable[[], tuple[httpx.Response, bytes]], decode: Callable[[bytes], T]
    ) -> T:
        with self._lock:
            self.requests += 1
        try:
            response, body = get()
        except httpx.TimeoutException as error:
            raise TryAgain(Unreachable(refusals.SILENT)) from error
        except httpx.TransportError as error:
            raise TryAgain(Unreachable(refusals.UNREACHABLE)) from error
        except (httpx.HTTPError, BrokenEncoding) as error:
            raise TryAgain(ServerTrouble(refusals.GARBLED)) from error
        if response.status_code != 200:
            raise refusals.error_for(response, body)
        try:
            return decode(body)
        except schema.Garbled as error:
            if response.headers.get("content-type", "").startswith("text/html"):
                raise WrongAddress(refusals.HTML) from error
            raise TryAgain(ServerTrouble(refusals.GARBLED)) from error

    def _get(self, target: str, limits: _Limits) -> tuple[httpx.Response, bytes]:
        """Read a whole response in pieces, so that one that never ends or trickles is given up."""
        give_up = time.monotonic() + limits.answer
        with self._http.stream(
            "GET",
            httpx.URL(self._http.base_url, raw_path=target.encode()),
            timeout=httpx.Timeout(
                limits.silence, connect=min(self.patience.connect, limits.silence)
            ),
            extensions={"trace": self._on_event},
        ) as response:
            pieces, size = [], 0
            try:
                for piece in pieces_of(response):
                    pieces.append(piece)
                    size += len(piece)
                    if size > LARGEST_ANSWER:
                        raise ServerTrouble(refusals.TOO_LARGE)
                    if time.monotonic() > give_up:
                        raise TryAgain(Unreachable(refusals.SILENT))
            except (RefusedEncoding, BrokenEncoding) as error:
                if response.status_code != 200:
                    return response, b""  # the status says enough
                if isinstance(error, BrokenEncoding):
                    raise
                raise ServerTrouble(refusals.ENCODED) from error
        return response, b"".join(pieces)

    def _on_event(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep each new socket: only shutting it down ends a read that is blocked on it."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.add(connection)
            if self._aborted.is_set():
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # Not SSLSocket.shutdown, which drops the TLS state that another thread is reading with.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
