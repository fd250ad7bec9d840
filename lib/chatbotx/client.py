"""One request to the ChatbotX API: authorisation, pace, patience, retries.

The token is set once in a header of a client that follows no redirect, and every error of the HTTP
library is translated before it can be printed.
"""

import contextlib
import email.utils
import math
import random
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from lib.chatbotx import schema
from lib.chatbotx.errors import (
    Cancelled,
    ChatbotXError,
    RequestRefused,
    ServerTrouble,
    TokenRefused,
    TooSlow,
    Unreachable,
    WrongAddress,
)

PER_PAGE = 1000
"""What we ask for; servers cap it silently (50 in July, 1000 in others)."""

LARGEST_ANSWER = 64 * 2**20
"""Bytes. 1000 contacts are about 2.5 MB; more than this is not an answer."""

_SLOWEST_PER_10S = 20
"""Others may use up what the server allows; that is no reason to stand still."""

_GUARD_LOOKS_EVERY = 0.05
"""Seconds."""

_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Query:
    """A page of contacts in the order of `createdAt, id`, or, with `descending`, the reverse.

    `since` keeps those with `createdAt >= since`, a time as the API writes it.
    """

    since: str | None = None
    page: int = 1
    per_page: int = PER_PAGE
    descending: bool = False

    def encoded(self) -> str:
        parts = [f"page={self.page}&perPage={self.per_page}", _SORT[self.descending], _INCLUDE]
        if self.since is not None:
            parts += [_SINCE + quote(self.since)]
        return "&".join(parts)


def _parameters(*parameters: tuple[str, str]) -> str:
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)


_SORT = {
    descending: _parameters(
        ("sort", f'[{{"id":"createdAt","desc":{desc}}},{{"id":"id","desc":{desc}}}]')
    )
    for descending, desc in ((False, "false"), (True, "true"))
}
_SINCE = _parameters(
    ("contactFilter[operator]", "and"),
    ("contactFilter[conditions][0][field]", "contactCreatedAt"),
    ("contactFilter[conditions][0][operator]", "gte"),
    ("contactFilter[conditions][0][value]", ""),
)
# Servers since October then leave out custom fields; older ones ignore it.
_INCLUDE = _parameters(*[("include[]", part) for part in ("tags", "inboxes", "conversation")])


@dataclass(frozen=True)
class Patience:
    """How long to wait and how often to try again; times in seconds.

    Requests that are given up keep running on the server, hence the long `answer`.
    """

    connect: float = 10
    silence: float = 60
    answer: float = 180
    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30
    longest_hold: float = 120
    retries_per_crawl: int = 200
    crawl: float = 30 * 60


