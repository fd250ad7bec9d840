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

from lib.engines.errors import EngineError
from lib.engines.where import Files, Where

MEMORY = "1GB"
"""What DuckDB may hold. What is more goes through files of its own."""

SECONDS = 60.0


class DuckDB:
    """A source for `lib.engines.lazy.LazyEngine`: answers one question at a time, on all cores.

    A question may take `seconds`.
    """

    name = "DuckDB"

    def __init__(self, where: Where, *, seconds: float = SECONDS, memory: str = MEMORY) -> None:
        self.lock = threading.RLock()
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

    def table(self, name: str) -> nw.LazyFrame[Any]:
        if name not in self._tables:
            found = self._where(name)
            try:
                if isinstance(found, Files):
                    read = self._files(name, found)
                else:
                    read = self._connection.from_arrow(found)
            except duckdb.Error:
                raise EngineError("DuckDB cannot read the files of the store.") from None
            self._tables[name] = nw.from_native(read)
        return self._tables[name]

    def _files(self, name: str, files: Files) -> duckdb.DuckDBPyRelation:
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
        too_late = threading.Timer(self._seconds, self._connection.interrupt)
        too_late.daemon = True
        too_late.start()
        try:
            return frame.collect("pyarrow").to_native()
        except duckdb.InterruptException:
            raise EngineError(f"DuckDB had no answer within {self._seconds:g} seconds.") from None
        except duckdb.OutOfMemoryException:
            raise EngineError("DuckDB had too little memory, or disk, for an answer.") from None
        except duckdb.Error:
            raise EngineError("DuckDB cannot read the files of the store.") from None
        finally:
            too_late.cancel()


def _exactly(path: str) -> str:
    """A path in which nothing stands for other characters."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
