"""The ChatbotX contacts API on a local socket, with its limits, its traps and its bad days.

    with FakeChatbotx({"edge": contacts}, manners=JULY) as server:
        httpx.get(f"{server.base_url}/v1/contacts", headers={"Authorization": "Bearer edge"})

`Manners` says which version of the platform answers, `Workspace` holds the contacts behind one
token and lets a test change them, a `Fault` takes the place of an answer. What is imitated is
described in the team's API notes, `api.md`; docstrings name the section. Whatever `api.md` does
not mention is refused or ignored, so that no client comes to depend on it by accident.

    python -m tests.fake_chatbotx --manners october --contacts 50000 --latency 0.05
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import socket
import struct
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler
from itertools import count as counting
from operator import methodcaller
from pathlib import Path
from random import Random
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from tests.synthetic import synthetic_contacts

Contact = dict[str, Any]

API_PATH = "/api"
CONTACTS_PATH = f"{API_PATH}/v1/contacts"
COUNT_PATH = f"{CONTACTS_PATH}/count"
SIGN_IN_PATH = "/sign-in"
EDGE_CONTACTS = Path(__file__).parent / "data" / "edge-contacts.json"
NOVEMBER_CONTACTS = EDGE_CONTACTS.with_stem("edge-contacts-november")


@dataclass(frozen=True)
class RateLimit:
    """So many requests in a fixed window that opens with the first of them."""

    requests: int
    seconds: float
    retry_after: Literal["seconds", "date"] | None = None


@dataclass(frozen=True)
class Manners:
    """How one version of the platform behaves; see `JUNE`, `JULY`, `OCTOBER` and `NOVEMBER`.

    `counted_up_to` is where counting stops: `pageCount` then covers no more contacts than that.
    `newest_first` is the order without `sort`: by `createdAt`, ties in another order each time; a
    version without it answers in another order each time. `ignores_sort` and `ignores_filter` make
    the servers that api.md, "Traps", wants noticed.

    `filters_by_seconds` is what a time in a filter is cut to, a second in November; 0 leaves it as
    it is. `conditions_add_up` lets several conditions on one field hold, not just the last one;
    `drops_dateless_conditions` lets all contacts come where the value of a condition is no date;
    `applies_channels` filters by `channels` and `inboxIds`; `counts` knows `/v1/contacts/count`.

    `seconds_per_skipped_contact` is what a page costs for each contact before it (trap 4), as much
    again for each other such page that is being read: 0.013 on an install without an index on
    `Conversation("contactId")`.
    """

    per_page_cap: int = 1000
    default_per_page: int = 20
    newest_first: bool = True
    counted_up_to: int | None = None
    sends_total_count: bool = False
    sends_inbox_times: bool = True
    sends_sources: bool = True
    honours_include: bool = False
    ignores_sort: bool = False
    ignores_filter: bool = False
    filters_by_seconds: int = 0
    conditions_add_up: bool = False
    drops_dateless_conditions: bool = False
    applies_channels: bool = False
    counts: bool = False
    seconds_per_skipped_contact: float = 0.0
    invalid_token_status: int = 500
    bad_request: tuple[int, str] = (400, "BAD_REQUEST")
    rate_limit: RateLimit | None = None
    address_rate_limit: RateLimit | None = None


JUNE = Manners(newest_first=False, sends_inbox_times=False, sends_sources=False)
JULY = Manners(per_page_cap=50, sends_sources=False)
OCTOBER = Manners(
    counted_up_to=10_000,
    sends_total_count=True,
    honours_include=True,
    invalid_token_status=401,
    bad_request=(422, "invalidRequestData"),
    rate_limit=RateLimit(120, 10),
    address_rate_limit=RateLimit(600, 10),
)
NOVEMBER = replace(
    OCTOBER,
    filters_by_seconds=1,
    conditions_add_up=True,
    drops_dateless_conditions=True,
    applies_channels=True,
    counts=True,
)


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived. `number` counts from 1, `headers` have lower-case names."""

    number: int
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    token: str | None
    token_ok: bool
    at: float

    def value(self, name: str) -> str | None:
        """The query parameter `name`; the last one if it was sent twice."""
        return dict(self.query).get(name)


