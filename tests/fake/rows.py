"""Contacts as they are stored, with sorting and filtering."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from random import Random
from typing import Any, Self, cast

import msgspec

from tests.fake.requests import Contact

Sort = tuple[tuple[str, bool], ...]
BY_CREATION: Sort = (("createdAt", False), ("id", False))
NEWEST_FIRST: Sort = (("createdAt", True),)
_TEXT_COLUMNS = frozenset({"firstName", "lastName", "fullName", "email", "phoneNumber"})
SORTABLE_COLUMNS = frozenset({"id", "createdAt", "updatedAt"}) | _TEXT_COLUMNS


class Row:
    """A contact as it is stored: the bytes to send, and the values to sort and filter by.

    A missing time is infinity: it sorts last, as in the database, and meets no condition.
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


@dataclass(frozen=True)
class Between:
    """`low <= column < high`, in microseconds since 1970."""

    column: str
    low: float
    high: float

    def met_by(self, row: Row) -> bool:
        return self.low <= row.time(self.column) < self.high

    def and_also(self, other: Between) -> Between:
        return Between(self.column, max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True)
class InOneOf:
    """One of the contact's inboxes has one of the `values` under `key`."""

    key: str
    values: frozenset[str]

    def met_by(self, row: Row) -> bool:
        inboxes = msgspec.json.decode(row.sent).get("contactInboxes") or ()
        return any(str(inbox.get(self.key)) in self.values for inbox in inboxes)


Conditions = tuple[Between | InOneOf, ...]


class SortedRows:
    """Rows sorted by `sort`, and which of them are tied.

    `_ties` holds the start of each group of rows with equal keys; None if all are distinct.
    """

    def __init__(self, rows: list[Row], sort: Sort) -> None:
        self._descends = bool(sort) and sort[0][1]
        for column, descending in reversed(sort):
            rows.sort(key=methodcaller("key", column), reverse=descending)
        self._rows = rows
        self._ties = None if any(column == "id" for column, _ in sort) else self._begins(sort)

    def __len__(self) -> int:
        return len(self._rows)

    def within(self, condition: Between) -> tuple[int, int]:
        """The range of rows that meet a condition on the first sort column."""

        def place(row: Row) -> float:
            return -row.time(condition.column) if self._descends else row.time(condition.column)

        if self._descends:
            first = bisect_right(self._rows, -condition.high, key=place)
            return first, max(first, bisect_right(self._rows, -condition.low, key=place))
        first = bisect_left(self._rows, condition.low, key=place)
        return first, max(first, bisect_left(self._rows, condition.high, key=place))

    def shuffled(self, start: int, stop: int, random: Random) -> list[Row]:
        """The rows from `start` to `stop`, after shuffling each group of ties.

        api.md, "Traps" 1: an order with ties and no tie-breaker may differ at every request.
        """
        if self._ties is None:
            return self._rows[start:stop]
        page: list[Row] = []
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

    def _begins(self, sort: Sort) -> list[int]:
        keys = [tuple(row.key(column) for column, _ in sort) for row in self._rows]
        begins = [place for place, key in enumerate(keys) if not place or key != keys[place - 1]]
        return [*begins, len(keys)]


def _permutation(size: int, random: Random) -> Callable[[int], int]:
    """A random permutation of `range(size)`, any part of which can be computed without the rest."""
    offset, step = random.randrange(size), random.randrange(size) or 1
    while math.gcd(step, size) != 1:
        step = random.randrange(1, size)
    return lambda place: (offset + step * place) % size


def _without(value: Any, keys: frozenset[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if key not in keys}


def _numeric(contact_id: str) -> tuple[float, str]:
    """A sort key that orders numeric ids as numbers, and others after them."""
    return (int(contact_id), "") if contact_id.isdecimal() else (math.inf, contact_id)


def _stored_time(stored: Contact, column: str) -> float:
    moment = microseconds(stored.get(column))
    return math.inf if moment is None else moment + stored.get(f"{column}Micros", 0)


def microseconds(value: object) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time, which is in UTC unless it has an offset."""
    try:
        moment = datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
