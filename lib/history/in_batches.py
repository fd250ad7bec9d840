"""Recording of a snapshot on disk, in bounded memory.

Two snapshots are compared one window of creation time at a time: both are in that order, and a
contact's creation time seldom changes. Contacts whose creation time did change are found first and
compared together at the end. So each contact is compared exactly once, by `lib.history.compare`;
the events are the same as for two snapshots in memory, and the levels of the windows add up. Memory
holds a window of each snapshot, the events, the contacts waiting since before they last wrote, and
eight bytes per contact that is in only one of the snapshots.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, reduce

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.chatbotx.crawl import Range
from lib.history import carrying, comparison_state, events, levels
from lib.history.compare import compare
from lib.history.comparison_state import ComparisonState
from lib.history.recorded import Recorded, baseline
from lib.store.batches import ROWS, TableFiles
from lib.store.dimensions import BY_KEY, MISSING
from lib.store.order import Key, created_of, ids_of
from lib.store.packed import PackedTable
from lib.store.tables import Tables


@dataclass(frozen=True)
class Before:
    """The last recorded snapshot, as of an instant (UTC), with its `comparison_state`."""

    as_of: datetime
    files: TableFiles
    state: pa.Table


@dataclass
class Recording:
    """What a snapshot adds to the history tables: `events.SCHEMA`, `levels.SCHEMA`, and the new
    state (`comparison_state.schema()`), which replaces the previous one."""

    events: PackedTable
    levels: pa.Table
    state: pa.Table


def record(
    before: Before | None, as_of: datetime, files: TableFiles, doubtful: Sequence[Range] = ()
) -> Recording:
    """Like `compare`, or like `baseline` without a previous snapshot. Raises Unreadable."""
    found = _Sum()
    if before is None:
        edges = [*range(0, files.rows, ROWS), files.rows]
        for tables in files.tables(edges):
            found.add(baseline(as_of, tables))
        return found.recording()
    if as_of <= before.as_of:
        raise ValueError("Only a newer snapshot can follow.")
    for part, tables in _windows(before, files):
        transition = compare(part, as_of, tables, doubtful)
        found.add(transition.after, transition.events)
    return found.recording()


@dataclass
class _Sum:
    """Accumulates the results of all windows; events are compressed meanwhile."""

    events: PackedTable = field(default_factory=lambda: PackedTable(events.SCHEMA))
    levels: list[pd.DataFrame] = field(default_factory=list)
    states: list[pa.Table] = field(
        default_factory=lambda: [comparison_state.schema().empty_table()]
    )
    seen: pa.Scalar | None = None

    def add(self, after: Recorded, happened: pa.Table | None = None) -> None:
        if happened is not None:
            self.events.append(happened)
        table = levels.levels(after)
        self.seen = table["seen"][0]
        self.levels.append(table.drop_columns(["seen"]).to_pandas())
        if len(kept := comparison_state.to_table(after)):
            self.states.append(kept)

    def recording(self) -> Recording:
        pa.default_memory_pool().release_unused()  # by then, windows have left much
        return Recording(self.events, self._levels(), pa.concat_tables(self.states))

    def _levels(self) -> pa.Table:
        keys = ["dimension", "key"]
        total = pd.concat(self.levels).groupby(keys, sort=False, as_index=False).sum()
        # As in `levels.levels`: dimensions in their order, keys in text order, missing last.
        names = total["dimension"]
        ranks = {name: place for place, name in enumerate([levels.TOTAL, *BY_KEY])}
        order = sorted(
            range(len(total)),
            key=lambda row: (ranks[names[row]], _rank(names[row], total["key"][row])),
        )
        rows = total.iloc[order].to_dict("list")
        rows["seen"] = [self.seen] * len(order)
        return pa.table(
            {f.name: pa.array(rows[f.name], f.type) for f in levels.SCHEMA}, levels.SCHEMA
        )


def _rank(dimension: str, key: str) -> tuple[bool, str]:
    """Sort key of a level's key: text order, missing last."""
    missing = BY_KEY[dimension].missing.key if dimension in BY_KEY else MISSING
    return key == missing, key