class FakeChatbotx:
    """A server on 127.0.0.1 that serves each workspace to the token it is listed under.

    `latency` is added to every answer, in seconds. A connection idle for `idle_seconds` is closed.
    `seed` fixes the order of ties. All of them may be changed while the server runs, and so may
    these two:

    - `between_requests` is called before each answer is computed, and nothing else is answered
      meanwhile: it may insert, delete and update contacts, or change the settings of the server.
    - `faults` may give a `Fault` to take the place of an answer.

    `requests` holds what was asked, in order of arrival, `max_in_flight` how many requests were
    being served at once at most, `max_deep_in_flight` how many of them skipped contacts. An
    exception raised by one of the two hooks is raised again when the `with` block ends.
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
        self._sockets: _Sockets | None = None

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
        self._sockets = _Sockets(self, self._port)
        self._sockets.start()

    def close(self) -> None:
        """Drop all connections, also those that wait for an answer, and end all threads."""
        self._closing.set()
        if self._sockets is not None:
            self._sockets.stop()

    @property
    def base_url(self) -> str:
        """What a client is configured with: the address of the server with `/api`."""
        if self._sockets is None:
            raise RuntimeError("The server has no address before it is started.")
        return f"http://127.0.0.1:{self._sockets.port}{API_PATH}"

    def serve(self, connection: _Connection) -> None:
        """Answer the request that was just read from `connection`."""
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
                answer, skipped = self._answer(request)
                seconds = self.latency + self._begin_to_skip(skipped)
            if isinstance(fault, Late):
                seconds += fault.seconds
            if seconds and self._closing.wait(seconds):
                connection.close_connection = True
                return
        finally:
            # Before the answer goes out: whoever has read it may ask for more at once.
            with self._lock:
                self._in_flight -= 1
                self._deep_in_flight -= skipped > 0
        connection.send(answer, fault, self._closing)

    def _begin_to_skip(self, skipped: int) -> float:
        """How many seconds it takes to skip so many contacts, beside those who do so, too."""
        self._deep_in_flight += skipped > 0
        self.max_deep_in_flight = max(self.max_deep_in_flight, self._deep_in_flight)
        return skipped * self.manners.seconds_per_skipped_contact * self._deep_in_flight

    def _record(self, connection: _Connection) -> RecordedRequest:
        target = urlsplit(connection.path)
        headers = {name.lower(): value for name, value in connection.headers.items()}
        token = _bearer_token(headers.get("authorization"))
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

    def _answer(self, request: RecordedRequest) -> tuple[Answer, int]:
        """The answer, and how many contacts the server skips for it."""
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
            ask = _read_query(request, self.manners)
        except _RefusedError as refused:
            return refused.answer, 0
        if is_count:
            return _total(workspace.count(ask), is_exact=bool(ask.conditions)), 0
        contacts, count = workspace.page(ask, Random(f"ties {self.seed} {request.number}"))
        skipped = min((ask.page - 1) * ask.per_page, count)
        return _page(contacts, count, ask, self.manners), skipped

    def _admit(self, request: RecordedRequest) -> Workspace:
        """The workspace of the token, or the refusal that api.md, "Limits and errors", gives."""
        self._count("address", self.manners.address_rate_limit, request)
        if request.token is None or request.token not in self.workspaces:
            status = self.manners.invalid_token_status
            raise _RefusedError(error_answer(status, "INVALID_CHATBOT_TOKEN"))
        workspace = self.workspaces[request.token]
        if workspace.forbidden:
            raise _RefusedError(error_answer(403, "FORBIDDEN"))
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
            raise _RefusedError(too_many_requests(_retry_after(limit, wait), wait))


class Workspace:
    """The contacts behind one token, in the shape in which the API sends them.

    Keys that begin with `_` are never sent. They hold what is stored and cannot be seen:

    - `_createdAtMicros`, `_updatedAtMicros` (0..999): the part of the time that the answer cuts
      off (api.md, "Answer"), which counts when contacts are sorted and filtered;
    - `_id`, `_createdAt`, `_updatedAt`: what is stored where the answer holds something else, for
      contacts that are sent without an id or with a time that is none.

    Contacts are kept as the bytes that are sent, so that a page is a slice of a sorted list.
    Lists are sorted when first asked for, and again after a change to what they depend on. A
    `forbidden` workspace answers 403, like one that is being deleted. Safe to use from any thread.
    """

    def __init__(self, contacts: Iterable[Contact] = (), *, forbidden: bool = False) -> None:
        self.forbidden = forbidden
        self._lock = threading.RLock()
        self._rows: dict[str, _Row] = {}
        self._unnamed = counting()
        self._lists: dict[tuple[_Sort, _Conditions], _SortedRows] = {}
        for contact in contacts:
            self.insert(contact)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def contacts(self) -> list[Contact]:
        """All contacts, with all that a version may send, in order of insertion."""
        with self._lock:
            return [msgspec.json.decode(row.sent) for row in self._rows.values()]

    def insert(self, contact: Contact) -> None:
        """Add a contact; its id must be new to the workspace."""
        row = _Row.of(contact)
        with self._lock:
            key = row.stored_id or f"no id {next(self._unnamed)}"
            if key in self._rows:
                raise ValueError(f"The workspace already has a contact with id {key}.")
            self._rows[key] = row
            self._lists.clear()

    def delete(self, contact_id: str) -> None:
        """Remove the contact for good."""
        with self._lock:
            del self._rows[contact_id]
            self._lists.clear()

    def update(self, contact_id: str, **changes: Any) -> None:
        """Change top-level keys of a contact, `updatedAt` only if it is among them."""
        with self._lock:
            old = self._rows[contact_id]
            new = _Row.of({**msgspec.json.decode(old.sent), **old.hidden, **changes})
            if new.stored_id != old.stored_id:
                raise ValueError("The id of a contact does not change.")
            if any(new.key(column) != old.key(column) for column in _SORTABLE_COLUMNS):
                self._rows[contact_id] = new
                self._lists.clear()
            else:
                old.sent, old.hidden, old.reduced = new.sent, new.hidden, None

    def page(self, ask: _Ask, random: Random) -> tuple[list[bytes], int]:
        """The JSON of each contact on the page, and how many contacts there are on all pages."""
        with self._lock:
            rows, first, last = self._found(ask)
            start = min(first + (ask.page - 1) * ask.per_page, last)
            stop = min(start + ask.per_page, last)
            page = [row.json(ask.left_out) for row in rows.shuffled(start, stop, random)]
            return page, last - first

    def count(self, ask: _Ask) -> int:
        """How many contacts meet the conditions."""
        with self._lock:
            _, first, last = self._found(replace(ask, sort=_BY_CREATION))
            return last - first

    def _found(self, ask: _Ask) -> tuple[_SortedRows, int, int]:
        """Sorted rows, and from where to where they meet the conditions.

        A single condition on the column that leads the order, as in a walk by key, is two searches
        in the list of all rows. Any other filter gets a list of its own.
        """
        match ask.conditions:
            case (_Between() as condition,) if ask.sort and ask.sort[0][0] == condition.column:
                rows = self._sorted(ask.sort, ())
                return rows, *rows.within(condition)
            case _:
                rows = self._sorted(ask.sort, ask.conditions)
                return rows, 0, len(rows)

    def _sorted(self, sort: _Sort, conditions: _Conditions) -> _SortedRows:
        wanted = (sort, conditions)
        if wanted not in self._lists:
            if len(self._lists) >= _SORTED_LISTS_KEPT:
                self._lists.clear()
            met = (row for row in self._rows.values() if all(c.met_by(row) for c in conditions))
            self._lists[wanted] = _SortedRows(list(met), sort)
        return self._lists[wanted]


@dataclass(frozen=True)
class Answer:
    """A whole answer. As a fault, it is sent instead of the right one; `dated` gives it a Date."""

    status: int
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    dated: bool = True


@dataclass(frozen=True)
class Late:
    """The right answer, so many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Dropped:
    """The connection is closed instead of an answer, by RST or in good order (FIN)."""

    reset: bool = True


