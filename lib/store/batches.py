"""Reads tables from files in batches of contacts, in table order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lib.store import columns
from lib.store.order import Key, created_of, rank
from lib.store.place import Unreadable
from lib.store.tables import Tables

ROWS = 16_384
"""Approximate number of contacts per batch."""

_NAMES = ("tags", "inboxes", "agents", "teams")


class TableFiles:
    """The tables of a snapshot, in these files by name. With `needed`, files of another version are
    accepted if their contacts have those columns. Raises Unreadable."""

    def __init__(self, paths: Mapping[str, Path], needed: Collection[str] | None = None) -> None:
        self._paths = paths
        self._needed = needed
        with _reading():
            self.rows = int(pq.read_metadata(paths["contacts"]).num_rows)
            self.has_text_ids = not pa.types.is_integer(
                pq.read_schema(paths["contacts"]).field("id").type
            )

    def first_keys(self) -> list[Key]:
        """Sort keys of every `ROWS`th contact."""
        return [(int(created[0]), ids[0].as_py()) for created, ids in self._order()]

    def _order(self) -> Iterator[tuple[np.ndarray, pa.ChunkedArray]]:
        """`created` and IDs of all contacts, in batches."""
        stream = _Stream(self._paths["contacts"], ["created", "id"])
        for start in range(0, self.rows, ROWS):
            table = stream.take(min(ROWS, self.rows - start))
            yield created_of(table["created"]), table["id"]

    def places(self, keys: Sequence[Key]) -> list[int]:
        """Number of contacts before each of some sort keys, which are ascending."""
        found: list[int] = []
        start = 0
        for created, ids in self._order():
            while len(found) < len(keys):
                here = rank(created, ids, keys[len(found)])
                if here == len(created):
                    break
                found.append(start + here)
            start += len(created)
        return found + [self.rows] * (len(keys) - len(found))

    def ids(self, edges: Sequence[int]) -> Iterator[pa.ChunkedArray]:
        """IDs of the contacts between consecutive edges, which are row numbers."""
        stream = _Stream(self._paths["contacts"], ["id"])
        for begin, end in pairwise(edges):
            yield stream.take(end - begin)["id"]

    def tables(self, edges: Sequence[int]) -> Iterator[Tables]:
        """Tables of the contacts between consecutive edges, which are row numbers, with their links
        and all names."""
        links = [name for name in columns.names() if name not in ("contacts", *_NAMES)]
        streams = {name: _Stream(self._paths[name], None, name) for name in ("contacts", *links)}
        names = {name: self._frame(name, self._whole(name)) for name in _NAMES}
        for begin, end in pairwise(edges):
            frames = {"contacts": self._frame("contacts", streams["contacts"].take(end - begin))}
            for name in links:
                found = self._frame(name, streams[name].take_before(end))
                found["contact"] = found["contact"].to_numpy() - np.int32(begin)
                frames[name] = found
            yield Tables(**frames, **names)

    def _whole(self, name: str) -> pa.Table:
        return _Stream(self._paths[name], None, name).rest()

    def _frame(self, name: str, table: pa.Table) -> pd.DataFrame:
        return columns.from_columns(name, table, self._needed if name == "contacts" else None)


class _Stream:
    """Sequential reader of a file's rows."""

    def __init__(self, path: Path, names: Sequence[str] | None, table: str | None = None) -> None:
        with _reading():
            file = pq.ParquetFile(
                path,
                read_dictionary=columns.categorical(table) if table is not None else [],
                pre_buffer=False,
                page_checksum_verification=True,
            )
        wanted = columns.without_joined(file.schema_arrow) if names is None else names
        self._batches = file.iter_batches(ROWS, columns=wanted, use_threads=False)
        self._rest = pa.Table.from_batches([], file.schema_arrow).select(wanted)

    def take(self, number: int) -> pa.Table:
        """The next `number` rows. Raises Unreadable if there are fewer."""
        while len(self._rest) < number:
            if not self._read_on():
                raise Unreadable("one of its files is damaged")
        return self._cut(number)

    def take_before(self, contact: int) -> pa.Table:
        """The next rows of links of contacts before `contact`."""
        while not len(self._rest) or self._rest["contact"][-1].as_py() < contact:
            if not self._read_on():
                break
        return self._cut(int(np.searchsorted(self._rest["contact"].to_numpy(), contact)))

    def rest(self) -> pa.Table:
        while self._read_on():
            pass
        return self._cut(len(self._rest))

    def _read_on(self) -> bool:
        with _reading():
            batch = next(self._batches, None)
        if batch is None:
            return False
        self._rest = pa.concat_tables([self._rest, pa.Table.from_batches([batch])])
        return True

    def _cut(self, number: int) -> pa.Table:
        found, self._rest = self._rest.slice(0, number), self._rest.slice(number)
        return found


@contextmanager
def _reading() -> Iterator[None]:
    """Context that converts read errors to Unreadable."""
    try:
        yield
    except FileNotFoundError:
        raise Unreadable("a file of it is missing") from None
    except KeyError:
        raise Unreadable("another version of this dashboard wrote it") from None
    except (pa.ArrowException, OSError, ValueError):
        raise Unreadable("one of its files is damaged") from None