def _windows(before: Before, files: TableFiles) -> Iterator[tuple[Recorded, Tables]]:
    """Pairs of contacts of P and C to compare, so that each contact is in exactly one pair."""
    kept = ComparisonState(before.state)
    are_numbers = {not before.files.has_text_ids, not files.has_text_ids}
    if len(kept.missed):
        are_numbers.add(_are_numbers(kept.missed["id"]))
    # Numeric IDs sort differently from text.
    keys = _keys((before.files, files), with_ids=len(are_numbers) == 1)
    p_edges, c_edges = ([0, *f.places(keys), f.rows] for f in (before.files, files))
    missed_in = _windows_of(kept.missed, keys)
    moved = _Moved(are_text=False in are_numbers)
    ids = zip(before.files.ids(p_edges), files.ids(c_edges), strict=True)
    for window, (then, now) in enumerate(ids):
        missed = kept.missed["id"].filter(pa.array(missed_in == window))
        moved.look(then, missed, now)
    aside: list[tuple[Recorded, Tables]] = []
    tables = zip(before.files.tables(p_edges), files.tables(c_edges), strict=True)
    for window, (p_tables, c_tables) in enumerate(tables):
        part = kept.restore(before.as_of, p_tables, missed_in == window)
        p_moved, c_moved = moved.among(part.tables), moved.among(c_tables)
        if p_moved.any() or c_moved.any():
            aside.append((_only(part, p_moved), c_tables.select(c_moved)))
            yield _only(part, ~p_moved), c_tables.select(~c_moved)
        else:
            yield part, c_tables
    if aside:
        yield _together([then for then, _ in aside]), _joined([now for _, now in aside])


def _keys(sides: Sequence[TableFiles], *, with_ids: bool) -> list[Key]:
    """Window edges: sort keys between which neither side has many contacts."""
    found: set[Key] = set()
    for files in sides:
        for created, contact in files.first_keys():
            found.add((created, contact if with_ids else None))
    return sorted(found)[1::2]


def _are_numbers(ids: pa.ChunkedArray) -> bool:
    try:
        return bool(ids.cast(pa.int64()).cast(pa.string()).equals(ids))
    except pa.ArrowInvalid:
        return False


def _windows_of(missed: pa.Table, keys: Sequence[Key]) -> np.ndarray:
    """Window number of each of these contacts."""
    if not keys or keys[0][1] is None:
        times = [created for created, _ in keys]
        return np.searchsorted(times, created_of(missed["created"]), "right")
    ids = missed["id"] if isinstance(keys[0][1], str) else missed["id"].cast(pa.int64())
    places = zip(created_of(missed["created"]).tolist(), ids.to_pylist(), strict=True)
    return np.array([bisect_right(keys, each) for each in places], dtype=np.int64)


class _Moved:
    """Contacts that are in both snapshots, but in different windows."""

    def __init__(self, *, are_text: bool) -> None:
        self._kind = pa.string() if are_text else pa.int64()
        self._then, self._now = [self._array(pa.nulls(0))], [self._array(pa.nulls(0))]

    def look(self, then: pa.ChunkedArray, missed: pa.ChunkedArray, now: pa.ChunkedArray) -> None:
        """Record the contacts of a window that are in only one of the two."""
        one = np.append(self._array(then), self._array(missed))
        other = self._array(now)
        self._then.append(np.setdiff1d(one, other))
        self._now.append(np.setdiff1d(other, one))

    def _array(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        return ids_of(ids.cast(self._kind))

    def among(self, tables: Tables) -> np.ndarray:
        """Mask of such contacts."""
        ids = tables.contacts["id"]
        if not len(self._ids):
            return np.zeros(len(ids), dtype=np.bool_)
        found: np.ndarray = ids.astype("str").isin(self._ids).to_numpy()
        return found

    @cached_property
    def _ids(self) -> list[str]:
        then, now = np.concatenate(self._then), np.concatenate(self._now)
        return [str(each) for each in np.intersect1d(then, now)]


def _only(recorded: Recorded, mask: np.ndarray) -> Recorded:
    tables = recorded.tables.select(mask)
    return Recorded(recorded.as_of, tables, recorded.since[mask], recorded.carried[mask])


def _together(parts: Sequence[Recorded]) -> Recorded:
    tables = _joined([part.tables for part in parts])
    ids = np.concatenate([part.tables.contacts["id"].astype("str") for part in parts])
    order = pd.Index(ids, dtype="str").get_indexer(pd.Index(tables.contacts["id"].astype("str")))
    since = np.concatenate([part.since for part in parts])[order]
    carried = np.concatenate([part.carried for part in parts])[order]
    return Recorded(parts[0].as_of, tables, since, carried)


def _joined(parts: Sequence[Tables]) -> Tables:
    return reduce(lambda one, other: carrying.join(one, other)[0], parts)
