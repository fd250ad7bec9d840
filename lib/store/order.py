"""The order of contacts in their table: by `created`, then by id, those without a time last."""

from typing import Any

import numpy as np
import pyarrow as pa

LAST = int(np.iinfo("int64").max)
"""Where contacts stand of which nobody knows when they were created."""

Key = tuple[int, Any]
"""A place in the order: `created` in microseconds since 1970, and an id as int64 or text; None for
the place before all that were created then."""


def created_of(column: pa.ChunkedArray) -> np.ndarray:
    """A column of times as the first part of a key."""
    times: np.ndarray = column.cast(pa.int64()).fill_null(LAST).to_numpy()
    return times


def ids_of(column: pa.ChunkedArray) -> np.ndarray:
    """As int64, or as texts that compare by code point."""
    if pa.types.is_integer(column.type):
        numbers: np.ndarray = column.to_numpy()
        return numbers
    return np.array(column.to_pylist(), dtype=object)


def rank(created: np.ndarray, ids: pa.ChunkedArray, key: Key) -> int:
    """Number of rows, which are sorted, before a key."""
    time, contact = key
    first = int(np.searchsorted(created, time))
    if contact is None:
        return first
    end = int(np.searchsorted(created, time, "right"))
    return first + int(np.searchsorted(ids_of(ids.slice(first, end - first)), contact))
