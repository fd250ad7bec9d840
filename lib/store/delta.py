"""One Delta table: Parquet files in a folder, and a log that says which of them are in it.

Files are written by us, because Arrow is quick at it and keeps their order; the log, with its
atomic commits, is that of delta-rs. Whoever has the list of a version's files can read it without
the log, and a log that was broken can be made anew from the list.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Sequence
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

from lib.store.place import Place, StoreError, told

log = logging.getLogger(__name__)

ATTEMPTS = 10
"""At a commit that others came before."""

_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 9 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.checkpointInterval": "10",
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Old parts of a log go when all that needs them is gone, which a commit cannot know."""

_LOG = "_delta_log"
_LOG_FILE = re.compile(
    r"\d{20}\.(json|crc|checkpoint(\..*)?\.(parquet|json)|\d{20}\.compacted\.json)"
    r"|_last_checkpoint"
)
_EVERYDAY_NAME = re.compile(r"[\w.#=-]+", re.ASCII)
"""Libraries stumble over others."""

AN_HOUR = timedelta(hours=1)


class Overtaken(Exception):
    """Somebody else has committed since one looked: look again."""


class Unreadable(Exception):
    """A file is missing or not as it was written."""


@dataclass(frozen=True)
class Version:
    """A version of a table, and the names of its files."""

    number: int
    files: tuple[str, ...]


