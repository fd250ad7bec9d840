"""Two snapshots → the events between them: "Recording" in the history's definition.

P is the snapshot recorded before, as of p; C the one after, as of c. All is done on whole columns:
those of P are brought into the row order of C, and what differs becomes events.
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
"""The columns of contacts that events are found by. Any other may come with an upgrade: history
goes on, and what was recorded before says nothing of it."""

_NOT_THERE = -1


@dataclass(frozen=True, eq=False)
class Transition:
    """What happened from one recorded snapshot to the next (`events.SCHEMA`), and the latter."""

    events: pa.Table
    after: Recorded


def compare(
    before: Recorded, as_of: datetime, tables: Tables, doubtful: Sequence[Range] = ()
) -> Transition:
    """Compares the snapshot `before` with `tables`, as of `as_of` (UTC).

    A contact of P that was created in one of the `doubtful` ranges and is not in C may have been
    missed by the crawl: it is carried over as it was. Raises ValueError if C is not newer.
    """
    if as_of <= before.as_of:
        raise ValueError("Only a newer snapshot can follow.")
    tables, carried = carrying.carry(before.tables, tables, doubtful)
    pair = _Pair(before, Recorded(as_of, tables, _no_times(tables), carried))
    found = _Found(before.as_of, as_of)
    _audience(pair, found)
    moved = _links(pair, found)
    _conversations(pair, found)
    moved |= _places(pair)
    found.add(events.MOVED, *pair.rows(pair.in_both & moved))
    after = Recorded(as_of, tables, _waiting_since(pair), carried)
    return Transition(found.table(before, after), after)


class _Pair:
    """P and C, side by side. `was` has the row in P of each row of C, -1 where it is not there."""

    def __init__(self, before: Recorded, after: Recorded) -> None:
        self.before, self.after = before, after
        self.p, self.c = before.columns, after.columns
        self.was = rows_in(self.p.id, self.c.id)
        self.in_both = self.was != _NOT_THERE
        self.gone = np.ones(len(self.p), dtype=np.bool_)
        self.gone[self.was[self.in_both]] = False
        self.same_conversation = self._same_conversation()

    def then(self, column: np.ndarray, missing: object) -> np.ndarray:
        """A column of P in the rows of C; `missing` where the contact is not in P."""
        found = np.full(len(self.was), missing, dtype=column.dtype)
        found[self.in_both] = column[self.was[self.in_both]]
        return found

    def flag_then(self, column: np.ndarray) -> np.ndarray:
        return self.then(column, False)

    def time_then(self, name: str) -> np.ndarray:
        return self.then(self.p.time(name), NEVER)

    def codes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A categorical column of P and of C in the rows of C, in the same codes; -1 is missing."""
        then, now, _ = _in_the_same_codes(self.p.text(name), self.c.text(name))
        return self.then(then, _NOT_THERE), now

    def rows(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows in P and in C of the contacts of C where `mask` is true."""
        now = np.flatnonzero(mask)
        return self.was[now], now

    def _same_conversation(self) -> np.ndarray:
        has = self.flag_then(self.p.flag("has_conversation")) & self.c.flag("has_conversation")
        rows = np.flatnonzero(has)
        one, other = self.p.conversation.take(self.was[rows]), self.c.conversation.take(rows)
        has[rows] = _are_equal(one, other)
        return has


class _Found:
    """Events as they are found: rows of P and C (-1: not there), times and more of each kind."""

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
        """`own` are the platform's times; one counts if it lies in (p, c]."""
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


def _audience(pair: _Pair, found: _Found) -> None:
    """Who came and went, and who may be written to."""
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


def _links(pair: _Pair, found: _Found) -> np.ndarray:
    """Tags and channels that were added and removed. Returns which contacts of C have other tags,
    channels or sources than before."""
    changed = np.zeros(len(pair.was), dtype=np.bool_)
    becomes = np.full(len(pair.p), _NOT_THERE, dtype=np.int64)
    becomes[pair.was[pair.in_both]] = np.flatnonzero(pair.in_both)
    for dimension in DIMENSIONS:
        if dimension.links is None:
            continue
        then = getattr(pair.before.tables, dimension.links)
        now = getattr(pair.after.tables, dimension.links)
        codes_then, codes_now, labels = _in_the_same_codes(
            then[dimension.key].array, now[dimension.key].array
        )
        width = max(1, len(labels))
        rows = becomes[then["contact"].to_numpy()]
        held = np.sort((rows * width + codes_then)[rows != _NOT_THERE], kind="stable")
        holds = np.sort(
            now["contact"].to_numpy() * width + codes_now.astype(np.int64), kind="stable"
        )
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


def _conversations(pair: _Pair, found: _Found) -> None:
    """Who holds a conversation, what became of it, and who was answered."""
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
    wrote_anew = ~np.isnat(wrote) & (np.isnat(had_written) | (wrote > had_written))
    found.add("wrote", *(rows := pair.rows(wrote_anew)), wrote[rows[1]])

    replied, had_replied = c.time("admin_replied"), pair.time_then("admin_replied")
    since = pair.then(pair.before.since, NEVER)
    waited = ~np.isnat(since)
    replied_anew = ~np.isnat(replied) & (np.isnat(had_replied) | (had_replied < replied))
    was_open = pair.flag_then(p.is_open)
    answered = same & was_open & replied_anew & (waited | (wrote_anew & (wrote <= replied)))
    rows = pair.rows(answered)
    _, now = rows
    waiting = replied[now] - np.where(waited, since, wrote)[now]
    hours = waiting / np.timedelta64(1, "h")
    hours[hours < 0] = np.nan
    found.add("answered", *rows, replied[now], hours=hours)


def _places(pair: _Pair) -> np.ndarray:
    """Which contacts of C have another country, agent or team than before."""
    moved = pair.flag_then(pair.p.flag("has_conversation")) != pair.c.flag("has_conversation")
    columns = [dimension.column for dimension in DIMENSIONS if dimension.column is not None]
    for name in (*columns, events.COUNTRY_SOURCE):
        then, now = pair.codes(name)
        moved |= then != now
    return moved


def _waiting_since(pair: _Pair) -> np.ndarray:
    """Since when each contact of C waits for a person. One who writes again has not begun to wait
    anew: it is the time of P, if the contact waited then and no admin has replied."""
    c = pair.c
    since = np.where(waits_for_a_person(c), c.time("wrote"), NEVER)
    waited_since = pair.then(pair.before.since, NEVER)
    replied, had_replied = c.time("admin_replied"), pair.time_then("admin_replied")
    same_reply = (replied == had_replied) | (np.isnat(replied) & np.isnat(had_replied))
    waits_on = ~np.isnat(since) & ~np.isnat(waited_since) & pair.same_conversation & same_reply
    since[waits_on] = waited_since[waits_on]
    return since


def rows_in(ids: pd.Series, wanted: pd.Series) -> np.ndarray:
    """The row in `ids`, none of which occurs twice, of each of `wanted`; -1 where there is none."""
    one, other = ids.to_numpy(), wanted.to_numpy()
    if one.dtype.kind != "i" or other.dtype.kind != "i":
        found: np.ndarray = pd.Index(ids.astype("str")).get_indexer(pd.Index(wanted.astype("str")))
        return found.astype(np.int64)
    order = np.argsort(one, kind="stable")  # ids rise with time, so there is little to sort
    in_order = one[order]
    place = np.minimum(np.searchsorted(in_order, other), max(0, len(one) - 1))
    if not len(one):
        return np.full(len(other), _NOT_THERE, dtype=np.int64)
    return np.where(in_order[place] == other, order[place], _NOT_THERE)


def _in_the_same_codes(
    one: pd.Categorical, other: pd.Categorical
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The codes of two columns over the same labels, which rise with their texts; -1 is missing."""
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
    """Whether two columns of ids hold the same, row by row; missing is the same as missing."""
    if one.dtype != other.dtype:
        one, other = one.astype("str"), other.astype("str")
    neither = one.isna().to_numpy() & other.isna().to_numpy()
    equal = one.array == other.array
    found: np.ndarray = pd.Series(equal, dtype="boolean").fillna(False).to_numpy(dtype=np.bool_)
    return found | neither


def _ids(before: Recorded, after: Recorded, then: np.ndarray, now: np.ndarray) -> pa.Array:
    """The contact of each event, by its row in C, or in P where it is no longer there."""
    gone = now == _NOT_THERE
    ids = np.empty(len(now), dtype=object)
    ids[~gone] = after.columns.id.take(now[~gone]).astype("str")
    ids[gone] = before.columns.id.take(then[gone]).astype("str")
    return pa.array(ids, pa.string())


def _utc(times: np.ndarray) -> pa.Array:
    return pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def _no_times(tables: Tables) -> np.ndarray:
    return np.full(len(tables.contacts), NEVER)
