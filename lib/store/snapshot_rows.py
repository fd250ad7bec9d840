"""The table `snapshots`: a row for each snapshot that is stored or was recorded in the history."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from lib.chatbotx.crawl import Verdict
from lib.store.delta import Delta, Version
from lib.store.place import StoreError, Unreadable

log = logging.getLogger(__name__)

FORMAT = 2
"""Incremented when the meaning of a table changes. Format 1 was numbered folders."""

KEPT = 3
KEPT_DAYS = 7
"""Retention: this many latest snapshots, and the last one of each of this many days."""

HISTORY = ("events", "levels", "carried")
"""The history tables."""

MOST_OPEN = 1_000
"""Number of past rows that each commit may write again. When there are more, they are closed: they
go to a file of their own, so that a commit costs the same however long the history is."""

CLOSED = "past"
"""Label of the files of closed rows."""

RECORDED = ("number", "as_of", "previous")
"""The columns of closed rows that are read."""

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("as_of", pa.timestamp("us", tz="UTC")),
        pa.field("saved", pa.timestamp("us", tz="UTC")),
        pa.field("format", pa.int32()),
        pa.field("workspace", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("recorded", pa.bool_()),
        pa.field("previous", pa.timestamp("us", tz="UTC")),
        pa.field("versions", pa.map_(pa.string(), pa.int64())),
        pa.field("files", pa.map_(pa.string(), pa.list_(pa.string()))),
    ]
)
"""number: increases with each row. as_of, saved: UTC. workspace: ChatbotX's ID. verdict: the
crawl's verdict, as JSON. recorded: whether the history includes it; previous: time of the snapshot
that it was compared with, missing for the first. versions, files: by table, empty once a snapshot's
tables have been removed; history tables are referenced by the last row only."""

_LISTED = pa.list_(
    pa.struct(
        [
            pa.field("key", pa.string(), nullable=False),
            pa.field("value", pa.list_(pa.string())),
        ]
    )
)
"""The type of a map column when counting its entries."""

_OTHER_VERSION = "another version of this dashboard wrote it"


@dataclass(frozen=True)
class Row:
    """A row of the table `snapshots`."""

    number: int
    as_of: datetime
    saved: datetime
    format: int
    workspace: str | None
    verdict: str
    recorded: bool
    previous: datetime | None
    versions: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def check_format(self) -> None:
        """Raises Unreadable if another version of this dashboard wrote the snapshot."""
        if self.format != FORMAT:
            raise Unreadable(_OTHER_VERSION)

    def read_verdict(self) -> Verdict:
        """The crawl's verdict. Raises Unreadable."""
        self.check_format()
        try:
            return msgspec.json.decode(self.verdict, type=Verdict)
        except msgspec.MsgspecError:
            raise Unreadable(_OTHER_VERSION) from None

    def only_file(self, name: str) -> str:
        """The file of one of the snapshot's tables. Raises Unreadable."""
        files = self.files.get(name, ())
        if len(files) != 1:
            raise Unreadable("a table of it is missing")
        return files[0]


@dataclass(frozen=True)
class Head:
    """The committed state of the store at one read.

    `rows` are the snapshots whose tables still exist, in order, never empty. `past` and `closed`
    hold the rows of recorded snapshots whose tables have been removed: over 400 days there are
    many. `closed` is by file, with the columns `RECORDED`; the very first row is always in `past`.
    """

    version: Version
    rows: tuple[Row, ...]
    past: pa.Table
    closed: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def last(self) -> Row:
        return self.rows[-1]

    @property
    def last_recorded(self) -> Row | None:
        return next((row for row in reversed(self.rows) if row.recorded), None)

    @property
    def recorded(self) -> pa.Table:
        """number, as_of and previous of all recorded snapshots, in order."""
        kept = [row for row in self.rows if row.recorded]
        table = to_table(kept, self.past).select(list(RECORDED))
        return pa.concat_tables([table, *self.closed.values()]).sort_by("number")


MOST_LOST = 10
"""Number of versions that are looked at for one whose rows can be read: those before that are
older than the time for which unused files remain."""


