"""A column of a table: its name, its values and how they are written.

The screen, the page file, CSV and the workbook read the same columns, so that each of them writes a
value in its own way and none guesses what the value is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from lib.reference import formatting

Raw = str | int | float | date | datetime | None
"""A value as files hold it; None for what does not exist."""


@dataclass(frozen=True)
class Format:
    """How the values of a column are written.

    `write` gives the text that people read, `raw` what a file holds: as many values as there are
    `parts`, the endings that tell apart the file's columns. `pattern` is the number format of the
    workbook.
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
    # Shares of the largest workspaces differ in the sixth decimal; the rest is floating point.
    return (round(float(value), 6),)


def _hours(value: Any) -> tuple[Raw, ...]:
    return (round(float(value), 4),)


def _day(value: Any) -> tuple[Raw, ...]:
    return (value.date() if isinstance(value, datetime) else value,)


def _bounds(value: Any) -> tuple[Raw, ...]:
    low, high = value
    return _fraction(low) + _fraction(high)


def _text(value: Any) -> tuple[Raw, ...]:
    return (formatting.upright(str(value)),)


def _shares(value: Any) -> str:
    low, high = value
    return f"{formatting.percent(low)} to {formatting.percent(high)}"


def _differences(value: Any) -> str:
    low, high = value
    return f"{formatting.points(low)} to {formatting.points(high)}"


_SIGNED_PERCENT = "+0.0%;\u22120.0%;0.0%"
_BOUNDS = (" from", " to")

TEXT = Format("text", lambda value: formatting.visible(str(value)), _text)
COUNT = Format("count", formatting.number, _whole, is_number=True, pattern="#,##0")
SIGNED = Format(
    "signed count", formatting.signed, _whole, is_number=True, pattern="+#,##0;\u2212#,##0;0"
)
SHARE = Format("share", formatting.percent, _fraction, is_number=True, pattern="0.0%")
"""A fraction from 0 to 1."""

CHANGE = Format(
    "change", formatting.signed_percent, _fraction, is_number=True, pattern=_SIGNED_PERCENT
)
"""By how much something grew, as a fraction of what it was."""

POINTS = Format("points", formatting.points, _fraction, is_number=True, pattern=_SIGNED_PERCENT)
"""The difference of two rates."""

HOURS = Format(
    "hours", formatting.duration, _hours, is_number=True, parts=(" (hours)",), pattern="#,##0.0"
)
DAY = Format("day", formatting.day, _day, is_number=True, pattern="yyyy-mm-dd")
MONTH = Format("month", formatting.month, _day, is_number=True, pattern="yyyy-mm")
"""By its first day."""

SHARES = Format("interval of a share", _shares, _bounds, parts=_BOUNDS, pattern="0.0%")
"""Two fractions, the lower and the upper bound."""

DIFFERENCES = Format(
    "interval of a difference", _differences, _bounds, parts=_BOUNDS, pattern=_SIGNED_PERCENT
)
TREND = Format("trend", str, lambda _: (), parts=(), is_in_files=False)
"""Numbers by day, week or month, drawn as a small line. They are for the eye, not for files."""

LINK = Format("link", lambda _: "Open", _text)
"""An address on the web."""


def time_in(timezone: str) -> Format:
    """Moments, shown in that zone and written to files in ISO 8601 with its offset."""
    zone = ZoneInfo(timezone)
    return Format(
        "time",
        lambda value: formatting.moment_of(value, timezone),
        lambda value: (value.astimezone(zone).replace(microsecond=0),),
        is_number=True,
        pattern="yyyy-mm-dd hh:mm",
    )


@dataclass(frozen=True, eq=False)
class Column:
    """`values` are as `format` expects them; None, NaN and NaT are what does not exist.

    `muted` says for each value whether it rests on few contacts. A `detail` is hidden until
    somebody asks for more columns.
    """

    name: str
    values: Sequence[Any]
    format: Format
    muted: Sequence[bool] = ()
    detail: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def shown(self, row: int) -> str:
        """The value of a row as people read it."""
        value = self.values[row]
        return formatting.NOTHING if is_missing(value) else self.format.write(value)

    def raw(self, row: int) -> tuple[Raw, ...]:
        """The value of a row as files hold it, one for each of `heads`."""
        value = self.values[row]
        return (None,) * len(self.format.parts) if is_missing(value) else self.format.raw(value)

    @property
    def heads(self) -> tuple[str, ...]:
        """What files call it."""
        return tuple(f"{self.name}{part}" for part in self.format.parts)


def column(
    name: str,
    values: "Sequence[Any] | np.ndarray | pd.Series[Any] | pd.Index",
    format: Format,  # noqa: A002 - the name that the class has for it
    *,
    muted: Sequence[bool] = (),
    detail: bool = False,
) -> Column:
    """A column of plain values, whatever they came in."""
    plain = values if isinstance(values, list | tuple) else values.tolist()  # type: ignore[union-attr]
    return Column(name, plain, format, muted, detail)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length. The first one names the rows."""

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @property
    def of_files(self) -> tuple[Column, ...]:
        return tuple(each for each in self.columns if each.format.is_in_files)

    def at(self, rows: Sequence[int]) -> "Table":
        """Those rows, in that order."""
        return Table(
            tuple(
                replace(
                    each,
                    values=[each.values[row] for row in rows],
                    muted=[each.muted[row] for row in rows] if each.muted else (),
                )
                for each in self.columns
            )
        )

    def order_by(self, name: str, *, descending: bool) -> list[int]:
        """The rows by the values of a column; those that lack one come last."""
        values = next(each for each in self.columns if each.name == name).values
        known = [row for row in range(len(self)) if not is_missing(values[row])]
        missing = [row for row in range(len(self)) if is_missing(values[row])]
        return [*sorted(known, key=lambda row: sort_key(values[row]), reverse=descending), *missing]


def table(*columns: Column) -> Table:
    return Table(columns)


def sort_key(value: Any) -> Any:
    """Text sorts without regard to case, intervals by their lower bound."""
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