@dataclass(frozen=True)
class CutShort:
    """The connection is closed after this share of the body that was announced.

    It is announced as the server does it, in chunks, or by a Content-Length.
    """

    share: float = 0.5
    chunked: bool = False


@dataclass(frozen=True)
class Garbled:
    """Status 200 and the right length, but the second half of the body is no JSON."""


@dataclass(frozen=True)
class Flood:
    """Status 200 and a JSON string that goes on for so many bytes, and is never closed."""

    size: int


@dataclass(frozen=True)
class Drip:
    """Status 200 and one blank after another, so many seconds apart, without end."""

    seconds: float = 0.05


Fault = Answer | Late | Dropped | CutShort | Garbled | Flood | Drip


def error_answer(status: int, code: str, message: str | None = None, **data: Any) -> Answer:
    """An error as the API words it (api.md, "Limits and errors")."""
    body = {"defined": False, "code": code, "status": status, "message": message or code, **data}
    return Answer(status, msgspec.json.encode(body))


def too_many_requests(retry_after: str | None = None, wait: float | None = None) -> Answer:
    """The answer beyond a rate limit: `retry_after` in the header, the seconds to `wait` in the
    message. Neither is guaranteed."""
    message = "Too many requests"
    if wait is not None:
        message += f". Retry after {math.ceil(wait)}s."
    refusal = error_answer(429, "tooManyRequests", message)
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Answer(refusal.status, refusal.body, headers=headers)


