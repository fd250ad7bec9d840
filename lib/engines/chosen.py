"""The engine selected by `CHATBOTX_ENGINE`, if it is not memory.

It is started by the first query, and only then are its packages imported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from lib.engines.errors import EngineError, disagrees
from lib.engines.flights import PatientLock

if TYPE_CHECKING:
    import pyarrow as pa

    from lib.engines.questions import Engine
    from lib.engines.selection import Source
    from lib.engines.where import Where
    from lib.settings import ChosenEngine, Settings
    from lib.store.snapshot import Snapshot, TableFile
    from lib.store.storage import Store


@dataclass(frozen=True)
class _Opened:
    source: Source
    reads_store: bool


class _Asked(threading.local):
    """What the current question of a thread is asked of."""

    opened: _Opened | None = None


class ChosenSource:
    """The source of one snapshot for `lib.engines.lazy.LazyEngine`; counts its queries.

    `find` returns the snapshot's files in the store, None if it is not stored; `otherwise` then
    returns what to read instead. After a failed query it reconnects, since a server may have been
    restarted. Raises EngineError if the number of contacts found differs from `contacts`.
    """

    def __init__(
        self,
        chosen: ChosenEngine,
        otherwise: Callable[[], Where],
        find: Callable[[], Where | None],
        contacts: int | None = None,
    ) -> None:
        self.name = chosen.name
        self.questions = 0
        self.seconds = 0.0
        """Total time of all queries, in seconds."""
        self._chosen = chosen
        self._contacts = contacts
        self._otherwise = otherwise
        self._find = find
        self._opened: _Opened | None = None
        self._asked = _Asked()
        self._recorded: object = None
        self._lock = threading.Lock()
        self._opening = PatientLock()

    @property
    def nbytes(self) -> int:
        """Its size for the cache of results, which does not count it."""
        return 0

    @property
    def reads_store(self) -> bool:
        return self._opened is not None and self._opened.reads_store

    @property
    def lock(self) -> AbstractContextManager[object]:
        return self._asking()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """All tables of a question are from one connection, even if another is opened meanwhile."""
        opened, outer = self._open(), self._asked.opened
        with opened.source.lock:
            self._asked.opened = opened
            try:
                yield
            finally:
                self._asked.opened = outer

    @property
    def is_embedded(self) -> bool:
        return self._open().source.is_embedded

    def table(self, name: str) -> nw.LazyFrame[Any]:
        opened = self._open()
        with self._given_up_on_error(opened):
            return opened.source.table(name)

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        began = time.perf_counter()
        opened = self._open()
        with self._given_up_on_error(opened):
            found = opened.source.collect(frame)
        with self._lock:
            self.questions += 1
            self.seconds += time.perf_counter() - began
        return found

    def look_again(self, recorded: object) -> None:
        """Look for stored files again if something has been recorded since the last time.

        A snapshot is shown before it is stored.
        """
        with self._lock:
            if recorded != self._recorded:
                self._recorded = recorded
                if not self.reads_store:
                    self._opened = None

    @contextmanager
    def _given_up_on_error(self, opened: _Opened) -> Iterator[None]:
        try:
            yield
        except EngineError:
            with self._lock:
                if self._opened is opened:
                    self._opened = None
            raise

    def _open(self) -> _Opened:
        """What this thread's question is asked of, or the next one will be."""
        if self._asked.opened is not None:
            return self._asked.opened
        with self._opening:
            opened = self._opened
            if opened is None:
                opened = _opened(self._chosen, self._otherwise, self._find())
                self._check(opened.source)
                self._opened = opened
            return opened

    def _check(self, source: Source) -> None:
        """Check the number of contacts. Raises EngineError.

        A server that cannot reach the files may find none without reporting an error.
        """
        if self._contacts is not None:
            with source.lock:
                counted = source.collect(source.table("contacts").select(contacts=nw.len()))
            found = counted["contacts"][0].as_py()
            if found != self._contacts:
                raise disagrees(self.name, found, self._contacts)


def engine_of(source: ChosenSource) -> Engine:
    """The engine for all contacts of the source's snapshot."""
    from lib.engines.lazy import LazyEngine

    return LazyEngine(source)


def source_of(
    settings: Settings, snapshot: Callable[[], Snapshot], as_of: datetime, contacts: int
) -> ChosenSource | None:
    """The source of the snapshot of `as_of` (UTC) with so many contacts; None if memory answers.

    The snapshot's tables are loaded only if the engine cannot read their files.
    """
    chosen = settings.chosen_engine
    if chosen.is_memory:
        return None
    return ChosenSource(
        chosen,
        lambda: not_kept(settings, snapshot()),
        lambda: _kept(settings, as_of),
        contacts,
    )


def _kept(settings: Settings, as_of: datetime) -> Where | None:
    """The stored files of the snapshot of `as_of`; None if it is not stored or cannot be read."""
    from lib.engines.where import in_store
    from lib.store.place import StoreError
    from lib.store.snapshot_rows import FORMAT
    from lib.store.storage import store_of

    store = store_of(settings)
    try:
        head = store.head() if store is not None else None
    except StoreError:
        return None
    if store is None or head is None:
        return None
    for row in reversed(head.rows):
        if row.as_of == as_of and row.format == FORMAT:
            return in_store(store, row)
    return None


def not_kept(settings: Settings, snapshot: Snapshot) -> Where:
    """The files that the snapshot's crawl has written, or its tables. Raises EngineError."""
    from lib.engines.where import in_files, in_memory
    from lib.store.place import StoreError, Unreadable
    from lib.store.snapshot import FiledSnapshot
    from lib.store.storage import store_of

    store = store_of(settings)
    files = snapshot.files if isinstance(snapshot, FiledSnapshot) else None
    if files is not None and (settings.engine == "duckdb" or _are_in(store, files)):
        return in_files(files)
    try:
        return in_memory(snapshot.tables)
    except (StoreError, Unreadable) as why:
        raise EngineError(f"The stored data cannot be read: {why}.") from None


def _are_in(store: Store | None, files: Mapping[str, TableFile]) -> bool:
    """Whether the files are in the store's folder, which other machines may reach as well."""
    if store is None or not store.place.is_folder:
        return False
    root = Path(store.place.root).absolute()
    return all(root in each.path.absolute().parents for each in files.values())


def _opened(chosen: ChosenEngine, otherwise: Callable[[], Where], kept: Where | None) -> _Opened:
    """Start the engine on the stored files, or on `otherwise`. Raises EngineError."""
    where = kept or otherwise()
    if chosen.address == "duckdb":
        from lib.engines.duckdb import DuckDB

        return _Opened(DuckDB(where, seconds=chosen.seconds), kept is not None)
    from lib.engines.spark import Spark

    spark = Spark(where, chosen.address, seconds=chosen.seconds, token=chosen.token)
    return _Opened(spark, kept is not None)
