"""The Parquet files of a table.

We write them ourselves, because Arrow is fast and preserves their order.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lib.store import obstacles
from lib.store.packed import PackedTable
from lib.store.place import Place, Unreadable


class ParquetFiles:
    """The files in the folder `name` of a place."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._place = place.below(name)

    def put(
        self, data: pa.Table | PackedTable, *, label: str = "part", rows_a_group: int = 250_000
    ) -> str:
        """Write a file, which is not yet part of any version; returns its name. Raises
        StoreError."""
        obstacles.clear_folders(self._place)
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
        obstacles.clear_folders(self._place)
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