def redirect(location: str, status: int = 307) -> Answer:
    """A redirect, perhaps to another host, which should not get the token."""
    return Answer(status, location.encode(), None, (("Location", location),))


def gateway_error(status: Literal[502, 503, 504]) -> Answer:
    """What a proxy in front of a server that does not answer says, in HTML."""
    page = f"<html><head><title>{status} {responses[status]}</title></head><body></body></html>"
    return Answer(status, page.encode(), "text/html")


DATABASE_DOWN = error_answer(500, "INTERNAL_SERVER_ERROR", "Internal server error")
WRONG_PATH = Answer(404, b"Not found", "text/plain;charset=UTF-8")
SIGN_IN_PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")


def seeded_faults(
    seed: int, rate: float, kinds: Sequence[Fault], at_most_in_a_row: int
) -> Callable[[RecordedRequest], Fault | None]:
    """Let a share `rate` of the requests fail in one of the ways `kinds`, the same for one `seed`.

    One and the same question fails `at_most_in_a_row` times and is then answered, so a client that
    asks once more than that gets everything.
    """
    random = Random(f"faults {seed}")
    in_a_row: Counter[object] = Counter()

    def fault(request: RecordedRequest) -> Fault | None:
        question = (request.method, request.path, request.query, request.token)
        if random.random() >= rate or in_a_row[question] >= at_most_in_a_row:
            in_a_row[question] = 0
            return None
        in_a_row[question] += 1
        return random.choice(kinds)

    return fault


_Sort = tuple[tuple[str, bool], ...]

_SORTED_LISTS_KEPT = 32
_NEWEST_FIRST: _Sort = (("createdAt", True),)
_BY_CREATION: _Sort = (("createdAt", False), ("id", False))
_TEXT_COLUMNS = frozenset({"firstName", "lastName", "fullName", "email", "phoneNumber"})
_SORTABLE_COLUMNS = frozenset({"id", "createdAt", "updatedAt"}) | _TEXT_COLUMNS
_FILTER_COLUMNS = {"contactCreatedAt": "createdAt", "contactUpdatedAt": "updatedAt"}
_INCLUDABLE = {"tags": "tags", "inboxes": "contactInboxes", "conversation": "conversation"}
_INBOX_TIMES = frozenset({"lastIncomingMessageAt", "contactLastReadAt"})
_SOURCES = frozenset({"source", "language", "lastMessageAt"})


@dataclass(frozen=True)
class _Ask:
    """A request that was understood: which contacts, in which order, how much of each.

    `sort` holds columns and whether they descend; when it is empty there is no order at all.
    """

    page: int
    per_page: int
    sort: _Sort
    conditions: _Conditions
    left_out: frozenset[str]


@dataclass(frozen=True)
class _Between:
    """`low <= column < high`, in microseconds since 1970."""

    column: str
    low: float
    high: float

    def met_by(self, row: _Row) -> bool:
        return self.low <= row.time(self.column) < self.high

    def and_also(self, other: _Between) -> _Between:
        return _Between(self.column, max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True)
class _InOneOf:
    """One of the contact's inboxes has one of the `values` under `key`."""

    key: str
    values: frozenset[str]

    def met_by(self, row: _Row) -> bool:
        inboxes = msgspec.json.decode(row.sent).get("contactInboxes") or ()
        return any(str(inbox.get(self.key)) in self.values for inbox in inboxes)


_Conditions = tuple[_Between | _InOneOf, ...]


