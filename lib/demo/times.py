"""Types and times of the demo's columns. Times are in milliseconds since 1970, or `NEVER`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

Floats = NDArray[np.float64]

Flags = NDArray[np.bool_]

Times = NDArray[np.datetime64]

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MINUTE = 60_000

HOUR = 60 * MINUTE

DAY = 24 * HOUR

NEVER = int(np.iinfo(np.int64).min)  # NumPy's NaT


def as_times(times: Ints) -> Times:
    return times.view("datetime64[ms]")


def as_texts(times: Times) -> list[Any]:
    """Texts like `2026-05-10T12:00:00.123Z`, None for NaT, nested like the array."""
    texts = np.full(times.shape, None, dtype=object)
    known = ~np.isnat(times)
    texts[known] = np.datetime_as_string(times[known], unit="ms", timezone="UTC")
    nested: list[Any] = texts.tolist()
    return nested


def columns_as_lists(columns: Iterable[NDArray[Any]], rows: Ints) -> Iterator[list[Any]]:
    """Yield the given rows of each column as a list, with times as texts."""
    for column in columns:
        part = column[rows]
        yield as_texts(part) if part.dtype.kind == "M" else part.tolist()
