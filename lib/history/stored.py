"""History in the store, as of one commit."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
from cachetools import LRUCache

from lib.history import events, levels
from lib.history.eager import EagerHistory
from lib.history.recorded import Recorded
from lib.reference.periods import stamps
from lib.store.delta import Delta
from lib.store.snapshot_rows import Head
from lib.store.storage import Store

_NAME = re.compile(r"(new|day|month)-(\d{8}T\d{12})-(\d{8}T\d{12})-[0-9a-f]{32}\.parquet")
_MOMENT = "%Y%m%dT%H%M%S%f"


class StoredHistory(EagerHistory):
    """`History` as of the commit `head`; `latest` loads the last recorded snapshot when needed."""

    def __init__(
        self,
        store: Store,
        head: Head,
        latest: Callable[[], Recorded],
        cache: Cache | None = None,
    ) -> None:
        self._store, self._head = store, head
        self._latest = latest
        self._cache = Cache() if cache is None else cache

    @cached_property
    def recorded(self) -> np.ndarray:
        """The chain of compared snapshots that ends with the last one."""
        return chain(self._head)

    @cached_property
    def since(self) -> datetime:
        return since(self._head)

    @cached_property
    def latest(self) -> Recorded:
        return self._latest()

    def events(
        self, after: np.datetime64, until: np.datetime64, columns: Sequence[str]
    ) -> pa.Table:
        """Raises StoreError and Unreadable."""
        names = list(dict.fromkeys([*columns, "seen"]))
        first = after + np.timedelta64(1, "us")
        return self._read("events", events.SCHEMA, names, first, until).select(list(columns))

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Raises StoreError and Unreadable."""
        names = levels.SCHEMA.names
        table = self._read("levels", levels.SCHEMA, names, first, last, dimension)
        found: pd.DataFrame = table.to_pandas()
        return found if keys is None else found[found["key"].isin(keys)]

    def _read(
        self,
        name: str,
        schema: pa.Schema,
        columns: Sequence[str],
        first: np.datetime64,
        last: np.datetime64,
        dimension: str | None = None,
    ) -> pa.Table:
        """The rows of a dimension (default: all) seen between two instants, both included."""
        table = self._store.table(name)
        wanted = pa.schema([schema.field(column) for column in columns])
        parts = [wanted.empty_table()]
        for file in files_within(self._head, name, first, last):
            begins, ends = span(file)
            part = self._cache.read(table, schema, file, columns, dimension)
            if begins < first or ends > last:
                seen = np.asarray(part["seen"], dtype="datetime64[us]")
                part = part.filter(pa.array((first <= seen) & (seen <= last)))
            parts.append(part)
        return pa.concat_tables(parts)


class Cache:
    """Cache of file columns; files never change. Thread-safe."""

    MOST_BYTES = 64_000_000

    def __init__(self) -> None:
        self._columns: LRUCache[tuple[str, str | None, str], pa.ChunkedArray] = LRUCache(
            self.MOST_BYTES, getsizeof=lambda column: column.nbytes + 500
        )
        self._lock = threading.Lock()

    def read(
        self,
        table: Delta,
        schema: pa.Schema,
        file: str,
        columns: Sequence[str],
        dimension: str | None,
    ) -> pa.Table:
        """Columns of a file, limited to the rows of a dimension if one is given. Raises StoreError
        and Unreadable."""
        with self._lock:
            known = {name: self._columns.get((file, dimension, name)) for name in columns}
        missing = [name for name, column in known.items() if column is None]
        if missing:
            only = [("dimension", "=", dimension)] if dimension is not None else None
            found = table.get_as(schema, file, missing, filters=only)
            known |= {name: found[name] for name in missing}
            with self._lock:
                for name in missing:
                    with contextlib.suppress(ValueError):  # larger than the whole cache
                        self._columns[file, dimension, name] = found[name]
        return pa.table(known)


def chain(head: Head) -> np.ndarray:
    """Times of the longest unbroken chain of compared snapshots that ends with the last recorded
    one."""
    table = head.recorded
    moments = np.asarray(table["as_of"], dtype="datetime64[us]")
    previous = np.asarray(table["previous"], dtype="datetime64[us]")
    breaks = np.flatnonzero(previous[1:] != moments[:-1])
    return moments[breaks[-1] + 1 if len(breaks) else 0 :]


def since(head: Head) -> datetime:
    """Time of the first snapshot ever recorded, UTC."""
    first: datetime = head.recorded["as_of"][0].as_py()
    return first.astimezone(UTC)


def files_within(
    head: Head, table: str, first: np.datetime64, last: np.datetime64
) -> tuple[str, ...]:
    """The files with rows seen between two instants, both included."""
    spans = {file: span(file) for file in head.last.files.get(table, ())}
    return tuple(file for file, (begins, ends) in spans.items() if begins <= last and ends >= first)


def label(kind: str, seen: pa.ChunkedArray) -> str:
    """Prefix of a file name: its kind, and when its first and last rows were seen."""
    moments = np.asarray(seen, dtype="datetime64[us]")
    texts = [f"{moment.item():{_MOMENT}}" for moment in (moments.min(), moments.max())]
    return f"{kind}-{texts[0]}-{texts[1]}"


@lru_cache(10_000)
def span(file: str) -> tuple[np.datetime64, np.datetime64]:
    """When the first and last rows of a file were seen; unbounded for other file names."""
    found = _NAME.fullmatch(file)
    if found is None:
        return np.datetime64(0, "us"), np.datetime64(2**62, "us")
    begins, ends = (
        datetime.strptime(text, _MOMENT).replace(tzinfo=UTC) for text in found.group(2, 3)
    )
    return stamps([begins, ends])[0], stamps([begins, ends])[1]


def kind_of(file: str) -> str:
    """Kind of a file. new: as recorded; day, month: merged."""
    found = _NAME.fullmatch(file)
    return found[1] if found is not None else "new"
