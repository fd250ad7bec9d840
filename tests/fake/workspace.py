"""The contacts behind one token."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from itertools import count as counting
from random import Random
from typing import Any

import msgspec

from tests.fake.queries import Ask
from tests.fake.requests import Contact
from tests.fake.rows import (
    BY_CREATION,
    SORTABLE_COLUMNS,
    Between,
    Conditions,
    Row,
    Sort,
    SortedRows,
)

_SORTED_LISTS_KEPT = 32


class Workspace:
    """The contacts behind one token, in the form in which the API sends them.

    Keys that start with `_` are never sent. They hold stored values that answers do not show:

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
        self._rows: dict[str, Row] = {}
        self._unnamed = counting()
        self._lists: dict[tuple[Sort, Conditions], SortedRows] = {}
        for contact in contacts:
            self.insert(contact)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, contact_id: str) -> bool:
        return contact_id in self._rows

    @property
    def contacts(self) -> list[Contact]:
        """All contacts in order of insertion, with every field that any version sends."""
        with self._lock:
            return [msgspec.json.decode(row.sent) for row in self._rows.values()]

    def insert(self, contact: Contact) -> None:
        """Add a contact; its id must be new to the workspace."""
        row = Row.of(contact)
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
            new = Row.of({**msgspec.json.decode(old.sent), **old.hidden, **changes})
            if new.stored_id != old.stored_id:
                raise ValueError("The id of a contact does not change.")
            if any(new.key(column) != old.key(column) for column in SORTABLE_COLUMNS):
                self._rows[contact_id] = new
                self._lists.clear()
            else:
                old.sent, old.hidden, old.reduced = new.sent, new.hidden, None

    def page(self, ask: Ask, random: Random) -> tuple[list[bytes], int]:
        """The JSON of each contact on the page, and the total number of contacts."""
        with self._lock:
            rows, first, last = self._found(ask)
            start = min(first + (ask.page - 1) * ask.per_page, last)
            stop = min(start + ask.per_page, last)
            page = [row.json(ask.left_out) for row in rows.shuffled(start, stop, random)]
            return page, last - first

    def count(self, ask: Ask) -> int:
        """How many contacts meet the conditions."""
        with self._lock:
            _, first, last = self._found(replace(ask, sort=BY_CREATION))
            return last - first

    def _found(self, ask: Ask) -> tuple[SortedRows, int, int]:
        """Sorted rows, and the range of them that meets the conditions.

        A single condition on the column that leads the order, as in a walk by key, is two searches
        in the list of all rows. Any other filter gets a list of its own.
        """
        match ask.conditions:
            case (Between() as condition,) if ask.sort and ask.sort[0][0] == condition.column:
                rows = self._sorted(ask.sort, ())
                return rows, *rows.within(condition)
            case _:
                rows = self._sorted(ask.sort, ask.conditions)
                return rows, 0, len(rows)

    def _sorted(self, sort: Sort, conditions: Conditions) -> SortedRows:
        wanted = (sort, conditions)
        if wanted not in self._lists:
            if len(self._lists) >= _SORTED_LISTS_KEPT:
                self._lists.clear()
            met = (row for row in self._rows.values() if all(c.met_by(row) for c in conditions))
            self._lists[wanted] = SortedRows(list(met), sort)
        return self._lists[wanted]