class _Row:
    """One contact as it is stored: the bytes that are sent, and what it is sorted and filtered by.

    A time that is missing is infinity: it sorts last, as in the database, and meets no condition.
    """

    __slots__ = ("created", "hidden", "id_key", "reduced", "sent", "stored_id", "updated")

    def __init__(self, sent: bytes, hidden: Contact, stored: Contact) -> None:
        self.sent = sent
        self.hidden = hidden
        self.reduced: dict[frozenset[str], bytes] | None = None
        self.stored_id = str(stored["id"]) if stored.get("id") is not None else ""
        self.id_key = _numeric(self.stored_id)
        self.created = _stored_time(stored, "createdAt")
        self.updated = _stored_time(stored, "updatedAt")

    @classmethod
    def of(cls, contact: Contact) -> Self:
        hidden = {key: value for key, value in contact.items() if key.startswith("_")}
        sent = {key: value for key, value in contact.items() if not key.startswith("_")}
        stored = {**sent, **{key.removeprefix("_"): value for key, value in hidden.items()}}
        return cls(msgspec.json.encode(sent), hidden, stored)

    def time(self, column: str) -> float:
        return self.created if column == "createdAt" else self.updated

    def key(self, column: str) -> Any:
        if column == "id":
            return self.id_key
        if column in _TEXT_COLUMNS:
            value = msgspec.json.decode(self.sent).get(column)
            return value is None, str(value)
        return self.time(column)

    def json(self, left_out: frozenset[str]) -> bytes:
        if not any(f'"{key}":'.encode() in self.sent for key in left_out):
            return self.sent
        if self.reduced is None:
            self.reduced = {}
        if left_out not in self.reduced:
            contact = _without(msgspec.json.decode(self.sent), left_out)
            inboxes = contact.get("contactInboxes")
            if isinstance(inboxes, list):
                contact["contactInboxes"] = [_without(inbox, left_out) for inbox in inboxes]
            self.reduced[left_out] = msgspec.json.encode(contact)
        return self.reduced[left_out]


class _SortedRows:
    """Rows in the order of `sort`, and which of them that order does not tell apart.

    `_ties` holds where each group of rows with equal keys begins, or is None if no two are equal.
    """

    def __init__(self, rows: list[_Row], sort: _Sort) -> None:
        self._descends = bool(sort) and sort[0][1]
        for column, descending in reversed(sort):
            rows.sort(key=methodcaller("key", column), reverse=descending)
        self._rows = rows
        self._ties = None if any(column == "id" for column, _ in sort) else self._begins(sort)

    def __len__(self) -> int:
        return len(self._rows)

    def within(self, condition: _Between) -> tuple[int, int]:
        """From where to where the rows meet a condition on the column that leads the order."""

        def place(row: _Row) -> float:
            return -row.time(condition.column) if self._descends else row.time(condition.column)

        if self._descends:
            first = bisect_right(self._rows, -condition.high, key=place)
            return first, max(first, bisect_right(self._rows, -condition.low, key=place))
        first = bisect_left(self._rows, condition.low, key=place)
        return first, max(first, bisect_left(self._rows, condition.high, key=place))

    def shuffled(self, start: int, stop: int, random: Random) -> list[_Row]:
        """The rows from `start` to `stop`, after each group of ties was put in another order.

        api.md, "Traps" 1: an order with ties and no tie-breaker may differ at every request.
        """
        if self._ties is None:
            return self._rows[start:stop]
        page: list[_Row] = []
        while start < stop:
            group = bisect_right(self._ties, start) - 1
            first, last = self._ties[group], self._ties[group + 1]
            place = _permutation(last - first, random)
            page += [
                self._rows[first + place(position - first)]
                for position in range(start, min(last, stop))
            ]
            start = last
        return page

    def _begins(self, sort: _Sort) -> list[int]:
        keys = [tuple(row.key(column) for column, _ in sort) for row in self._rows]
        begins = [place for place, key in enumerate(keys) if not place or key != keys[place - 1]]
        return [*begins, len(keys)]


def _permutation(size: int, random: Random) -> Callable[[int], int]:
    """A random order of `range(size)` of which any part can be had without making the rest."""
    offset, step = random.randrange(size), random.randrange(size) or 1
    while math.gcd(step, size) != 1:
        step = random.randrange(1, size)
    return lambda place: (offset + step * place) % size


