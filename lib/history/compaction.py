"""Compaction of the history tables, as part of a commit that is due anyway.

Many small files are merged into one per day, deleted contacts lose their IDs, and rows past their
retention are dropped.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lib.history import events, levels
from lib.history.stored import kind_of, label, span
from lib.reference.periods import day_of, stamps
from lib.store.packed import PackedTable
from lib.store.place import Unreadable
from lib.store.snapshot_rows import Head
from lib.store.storage import Change, Store

log = logging.getLogger(__name__)

MOST_NEW = 32
"""Number of unmerged files above which they are merged."""

LONGEST_NEW = timedelta(hours=20)
"""When the oldest file with new rows is this old, they are merged with those of their day, and IDs
of deleted contacts are looked for in all events: so they are gone within a day, and not every merge
reads all days."""

LEVELS_IN_FULL = timedelta(days=35)
"""Levels older than this are reduced to the last one of each day."""


@dataclass(frozen=True)
class Compaction:
    """Compaction of the history at `head` (None: none yet) as of `now` (UTC). Events seen before
    `forget` are dropped; `timezone` is the workspace's.

    Files that cannot be read stay as they are, since recording must go on without them; their names
    are added to `damaged`, and those in it are not read again.
    """

    store: Store
    head: Head | None
    now: datetime
    forget: datetime
    timezone: str
    damaged: set[str] = field(default_factory=set)

    def events(self, new: pa.Table | PackedTable) -> Change:
        """The change that adds the events of a transition. Raises StoreError."""
        files = self._files("events")
        limit = stamps([self.forget])[0]
        drop = {file for file in files if span(file)[1] < limit}
        files = self._intact([file for file in files if file not in drop])
        if not self._is_due(files):
            return Change(events.SCHEMA, _new(new), frozenset(drop))
        if isinstance(new, PackedTable):
            new = new.table()
        # The files merged now are those recorded since deleted IDs were last looked for.
        recent = self._read("events", [file for file in files if kind_of(file) == "new"])
        files = self._intact(files)
        if not self._is_oldest_due(files):
            return self._merged(recent, new, drop)
        gone = _deleted([new, *recent.values()])
        groups: dict[str, list[pa.Table]] = defaultdict(list)
        for file in files:
            merged = {file: recent[file]} if file in recent else {}
            if not merged and len(gone):
                ids = self._read("events", [file], ["contact"])
                merged = self._read("events", [each for each in ids if _holds(ids[each], gone)])
            groups[_day(file)] += merged.values()
            drop.update(merged)
        rewritten = {day for day, parts in groups.items() if parts}
        for file in files:  # a day that is rewritten is rewritten completely
            if file not in drop and _day(file) in rewritten:
                merged = self._read("events", self._intact([file]))
                groups[_day(file)] += merged.values()
                drop.update(merged)
        add = [_whole("day", _without_ids(parts, gone)) for parts in groups.values() if parts]
        return Change(events.SCHEMA, [*add, *_new(_without_ids([new], gone))], frozenset(drop))

    def _merged(self, recent: Mapping[str, pa.Table], new: pa.Table, drop: set[str]) -> Change:
        """The change that adds the events of a transition and merges the new files of each day."""
        days: dict[str, dict[str, pa.Table]] = defaultdict(dict)
        for file, part in recent.items():
            days[_day(file)][file] = part
        several = [parts for parts in days.values() if len(parts) > 1]
        add = [_whole("new", pa.concat_tables(parts.values())) for parts in several]
        return Change(events.SCHEMA, [*add, *_new(new)], frozenset(drop.union(*several)))

    def levels(self, new: pa.Table) -> Change:
        """The change that adds the levels of a snapshot. Raises StoreError."""
        files = self._intact(self._files("levels"))
        if not self._is_due(files):
            return Change(levels.SCHEMA, _new(new))
        limit = stamps([self.now - LEVELS_IN_FULL])[0]
        days: dict[str, list[str]] = defaultdict(list)
        months: dict[str, list[str]] = defaultdict(list)
        for file in files:
            is_old = span(file)[1] < limit
            (months if is_old else days)[_day(file)[: 6 if is_old else 8]].append(file)
        drop: set[str] = set()
        add = []
        for kind, groups in (("day", days), ("month", months)):
            for group in groups.values():
                if [kind_of(file) for file in group] == [kind]:
                    continue
                merged = self._read("levels", group)
                if kind == "month":
                    last = _last_of_days(self._moments(_around(group, files)), self.timezone)
                    merged = {file: _at(part, last) for file, part in merged.items()}
                drop |= merged.keys()
                if merged and (whole := pa.concat_tables(merged.values())):
                    add.append(_whole(kind, whole))
        return Change(levels.SCHEMA, [*add, *_new(new)], frozenset(drop))

    def _moments(self, files: Sequence[str]) -> np.ndarray:
        """Times of the levels in these files, ascending."""
        total = [("dimension", "=", levels.TOTAL)]
        parts = self._read("levels", self._intact(files), ["seen"], total).values()
        seen = [np.asarray(part["seen"], dtype="datetime64[us]") for part in parts]
        return np.unique(np.concatenate([_NO_TIMES, *seen]))

    def _files(self, name: str) -> Sequence[str]:
        return self.head.last.files.get(name, ()) if self.head is not None else ()

    def _intact(self, files: Sequence[str]) -> list[str]:
        return [file for file in files if file not in self.damaged]

    def _read(
        self,
        name: Literal["events", "levels"],
        files: Sequence[str],
        columns: Sequence[str] | None = None,
        filters: object = None,
    ) -> dict[str, pa.Table]:
        """The contents of those files that can be read. Raises StoreError."""
        table, found = self.store.table(name), {}
        for file in files:
            try:
                found[file] = table.get_as(_SCHEMAS[name], file, columns, filters)
            except Unreadable as why:
                log.warning("The file %s of recorded %s is left out: %s.", file, name, why)
                self.damaged.add(file)
        return found

    def _is_due(self, files: Sequence[str]) -> bool:
        new = [file for file in files if kind_of(file) == "new"]
        return len(new) > MOST_NEW or self._is_oldest_due(new)

    def _is_oldest_due(self, files: Sequence[str]) -> bool:
        oldest = min((span(file)[0] for file in files if kind_of(file) == "new"), default=None)
        return oldest is not None and oldest <= stamps([self.now - LONGEST_NEW])[0]


def _new(table: pa.Table | PackedTable) -> list[tuple[str, pa.Table | PackedTable]]:
    if not len(table):
        return []
    # All of a transition are seen at once.
    first = next(table.parts()) if isinstance(table, PackedTable) else table
    return [(label("new", first["seen"]), table)]


def _whole(kind: str, table: pa.Table) -> tuple[str, pa.Table]:
    """Sorted so that rows that are read together are stored together."""
    first = "dimension" if "dimension" in table.column_names else "kind"
    table = table.sort_by([(first, "ascending"), ("seen", "ascending")])
    return label(kind, table["seen"]), table


def _around(group: Sequence[str], files: Sequence[str]) -> list[str]:
    """The files with rows that may have been seen on the same day, in any zone, as one of a
    group."""
    spans = [span(file) for file in group]
    first = min(begins for begins, _ in spans) - _A_DAY
    last = max(ends for _, ends in spans) + _A_DAY
    return [file for file in files if span(file)[1] >= first and span(file)[0] <= last]


_A_DAY = np.timedelta64(1, "D")
_NO_TIMES = np.empty(0, dtype="datetime64[us]")
_SCHEMAS = {"events": events.SCHEMA, "levels": levels.SCHEMA}


def _day(file: str) -> str:
    """The day (UTC) on which its first row was seen."""
    return f"{span(file)[0].item():%Y%m%d}"


def _deleted(tables: Sequence[pa.Table]) -> pa.Array:
    ids = [
        table["contact"].filter(pc.equal(table["kind"], "deleted")).combine_chunks()
        for table in tables
    ]
    return pc.drop_null(pa.concat_arrays(ids))


def _holds(table: pa.Table, ids: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(table["contact"], value_set=ids)).as_py())


def _without_ids(parts: Sequence[pa.Table], gone: pa.Array) -> pa.Table:
    whole = pa.concat_tables(parts)
    contact = whole["contact"]
    kept = pc.if_else(pc.is_in(contact, value_set=gone), pa.scalar(None, pa.string()), contact)
    return whole.set_column(whole.schema.get_field_index("contact"), "contact", kept)


def _last_of_days(moments: np.ndarray, timezone: str) -> np.ndarray:
    """The last of the moments (UTC) of each day in a zone."""
    days = {day_of(moment.item().replace(tzinfo=UTC), timezone): moment for moment in moments}
    return np.array(list(days.values()), dtype="datetime64[us]")


def _at(part: pa.Table, moments: np.ndarray) -> pa.Table:
    seen = np.asarray(part["seen"], dtype="datetime64[us]")
    return part.filter(pa.array(np.isin(seen, moments)))
