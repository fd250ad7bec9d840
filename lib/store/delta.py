"""A Delta table: Parquet files in a folder, and a log of which files belong to it.

We write the files ourselves, because Arrow is fast and preserves their order; the log, with its
atomic commits, is written by delta-rs. A reader that has a version's list of files does not need
the log, and a broken log can be rebuilt from that list.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from lib.store.packed import PackedTable
from lib.store.place import Place, StoreError, store_error

log = logging.getLogger(__name__)

ATTEMPTS = 10
"""Attempts to commit when others commit first."""

_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 9 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.checkpointInterval": "10",
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Expired log files are removed by `forget_old_log`, when nothing needs them any more, which a
commit cannot know."""

_LOG = "_delta_log"
_LOG_FILE = re.compile(
    r"\d{20}\.(json|crc|checkpoint(\..*)?\.(parquet|json)|\d{20}\.compacted\.json)"
    r"|_last_checkpoint"
)
_EVERYDAY_NAME = re.compile(r"[\w.#=-]+", re.ASCII)
"""Libraries fail on other names."""

AN_HOUR = timedelta(hours=1)


class Overtaken(Exception):
    """Another process has committed since the table was read; read it again."""


class Unreadable(Exception):
    """A file is missing or damaged."""


@dataclass(frozen=True)
class Version:
    """Version of a table, and the names of its files."""

    number: int
    files: tuple[str, ...]


