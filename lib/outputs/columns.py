"""Columns of tables: name, values and format.

The screen, the page file, CSV and the workbook use the same columns: each writes a value in its own
way, and none has to guess its type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from lib.reference import escaping, formatting

Raw = str | int | float | date | datetime | None
"""A value in exported files; None if missing."""


@dataclass(frozen=True)
class Format:
    """Format of a column's values.

    `write` gives the text on screen, `raw` the values in files: one per suffix in `parts`, which
    name the file's columns. `pattern` is the workbook's number format.
    """

    name: str
    write: Callable[[Any], str]
    raw: Callable[[Any], tuple[Raw, ...]]
    is_number: bool = False
    parts: tuple[str, ...] = ("",)
    pattern: str = "General"
    is_in_files: bool = True


def _whole(value: Any) -> tuple[Raw, ...]:
    return (int(value),)


def _fraction(value: Any) -> tuple[Raw, ...]:
    # Shares in the largest workspaces differ in the sixth decimal; the rest is floating-point
    # noise.
    return (round(float(value), 6),)


def _hours(value: Any) -> tuple[Raw, ...]:
    return (round(float(value), 4),)


def _day(value: Any) -> tuple[Raw, ...]:
    return (value.date() if isinstance(value, datetime) else value,)


def _bounds(value: Any) -> tuple[Raw, ...]:
    low, high = value
    return _fraction(low) + _fraction(high)


def _text(value: Any) -> tuple[Raw, ...]:
    return (escaping.upright(str(value)),)


def _shares(value: Any) -> str:
    low, high = value
    return f"{formatting.percent(low)} to {formatting.percent(high)}"


def _differences(value: Any) -> str:
    low, high = value
    return f"{formatting.points(low)} to {formatting.points(high)}"


_SIGNED_PERCENT = "+0.0%;\u22120.0%;0.0%"
_BOUNDS = (" from", " to")

TEXT = Format("text", lambda value: escaping.visible(str(value)), _text)
COUNT = Format("count", formatting.number, _whole, is_number=True, pattern="#,##0")
SIGNED = Format(
    "signed count", formatting.signed, _whole, is_number=True, pattern="+#,##0;\u2212#,##0;0"
)
SHARE = Format("share", formatting.percent, _fraction, is_number=True, pattern="0.0%")
"""A fraction from 0 to 1."""

CHANGE = Format(
    "change", formatting.signed_percent, _fraction, is_number=True, pattern=_SIGNED_PERCENT
)
"""Relative growth, as a fraction."""

POINTS = Format("points", formatting.points, _fraction, is_number=True, pattern=_SIGNED_PERCENT)
"""Difference of two rates."""

HOURS = Format(
    "hours", formatting.duration, _hours, is_number=True, parts=(" (hours)",), pattern="#,##0.0"
)
DAY = Format("day", formatting.day, _day, is_number=True, pattern="yyyy-mm-dd")
MONTH = Format("month", formatting.month, _day, is_number=True, pattern="yyyy-mm")
"""Given by its first day."""

SHARES = Format("interval of a share", _shares, _bounds, parts=_BOUNDS, pattern="0.0%")
"""Lower and upper bound, as fractions."""

DIFFERENCES = Format(
    "interval of a difference", _differences, _bounds, parts=_BOUNDS, pattern=_SIGNED_PERCENT
)
TREND = Format("trend", str, lambda _: (), parts=(), is_in_files=False)
"""Numbers by day, week or month, drawn as a sparkline; left out of files."""

STACK = Format("stack", str, lambda _: (), parts=(), is_in_files=False)
"""A `lib.charts.stack.Stack`, drawn as a stacked bar; the columns beside it have its numbers."""

LINK = Format("link", lambda _: "Open", _text)
"""A URL."""


def time_in(timezone: str) -> Format:
    """Format for moments, shown in that zone and exported as ISO 8601 with its offset."""
    return Format(
        "time",
        lambda value: formatting.moment_of(value, timezone),
        lambda value: (formatting.local_time(value, timezone).replace(microsecond=0),),
        is_number=True,
        pattern="yyyy-mm-dd hh:mm",
    )


@dataclass(frozen=True, eq=False)
class Column:
    """A column. `values` have the type that `format` expects; None, NaN and NaT are missing.

    `muted` says for each value whether it rests on few contacts. A `detail` column is hidden until
    more columns are asked for.
    """

    name: str
    values: Sequence[Any]
    format: Format
    muted: Sequence[bool] = ()
    detail: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def shown(self, row: int) -> str:
        """The value of a row as shown on screen."""
        value = self.values[row]
        return formatting.NOTHING if is_missing(value) else self.format.write(value)

    def raw(self, row: int) -> tuple[Raw, ...]:
        """The value of a row as exported, one for each of `heads`."""
        value = self.values[row]
        return (None,) * len(self.format.parts) if is_missing(value) else self.format.raw(value)

    @property
    def heads(self) -> tuple[str, ...]:
        """Column names in files."""
        return tuple(f"{self.name}{part}" for part in self.format.parts)


def column(
    name: str,
    values: "Sequence[Any] | np.ndarray | pd.Series[Any] | pd.Index",
    format: Format,  # noqa: A002 - the name of the class's field
    *,
    muted: Sequence[bool] = (),
    detail: bool = False,
) -> Column:
    """A column from any sequence, array, series or index, converted to plain Python values."""
    if isinstance(values, np.ndarray | pd.Series | pd.Index):
        values = values.tolist()
    return Column(name, values, format, muted, detail)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; the first one names the rows. `filters` are those its numbers are
    under, in words, if these may differ from the page's: a ranking ignores its own filter."""

    columns: tuple[Column, ...]
    filters: str | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @property
    def of_files(self) -> tuple[Column, ...]:
        return tuple(each for each in self.columns if each.format.is_in_files)

    def at(self, rows: Sequence[int]) -> "Table":
        """The table with only these rows, in this order."""
        return Table(
            tuple(
                replace(
                    each,
                    values=[each.values[row] for row in rows],
                    muted=[each.muted[row] for row in rows] if each.muted else (),
                )
                for each in self.columns
            ),
            self.filters,
        )

    def order_by(self, name: str, *, descending: bool) -> list[int]:
        """Row numbers ordered by the values of a column; missing values come last."""
        values = next(each for each in self.columns if each.name == name).values
        known = [row for row in range(len(self)) if not is_missing(values[row])]
        missing = [row for row in range(len(self)) if is_missing(values[row])]
        return [*sorted(known, key=lambda row: sort_key(values[row]), reverse=descending), *missing]


def table(*columns: Column) -> Table:
    return Table(columns)


def sort_key(value: Any) -> Any:
    """Sort key of a value: text case-folded, intervals by their lower bound."""
    if isinstance(value, str):
        return value.casefold()
    return value[0] if isinstance(value, tuple) else value


def is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return False
    if isinstance(value, list | tuple | np.ndarray):
        return not len(value)
    return bool(pd.isna(value))