def _read_query(request: RecordedRequest, manners: Manners) -> _Ask:
    """Understand the query as api.md, "Request", says, or refuse it with all that is wrong."""
    query = dict(request.query)
    issues: list[Contact] = []
    page = _whole_number("page", query.get("page", "1"), issues)
    per_page = _whole_number("perPage", query.get("perPage", str(manners.default_per_page)), issues)
    bare_lists = [name for name in ("channels", "inboxIds") if name in query]
    issues += [_type_issue(name, "array", "string") for name in bare_lists]
    conditions = _conditions(query, issues, manners)
    if manners.applies_channels:
        conditions += _inbox_conditions(request.query)
    if issues:
        status, code = manners.bad_request
        data = {"issues": issues}
        raise _RefusedError(error_answer(status, code, "Input validation failed", data=data))
    asked_sort = () if manners.ignores_sort else _sort(query.get("sort"))
    default_sort = _NEWEST_FIRST if manners.newest_first else ()
    return _Ask(
        page=page,
        per_page=min(per_page, manners.per_page_cap),
        sort=asked_sort or default_sort,
        conditions=() if manners.ignores_filter else conditions,
        left_out=_left_out(request.query, manners),
    )


def _whole_number(name: str, text: str, issues: list[Contact]) -> int:
    """The number, read as JavaScript reads it: nothing is 0, and 1e2 is 100."""
    if text.strip() and not _NUMBER.fullmatch(text.strip()):
        issues.append({**_type_issue(name, "number", "NaN"), "received": "NaN"})
        return 1
    number = float(text.strip() or "0")
    if not number.is_integer():
        issues.append({**_type_issue(name, "int", "number"), "format": "safeint"})
        return 1
    if number < 1:
        issues.append(
            {
                "origin": "number",
                "code": "too_small",
                "minimum": 1,
                "inclusive": True,
                "path": [name],
                "message": "Too small: expected number to be >=1",
            }
        )
    return int(number)


def _sort(text: str | None) -> _Sort:
    """The columns of a `sort` in its one JSON form; empty if it is in any other or names none."""
    try:
        columns = json.loads(text or "[]")
        return tuple(
            (column["id"], bool(column["desc"]))
            for column in columns
            if column["id"] in _SORTABLE_COLUMNS
        )
    except (ValueError, TypeError, KeyError):
        return ()


def _conditions(query: Mapping[str, str], issues: list[Contact], manners: Manners) -> _Conditions:
    """The conditions of a `contactFilter` in brackets. Of several on one field the last one counts,
    or all of them, as in November."""
    if "contactFilter" in query:
        issues.append(_type_issue("contactFilter", "object", "string"))
    parts: dict[int, dict[str, str]] = {}
    for name, value in query.items():
        if match := _CONDITION.fullmatch(name):
            parts.setdefault(int(match["place"]), {})[match["part"]] = value
    if parts and query.get("contactFilter[operator]") != "and":
        issues.append(_unknown_issue("contactFilter", "operator"))
    by_column: dict[str, _Between] = {}
    for place, part in sorted(parts.items()):
        column = _FILTER_COLUMNS.get(part.get("field", ""))
        operator = part.get("operator", "")
        if column is None or operator not in _OPERATORS or "value" not in part:
            issues.append(_unknown_issue("contactFilter", "conditions", place))
            continue
        moment = _microseconds(part["value"])
        if moment is None and manners.drops_dateless_conditions:
            continue
        low, high = (0.0, 0.0) if moment is None else _interval(operator, moment, manners)
        condition = _Between(column, low, high)
        if manners.conditions_add_up and column in by_column:
            condition = condition.and_also(by_column[column])
        by_column[column] = condition
    return tuple(by_column.values())


def _interval(operator: str, moment: int, manners: Manners) -> tuple[float, float]:
    """From when to before when, in microseconds; November takes the whole second of a moment."""
    step = manners.filters_by_seconds * 1_000_000 or 1
    begin = moment // step * step
    end = begin + step
    match operator:
        case "gte":
            return begin, math.inf
        case "gt":
            return end, math.inf
        case "lte":
            return -math.inf, end
        case "lt":
            return -math.inf, begin
    return begin, end


def _inbox_conditions(query: Iterable[tuple[str, str]]) -> _Conditions:
    """`channels[]` and `inboxIds[]`, which November applies."""
    wanted: dict[str, set[str]] = {}
    for name, value in query:
        if key := {"channels[]": "channel", "inboxIds[]": "inboxId"}.get(name):
            wanted.setdefault(key, set()).add(value)
    return tuple(_InOneOf(key, frozenset(values)) for key, values in wanted.items())