class Delta:
    """The table `name` in a place."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._place = place.below(name)
        self._log_place = self._place.below(_LOG)

    def latest(self) -> Version | None:
        """The latest version, or None if there is no table. Sets broken parts of the log aside.
        Raises StoreError."""
        table = self._open()
        return _version(table) if table is not None else None

    def put(
        self, data: pa.Table | PackedTable, *, label: str = "part", rows_a_group: int = 250_000
    ) -> str:
        """Write a file, which is not yet part of any version; returns its name. Raises
        StoreError."""
        self._clear_table_folders()
        name = _new_name(label)
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, data.schema, **writing(data.schema)) as writer:
            for each in _groups(data):
                writer.write_table(each, row_group_size=rows_a_group)
        self._place.write(name, sink.getvalue())
        return name

    def adopt(self, path: Path, *, label: str = "part") -> str:
        """Adopt a file written elsewhere on this machine, like `put`; the original stays. Raises
        StoreError."""
        self._clear_table_folders()
        name = _new_name(label)
        self._place.take_in(name, path)
        return name

    def get(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        categorical: Sequence[str] = (),
        filters: object = None,
        without: Collection[str] = (),
    ) -> pa.Table:
        """Read a file, its `categorical` columns as dictionaries. `without` names columns to leave
        out if neither `columns` nor `filters` are given. Raises StoreError and Unreadable."""
        try:
            with self._place.open(name) as file:
                if filters is None:  # opening takes half as long without filter support
                    parquet = pq.ParquetFile(
                        file,
                        read_dictionary=list(categorical),
                        pre_buffer=False,
                        page_checksum_verification=True,
                    )
                    if columns is None and without:
                        names = parquet.schema_arrow.names
                        columns = [name for name in names if name not in without]
                    return parquet.read(columns=columns)
                return pq.read_table(
                    file,
                    columns=columns,
                    read_dictionary=list(categorical),
                    filters=filters,
                    pre_buffer=False,
                    page_checksum_verification=True,
                )
        except FileNotFoundError:
            raise Unreadable("a file of it is missing") from None
        except KeyError:  # a column is missing
            raise Unreadable("another version of this dashboard wrote it") from None
        except (pa.ArrowException, OSError, ValueError):
            raise Unreadable("one of its files is damaged") from None

    def get_as(
        self,
        schema: pa.Schema,
        name: str,
        columns: Sequence[str] | None = None,
        filters: object = None,
    ) -> pa.Table:
        """Read a file as `schema`, or only some of its columns. Columns that an earlier version did
        not write are null. Raises StoreError and Unreadable."""
        wanted = schema if columns is None else pa.schema([schema.field(each) for each in columns])
        known = set(self._columns(name))
        found = self.get(
            name, columns=[each for each in wanted.names if each in known], filters=filters
        )
        for place, field in enumerate(wanted):
            if field.name not in known:
                nothing = pa.nulls(len(found), field.type)
                found = found.add_column(place, field, nothing)
        return found.cast(wanted)

    def check(self, name: str) -> None:
        """Check that a file exists and that its beginning and end are intact; in a bucket, only
        that it exists. Raises StoreError and Unreadable."""
        if self._place.is_folder:
            self._columns(name)
            return
        try:
            self._place.size(name)
        except FileNotFoundError:
            raise Unreadable("a file of it is missing") from None

    def rows(self, name: str, version: int) -> int:
        """Number of rows in a file, according to a version of the table. Raises StoreError and
        Unreadable."""
        try:
            table = DeltaTable(
                self._place.root, version=version, storage_options=self._place.storage_options
            )
            actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        except (DeltaError, OSError, ValueError) as error:
            raise store_error(error, self._place) from None
        known = {each["path"]: each.get("num_records") for each in actions}
        if known.get(name) is None:
            raise Unreadable("its table does not say how many contacts there are")
        return int(known[name])

    def _columns(self, name: str) -> list[str]:
        """Names of a file's columns. Raises StoreError and Unreadable."""
        try:
            with self._place.open(name) as file:
                names: list[str] = pq.read_schema(file).names
                return names
        except FileNotFoundError:
            raise Unreadable("a file of it is missing") from None
        except (pa.ArrowException, OSError, ValueError):
            raise Unreadable("one of its files is damaged") from None

    def set_files(self, schema: pa.Schema, files: Sequence[str], rows: dict[str, int]) -> Version:
        """Commit a version of exactly these files, whatever the latest is. `rows` holds the number
        of rows of each new file. Raises StoreError."""
        for _ in range(ATTEMPTS):
            try:
                return self._commit(self._open(), schema, files, rows)
            except Overtaken:
                continue
        raise StoreError("other processes kept committing first")

    def replace(
        self, base: Version | None, schema: pa.Schema, files: Sequence[str], rows: dict[str, int]
    ) -> Version:
        """Like `set_files`, but only if the latest version is `base`. Raises Overtaken and
        StoreError."""
        table = self._open()
        number = table.version() if table is not None else None
        if number != (base.number if base is not None else None):
            raise Overtaken
        return self._commit(table, schema, files, rows)

    def _commit(
        self,
        table: DeltaTable | None,
        schema: pa.Schema,
        files: Sequence[str],
        rows: dict[str, int],
    ) -> Version:
        now = int(time.time() * 1000)
        sizes = {name: self._place.size(name) for name in files if name in rows}
        adds = {
            name: AddAction(
                name, sizes[name], {}, now, True, json.dumps({"numRecords": rows[name]})
            )
            for name in sizes
        }
        mark = uuid.uuid4().hex
        properties = CommitProperties(custom_metadata={"commit": mark})
        delta_schema = Schema.from_arrow(schema)
        try:
            if table is None:
                create_table_with_add_actions(
                    self._place.root,
                    delta_schema,
                    [adds[name] if name in adds else self._add(name, now) for name in files],
                    mode="error",
                    partition_by=[],
                    configuration=_CONFIGURATION,
                    storage_options=self._place.storage_options,
                    commit_properties=properties,
                )
            else:
                there = set(_version(table).files)
                goes: list[AddAction | RemoveAction] = [
                    RemoveAction(name, True, now) for name in there - {*files}
                ]
                comes: list[AddAction | RemoveAction] = [
                    adds[name] if name in adds else self._add(name, now)
                    for name in files
                    if name not in there
                ]
                whole = len(goes) == len(there)
                table.create_write_transaction(
                    comes if whole else [*comes, *goes],
                    mode="overwrite" if whole else "append",
                    schema=delta_schema,
                    commit_properties=properties,
                    post_commithook_properties=_HOOKS,
                )
        except CommitFailedError:
            raise Overtaken from None
        except (DeltaError, OSError) as error:
            if table is None and "already exists" in str(error).lower():
                raise Overtaken from None
            raise store_error(error, self._place) from None
        return Version(self._number(table, mark), tuple(files))

    def _add(self, name: str, now: int) -> AddAction:
        return AddAction(name, self._place.size(name), {}, now, False, "{}")

    def _number(self, table: DeltaTable | None, mark: str) -> int:
        """Number of the version created by the commit with this mark; `table` is the table before
        it."""
        if table is None:
            return 0
        before = table.version()
        try:
            table.update_incremental()
        except (DeltaError, OSError) as error:
            raise store_error(error, self._place) from None
        if table.version() == before + 1:
            return before + 1
        for number, commit in _commits(table):
            if commit.get("commit") == mark:
                return number
        raise StoreError("what was written there is gone")

    def _open(self) -> DeltaTable | None:
        """The table, or None if there is none. Raises StoreError."""
        self._clear_log_folder()
        for _ in range(ATTEMPTS):
            try:
                return DeltaTable(self._place.root, storage_options=self._place.storage_options)
            except TableNotFoundError:
                return None
            except (DeltaError, OSError, ValueError) as error:
                why = store_error(error, self._place)
                if not self._place.is_folder and "refused what" not in str(why):
                    raise why from None
                if not self._set_newest_aside():
                    raise why from None
        self._set_all_aside()
        return None

    def _clear_log_folder(self) -> None:
        """Set aside entries that obstruct the log: opening a pipe would block, for example."""
        self._clear_table_folders()
        if not self._place.is_folder:
            return
        for entry in self._log_place.entries():
            if entry.leads_nowhere:  # deltalake fails at it, under whatever name
                log.warning("A link in the log in %s leads nowhere.", self._log_place.root)
                self._log_place.remove(entry.name)
                continue
            known = _LOG_FILE.fullmatch(entry.name) is not None
            is_odd = not _EVERYDAY_NAME.fullmatch(entry.name)
            looks_known = entry.name.endswith((".json", ".parquet"))
            if is_odd or (not entry.is_plain if known else looks_known):
                log.warning("A part of the log in %s is set aside.", self._log_place.root)
                self._log_place.set_aside(entry.name)

    def _clear_table_folders(self) -> None:
        """Set aside files where the table's folders should be."""
        if not self._place.is_folder:
            return
        for place, name in ((self._place.above, self.name), (self._place, _LOG)):
            path = place.path(name)
            try:
                is_in_the_way = os.path.lexists(path) and not path.is_dir()
            except OSError as error:  # the parent folder is not accessible
                raise store_error(error, place) from None
            if is_in_the_way:
                log.warning("%s is not a folder and is set aside.", path)
                place.set_aside(name)

    def _set_newest_aside(self) -> bool:
        """Set aside the newest log file; returns whether there was one."""
        names = sorted(e.name for e in self._log_place.entries() if _LOG_FILE.fullmatch(e.name))
        if not names:
            return False
        log.warning("The log of %s cannot be read: %s is set aside.", self._place.root, names[-1])
        self._log_place.set_aside(names[-1])
        return True

    def _set_all_aside(self) -> None:
        for entry in self._log_place.entries():
            if _LOG_FILE.fullmatch(entry.name):
                self._log_place.set_aside(entry.name)

    def tidy(self, kept: Sequence[str], older_than: timedelta, before: str) -> int:
        """Remove files that are not in `kept` or the latest version and are either named below
        `before` and at least `older_than` old, or an hour old. Returns how many. Raises
        StoreError."""
        version = self.latest()
        if version is None:
            return 0
        needed = {*kept, *version.files}
        now = datetime.now(UTC)
        removed = 0
        for entry in self._place.entries():
            if not entry.is_plain or not entry.name.endswith(".parquet") or entry.name in needed:
                continue
            age = now - entry.modified
            if age >= AN_HOUR or (entry.name < before and age >= older_than):
                self._place.remove(entry.name)
                removed += 1
        return removed

    def forget_old_log(self) -> None:
        """Remove log files older than nine days that the latest version does not need. Raises
        StoreError."""
        table = self._open()
        if table is None:
            return
        try:
            table.cleanup_metadata()
        except (DeltaError, OSError) as error:
            raise store_error(error, self._place) from None


