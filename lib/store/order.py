"""Table order of contacts: by `created`, then by ID; contacts without a creation time last."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

LAST = int(np.iinfo("int64").max)
"""Sort key of contacts without a creation time."""

Key = tuple[int, Any]
"""A sort key: `created` in microseconds since 1970, and an ID as int64 or text; None sorts before
all contacts created then."""


def created_of(column: pa.ChunkedArray) -> np.ndarray:
    """The first part of the sort keys of a time column."""
    times: np.ndarray = column.cast(pa.int64()).fill_null(LAST).to_numpy()
    return times


def ids_of(column: pa.ChunkedArray) -> np.ndarray:
    """IDs as int64, or as texts that compare by code point."""
    if pa.types.is_integer(column.type):
        numbers: np.ndarray = column.to_numpy()
        return numbers
    return np.array(column.to_pylist(), dtype=object)


def rank(created: np.ndarray, ids: pa.ChunkedArray, key: Key) -> int:
    """Number of sorted rows before a sort key."""
    time, contact = key
    first = int(np.searchsorted(created, time))
    if contact is None:
        return first
    end = int(np.searchsorted(created, time, "right"))
    return first + int(np.searchsorted(ids_of(ids.slice(first, end - first)), contact))


def ranks_of(texts: Sequence[str] | np.ndarray) -> np.ndarray:
    """Numbers that sort like the texts, by code point; equal texts have the same number.

    NumPy's default sort crashes on text that consists of a few sorted runs (2.4.6), as pages of
    several walkers do; the stable one does not.
    """
    column = np.array(texts, dtype=np.dtypes.StringDType())
    order = np.argsort(column, kind="stable")
    in_order = column[order]
    ranks = np.empty(len(column), dtype=np.int64)
    ranks[order] = np.cumsum(np.append(False, in_order[1:] != in_order[:-1])[: len(column)])
    return ranks
