"""External sort: brings contacts on disk into table order in bounded memory.

Contacts arrive in crawl order and are written in parts, each sorted by `created` and `id`. When all
have arrived, the parts are merged, one stretch of that order at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lib.store.builder import NAT, Drained
from lib.store.order import LAST, Key, ids_of, rank, ranks_of

STRETCH = 65_536
"""Approximate number of contacts merged at a time."""

STEP = 128
"""One row in this many is remembered with its sort key."""

GROUP = 8192
"""Rows per row group; a multiple of `STEP`."""


class Parts:
    """Sorted parts in a folder, each a Parquet file with the columns of `Drained` and `read`, the
    position of each contact among all that were read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[_Part] = []
        self._read = 0

    def add(self, drained: Drained) -> None:
        """Write a part. Raises OSError."""
        columns = {"id": drained.ids, "conversation": drained.conversations}
        columns |= {name: pa.array(each) for name, each in drained.times.items()}
        columns |= {name: pa.array(each) for name, each in drained.flags.items()}
        columns |= {name: pa.array(each) for name, each in drained.codes.items()}
        columns |= drained.links
        columns["read"] = pa.array(np.arange(self._read, self._read + len(drained)))
        self._read += len(drained)
        path = self._folder / f"part-{len(self._parts):06}.parquet"
        self._parts.append(_write(pa.table(columns), path))

    def in_order(self) -> Iterator[pa.Table]:
        """All contacts in table order, one row per ID: the one with the latest `updated`, then the
        one read last. Raises OSError."""
        self._make_ids_alike()
        superseded = self._superseded()
        files = [pq.ParquetFile(part.path, pre_buffer=False) for part in self._parts]
        edges = [None, *_edges(self._parts), None]
        for begin, end in pairwise(edges):
            found = [
                part.between(file, begin, end)
                for part, file in zip(self._parts, files, strict=True)
            ]
            together = pa.concat_tables([each for each in found if len(each)] or found[:1])
            if not len(together):
                continue
            if len(superseded):
                kept = ~np.isin(together["read"].to_numpy(), superseded)
                together = together.filter(pa.array(kept))
            yield together.take(pa.array(_order(together)))

    def remove(self) -> None:
        """Remove the parts. Raises OSError."""
        for part in self._parts:
            part.path.unlink(missing_ok=True)

    def _make_ids_alike(self) -> None:
        """Convert the IDs of all parts to text if any part has text; this changes their order."""
        for column in ("id", "conversation"):
            kinds = {part.schema.field(column).type for part in self._parts}
            if len(kinds) < 2:
                continue
            for place, part in enumerate(self._parts):
                table = pq.read_table(part.path)
                field = table.schema.get_field_index(column)
                if table[column].type != pa.string():
                    table = table.set_column(field, column, table[column].cast(pa.string()))
                    self._parts[place] = _write(table, part.path)

    def _superseded(self) -> np.ndarray:
        """Positions, among all that were read, of contacts superseded by another with the same
        ID."""
        # Eight bytes per contact while looking for duplicate IDs.
        keys = np.empty(self._read, np.int64)
        begin = 0
        for part in self._parts:
            keys[begin : begin + part.rows] = _as_numbers(part.read(["id"])["id"])
            begin += part.rows
        keys.sort()
        several = np.unique(keys[1:][keys[1:] == keys[:-1]])
        del keys
        if not len(several):
            return several
        found = []
        for part in self._parts:
            table = part.read(["id", "updated", "read"])
            is_one = np.isin(_as_numbers(table["id"]), several)
            found.append(table.filter(pa.array(is_one)))
        table = pa.concat_tables(found)
        ids, read = _ranks(table["id"]), table["read"].to_numpy()
        order = np.lexsort((read, table["updated"].to_numpy(), ids))
        is_last = np.append(ids[order][1:] != ids[order][:-1], True)
        superseded: np.ndarray = read[order[~is_last]]
        return superseded


@dataclass(frozen=True)
class _Part:
    """A part; `created` and `ids` are the sort keys of every `STEP`th row."""

    path: Path
    rows: int
    schema: pa.Schema
    created: np.ndarray
    ids: np.ndarray

    def read(self, columns: Sequence[str]) -> pa.Table:
        return pq.read_table(self.path, columns=list(columns), pre_buffer=False)

    def before(self, key: Key) -> int:
        """Number of remembered rows before a sort key."""
        created, contact = key
        first = int(np.searchsorted(self.created, created))
        end = int(np.searchsorted(self.created, created, "right"))
        return first + int(np.searchsorted(self.ids[first:end], contact))

    def between(self, file: pq.ParquetFile, begin: Key | None, end: Key | None) -> pa.Table:
        """The rows from `begin` to before `end`; None for no limit."""
        first = 0 if begin is None else max(0, (self.before(begin) - 1) * STEP)
        last = self.rows if end is None else min(self.rows, self.before(end) * STEP)
        if first >= last:
            return self.schema.empty_table()
        groups = range(first // GROUP, (last - 1) // GROUP + 1)
        table = file.read_row_groups([*groups], use_threads=False)
        table = table.slice(first - groups[0] * GROUP, last - first)
        low = 0 if begin is None else _place(table, begin)
        high = len(table) if end is None else _place(table, end)
        # A copy: a slice would hold all that was read.
        return table.take(pa.array(np.arange(low, high)))


def _write(table: pa.Table, path: Path) -> _Part:
    table = table.take(pa.array(_order(table)))
    pq.write_table(
        table,
        path,
        row_group_size=GROUP,
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
    )
    # Copies: a view would keep the whole column in memory.
    created, ids = _created(table)[::STEP].copy(), ids_of(table["id"])[::STEP].copy()
    return _Part(path, len(table), table.schema, created, ids)


def _edges(parts: Sequence[_Part]) -> list[Key]:
    """Sort keys that divide the contacts into stretches of about equal size."""
    created = np.concatenate([part.created for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    order = np.lexsort((_ranks(pa.chunked_array([pa.array(ids)])), created))
    chosen = order[:: STRETCH // STEP][1:]
    return [(int(created[each]), ids[each]) for each in chosen]


def _place(table: pa.Table, key: Key) -> int:
    """Number of rows of a sorted table before a sort key."""
    return rank(_created(table), table["id"], key)


def _order(table: pa.Table) -> np.ndarray:
    order: np.ndarray = np.lexsort((_ranks(table["id"]), _created(table)))
    return order


def _created(table: pa.Table) -> np.ndarray:
    times: np.ndarray = table["created"].to_numpy()
    return np.where(times == NAT, LAST, times)


def _ranks(ids: pa.ChunkedArray) -> np.ndarray:
    """Integers that sort and compare like the IDs."""
    if pa.types.is_integer(ids.type):
        numbers: np.ndarray = ids.to_numpy()
        return numbers
    return ranks_of(ids.to_pylist())


def _as_numbers(ids: pa.ChunkedArray) -> np.ndarray:
    """A hash of each ID; different IDs may rarely collide."""
    if pa.types.is_integer(ids.type):
        numbers: np.ndarray = ids.to_numpy()
        return numbers
    return pd.util.hash_array(ids_of(ids), categorize=False).view(np.int64)