class Pace:
    """At most `per_10s` requests in any 10 seconds, over all threads; None for no limit.

    Where others use the same workspace, or its server allows less than the operator thought, some
    are refused. The pace then falls, and comes back step by step when no more are.
    """

    def __init__(self, per_10s: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._wanted = self._per_10s = math.inf if per_10s is None else float(per_10s)
        self._lock = threading.Lock()
        self._starts: deque[float] = deque()
        self._not_before = self._changed = -math.inf

    @property
    def per_10s(self) -> float:
        """The pace that is kept now."""
        return self._per_10s

    def delay(self) -> float:
        """Seconds to wait before asking again; 0 if a request may start, which is then counted."""
        with self._lock:
            now = self.clock()
            self._forget_starts_before(now - 10)
            self._recover(now)
            wait = self._not_before - now
            if len(self._starts) + 1 > self._per_10s:
                wait = max(wait, self._starts[0] + 10 - now)
            if wait > 0:
                return wait
            self._starts.append(now)
            return 0.0

    def hold(self, seconds: float, asked_at: float) -> None:
        """The server refused a request of `asked_at` and wants a pause: nobody starts another one
        before it is over."""
        with self._lock:
            now = self.clock()
            self._not_before = max(self._not_before, now + seconds)
            # Requests under way together are refused together, and that is one refusal.
            if self._wanted == math.inf or asked_at <= self._changed:
                return
            self._changed = now
            self._forget_starts_before(now - 10)
            # What was sent was too much; but a few that were sent first say little.
            too_much = max(min(len(self._starts), self._per_10s), self._per_10s / 2)
            self._per_10s = max(too_much * 0.9, min(_SLOWEST_PER_10S, self._wanted))

    def _forget_starts_before(self, instant: float) -> None:
        while self._starts and self._starts[0] <= instant:
            self._starts.popleft()

    def _recover(self, now: float) -> None:
        while self._per_10s < self._wanted and now >= max(self._changed, self._not_before) + 10:
            self._changed = max(self._changed, self._not_before) + 10
            self._per_10s = min(self._wanted, self._per_10s + max(5, self._per_10s / 20))


class Client:
    """Requests to one workspace; safe to use from several threads, to be closed after use.

    `requests` and `retries` count what was sent. Setting `cancelled` ends every request, also one
    that is under way, and so does the end of the time that `patience` allows for a crawl.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        decode: Callable[[bytes], schema.Answer] | None = None,
        patience: Patience = Patience(),
        pace: Pace | None = None,
        connections: int = 4,
        transport: httpx.BaseTransport | None = None,
        cancelled: threading.Event | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._path = urlsplit(base_url).path + "/v1/contacts"
        self._decode = decode or schema.Decoder()
        self._patience = patience
        self._pace = pace or Pace(None)
        self._jitter = jitter or random.Random()
        self._deadline = time.monotonic() + patience.crawl
        self._lock = threading.Lock()
        self._aborted = threading.Event()
        self._closed = threading.Event()
        self._guard: threading.Thread | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.cancelled = cancelled or threading.Event()
        self.connections = connections
        self.requests = 0
        self.retries = 0
        try:
            self._http = httpx.Client(
                base_url=base_url,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "User-Agent": "chatbotx-audience-dashboard",
                },
                limits=httpx.Limits(max_connections=connections, keepalive_expiry=4.5),
                follow_redirects=False,
                # A proxy is for the world outside; to this machine itself the token goes
                # unencrypted.
                trust_env=base_url.startswith("https:"),
                transport=transport,
            )
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            # From the environment: HTTPS_PROXY, SSL_CERT_FILE and the like.
            raise Unreachable(_UNREACHABLE) from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what is still under way and closes all connections."""
        self.abort()
        self._closed.set()
        if self._guard is not None:
            self._guard.join()
        self._http.close()

    def abort(self) -> None:
        """Ends every request, waiting, coming or under way: it raises Cancelled, or TooSlow when
        there is no time left. Does not touch `cancelled`, which belongs to others."""
        self._aborted.set()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            _shut_down(each)

    @property
    def is_ended(self) -> bool:
        """Whether `check` raises."""
        return self.cancelled.is_set() or self._aborted.is_set() or self._is_late

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def check(self) -> None:
        """Raises Cancelled or TooSlow if no request is answered any more."""
        self._wait(0)

    def contacts(self, query: Query) -> schema.Answer:
        """The answer to `query`, tried several times where that may help. Raises ChatbotXError."""
        self._start_guard()
        attempt = 1
        while True:
            while (delay := self._pace.delay()) > 0:
                self._wait(delay)
            self.check()
            asked_at = self._pace.clock()
            try:
                return self._ask(query)
            except _TryAgain as trouble:
                self.check()  # a request that was ended is no trouble
                with self._lock:
                    self.retries += 1
                    spent = self.retries > self._patience.retries_per_crawl
                if attempt >= self._patience.attempts or spent:
                    raise trouble.final from trouble.__cause__
                pause = self._pause(attempt)
                if trouble.retry_after is not None:
                    pause = max(pause, min(trouble.retry_after, self._patience.longest_hold))
                if trouble.is_rate_limit:
                    self._pace.hold(pause, asked_at)
                self._wait(pause)
                attempt += 1

    def _pause(self, attempt: int) -> float:
        """Doubles with each attempt, spread by a quarter so that walkers do not march in step."""
        pause = min(self._patience.first_pause * 2 ** (attempt - 1), self._patience.longest_pause)
        with self._lock:
            return pause * self._jitter.uniform(0.75, 1.25)

    def _wait(self, seconds: float) -> None:
        """Raises Cancelled or TooSlow if there is no point in going on after so many seconds."""
        if self.cancelled.is_set():
            raise Cancelled(_STOPPED)
        if time.monotonic() + seconds > self._deadline:
            raise TooSlow(_TOO_SLOW)
        if self._aborted.wait(seconds):
            raise TooSlow(_TOO_SLOW) if self._is_late else Cancelled(_STOPPED)

    def _start_guard(self) -> None:
        with self._lock:
            if self._guard is None:
                self._guard = threading.Thread(target=self._keep_guard, name="guard", daemon=True)
                self._guard.start()

    def _keep_guard(self) -> None:
        """Ends what is under way when it is cancelled or late: a thread that waits for a socket
        cannot look for itself."""
        while not self._closed.wait(_GUARD_LOOKS_EVERY):
            if self.is_ended:
                self.abort()
                return

    def _ask(self, query: Query) -> schema.Answer:
        with self._lock:
            self.requests += 1
        try:
            response, body = self._send(query)
        except httpx.TimeoutException as error:
            raise _TryAgain(Unreachable(_SILENT)) from error
        except httpx.TransportError as error:
            raise _TryAgain(Unreachable(_UNREACHABLE)) from error
        except httpx.HTTPError as error:
            raise _TryAgain(ServerTrouble(_GARBLED)) from error
        if response.status_code != 200:
            raise _trouble(response, body)
        try:
            return self._decode(body)
        except schema.Garbled as error:
            if response.headers.get("content-type", "").startswith("text/html"):
                raise WrongAddress(_HTML) from error
            raise _TryAgain(ServerTrouble(_GARBLED)) from error

    def _send(self, query: Query) -> tuple[httpx.Response, bytes]:
        """The whole answer, read in pieces: neither an endless nor a dripping one holds us."""
        patience = self._patience
        give_up = time.monotonic() + patience.answer
        url = httpx.URL(self._http.base_url, raw_path=f"{self._path}?{query.encoded()}".encode())
        with self._http.stream(
            "GET",
            url,
            timeout=httpx.Timeout(patience.silence, connect=patience.connect),
            extensions={"trace": self._on_event},
        ) as response:
            pieces, size = [], 0
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise ServerTrouble(_TOO_LARGE)
                if time.monotonic() > give_up:
                    raise _TryAgain(Unreachable(_SILENT))
        return response, b"".join(pieces)

    def _on_event(self, event: str, info: Mapping[str, Any]) -> None:
        """Learns of each new connection, the only way to end it while a thread waits for it."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.add(connection)
            if self._aborted.is_set():
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # Not the method of SSLSocket, which takes away the state that another thread reads with.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _TryAgain(Exception):
    """This attempt failed; `final` is what to raise when there is no further one."""

    def __init__(
        self,
        final: ChatbotXError,
        *,
        retry_after: float | None = None,
        is_rate_limit: bool = False,
    ) -> None:
        super().__init__(str(final))
        self.final = final
        self.retry_after = retry_after
        self.is_rate_limit = is_rate_limit


def _trouble(response: httpx.Response, body: bytes) -> ChatbotXError | _TryAgain:
    """What an answer other than 200 means."""
    status, code = response.status_code, schema.error_code(body)
    if code == "INVALID_CHATBOT_TOKEN" or status == 401:  # July says so with a 500
        return TokenRefused(
            "ChatbotX does not accept the access token. Create a new read-only token with the "
            "contacts scope in ChatbotX and put it into CHATBOTX_TOKEN."
        )
    if status == 403:
        return TokenRefused(
            "The access token may not read contacts. Give it the contacts scope in ChatbotX, and "
            "check that the workspace is not being deleted."
        )
    if 300 <= status < 400:
        return WrongAddress(
            "The server sends us elsewhere instead of answering. Check CHATBOTX_BASE_URL: it ends "
            "with /api, as in https://app.chatbotx.io/api, and needs https:// on most servers."
        )
    if status == 404:
        return WrongAddress(
            "There is no ChatbotX API at this address. Check CHATBOTX_BASE_URL: it ends with /api, "
            "as in https://app.chatbotx.io/api."
        )
    if status in _RETRIED_STATUS:
        if status == 429:
            return _TryAgain(
                ServerTrouble(
                    "ChatbotX keeps asking us to slow down. Lower CHATBOTX_REQUESTS_PER_10S, or "
                    "see what else uses this workspace's API."
                ),
                retry_after=_retry_after(response.headers.get("retry-after")),
                is_rate_limit=True,
            )
        return _TryAgain(
            ServerTrouble(
                f"ChatbotX answers with an error (status {status}) again and again. Try later; if "
                "it stays, tell those who run the server."
            ),
            retry_after=_retry_after(response.headers.get("retry-after")),
        )
    return RequestRefused(
        f"ChatbotX does not understand our request (status {status}). This dashboard may be older "
        "than your server: update it, or tell its makers."
    )


def _retry_after(header: str | None) -> float | None:
    """Seconds, from a number of them or from a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


_STOPPED = "The refresh was stopped."
_TOO_SLOW = (
    "The workspace could not be read within the time allowed. Try again when ChatbotX is less "
    "busy, or allow more with CHATBOTX_MAX_MINUTES."
)
_SILENT = (
    "ChatbotX does not answer in time. Try later; if it stays, check that CHATBOTX_BASE_URL is "
    "right and that this machine may reach it."
)
_UNREACHABLE = (
    "ChatbotX cannot be reached. Check CHATBOTX_BASE_URL, and that this machine has a way to it "
    "(network, proxy, firewall, certificate)."
)
_GARBLED = (
    "The server's answers cannot be read. Try later; if it stays, check that CHATBOTX_BASE_URL "
    "leads to ChatbotX and not to something in between."
)
_HTML = (
    "A web page answers where the ChatbotX API should. Check CHATBOTX_BASE_URL: it ends with /api, "
    "as in https://app.chatbotx.io/api."
)
_TOO_LARGE = (
    "The server sent an answer far larger than any page of contacts, so it was refused. Check that "
    "CHATBOTX_BASE_URL leads to ChatbotX."
)
