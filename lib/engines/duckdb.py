"""DuckDB as a source: it reads files of a store, or tables in memory.

DuckDB runs in this process and uses no more memory than it is given, however large the files are.
"""

import re
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from lib.engines.errors import EngineError, too_slow, unreadable
from lib.engines.flights import Cancelled, PatientLock, ended_by
from lib.engines.where import Files, Where
from lib.store.place import StoreError

MEMORY = "1GB"
"""DuckDB's memory limit; beyond it, it spills to temporary files."""

SECONDS = 60.0

_UNREADABLE = (duckdb.Error, pa.ArrowException, OSError, StoreError)
"""Errors from files that are missing, damaged or unreachable."""


class DuckDB:
    """A source for `lib.engines.lazy.LazyEngine`; runs one query at a time, on all cores.

    `seconds` is the time limit of a query, `memory` the memory limit.
    """

    name = "DuckDB"
    is_embedded = True

    def __init__(self, where: Where, *, seconds: float = SECONDS, memory: str = MEMORY) -> None:
        self.lock = PatientLock()
        self._where = where
        self._seconds = seconds
        self._tables: dict[str, nw.LazyFrame[Any]] = {}
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(Path(tempfile.gettempdir(), f"duckdb-{uuid.uuid4().hex}")),
                "preserve_insertion_order": "false",
                # Of files that never change: history has hundreds.
                "parquet_metadata_cache": "true",
                # Never download extensions.
                "autoinstall_known_extensions": "false",
            }
        )
        self._connection.execute("SET TimeZone = 'UTC'")
        # Required for `query_progress`.
        self._connection.execute("SET enable_progress_bar = true")
        self._connection.execute("SET enable_progress_bar_print = false")

    def table(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._tables:
            found = self._where(name)
            try:
                if isinstance(found, Files):
                    read = self._files(name, found)
                else:
                    read = self._connection.from_arrow(found)
            except _UNREADABLE:
                raise unreadable(self.name) from None
            self._tables[name] = nw.from_native(read)
        return self._tables[name]

    def _files(self, name: str, files: Files) -> duckdb.DuckDBPyRelation:
        if files.dataset is not None:
            # DuckDB itself would need to download an extension, and need the bucket's keys.
            read = self._connection.from_arrow(files.dataset())
        else:
            read = self._connection.read_parquet(
                [_escaped(each) for each in files.addresses], union_by_name=files.schema is not None
            )
        if files.schema is None:
            return read
        # An empty table that adds the columns missing from the files.
        self._connection.from_arrow(files.schema.empty_table()).create_view(f"{name}_columns")
        read.create_view(f"{name}_files")
        return self._connection.sql(f"FROM {name}_columns UNION ALL BY NAME FROM {name}_files")

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        limit = _Limit(self._seconds, self._connection)
        try:
            with limit, ended_by(self._connection.interrupt, self._progress):
                return frame.collect("pyarrow").to_native()
        except duckdb.InterruptException:
            if limit.is_over:
                raise too_slow(self.name, self._seconds) from None
            raise Cancelled from None
        except duckdb.OutOfMemoryException:
            raise EngineError(
                "DuckDB had too little memory, or disk, for an answer: choose a shorter period or "
                "fewer filters, or give its machine more."
            ) from None
        except _UNREADABLE:
            raise unreadable(self.name) from None

    def _progress(self) -> float | None:
        percent = self._connection.query_progress()
        return percent / 100 if percent >= 0 else None


class _Limit:
    """Context manager that interrupts a connection's query after `seconds`, but no later query."""

    def __init__(self, seconds: float, connection: duckdb.DuckDBPyConnection) -> None:
        self.is_over = False
        self._connection = connection
        self._lock = threading.Lock()
        self._has_ended = False
        self._timer = threading.Timer(seconds, self._interrupt)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._has_ended = True

    def _interrupt(self) -> None:
        with self._lock:
            if not self._has_ended:
                self.is_over = True
                self._connection.interrupt()


def _escaped(path: str) -> str:
    """The path with glob characters escaped."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
