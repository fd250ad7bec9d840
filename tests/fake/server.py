"""The fake server: authentication, answers, and statistics."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from itertools import count as counting
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from tests.fake.answers import (
    SIGN_IN_PAGE,
    WRONG_PATH,
    Answer,
    error_answer,
    redirect,
    too_many_requests,
)
from tests.fake.faults import Fault, Late
from tests.fake.manners import JULY, Manners, RateLimit
from tests.fake.queries import Ask, Refused, read_query
from tests.fake.requests import (
    API_PATH,
    CONTACTS_PATH,
    COUNT_PATH,
    SIGN_IN_PATH,
    Contact,
    RecordedRequest,
    bearer_token,
)
from tests.fake.sockets import Connection, Sockets
from tests.fake.workspace import Workspace


class FakeChatbotx:
    """A server on 127.0.0.1 that serves each workspace under its token.

    `latency`, in seconds, is added to every answer. A connection idle for `idle_seconds` is closed.
    `seed` fixes the order of ties. All of these can be changed while the server runs, and so can
    two hooks:

    - `between_requests` is called before each answer is computed, while no other is: it may insert,
      delete and update contacts, or change the settings of the server.
    - `faults` may return a `Fault` to replace an answer.

    `requests` are in order of arrival. `max_in_flight` is the maximum number of concurrent
    requests, `max_deep_in_flight` that of requests that skip contacts. An exception raised by a
    hook is raised again when the `with` block ends.
    """

    def __init__(
        self,
        workspaces: Mapping[str, Iterable[Contact] | Workspace],
        manners: Manners = JULY,
        *,
        port: int = 0,
        seed: int = 0,
        latency: float = 0.0,
        idle_seconds: float = 5.0,
        faults: Callable[[RecordedRequest], Fault | None] | None = None,
        between_requests: Callable[[FakeChatbotx, RecordedRequest], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workspaces = {
            token: held if isinstance(held, Workspace) else Workspace(held)
            for token, held in workspaces.items()
        }
        self.manners = manners
        self.seed = seed
        self.latency = latency
        self.idle_seconds = idle_seconds
        self.faults = faults
        self.between_requests = between_requests
        self.requests: list[RecordedRequest] = []
        self.max_in_flight = self.max_deep_in_flight = 0
        self.errors: list[BaseException] = []
        self._port = port
        self._clock = clock
        self._in_flight = self._deep_in_flight = 0
        self._numbers = counting(1)
        self._windows: dict[str, _Window] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._sockets: Sockets | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if self.errors and error is None:
            raise self.errors[0]

    def start(self) -> None:
        """Listen, and answer in threads of its own until `close`."""
        self._sockets = Sockets(self, self._port)
        self._sockets.start()

    def close(self) -> None:
        """Drop all connections, including those waiting for an answer, and end all threads."""
        self._closing.set()
        if self._sockets is not None:
            self._sockets.stop()

    @property
    def base_url(self) -> str:
        """The base URL to configure a client with, ending with `/api`."""
        if self._sockets is None:
            raise RuntimeError("The server has no address before it is started.")
        return f"http://127.0.0.1:{self._sockets.port}{API_PATH}"

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._sockets.open) if self._sockets is not None else 0

    def serve(self, connection: Connection) -> None:
        """Answer the request that has just been read from `connection`."""
        skipped = 0
        with self._lock:
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            with self._lock:
                request = self._record(connection)
                if self.between_requests is not None:
                    self.between_requests(self, request)
                fault = self.faults(request) if self.faults is not None else None
                answer, skipped = self.answer(request)
                seconds = self.latency + self._begin_to_skip(skipped)
            if isinstance(fault, Late):
                seconds += fault.seconds
            if seconds and self._closing.wait(seconds):
                connection.close_connection = True
                return
        finally:
            # Before sending the answer, since the client may send its next request right after it.
            with self._lock:
                self._in_flight -= 1
                self._deep_in_flight -= skipped > 0
        connection.send(answer, fault, self._closing)

    def _begin_to_skip(self, skipped: int) -> float:
        """Count a deep page as in flight; return the seconds that skipping its contacts takes."""
        self._deep_in_flight += skipped > 0
        self.max_deep_in_flight = max(self.max_deep_in_flight, self._deep_in_flight)
        return skipped * self.manners.seconds_per_skipped_contact * self._deep_in_flight

    def _record(self, connection: Connection) -> RecordedRequest:
        target = urlsplit(connection.path)
        headers = {name.lower(): value for name, value in connection.headers.items()}
        token = bearer_token(headers.get("authorization"))
        request = RecordedRequest(
            number=next(self._numbers),
            method=connection.command,
            path=target.path,
            query=tuple(parse_qsl(target.query, keep_blank_values=True)),
            headers=headers,
            token=token,
            token_ok=token in self.workspaces,
            at=self._clock(),
        )
        self.requests.append(request)
        return request

    def answer(self, request: RecordedRequest) -> tuple[Answer, int]:
        """The answer, and how many contacts the server has to skip for it."""
        path = request.path
        if path.endswith("/") and path != "/":
            query = f"?{urlencode(request.query)}" if request.query else ""
            return redirect(path.rstrip("/") + query, 308), 0
        if path == SIGN_IN_PATH:
            return SIGN_IN_PAGE, 0
        if path != API_PATH and not path.startswith(f"{API_PATH}/"):
            return redirect(SIGN_IN_PATH), 0
        is_count = path == COUNT_PATH and self.manners.counts
        if request.method != "GET" or (path != CONTACTS_PATH and not is_count):
            return WRONG_PATH, 0
        try:
            workspace = self._admit(request)
            ask = read_query(request, self.manners)
        except Refused as refused:
            return refused.answer, 0
        if is_count:
            return _total(workspace.count(ask), is_exact=bool(ask.conditions)), 0
        contacts, count = workspace.page(ask, Random(f"ties {self.seed} {request.number}"))
        skipped = min((ask.page - 1) * ask.per_page, count)
        return _page(contacts, count, ask, self.manners), skipped

    def _admit(self, request: RecordedRequest) -> Workspace:
        """The workspace of the token, or the error of api.md, "Limits and errors"."""
        self._count("address", self.manners.address_rate_limit, request)
        if request.token is None or request.token not in self.workspaces:
            status = self.manners.invalid_token_status
            raise Refused(error_answer(status, "INVALID_CHATBOT_TOKEN"))
        workspace = self.workspaces[request.token]
        if workspace.forbidden:
            raise Refused(error_answer(403, "FORBIDDEN"))
        self._count(f"workspace {request.token}", self.manners.rate_limit, request)
        return workspace

    def _count(self, whom: str, limit: RateLimit | None, request: RecordedRequest) -> None:
        if limit is None:
            return
        window = self._windows.get(whom)
        if window is None or request.at >= window.opened + limit.seconds:
            window = self._windows[whom] = _Window(opened=request.at)
        window.requests += 1
        if window.requests > limit.requests:
            wait = window.opened + limit.seconds - request.at
            raise Refused(too_many_requests(_retry_after(limit, wait), wait))


def _total(count: int, *, is_exact: bool) -> Answer:
    """The answer of `/count`, which is an estimate without a filter."""
    return Answer(200, msgspec.json.encode({"total": count if is_exact else count * 21 // 20 + 1}))


def _page(contacts: list[bytes], count: int, ask: Ask, manners: Manners) -> Answer:
    """A page as in api.md, "Answer"; its counts leave out contacts beyond `counted_up_to`."""
    limit = manners.counted_up_to
    counted = count if limit is None else min(count, limit)
    end = f'],"pageCount":{-(-counted // ask.per_page)}'
    if manners.sends_total_count:
        end += f',"totalCount":{counted},"totalCountCapped":{json.dumps(counted < count)}'
    return Answer(200, b'{"data":[%b%b}' % (b",".join(contacts), end.encode()))


def _retry_after(limit: RateLimit, wait: float) -> str | None:
    if limit.retry_after is None:
        return None
    if limit.retry_after == "seconds":
        return str(math.ceil(wait))
    return formatdate(math.ceil(time.time() + wait), usegmt=True)


@dataclass
class _Window:
    """The number of requests since the window of a rate limit started."""

    opened: float
    requests: int = 0
