"""One request to the ChatbotX API: authorisation, pace, patience, retries.

The token is set once in a header of a client that follows no redirect, and every error of the HTTP
library is translated before it can be printed.
"""

import email.utils
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
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
        desc = "true" if self.descending else "false"
        sort = f'[{{"id":"createdAt","desc":{desc}}},{{"id":"id","desc":{desc}}}]'
        parameters = [("page", str(self.page)), ("perPage", str(self.per_page)), ("sort", sort)]
        if self.since is not None:
            condition = "contactFilter[conditions][0]"
            parameters += [
                ("contactFilter[operator]", "and"),
                (f"{condition}[field]", "contactCreatedAt"),
                (f"{condition}[operator]", "gte"),
                (f"{condition}[value]", self.since),
            ]
        # Servers since October then leave out custom fields; older ones ignore it.
        parameters += [("include[]", part) for part in ("tags", "inboxes", "conversation")]
        return "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)


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
    """At most `per_10s` requests in any 10 seconds, over all threads; None for no limit."""

    def __init__(self, per_10s: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_10s = per_10s
        self._clock = clock
        self._lock = threading.Lock()
        self._starts: deque[float] = deque()
        self._not_before = 0.0

    def delay(self) -> float:
        """Seconds to wait before asking again; 0 when a request may start, which is then counted."""
        with self._lock:
            now = self._clock()
            wait = self._not_before - now
            if self._per_10s is not None:
                while self._starts and self._starts[0] <= now - 10:
                    self._starts.popleft()
                if len(self._starts) >= self._per_10s:
                    wait = max(wait, self._starts[0] + 10 - now)
            if wait > 0:
                return wait
            self._starts.append(now)
            return 0.0

    def hold(self, seconds: float) -> None:
        """The server asked for a pause: nobody starts a request before it is over."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)
            if self._per_10s is not None:
                self._per_10s = max(1, self._per_10s * 9 // 10)


class Client:
    """Requests to one workspace; safe to use from several threads, to be closed after use.

    `requests` and `retries` count what was sent. Setting `cancelled` makes every waiting or coming
    request raise Cancelled.
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
        self.cancelled = cancelled or threading.Event()
        self.connections = connections
        self.requests = 0
        self.retries = 0
        self._http = httpx.Client(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "User-Agent": "chatbotx-audience-dashboard",
            },
            timeout=httpx.Timeout(patience.silence, connect=patience.connect),
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=4.5),
            follow_redirects=False,
            # A proxy is for the world outside; to this machine itself the token goes unencrypted.
            trust_env=base_url.startswith("https:"),
            transport=transport,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def contacts(self, query: Query) -> schema.Answer:
        """The answer to `query`, tried several times where that may help. Raises ChatbotXError."""
        attempt = 1
        while True:
            try:
                return self._ask(query)
            except _TryAgain as trouble:
                with self._lock:
                    self.retries += 1
                    spent = self.retries > self._patience.retries_per_crawl
                if attempt >= self._patience.attempts or spent:
                    raise trouble.final from trouble.__cause__
                pause = self._pause(attempt)
                if trouble.retry_after is not None:
                    pause = max(pause, min(trouble.retry_after, self._patience.longest_hold))
                if trouble.is_rate_limit:
                    self._pace.hold(pause)
                self._wait(pause)
                attempt += 1

    def _pause(self, attempt: int) -> float:
        """Doubles with each attempt, spread by a quarter so that walkers do not march in step."""
        pause = min(self._patience.first_pause * 2 ** (attempt - 1), self._patience.longest_pause)
        with self._lock:
            return pause * self._jitter.uniform(0.75, 1.25)

    def _wait(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._deadline:
            raise TooSlow(
                "The workspace could not be read within the time allowed. Try again when ChatbotX "
                "is less busy, or allow more with CHATBOTX_MAX_MINUTES."
            )
        if self.cancelled.wait(seconds):
            raise Cancelled("The refresh was stopped.")

    def _ask(self, query: Query) -> schema.Answer:
        while (delay := self._pace.delay()) > 0:
            self._wait(delay)
        self._wait(0)
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
        """The whole answer. Read in pieces, so that neither an endless nor a dripping one holds us."""
        give_up = time.monotonic() + self._patience.answer
        url = httpx.URL(self._http.base_url, raw_path=f"{self._path}?{query.encoded()}".encode())
        with self._http.stream("GET", url) as response:
            pieces, size = [], 0
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise ServerTrouble(_TOO_LARGE)
                if self.cancelled.is_set():
                    raise Cancelled("The refresh was stopped.")
                if time.monotonic() > give_up:
                    raise _TryAgain(Unreachable(_SILENT))
        return response, b"".join(pieces)


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
