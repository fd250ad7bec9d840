"""Parquet files in a bucket as an Arrow dataset that downloads only the columns, and the row
groups, that a query needs.

Requests go through obstore, which releases the GIL while it waits; deltalake's own file system does
not.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.dataset as pds

from lib.store.place import Place, store_errors


class ObjectFile(io.RawIOBase):
    """Random access to one object, with a request per read. Raises StoreError."""

    def __init__(self, place: Place, name: str) -> None:
        self._place, self._name = place, name
        self._size = place.size(name)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        return self._size

    def seek(self, offset: int, relative_to: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[relative_to]
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        with store_errors(self._place):
            found = self._place.bucket.get_range(self._name, self._at, end)
        self._at += len(found)
        return found


def dataset_of(place: Place, names: Sequence[str]) -> pds.Dataset:
    """Dataset of files with the same columns. Raises StoreError."""
    kind = pds.ParquetFileFormat()
    with store_errors(place):
        fragments = [
            kind.make_fragment(pa.PythonFile(ObjectFile(place, name), mode="r")) for name in names
        ]
        return pds.FileSystemDataset(fragments, fragments[0].physical_schema, kind)