class Delta:
    """The table `name` in a place."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._place = place.below(name)
        self._log_place = self._place.below(_LOG)

    def latest(self) -> Version | None:
        """None where there is no table. What is broken in its log is set aside. Raises
        StoreError."""
        table = self._open()
        return _version(table) if table is not None else None

    def put(self, data: pa.Table, *, label: str = "part", rows_a_group: int = 250_000) -> str:
        """Writes a file, which is in no version yet; returns its name. Raises StoreError."""
        self._clear_the_folders()
        name = _new_name(label)
        sink = pa.BufferOutputStream()
        pq.write_table(data, sink, row_group_size=rows_a_group, **writing(data.schema))
        self._place.write(name, sink.getvalue())
        return name

    def adopt(self, path: Path, *, label: str = "part") -> str:
        """Takes in a file that was written elsewhere on this machine, and stays there, as `put`
        does. Raises StoreError."""
        self._clear_the_folders()
        name = _new_name(label)
        self._place.take_in(name, path)
        return name

    def get(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        categorical: Sequence[str] = (),
        filters: object = None,
    ) -> pa.Table:
        """A file, its `categorical` columns as dictionaries. Raises StoreError and Unreadable."""
        try:
            with self._place.open(name) as file:
                if filters is None:  # without what can filter, opening takes half the time
                    parquet = pq.ParquetFile(
                        file,
                        read_dictionary=list(categorical),
                        pre_buffer=False,
                        page_checksum_verification=True,
                    )
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
        except KeyError:  # of a column that ought to be there
            raise Unreadable("another version of this dashboard wrote it") from None
        except (pa.ArrowException, OSError, ValueError):
            raise Unreadable("a file of it is not as it was written") from None

    def get_as(
        self,
        schema: pa.Schema,
        name: str,
        columns: Sequence[str] | None = None,
        filters: object = None,
    ) -> pa.Table:
        """A file as `schema` has it, or those of its columns. What an earlier version of this
        program did not write yet is null. Raises StoreError and Unreadable."""
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
        """Looks whether a file is there, and begins and ends as one should; in a bucket, whether it
        is there. Raises StoreError and Unreadable."""
        if self._place.is_folder:
            self._columns(name)
            return
        try:
            self._place.size(name)
        except FileNotFoundError:
            raise Unreadable("a file of it is missing") from None

    def rows(self, name: str, version: int) -> int:
        """How many are in a file, as a version of the table tells. Raises StoreError and
        Unreadable."""
        try:
            table = DeltaTable(
                self._place.root, version=version, storage_options=self._place.storage_options
            )
            actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        except (DeltaError, OSError, ValueError) as error:
            raise told(error, self._place) from None
        known = {each["path"]: each.get("num_records") for each in actions}
        if known.get(name) is None:
            raise Unreadable("its table does not say how many contacts there are")
        return int(known[name])

    def _columns(self, name: str) -> list[str]:
        """The names of a file's columns. Raises StoreError and Unreadable."""
        try:
            with self._place.open(name) as file:
                names: list[str] = pq.read_schema(file).names
                return names
        except FileNotFoundError:
            raise Unreadable("a file of it is missing") from None
        except (pa.ArrowException, OSError, ValueError):
            raise Unreadable("a file of it is not as it was written") from None

    def set_files(self, schema: pa.Schema, files: Sequence[str], rows: dict[str, int]) -> Version:
        """Makes a version of exactly these files, whatever the latest is. `rows` tells how many are
        in those that are new. Raises StoreError."""
        for _ in range(ATTEMPTS):
            try:
                return self._commit(self._open(), schema, files, rows)
            except Overtaken:
                continue
        raise StoreError("others write there all the time")

    def replace(
        self, base: Version | None, schema: pa.Schema, files: Sequence[str], rows: dict[str, int]
    ) -> Version:
        """As `set_files`, unless the latest version is another than `base`. Raises Overtaken and
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
            raise told(error, self._place) from None
        return Version(self._number(table, mark), tuple(files))

    def _add(self, name: str, now: int) -> AddAction:
        return AddAction(name, self._place.size(name), {}, now, False, "{}")

    def _number(self, table: DeltaTable | None, mark: str) -> int:
        """The version that the commit with this mark has made to the table as it was before."""
        if table is None:
            return 0
        before = table.version()
        try:
            table.update_incremental()
        except (DeltaError, OSError) as error:
            raise told(error, self._place) from None
        if table.version() == before + 1:
            return before + 1
        for number, commit in _commits(table):
            if commit.get("commit") == mark:
                return number
        raise StoreError("what was written there is gone")

    def _open(self) -> DeltaTable | None:
        """Raises StoreError."""
        self._clear_the_way()
        for _ in range(ATTEMPTS):
            try:
                return DeltaTable(self._place.root, storage_options=self._place.storage_options)
            except TableNotFoundError:
                return None
            except (DeltaError, OSError, ValueError) as error:
                why = told(error, self._place)
                if not self._place.is_folder and "refused what" not in str(why):
                    raise why from None
                if not self._set_newest_aside():
                    raise why from None
        self._set_all_aside()
        return None

    def _clear_the_way(self) -> None:
        """Sets aside what is in the way of a log and is none: nobody may open a pipe."""
        self._clear_the_folders()
        if not self._place.is_folder:
            return
        for entry in self._log_place.entries():
            known = _LOG_FILE.fullmatch(entry.name) is not None
            is_odd = not _EVERYDAY_NAME.fullmatch(entry.name)
            looks_known = entry.name.endswith((".json", ".parquet"))
            if is_odd or (not entry.is_plain if known else looks_known):
                log.warning("A part of the log in %s is set aside.", self._log_place.root)
                self._log_place.set_aside(entry.name)

    def _clear_the_folders(self) -> None:
        """Sets aside what is in the way of the table's folders and is none."""
        if not self._place.is_folder:
            return
        for place, name in ((self._place.above, self.name), (self._place, _LOG)):
            path = place.path(name)
            try:
                is_in_the_way = path.exists() and not path.is_dir()
            except OSError as error:  # what is above may not be entered
                raise told(error, place) from None
            if is_in_the_way:
                log.warning("%s is not a folder and is set aside.", path)
                place.set_aside(name)

    def _set_newest_aside(self) -> bool:
        """Sets aside the part of a log that was written last; returns whether there was one."""
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
        """Removes files that are neither `kept` nor in the latest version, older than that, and
        named `before` something, or an hour old; returns how many. Raises StoreError."""
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
        """Removes the parts of the log that are more than nine days old and that the latest version
        does not need. Raises StoreError."""
        table = self._open()
        if table is None:
            return
        try:
            table.cleanup_metadata()
        except (DeltaError, OSError) as error:
            raise told(error, self._place) from None


_ORDERING = ("seen", "number", "as_of", "kind", "dimension")
"""Columns that are asked for by range: their statistics tell what need not be read."""


def _repeats(kind: pa.DataType) -> bool:
    """Text, and lists of texts, of which there are few different ones."""
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_dictionary(kind)
        or (pa.types.is_list(kind) and _repeats(kind.value_type))
    )


def _new_name(label: str) -> str:
    return f"{label}-{uuid.uuid4().hex}.parquet"


def writing(schema: pa.Schema) -> dict[str, Any]:
    """How files of such columns are written, for pyarrow."""
    return {
        "compression": "snappy",
        "use_dictionary": [
            f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
            for f in schema
            if _repeats(f.type)
        ],
        "write_statistics": [f.name for f in schema if f.name in _ORDERING],
        # Text has to be plain strings for others, whatever it is to us.
        "store_schema": False,
        "write_page_checksum": True,
    }


def _version(table: DeltaTable) -> Version:
    actions = pa.table(table.get_add_actions(flatten=True))
    return Version(table.version(), tuple(sorted(actions["path"].to_pylist())))


def _commits(table: DeltaTable) -> list[tuple[int, dict[str, str]]]:
    """The latest versions, with what was noted at their commits."""
    return [(int(commit["version"]), commit) for commit in table.history(ATTEMPTS)]
