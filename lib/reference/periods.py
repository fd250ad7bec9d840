"""Periods of whole days in a reporting time zone (metrics.md, "Clock, zone, period")."""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

ONE_DAY = timedelta(days=1)

FIRST_DAY, LAST_DAY = date(1969, 12, 31), date(2199, 12, 31)
"""Days outside these limits are treated as typos. A clock that was never set shows 1 January 1970
UTC, which is 31 December 1969 in half of the world."""


def day_of(moment: datetime, timezone: str) -> date:
    """The local calendar day of an instant in an IANA zone."""
    try:
        return moment.astimezone(ZoneInfo(timezone)).date()
    except OverflowError:  # the local date lies beyond the year 9999
        return moment.date()


def midnight(day: date, timezone: str) -> datetime:
    """The instant, in UTC, at which a day starts in an IANA zone.

    If daylight saving repeats midnight, it is the first of the two; if it skips midnight, the first
    moment of the day.
    """
    return _at(day, time(), timezone)


def _at(day: date, clock: time, timezone: str) -> datetime:
    """The UTC instant at which local clocks show `clock`; the first one if there are two."""
    try:
        return datetime.combine(day, clock, ZoneInfo(timezone)).astimezone(UTC)
    except OverflowError:  # east of Greenwich, the year 1 starts before datetime.min in UTC
        return datetime.min.replace(tzinfo=UTC)


Unit = Literal["week", "month", "year"]
"""Calendar units; weeks start on Monday."""


def unit_of(unit: Unit, day: date) -> tuple[date, date]:
    """The first and the last day of the week, month or year that contains `day`."""
    match unit:
        case "week":
            start = day - day.weekday() * ONE_DAY
            return start, start + 6 * ONE_DAY
        case "month":
            return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
        case "year":
            return day.replace(month=1, day=1), day.replace(month=12, day=31)