def _total(count: int, *, is_exact: bool) -> Answer:
    """The answer of `/count`: without a filter it is an estimate."""
    return Answer(200, msgspec.json.encode({"total": count if is_exact else count * 21 // 20 + 1}))


def _page(contacts: list[bytes], count: int, ask: _Ask, manners: Manners) -> Answer:
    """The answer of api.md, "Answer"; contacts beyond `counted_up_to` are not in its counts."""
    limit = manners.counted_up_to
    counted = count if limit is None else min(count, limit)
    end = f'],"pageCount":{-(-counted // ask.per_page)}'
    if manners.sends_total_count:
        end += f',"totalCount":{counted},"totalCountCapped":{json.dumps(counted < count)}'
    return Answer(200, b'{"data":[%b%b}' % (b",".join(contacts), end.encode()))


def _left_out(query: Iterable[tuple[str, str]], manners: Manners) -> frozenset[str]:
    """The keys of a contact and of its inboxes that this version does not send to this request."""
    left_out = frozenset() if manners.sends_inbox_times else _INBOX_TIMES
    if not manners.sends_sources:
        left_out |= _SOURCES
    included = {value for name, value in query if name == "include[]"}
    if not manners.honours_include or not included:
        return left_out
    unwanted = {key for name, key in _INCLUDABLE.items() if name not in included}
    return left_out | unwanted | {"contactCustomFields"}


def _type_issue(name: str, expected: str, received: str) -> Contact:
    return {
        "expected": expected,
        "code": "invalid_type",
        "path": [name],
        "message": f"Invalid input: expected {expected}, received {received}",
    }


def _unknown_issue(*path: str | int) -> Contact:
    return {"code": "invalid_value", "path": list(path), "message": "Invalid option"}


def _without(value: Any, keys: frozenset[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if key not in keys}


def _numeric(contact_id: str) -> tuple[float, str]:
    """A key that sorts numeric ids as numbers, whatever their length, and others behind them."""
    return (int(contact_id), "") if contact_id.isdecimal() else (math.inf, contact_id)


def _stored_time(stored: Contact, column: str) -> float:
    moment = _microseconds(stored.get(column))
    return math.inf if moment is None else moment + stored.get(f"{column}Micros", 0)


def _microseconds(value: object) -> int | None:
    """Microseconds from 1970 to a time in ISO 8601, in UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _bearer_token(authorization: str | None) -> str | None:
    """The token of the header; its scheme is case-sensitive (api.md, first paragraph)."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme == "Bearer" and token else None


def _retry_after(limit: RateLimit, wait: float) -> str | None:
    if limit.retry_after is None:
        return None
    if limit.retry_after == "seconds":
        return str(math.ceil(wait))
    return formatdate(math.ceil(time.time() + wait), usegmt=True)


@dataclass
class _Window:
    """The requests counted since a rate limit's window opened."""

    opened: float
    requests: int = 0


class _RefusedError(Exception):
    """The request gets an error instead of a page."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_CONDITION = re.compile(
    r"contactFilter\[conditions\]\[(?P<place>\d{1,3})\]\[(?P<part>field|operator|value)\]"
)
_OPERATORS = frozenset({"gte", "gt", "lte", "lt", "eq"})


class _Connection(BaseHTTPRequestHandler):
    """One connection: it reads requests, and sends bytes as they are or as a fault spoils them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Sockets

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.fake.idle_seconds)

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.fake.serve(self)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""

    def send(self, answer: Answer, fault: Fault | None, closing: threading.Event) -> None:
        """Send `answer`, or what `fault` makes of it."""
        # The idle limit is for reading: a client may take its time over a long answer.
        self.connection.settimeout(None)
        match fault:
            case Answer():
                self._send_whole(fault)
            case Dropped(reset=True):
                self._reset()
            case Dropped():
                self.close_connection = True
            case CutShort():
                self._send_cut(answer, fault)
            case Garbled():
                half = answer.body[: len(answer.body) // 2]
                self._send_whole(Answer(200, half.ljust(len(answer.body), b"\x00")))
            case Flood():
                self._send_stream(_flood(fault.size))
            case Drip():
                self._send_stream(_drip(fault.seconds, closing))
            case _:
                self._send_whole(answer)
        if self.connection.fileno() >= 0:
            self.connection.settimeout(self.server.fake.idle_seconds)

    def _send_whole(self, answer: Answer) -> None:
        """A page comes in chunks, as from the platform; anything else with its length."""
        body = b"" if self.command == "HEAD" else answer.body
        if answer.status == 200 and body:
            head = _head(answer, "Transfer-Encoding: chunked")
            self.wfile.write(b"%b%b%b" % (head, _chunk(body), _chunk(b"")))
        else:
            self.wfile.write(_head(answer, f"Content-Length: {len(answer.body)}") + body)

    def _send_cut(self, answer: Answer, fault: CutShort) -> None:
        self.close_connection = True
        part = answer.body[: int(len(answer.body) * fault.share)]
        if fault.chunked:
            self.wfile.write(_head(answer, "Transfer-Encoding: chunked") + _chunk(part))
        else:
            self.wfile.write(_head(answer, f"Content-Length: {len(answer.body)}") + part)

    def _send_stream(self, blocks: Iterator[bytes]) -> None:
        self.wfile.write(_head(Answer(200), "Transfer-Encoding: chunked"))
        for block in blocks:
            self.wfile.write(_chunk(block))
        self.wfile.write(_chunk(b""))

    def _reset(self) -> None:
        """Close without the farewell that the standard library would send first."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())


class _Sockets(ThreadingTCPServer):
    """The listening socket and a thread for each connection, all of which can be ended at once."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, fake: FakeChatbotx, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.fake = fake
        self._open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        self.shutdown()
        self._accepting.join()
        self.server_close()
        still_open = self._open.copy()
        for connection in still_open.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in still_open:
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        del self._open[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep what a test's hook raised; that clients hang up is their right."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.fake.errors.append(error)


_SHUTDOWN_POLL_SECONDS = 0.01
_BLOCK_BYTES = 64 * 1024


def _head(answer: Answer, framing: str) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        *([f"Date: {formatdate(usegmt=True)}"] if answer.dated else []),
        *([f"Content-Type: {answer.content_type}"] if answer.content_type else []),
        *(f"{name}: {value}" for name, value in answer.headers),
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _flood(size: int) -> Iterator[bytes]:
    yield b'{"data":["'
    for sent in range(0, size, _BLOCK_BYTES):
        yield b"x" * min(_BLOCK_BYTES, size - sent)


def _drip(seconds: float, closing: threading.Event) -> Iterator[bytes]:
    while not closing.wait(seconds):
        yield b" "


def _tied(contacts: list[Contact], count: int) -> list[Contact]:
    """The contacts, so many in the middle of time created when the first of those is."""
    contacts.sort(key=lambda contact: str(contact["createdAt"]))
    first = (len(contacts) - count) // 2
    for contact in contacts[first : first + count]:
        contact["createdAt"] = contacts[first]["createdAt"]
    return contacts


def _main() -> None:
    """Serve by hand until Ctrl-C."""
    manners = {"june": JUNE, "july": JULY, "october": OCTOBER, "november": NOVEMBER}
    parser = argparse.ArgumentParser(
        prog="python -m tests.fake_chatbotx", description=_main.__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--manners", choices=manners, default="july")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each answer")
    parser.add_argument(
        "--skipping", type=float, default=0.0, help="seconds for each contact before a page"
    )
    parser.add_argument(
        "--tie", type=int, default=0, metavar="N", help="give N synthetic contacts one createdAt"
    )
    parser.add_argument("--token", default="edge")
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--contacts", type=int, metavar="N", help="serve N synthetic contacts")
    held.add_argument("--edge", action="store_true", help="serve the recorded contacts (default)")
    held.add_argument("--file", type=Path, help="serve the contacts of this JSON file")
    options = parser.parse_args()
    if options.contacts is None:
        file = options.file or EDGE_CONTACTS
        contacts: Iterable[Contact] = json.loads(file.read_text("utf-8"))
    else:
        contacts = _tied(list(synthetic_contacts(options.contacts, seed=0)), options.tie)
    server = FakeChatbotx(
        {options.token: contacts},
        replace(manners[options.manners], seconds_per_skipped_contact=options.skipping),
        port=options.port,
        latency=options.latency,
    )
    with suppress(KeyboardInterrupt), server:
        print(f"base URL {server.base_url}", f"token    {options.token}", sep="\n", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    _main()
