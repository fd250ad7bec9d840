"""Times as text → columns of times, in bulk."""

from collections.abc import Sequence
from itertools import accumulate, chain

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.store.accumulators import clean


def parse_times(texts: Sequence[str | None]) -> tuple[np.ndarray, int]:
    """The times as datetime64[us] in UTC (NaT for None), and the number of texts that could not be
    parsed.

    The API writes `2026-05-10T12:00:00.123Z`; other forms of ISO 8601 are accepted, without an
    offset as UTC.
    """
    try:
        return _parse(texts), 0
    except pa.ArrowInvalid:
        blank = [clean(text) for text in texts]
        times = pd.to_datetime(
            pd.Series(blank, dtype="str"), format="ISO8601", utc=True, errors="coerce"
        )
        unreadable = sum(text is not None for text in blank) - int(times.notna().sum())
        return times.dt.tz_localize(None).to_numpy("datetime64[us]"), unreadable


def _parse(texts: Sequence[str | None]) -> np.ndarray:
    """Fast parser for the usual form. Raises pyarrow.ArrowInvalid for any other."""
    column = pa.array(texts, pa.string()).cast(pa.timestamp("us", tz="UTC"))
    times: np.ndarray = column.to_numpy(zero_copy_only=False)  # UTC, NaT for None
    return times


def parse_columns(
    *tables: tuple[tuple[str, ...], list[tuple[str | None, ...]]],
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Like `parse_times` for all columns of several tables at once, each given as names and rows.
    The counts contain only columns with unparsable texts."""
    try:
        flat = _parse([*chain.from_iterable(chain.from_iterable(rows for _, rows in tables))])
    except pa.ArrowInvalid:
        parsed = {
            name: parse_times([row[place] for row in rows])
            for names, rows in tables
            for place, name in enumerate(names)
        }
        return (
            {name: times for name, (times, _) in parsed.items()},
            {name: unreadable for name, (_, unreadable) in parsed.items() if unreadable},
        )
    ends = accumulate(len(names) * len(rows) for names, rows in tables)
    return {
        name: flat[end - len(names) * len(rows) + place : end : len(names)]
        for (names, rows), end in zip(tables, ends, strict=True)
        for place, name in enumerate(names)
    }, {}
