"""Storage of a workspace: snapshots, and the history between them, as Delta tables.

A snapshot exists once its row in the table `snapshots` is committed. The row names the version of
every other table and that version's files, so a reader that starts from a row sees a complete
snapshot, and history up to exactly that snapshot, without locks. If several processes save at once,
one commits the next row and the others start over. A process may be killed at any moment: what it
wrote is then referenced by no row, and is removed later.

Files are not signed. Whoever can write to the store can change the numbers shown, but nothing else:
files are read as columns of known types, never executed, and hold no personal data. Someone with
that access can usually change the program or its settings too; a bucket is protected by its keys. A
checksum on each page of a file detects accidental damage.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from lib.settings import Settings
from lib.store import columns
from lib.store.delta import Delta, Overtaken, Version
from lib.store.packed import PackedTable
from lib.store.place import Place, StoreError, StoreFull, Unreadable
from lib.store.snapshot import FiledSnapshot, Snapshot
from lib.store.snapshot_rows import (
    CLOSED,
    FORMAT,
    HISTORY,
    MOST_OPEN,
    RECORDED,
    SCHEMA,
    Head,
    Row,
    is_first,
    read_head,
    retained,
    to_table,
)
from lib.store.tables import Tables

log = logging.getLogger(__name__)

UNUSED_FOR = timedelta(hours=1)
"""How long unreferenced files remain, for processes that are still reading them."""


@dataclass(frozen=True)
class Change:
    """Change to a history table: files to add, each with a prefix for its name, and the names of
    files to drop."""

    schema: pa.Schema
    add: Sequence[tuple[str, pa.Table | PackedTable]] = ()
    drop: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Recording:
    """Records that a snapshot was compared with that of `previous` (None: it is the first), and
    what this adds to the history tables. Rows of `snapshots` before `forget` are removed, except
    the first."""

    previous: datetime | None
    changes: Mapping[str, Change]
    forget: datetime | None = None


_Written = list[tuple[str, str]]
"""Tables and the files that a commit has written to them."""

_Versions = dict[str, Version]
"""Versions of tables, by name."""


def store_of(settings: Settings) -> Store | None:
    """The store of the configured workspace; None for the demo workspace."""
    if settings.token is None:
        return None
    # The region is included because contacts' countries are derived from it before they are stored.
    parts = (settings.base_url, settings.token, settings.default_region or "")
    identity = "\0".join(parts).encode()
    # The name must reveal nothing about it.
    name = hashlib.sha256(b"chatbotx snapshots\0" + identity).hexdigest()[:16]
    return Store(Place(f"{settings.store}/{name}", dict(settings.store_options)))


class Store:
    """The storage of one workspace. Several processes may share a place."""

    def __init__(self, place: Place, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.place = place
        self._clock = clock
        self._snapshots = Delta(place, "snapshots")
        self._closed: Mapping[str, pa.Table] = {}
        self._lost: Version | None = None
        """The version of the table `snapshots` if none of its rows can be read."""

    @property
    def name(self) -> str:
        """Name of the folder: stable for a workspace, and revealing nothing about it."""
        return self.place.root.rpartition("/")[2]

    def table(self, name: str) -> Delta:
        return Delta(self.place, name)

    def head(self) -> Head | None:
        """The committed state; None if there is none. Raises StoreError, also if a newer version of
        this dashboard wrote it."""
        version = self._snapshots.latest()
        head = None
        if version is not None:
            head = read_head(self._snapshots, version, self._closed)
        self._lost = version if head is None else None
        self._closed = head.closed if head is not None else {}
        return head

    def load(self, *, tables: bool = True) -> tuple[Snapshot | None, tuple[str, ...]]:
        """The latest readable snapshot, and a note for each that could not be read. Without
        `tables`, its tables are read only when they are first accessed."""
        snapshot, notes, _ = self.load_with_head(tables=tables)
        return snapshot, notes

    def load_with_head(
        self, *, tables: bool
    ) -> tuple[Snapshot | None, tuple[str, ...], Head | None]:
        """Like `load`, plus the committed state that it was loaded from; None if there is none, or
        if it cannot be read."""
        try:
            head = self.head()
        except StoreError as why:
            log.warning("The store in %s cannot be read: %s.", self.place.root, why)
            return None, (f"Data that was saved before cannot be read: {why}.",), None
        notes = self._set_old_aside() if head is None else []
        for row in reversed(head.rows if head is not None else ()):
            try:
                return self.read(row) if tables else self.refer(row), tuple(notes), head
            except Unreadable as why:
                log.warning("Snapshot %s cannot be used: %s.", row.number, why)
                notes.append(f"Data that was saved before could not be used: {why}.")
            except StoreError as why:
                log.warning("Snapshot %s cannot be read: %s.", row.number, why)
                notes.append(f"Data that was saved before cannot be read: {why}.")
        return None, tuple(notes), head

    def _set_old_aside(self) -> list[str]:
        """Set aside data of the previous format, which lacks what is needed today."""
        if not self.place.is_folder:
            return []
        try:
            old = [each for each in self.place.entries() if each.name.isdecimal()]
            for each in old:
                self.place.set_aside(each.name)
        except StoreError as why:
            return [f"Data that an earlier version saved cannot be set aside: {why}."]
        return [_OLD] if old else []

    def read(self, row: Row, needed: Collection[str] | None = None) -> Snapshot:
        """Load a snapshot. With `needed`, one written by another version is accepted if its
        contacts have these columns; other missing columns are filled as missing. Raises StoreError
        and Unreadable."""
        verdict = row.read_verdict()
        frames = {}
        for name in columns.names():
            # Columns are freed one by one, so nothing here may keep a reference.
            table, file = self.table(name), row.only_file(name)
            found = table.get(file, categorical=columns.categorical(name), without=columns.UNREAD)
            frames[name] = columns.from_columns(name, found, needed if name == "contacts" else None)
            del found
        pa.default_memory_pool().release_unused()
        return Snapshot(Tables(**frames), verdict, row.workspace)

    def refer(self, row: Row) -> FiledSnapshot:
        """A stored snapshot whose tables are not read yet. Raises StoreError and Unreadable."""
        verdict = row.read_verdict()
        for name in columns.names():
            self.table(name).check(row.only_file(name))
        contacts = self.table("contacts").rows(row.only_file("contacts"), row.versions["contacts"])
        return FiledSnapshot(lambda: self.read(row).tables, contacts, verdict, row.workspace)

    def local_files(self, row: Row, folder: Path) -> dict[str, Path]:
        """The files of a snapshot's tables on this machine; those of a bucket are copied into the
        folder. Raises StoreError and Unreadable."""
        row.check_format()
        found = {}
        for name in columns.names():
            place, file = self.place.below(name), row.only_file(name)
            found[name] = place.path(file) if place.is_folder else folder / f"{name}.parquet"
            if not place.is_folder:
                try:
                    place.copy_out(file, found[name])
                except FileNotFoundError:
                    raise Unreadable("a file of it is missing") from None
        return found

    def commit(
        self, head: Head | None, snapshot: Snapshot, recording: Recording | None = None
    ) -> Head:
        """Store a snapshot and its recording, if nothing was committed since `head`. If the disk is
        full, the oldest stored snapshots are removed first. Raises Overtaken and StoreError."""
        if self.place.is_folder:
            self.place.make()
        dropped: set[int] = set()
        is_tidy = head is None
        while True:
            written: _Written = []
            try:
                return self._commit(head, snapshot, recording, dropped, written)
            except (StoreError, Overtaken) as why:
                if (done := self._take_back(written)) is not None:
                    return done
                if not isinstance(why, StoreFull):
                    raise
                oldest = self._oldest(head, dropped)
                if head is not None and not is_tidy:
                    is_tidy = True
                    self._tidy(head, timedelta(0))
                elif oldest is not None:
                    log.warning("The store is full: snapshot %s is removed.", oldest.number)
                    dropped.add(oldest.number)
                    self._remove(oldest)
                else:
                    raise

    def _take_back(self, written: _Written) -> Head | None:
        """Clean up after a failed commit. If it did succeed in spite of the error, returns the
        committed state. Raises StoreError."""
        head = self.head()
        if head is not None and {*head.last.files.get("contacts", ())} & {n for _, n in written}:
            return head
        # It may have succeeded, and another process have committed since.
        needed = _files_of(head) if head is not None else set()
        for table, name in written:
            if name not in needed:
                self.place.below(table).remove(name)
        return None

    def _commit(
        self,
        head: Head | None,
        snapshot: Snapshot,
        recording: Recording | None,
        dropped: set[int],
        written: _Written,
    ) -> Head:
        """Commit, adding to `written` each file as it is written."""
        number = head.last.number + 1 if head is not None else 1
        tables = self._write_tables(snapshot, f"{number:06}", written)
        tables |= self._write_history(head, recording, written)
        row = Row(
            number=number,
            as_of=snapshot.as_of,
            saved=self._clock(),
            format=FORMAT,
            workspace=snapshot.workspace_id,
            verdict=msgspec.json.encode(snapshot.verdict).decode(),
            recorded=recording is not None,
            previous=recording.previous if recording is not None else None,
            versions={name: version.number for name, version in tables.items()},
            files={name: version.files for name, version in tables.items()},
        )
        forget = recording.forget if recording is not None else None
        kept, past = retained(head, row, dropped, forget)
        closed = self._remembered(head.closed if head is not None else {}, forget, written)
        if len(past) > MOST_OPEN:
            first = is_first(past)
            closed |= self._close(past.filter(pc.invert(first)), written)
            past = past.filter(first)
        table = to_table(kept, past)
        name = self._snapshots.put(table, label=f"{number:06}")
        written.append((self._snapshots.name, name))
        base = head.version if head is not None else self._lost
        new = closed.keys() - {*(base.files if base is not None else ())}
        # Of two that commit at once only one can remove the file of open rows, so the other fails.
        version = self._snapshots.replace(
            base,
            SCHEMA,
            [*closed, name],
            {name: len(table)} | {name: len(closed[name]) for name in new},
        )
        return Head(version, kept, past, closed)

    def _write_tables(self, snapshot: Snapshot, label: str, written: _Written) -> _Versions:
        """Write the snapshot's tables, or adopt the files that its crawl has made."""
        made = snapshot.files if isinstance(snapshot, FiledSnapshot) else None
        found: _Versions = {}
        if made is None:
            for name, frame in snapshot.tables.frames().items():
                data = columns.to_columns(name, frame)
                change = Change(columns.schema_of(data), [(label, data)])
                found[name] = self._change(name, (), change, written)
            return found
        for name, each in made.items():
            table = self.table(name)
            file = table.adopt(each.path, label=label)
            written.append((name, file))
            found[name] = table.set_files(each.schema, [file], {file: each.rows})
        return found

    def _write_history(
        self, head: Head | None, recording: Recording | None, written: _Written
    ) -> _Versions:
        """Apply the recording's changes to the history tables; the others stay as they are."""
        last = head.last if head is not None else None
        before = last.files if last is not None else {}
        found: _Versions = {}
        for name in HISTORY:
            if recording is not None and name in recording.changes:
                change = recording.changes[name]
                found[name] = self._change(name, before.get(name, ()), change, written)
            elif last is not None and name in before:
                found[name] = Version(last.versions[name], before[name])
        return found

    def _remembered(
        self, closed: Mapping[str, pa.Table], forget: datetime | None, written: _Written
    ) -> dict[str, pa.Table]:
        """The closed rows from `forget` on. At most the file that holds that moment is rewritten.
        Raises StoreError."""
        found: dict[str, pa.Table] = {}
        for name, table in closed.items():
            if forget is None or pc.min(table["as_of"]).as_py() >= forget:
                found[name] = table
            elif pc.max(table["as_of"]).as_py() >= forget:
                try:
                    rows = self._snapshots.get(name).cast(SCHEMA)
                except Unreadable:
                    log.warning("The list of snapshots in %s cannot be read.", name)
                    continue
                kept = rows.filter(pc.greater_equal(rows["as_of"], forget))
                found |= self._close(kept, written)
        return found

    def _close(self, rows: pa.Table, written: _Written) -> dict[str, pa.Table]:
        """Write past rows to a file that stays."""
        name = self._snapshots.put(rows, label=CLOSED)
        written.append((self._snapshots.name, name))
        return {name: rows.select(list(RECORDED))}

    def _change(
        self, name: str, before: Sequence[str], change: Change, written: _Written
    ) -> Version:
        """Apply a change to a table with these files."""
        table = self.table(name)
        rows: dict[str, int] = {}
        for label, data in change.add:
            file = table.put(data, label=label)
            written.append((name, file))
            rows[file] = len(data)
        files = [each for each in before if each not in change.drop] + list(rows)
        return table.set_files(change.schema, files, rows)

    def tidy(self, head: Head) -> None:
        """Remove unreferenced files and old logs. Raises StoreError."""
        self._tidy(head, UNUSED_FOR)
        for name in (*columns.names(), *HISTORY):
            self.table(name).forget_old_log()
        self._snapshots.forget_old_log()

    def _tidy(self, head: Head, older_than: timedelta) -> None:
        for name in (*columns.names(), *HISTORY):
            needed = [each for row in head.rows for each in row.files.get(name, ())]
            # Files that another process is writing now have the next number.
            self.table(name).tidy(needed, older_than, before=f"{head.last.number + 1:06}")
        self._snapshots.tidy(head.version.files, older_than, before=f"{head.last.number + 1:06}")

    def _oldest(self, head: Head | None, dropped: set[int]) -> Row | None:
        """The oldest snapshot that can be removed: neither the last one nor the one that the next
        has to be compared with."""
        if head is None:
            return None
        needed = {head.last.number, head.last_recorded.number if head.last_recorded else 0}
        spare = (row for row in head.rows if row.number not in needed and row.number not in dropped)
        return next(spare, None)

    def _remove(self, row: Row) -> None:
        for name in columns.names():
            for each in row.files.get(name, ()):
                self.place.below(name).remove(each)


def _files_of(head: Head) -> set[str]:
    """Names of the files of all tables that committed rows need."""
    of_tables = (name for row in head.rows for files in row.files.values() for name in files)
    return {*head.version.files, *of_tables}


_OLD = (
    "Data that an earlier version of this dashboard saved cannot be used any more. It was set "
    "aside in the store's folder, where it can be removed."
)
