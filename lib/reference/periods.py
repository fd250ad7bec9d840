"""Whole days in a reporting zone: "Clock, zone, period" of the metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

ONE_DAY = timedelta(days=1)

FIRST_DAY, LAST_DAY = date(1969, 12, 31), date(2199, 12, 31)
"""Days outside of these are taken for typos. A clock that was never set says 1 January 1970 in UTC,
which is the day before in half of the world."""


def day_of(moment: datetime, timezone: str) -> date:
    """The calendar day of an instant in an IANA zone."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def midnight(day: date, timezone: str) -> datetime:
    """The instant, in UTC, at which a day begins in an IANA zone, through daylight-saving changes:
    the first of two midnights, and the first moment of a day that has none."""
    try:
        return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
    except OverflowError:  # the first day of the calendar began east of Greenwich, before it in UTC
        return datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """The days `start` to `end`, both included, in `timezone` (IANA).

    Raises ValueError if it would end before it starts.
    """

    start: date
    end: date
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("A period must not end before it starts.")

    @classmethod
    def last(cls, days: int, as_of: datetime, timezone: str) -> "Period":
        """The last `days` days, the one of `as_of` included."""
        today = day_of(as_of, timezone)
        return cls(today - (days - 1) * ONE_DAY, today, timezone)

    @property
    def number_of_days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def previous(self) -> "Period":
        """As many days, ending the day before this period starts."""
        end = self.start - ONE_DAY
        return Period(end - (self.number_of_days - 1) * ONE_DAY, end, self.timezone)

    @property
    def first_moment(self) -> datetime:
        """UTC; belongs to the period."""
        return midnight(self.start, self.timezone)

    @property
    def end_moment(self) -> datetime:
        """UTC; no longer belongs to the period."""
        return midnight(self.end + ONE_DAY, self.timezone)

    def days(self) -> Iterator[date]:
        return (self.start + number * ONE_DAY for number in range(self.number_of_days))

    def edges(self) -> list[datetime]:
        """The first moment of each day, and the moment at which the last one has ended. UTC; a day
        that the zone skipped has no length."""
        return [*(midnight(day, self.timezone) for day in self.days()), self.end_moment]


def stamps(moments: list[datetime]) -> np.ndarray:
    """Moments as the columns hold them: UTC, datetime64[us]."""
    naive = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    return np.array(naive, dtype="datetime64[us]")
