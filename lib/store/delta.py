"""A Delta table: Parquet files in a folder, and a log of which files belong to it.

We write the files ourselves (`parquet.py`); the log, with its atomic commits, is written by
delta-rs. A reader that has a version's list of files does not need
the log, and a broken log can be rebuilt from that list.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from lib.store import obstacles
from lib.store.parquet import ParquetFiles
from lib.store.place import StoreError, Unreadable, store_error

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

AN_HOUR = timedelta(hours=1)


class Overtaken(Exception):
    """Another process has committed since the table was read; read it again."""


@dataclass(frozen=True)
class Version:
    """Version of a table, and the names of its files."""

    number: int
    files: tuple[str, ...]


class Delta(ParquetFiles):
    """The table `name` in a place: its files, and the versions that its log makes of them."""

    def latest(self) -> Version | None:
        """The latest version, or None if there is no table. Sets broken parts of the log aside.
        Raises StoreError."""
        table = self._open()
        return _version(table) if table is not None else None

    def before(self, version: Version) -> Version | None:
        """The version before; None if there is none, or no longer."""
        if not version.number:
            return None
        try:
            actions = self._actions_at(version.number - 1)
        except StoreError:
            return None
        return Version(version.number - 1, tuple(sorted(actions["path"].to_pylist())))

    def rows(self, name: str, version: int) -> int:
        """Number of rows in a file, according to a version of the table. Raises StoreError and
        Unreadable."""
        actions = self._actions_at(version).to_pylist()
        known = {each["path"]: each.get("num_records") for each in actions}
        if known.get(name) is None:
            raise Unreadable("its table does not say how many contacts there are")
        return int(known[name])

    def _actions_at(self, version: int) -> pa.Table:
        """A row for each file of a version. Raises StoreError."""
        try:
            table = DeltaTable(
                self._place.root, version=version, storage_options=self._place.storage_options
            )
            return pa.table(table.get_add_actions(flatten=True))
        except (DeltaError, OSError, ValueError) as error:
            raise store_error(error, self._place) from None

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
                    self._comes(files, adds, now),
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
                    *self._comes([name for name in files if name not in there], adds, now)
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

    def _comes(
        self, files: Sequence[str], adds: Mapping[str, AddAction], now: int
    ) -> list[AddAction]:
        """What makes the log list these files: the new ones, `adds`, and others where the log was
        lost. Of those, one that is lost as well stays in the version, where reading it fails, but
        must not hold up the commit."""
        found = []
        for name in files:
            try:
                found.append(adds[name] if name in adds else self._add(name, now))
            except FileNotFoundError:
                log.warning("The file %s of %s is missing.", name, self._place.root)
        return found

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
        obstacles.check_path(self._place)
        obstacles.clear_log(self._place)
        for _ in range(ATTEMPTS):
            try:
                return DeltaTable(self._place.root, storage_options=self._place.storage_options)
            except TableNotFoundError:
                return None
            except (DeltaError, OSError, ValueError) as error:
                why = store_error(error, self._place)
                if not self._place.is_folder and "refused what" not in str(why):
                    raise why from None
                if not obstacles.set_newest_aside(self._place):
                    raise why from None
        obstacles.set_all_aside(self._place)
        return None

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


def _version(table: DeltaTable) -> Version:
    actions = pa.table(table.get_add_actions(flatten=True))
    return Version(table.version(), tuple(sorted(actions["path"].to_pylist())))


def _commits(table: DeltaTable) -> list[tuple[int, dict[str, str]]]:
    """The latest versions with their commit metadata."""
    return [(int(commit["version"]), commit) for commit in table.history(ATTEMPTS)]