Step = Literal["day", "week", "month", "quarter", "year"]
"""Resolution of a time series, in calendar units."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_LONGEST: dict[Step, int] = {"day": 92, "week": 731, "month": 20 * 366, "quarter": 60 * 366}
"""The longest period, in days, for which each step is used: at most about 250 steps each."""


@dataclass(frozen=True)
class Span:
    """The instants from `start` up to, but excluding, `end`, in UTC; empty if they are equal."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Period:
    """The days from `start` to `end`, both included, in `timezone` (IANA).

    Raises ValueError if it ends before it starts.
    """

    start: date
    end: date
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("A period must not end before it starts.")

    @classmethod
    def last(cls, days: int, as_of: datetime, timezone: str) -> "Period":
        """The last `days` days up to and including that of `as_of`."""
        today = day_of(as_of, timezone)
        return cls(today - (days - 1) * ONE_DAY, today, timezone)

    @property
    def number_of_days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def previous(self) -> "Period":
        """The period of equal length that ends the day before this one starts."""
        end = self.start - ONE_DAY
        return Period(end - (self.number_of_days - 1) * ONE_DAY, end, self.timezone)

    @property
    def first_moment(self) -> datetime:
        """The first instant of the period, in UTC."""
        return midnight(self.start, self.timezone)

    @property
    def end_moment(self) -> datetime:
        """The first instant after the period, in UTC."""
        if self.end == date.max:
            return datetime.max.replace(tzinfo=UTC)
        return midnight(self.end + ONE_DAY, self.timezone)

    @property
    def span(self) -> Span:
        return Span(self.first_moment, self.end_moment)

    def previous_to_date(self, as_of: datetime) -> "Comparison":
        """`previous`, up to the same point as this period has reached; used by the report."""
        before = self.previous
        return self._to_date(as_of, before, lambda day: before.start + (day - self.start))

    def before(self, as_of: datetime, unit: Unit | None = None) -> "Comparison":
        """The period that pages compare with, up to the same point as this one has reached.

        With `unit`, this period is a calendar week, month or year, or its part until today, and is
        compared with the previous unit. A single day is compared with the same weekday a week
        earlier, everything else with the days before (metrics.md, "Clock, zone, period").
        """
        if unit is not None:
            first, last = unit_of(unit, unit_of(unit, self.start)[0] - ONE_DAY)

            def counterpart(day: date) -> date:
                if unit == "year":
                    return _in_year(day, first.year)
                return min(first + (day - unit_of(unit, day)[0]), last)

            is_whole = self.end == unit_of(unit, self.start)[1]
            days = Period(first, last if is_whole else counterpart(self.end), self.timezone)
            return self._to_date(as_of, days, counterpart)
        if self.number_of_days == 1:
            day = self.start - 7 * ONE_DAY
            return self._to_date(as_of, Period(day, day, self.timezone), lambda _: day)
        return self.previous_to_date(as_of)

    def a_year_before(self, as_of: datetime) -> "Comparison":
        """The same dates a year earlier, up to the same point as this period has reached.

        28 February stands in for the 29th.
        """

        def counterpart(day: date) -> date:
            return _in_year(day, day.year - 1)

        days = Period(counterpart(self.start), counterpart(self.end), self.timezone)
        return self._to_date(as_of, days, counterpart)

    def same_weekdays(self, as_of: datetime, weeks: int = 8) -> tuple[Span, ...]:
        """For a period of one day: the same weekday in each of the `weeks` before, latest first.

        Each runs up to the time of day of `as_of` if this day is not over yet.
        """

        def part_of(day: date) -> Span:
            return self._to_date(as_of, Period(day, day, self.timezone), lambda _: day).span

        return tuple(part_of(self.start - 7 * week * ONE_DAY) for week in range(1, weeks + 1))

    def _to_date(
        self, as_of: datetime, days: "Period", counterpart: Callable[[date], date]
    ) -> "Comparison":
        """`days`, cut at the point that corresponds to how far this period is at `as_of`.

        All of them if this period is over, none if it has not started; otherwise up to the same
        local time of day on the counterpart of today.
        """
        if as_of >= self.end_moment:
            return Comparison(days, days.end_moment)
        if as_of < self.first_moment:
            return Comparison(days, days.first_moment)
        local = as_of.astimezone(ZoneInfo(self.timezone))
        moment = _at(counterpart(local.date()), local.time().replace(fold=0), self.timezone)
        return Comparison(days, min(max(moment, days.first_moment), days.end_moment))

    def days(self) -> Iterator[date]:
        return (self.start + number * ONE_DAY for number in range(self.number_of_days))

    @property
    def step(self) -> Step:
        """The resolution at which the period is plotted: the finest that is short enough."""
        fits = (step for step, most in _LONGEST.items() if self.number_of_days <= most)
        return next(fits, "year")

    def steps(self, step: Step) -> list[date]:
        """The first day of each day, week, month, … that overlaps the period.

        The first of them may lie before the period.
        """
        if step == "day":
            return list(self.days())
        if step == "week":
            first = unit_of("week", self.start)[0]
            weeks = (self.end - first).days // 7 + 1
            return [first + week * 7 * ONE_DAY for week in range(weeks)]
        length = _MONTHS[step]
        first_month, last_month = (
            (day.year * 12 + day.month - 1) // length for day in (self.start, self.end)
        )
        months = (number * length for number in range(first_month, last_month + 1))
        return [date(month // 12, month % 12 + 1, 1) for month in months]

    def edges(self, step: Step = "day") -> list[datetime]:
        """The start of each step in UTC, clipped to the period, and the end of the last one.

        A day that the zone skipped has zero length.
        """
        later = (midnight(day, self.timezone) for day in self.steps(step)[1:])
        return [self.first_moment, *later, self.end_moment]


@dataclass(frozen=True)
class Comparison:
    """The days that a period is compared with, counted up to `until` (UTC).

    `until` lies within the days or is the end of the last one.
    """

    days: Period
    until: datetime

    @property
    def span(self) -> Span:
        return Span(self.days.first_moment, self.until)

    @property
    def is_whole(self) -> bool:
        """Whether the days count in full."""
        return self.until == self.days.end_moment


def _in_year(day: date, year: int) -> date:
    """The same date in another year; 28 February stands in for the 29th."""
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


@lru_cache(64)
def edge_stamps(period: Period, step: Step = "day") -> np.ndarray:
    """`Period.edges` as a read-only datetime64[us] array in UTC, like the columns of contacts.

    Cached, since a period of centuries has many.
    """
    found = stamps(period.edges(step))
    found.flags.writeable = False
    return found


def stamps(moments: list[datetime]) -> np.ndarray:
    """Aware datetimes as a datetime64[us] array in UTC, like the columns of contacts."""
    naive = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    return np.array(naive, dtype="datetime64[us]")
