"""Tables that DuckDB reads: files of a store, or what is in memory. It runs in this process and
takes no more memory than it is given, however large the files are.
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
"""What DuckDB may hold. What is more goes through files of its own."""

SECONDS = 60.0

_UNREADABLE = (duckdb.Error, pa.ArrowException, OSError, StoreError)
"""What comes of files that are missing, damaged or out of reach."""


class DuckDB:
    """A source for `lib.engines.lazy.LazyEngine`: answers one question at a time, on all cores.

    A question may take `seconds`.
    """

    name = "DuckDB"

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
                # Nothing is fetched from anywhere.
                "autoinstall_known_extensions": "false",
            }
        )
        self._connection.execute("SET TimeZone = 'UTC'")
        # Without it nobody knows how far a question is.
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
            # DuckDB would have to fetch an extension, and be told the keys.
            read = self._connection.from_arrow(files.dataset())
        else:
            read = self._connection.read_parquet(
                [_exactly(each) for each in files.addresses], union_by_name=files.schema is not None
            )
        if files.schema is None:
            return read
        # Without rows, for its columns.
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
    """Interrupts what a connection answers within, once it takes too long; never what comes
    after."""

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


def _exactly(path: str) -> str:
    """A path in which nothing stands for other characters."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
