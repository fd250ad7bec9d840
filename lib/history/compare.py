"""Two snapshots → the events between them (history.md, "Recording").

P is the previously recorded snapshot, as of p; C the later one, as of c. Everything works on whole
columns: those of P are aligned with the rows of C, and differences become events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.chatbotx.crawl import Range
from lib.history import carrying, events
from lib.history.attributes import attributes
from lib.history.recorded import NEVER, Recorded, waits_for_a_person
from lib.reference.periods import stamps
from lib.store.dimensions import CHANNEL, DIMENSIONS, TAG
from lib.store.tables import Tables

COMPARED = frozenset(
    {
        *("id", "created", "blocked", "broadcast", "has_email", "email_opt_in"),
        *("has_conversation", "conversation", "archived_at", "wrote", "admin_replied"),
        *(dimension.column for dimension in DIMENSIONS if dimension.column is not None),
        events.COUNTRY_SOURCE,
    }
)
"""Columns of contacts from which events are derived. Any other column may be added by an upgrade
without breaking the history; earlier records just do not have it."""

_NOT_THERE = -1


@dataclass(frozen=True, eq=False)
class Transition:
    """The events from one recorded snapshot to the next (`events.SCHEMA`), and the later
    snapshot."""

    events: pa.Table
    after: Recorded


def compare(
    before: Recorded, as_of: datetime, tables: Tables, doubtful: Sequence[Range] = ()
) -> Transition:
    """Compare the snapshot `before` with `tables`, as of `as_of` (UTC).

    A contact of P that is not in C, but was created in one of the `doubtful` ranges, may have been
    missed by the crawl: it is carried over unchanged. Raises ValueError if C is not newer.
    """
    if as_of <= before.as_of:
        raise ValueError("Only a newer snapshot can follow.")
    tables, carried = carrying.carry(before.tables, tables, doubtful)
    pair = _Pair(before, Recorded(as_of, tables, _no_times(tables), carried))
    found = _EventCollector(before.as_of, as_of)
    _audience(pair, found)
    moved = _links(pair, found)
    _conversations(pair, found)
    moved |= _places(pair)
    found.add(events.MOVED, *pair.rows(pair.in_both & moved))
    after = Recorded(as_of, tables, _waiting_since(pair), carried)
    return Transition(found.table(before, after), after)


class _Pair:
    """P and C side by side. `was` holds the row in P of each row of C, -1 if there is none."""

    def __init__(self, before: Recorded, after: Recorded) -> None:
        self.before, self.after = before, after
        self.p, self.c = before.columns, after.columns
        self.was = rows_in(self.p.id, self.c.id)
        self.in_both = self.was != _NOT_THERE
        self.gone = np.ones(len(self.p), dtype=np.bool_)
        self.gone[self.was[self.in_both]] = False
        self.same_conversation = self._same_conversation()

    def then(self, column: np.ndarray, missing: object) -> np.ndarray:
        """A column of P aligned with the rows of C; `missing` where the contact is not in P."""
        found = np.full(len(self.was), missing, dtype=column.dtype)
        found[self.in_both] = column[self.was[self.in_both]]
        return found

    def flag_then(self, column: np.ndarray) -> np.ndarray:
        return self.then(column, False)

    def time_then(self, name: str) -> np.ndarray:
        return self.then(self.p.time(name), NEVER)

    def codes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A categorical column of P and of C, aligned with the rows of C, in common codes; -1 is
        missing."""
        then, now, _ = _in_common_codes(self.p.text(name), self.c.text(name))
        return self.then(then, _NOT_THERE), now

    def rows(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows in P and in C of the contacts selected by `mask`, a mask over C."""
        now = np.flatnonzero(mask)
        return self.was[now], now

    def _same_conversation(self) -> np.ndarray:
        has = self.flag_then(self.p.flag("has_conversation")) & self.c.flag("has_conversation")
        rows = np.flatnonzero(has)
        one, other = self.p.conversation.take(self.was[rows]), self.c.conversation.take(rows)
        has[rows] = _are_equal(one, other)
        return has


class _EventCollector:
    """Collects events: for each kind the rows in P and C (-1: none), times, values and hours."""

    def __init__(self, p: datetime, c: datetime) -> None:
        self._p, self._c = stamps([p, c])
        self._parts: list[_Part] = []

    def add(
        self,
        kind: str,
        then: np.ndarray,
        now: np.ndarray,
        own: np.ndarray | None = None,
        values: pa.Array | None = None,
        hours: np.ndarray | None = None,
    ) -> None:
        """Add events of one kind. `own` holds ChatbotX's own times, used where they lie in (p,
        c]."""
        at = np.full(len(now), self._c)
        if own is not None:
            lies_between = (own > self._p) & (own <= self._c)
            at[lies_between] = own[lies_between]
        self._parts.append(_Part(kind, then, now, at, values, hours))

    def table(self, before: Recorded, after: Recorded) -> pa.Table:
        parts = [part for part in self._parts if len(part.now)]
        if not parts:
            return events.none()
        then = np.concatenate([part.then for part in parts])
        now = np.concatenate([part.now for part in parts])
        sizes = [len(part.now) for part in parts]
        kinds = pa.array([part.kind for part in parts]).take(
            pa.array(np.repeat(np.arange(len(parts)), sizes))
        )
        columns = {
            "kind": kinds,
            "at": _utc(np.concatenate([part.at for part in parts])),
            "seen": _utc(np.full(len(now), self._c)),
            "contact": _ids(before, after, then, now),
            "value": pa.concat_arrays([part.values_or_none for part in parts]),
            "hours": pa.array(
                np.concatenate([part.hours_or_nan for part in parts]), from_pandas=True
            ),
            **attributes(before.tables, then, "before"),
            **attributes(after.tables, now, "after"),
        }
        return pa.table(columns, events.SCHEMA)


@dataclass(frozen=True)
class _Part:
    kind: str
    then: np.ndarray
    now: np.ndarray
    at: np.ndarray
    values: pa.Array | None
    hours: np.ndarray | None

    @property
    def values_or_none(self) -> pa.Array:
        return self.values if self.values is not None else pa.nulls(len(self.now), pa.string())

    @property
    def hours_or_nan(self) -> np.ndarray:
        return self.hours if self.hours is not None else np.full(len(self.now), np.nan)


def _audience(pair: _Pair, found: _EventCollector) -> None:
    """Contacts that joined or left, and consents given or withdrawn."""
    p, c = pair.p, pair.c
    created = c.time("created")
    joined = ~pair.in_both
    found.add("joined", *(rows := pair.rows(joined)), created[rows[1]])
    gone = np.flatnonzero(pair.gone)
    found.add("deleted", gone, np.full(len(gone), _NOT_THERE))

    blocked, was_blocked = ~c.is_active, pair.flag_then(~p.is_active)
    times = c.time("blocked")
    found.add("blocked", *(rows := pair.rows(blocked & ~was_blocked)), times[rows[1]])
    found.add("unblocked", *pair.rows(was_blocked & ~blocked))

    times = c.time("broadcast")
    agreed, had_agreed = ~np.isnat(times), ~np.isnat(pair.time_then("broadcast"))
    found.add("broadcast_in", *(rows := pair.rows(agreed & ~had_agreed)), times[rows[1]])
    found.add("broadcast_out", *pair.rows(had_agreed & ~agreed))

    may, might = c.may_be_mailed, pair.flag_then(p.may_be_mailed)
    rows = pair.rows(may & ~might)
    found.add("email_in", *rows, np.where(joined, created, NEVER)[rows[1]])
    found.add("email_out", *pair.rows(might & ~may))


def _links(pair: _Pair, found: _EventCollector) -> np.ndarray:
    """Tags and channels added and removed. Returns a mask of the contacts of C whose tags, channels
    or sources have changed."""
    changed = np.zeros(len(pair.was), dtype=np.bool_)
    becomes = np.full(len(pair.p), _NOT_THERE, dtype=np.int64)
    becomes[pair.was[pair.in_both]] = np.flatnonzero(pair.in_both)
    for dimension in DIMENSIONS:
        if dimension.links is None:
            continue
        then = getattr(pair.before.tables, dimension.links)
        now = getattr(pair.after.tables, dimension.links)
        codes_then, codes_now, labels = _in_common_codes(
            then[dimension.key].array, now[dimension.key].array
        )
        width = max(1, len(labels))
        rows = becomes[then["contact"].to_numpy()]
        held = np.sort((rows * width + codes_then)[rows != _NOT_THERE], kind="stable")
        # In 64 bits, like `rows`: the product exceeds 32 with many contacts and tags.
        holds = now["contact"].to_numpy(dtype=np.int64) * width + codes_now
        holds = np.sort(holds, kind="stable")
        place = np.minimum(np.searchsorted(holds, held), max(0, len(holds) - 1))
        stays = holds[place] == held if len(holds) else np.zeros(len(held), np.bool_)
        is_new = np.ones(len(holds), dtype=np.bool_)
        is_new[place[stays]] = False
        texts = pa.array(labels, pa.string())
        for kind, pairs in (("added", holds[is_new]), ("removed", held[~stays])):
            rows, codes = np.divmod(pairs, width)
            changed[rows] = True
            if dimension in (CHANNEL, TAG):
                values = texts.take(pa.array(codes))
                found.add(f"{dimension.key}_{kind}", pair.was[rows], rows, values=values)
    return changed


def _conversations(pair: _Pair, found: _EventCollector) -> None:
    """Assignments, closed and reopened conversations, and answers."""
    p, c, same = pair.p, pair.c, pair.same_conversation
    held_by, holds = pair.codes("assignee")
    held, is_held = same & (held_by != _NOT_THERE), holds != _NOT_THERE
    found.add("assigned", *pair.rows(is_held & ~held))
    found.add("unassigned", *pair.rows(held & ~is_held))
    found.add("reassigned", *pair.rows(held & is_held & (held_by != holds)))

    archived = c.time("archived_at")
    was_archived, is_archived = ~np.isnat(pair.time_then("archived_at")), ~np.isnat(archived)
    rows = pair.rows(same & ~was_archived & is_archived)
    found.add("closed", *rows, archived[rows[1]])
    found.add("reopened", *pair.rows(same & was_archived & ~is_archived))

    wrote, had_written = c.time("wrote"), pair.time_then("wrote")
    wrote_again = ~np.isnat(wrote) & (np.isnat(had_written) | (wrote > had_written))
    found.add("wrote", *(rows := pair.rows(wrote_again)), wrote[rows[1]])

    replied, had_replied = c.time("admin_replied"), pair.time_then("admin_replied")
    since = pair.then(pair.before.since, NEVER)
    waited = ~np.isnat(since)
    replied_again = ~np.isnat(replied) & (np.isnat(had_replied) | (had_replied < replied))
    was_open = pair.flag_then(p.is_open)
    answered = same & was_open & replied_again & (waited | (wrote_again & (wrote <= replied)))
    rows = pair.rows(answered)
    _, now = rows
    waiting = replied[now] - np.where(waited, since, wrote)[now]
    hours = waiting / np.timedelta64(1, "h")
    hours[hours < 0] = np.nan
    found.add("answered", *rows, replied[now], hours=hours)


def _places(pair: _Pair) -> np.ndarray:
    """Mask of the contacts of C whose country, agent or team has changed."""
    moved = pair.flag_then(pair.p.flag("has_conversation")) != pair.c.flag("has_conversation")
    columns = [dimension.column for dimension in DIMENSIONS if dimension.column is not None]
    for name in (*columns, events.COUNTRY_SOURCE):
        then, now = pair.codes(name)
        moved |= then != now
    return moved


def _waiting_since(pair: _Pair) -> np.ndarray:
    """For each contact of C, since when it waits for a person. Writing again does not restart the
    wait: a contact that waited in P and has not been answered since keeps its time."""
    c = pair.c
    since = np.where(waits_for_a_person(c), c.time("wrote"), NEVER)
    waited_since = pair.then(pair.before.since, NEVER)
    replied, had_replied = c.time("admin_replied"), pair.time_then("admin_replied")
    same_reply = (replied == had_replied) | (np.isnat(replied) & np.isnat(had_replied))
    waits_on = ~np.isnat(since) & ~np.isnat(waited_since) & pair.same_conversation & same_reply
    since[waits_on] = waited_since[waits_on]
    return since


def rows_in(ids: pd.Series, wanted: pd.Series) -> np.ndarray:
    """The row in `ids` (unique) of each of `wanted`; -1 if there is none."""
    one, other = ids.to_numpy(), wanted.to_numpy()
    if one.dtype.kind != "i" or other.dtype.kind != "i":
        found: np.ndarray = pd.Index(ids.astype("str")).get_indexer(pd.Index(wanted.astype("str")))
        return found.astype(np.int64)
    order = np.argsort(one, kind="stable")  # IDs increase with time, so there is little to sort
    in_order = one[order]
    place = np.minimum(np.searchsorted(in_order, other), max(0, len(one) - 1))
    if not len(one):
        return np.full(len(other), _NOT_THERE, dtype=np.int64)
    return np.where(in_order[place] == other, order[place], _NOT_THERE)


def _in_common_codes(
    one: pd.Categorical, other: pd.Categorical
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Codes of two columns over common, sorted labels; -1 is missing."""
    if one.categories.equals(other.categories):
        return one.codes, other.codes, list(other.categories)
    labels = sorted({*one.categories, *other.categories})
    number = {label: code for code, label in enumerate(labels)}
    found = []
    for column in (one, other):
        codes = [*(number[label] for label in column.categories), _NOT_THERE]
        found.append(np.array(codes, dtype=np.int32)[column.codes])
    return found[0], found[1], labels


def _are_equal(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Row by row, whether two columns of IDs are equal; missing equals missing."""
    if one.dtype != other.dtype:
        one, other = one.astype("str"), other.astype("str")
    neither = one.isna().to_numpy() & other.isna().to_numpy()
    equal = one.array == other.array
    found: np.ndarray = pd.Series(equal, dtype="boolean").fillna(False).to_numpy(dtype=np.bool_)
    return found | neither


def _ids(before: Recorded, after: Recorded, then: np.ndarray, now: np.ndarray) -> pa.Array:
    """The contact's ID for each event, from its row in C, or in P if it is gone."""
    gone = now == _NOT_THERE
    ids = np.empty(len(now), dtype=object)
    ids[~gone] = after.columns.id.take(now[~gone]).astype("str")
    ids[gone] = before.columns.id.take(then[gone]).astype("str")
    return pa.array(ids, pa.string())


def _utc(times: np.ndarray) -> pa.Array:
    return pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _no_times(tables: Tables) -> np.ndarray:
    return np.full(len(tables.contacts), NEVER)