def read_head(snapshots: Delta, version: Version, known: Mapping[str, pa.Table]) -> Head | None:
    """The committed rows of the table at its latest version; None if there are none.

    If they cannot be read, those of the last version that can: the next commit then follows that
    one. `known` are the `closed` of an earlier head; those files are not read again. Raises
    StoreError, also if a newer version of this dashboard wrote them.
    """
    readable: Version | None = version
    for _ in range(MOST_LOST):
        if readable is None:
            return None
        table, closed = _read(snapshots, readable, known)
        kept = pc.greater(pc.list_value_length(table["files"].cast(_LISTED)), 0)
        rows = sorted(map(_row, table.filter(kept).to_pylist()), key=lambda row: row.number)
        if rows:
            break
        readable = snapshots.before(readable)
    else:
        return None
    if rows[-1].format > FORMAT:
        raise StoreError("a newer version of this dashboard keeps its data there")
    whole = Version(version.number, readable.files)
    return Head(whole, tuple(rows), table.filter(pc.invert(kept)), closed)


def _read(
    snapshots: Delta, version: Version, known: Mapping[str, pa.Table]
) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The open rows of a version, and its closed rows by file, as far as they can be read."""
    parts, closed = [SCHEMA.empty_table()], {}
    for name in version.files:
        try:
            if not name.startswith(CLOSED):
                parts.append(snapshots.get(name).cast(SCHEMA))
            elif name in known:
                closed[name] = known[name]
            else:
                closed[name] = snapshots.get_as(SCHEMA, name, RECORDED)
        except (Unreadable, pa.ArrowException, ValueError):
            log.warning("The list of snapshots in %s cannot be read.", name)
    return pa.concat_tables(parts), closed


def retained(
    head: Head | None, last: Row, dropped: set[int], forget: datetime | None
) -> tuple[tuple[Row, ...], pa.Table]:
    """Rows after a commit: those whose tables are kept, with history only on the last, and the
    past, without rows that are no longer needed."""
    before = head.rows if head is not None else ()
    past = head.past if head is not None else SCHEMA.empty_table()
    rows = [*(row for row in before if row.number not in dropped), last]
    first_day = last.as_of.date() - timedelta(days=KEPT_DAYS - 1)
    of_days = {row.as_of.date(): row.number for row in rows if row.as_of.date() >= first_day}
    needed = {*(row.number for row in rows[-KEPT:]), *of_days.values()}
    needed |= {row.number for row in [row for row in rows if row.recorded][-1:]}
    gone = [
        replace(row, verdict="", versions={}, files={})
        for row in before
        if row.recorded and row.number not in needed
    ]
    past = to_table(gone, past)
    if forget is not None and len(past):
        past = past.filter(pc.or_(is_first(past), pc.greater_equal(past["as_of"], forget)))
    kept = [
        row if row is last else replace(row, **_without_history(row))
        for row in rows
        if row.number in needed
    ]
    return tuple(kept), past


def is_first(past: pa.Table) -> pa.ChunkedArray:
    """Mask of the first row that was ever recorded."""
    return pc.equal(past["number"], pc.min(past["number"]))


def _without_history(row: Row) -> dict[str, Any]:
    return {
        "versions": {name: each for name, each in row.versions.items() if name not in HISTORY},
        "files": {name: each for name, each in row.files.items() if name not in HISTORY},
    }


def to_table(rows: Sequence[Row], past: pa.Table) -> pa.Table:
    """The past and these rows as one table with `SCHEMA`."""
    listed = [
        {name: getattr(row, name) for name in SCHEMA.names}
        | {"versions": list(row.versions.items())}
        | {"files": [(name, list(files)) for name, files in row.files.items()]}
        for row in rows
    ]
    return pa.concat_tables([past, pa.Table.from_pylist(listed, SCHEMA)])


def _row(listed: dict[str, Any]) -> Row:
    """A row from its columns. Raises KeyError, TypeError or ValueError for anything else."""
    versions = dict(listed.pop("versions") or ())
    files = {name: tuple(files) for name, files in listed.pop("files") or ()}
    return Row(**listed, versions=versions, files=files)