_ORDERING = ("seen", "number", "as_of", "kind", "dimension")
"""Columns that queries filter by range; their statistics allow skipping row groups."""


def _repeats(kind: pa.DataType) -> bool:
    """Whether a type is text, or a list of texts, which repeat and so are dictionary-encoded."""
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_dictionary(kind)
        or (pa.types.is_list(kind) and _repeats(kind.value_type))
    )


PACKED_GROUP = 50_000
"""Least number of rows of a packed table that are written at once."""


def _groups(data: pa.Table | PackedTable) -> Iterator[pa.Table]:
    """The tables to write, of which each makes row groups of its own."""
    if isinstance(data, pa.Table):
        yield data
        return
    waiting: list[pa.Table] = []
    for part in data.parts():
        waiting.append(part)
        if sum(map(len, waiting)) >= PACKED_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _new_name(label: str) -> str:
    return f"{label}-{uuid.uuid4().hex}.parquet"


def writing(schema: pa.Schema) -> dict[str, Any]:
    """Options of PyArrow's writer for files with these columns."""
    return {
        "compression": "snappy",
        "use_dictionary": [
            f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
            for f in schema
            if _repeats(f.type)
        ],
        "write_statistics": [f.name for f in schema if f.name in _ORDERING],
        # Other readers need plain strings, whatever Arrow type we use.
        "store_schema": False,
        "write_page_checksum": True,
    }


def _version(table: DeltaTable) -> Version:
    actions = pa.table(table.get_add_actions(flatten=True))
    return Version(table.version(), tuple(sorted(actions["path"].to_pylist())))


def _commits(table: DeltaTable) -> list[tuple[int, dict[str, str]]]:
    """The latest versions with their commit metadata."""
    return [(int(commit["version"]), commit) for commit in table.history(ATTEMPTS)]
