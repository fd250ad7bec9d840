"""Whole days in a reporting zone: "Clock, zone, period" of the metrics."""

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
"""Days outside of these are taken for typos. A clock that was never set says 1 January 1970 in UTC,
which is the day before in half of the world."""


def day_of(moment: datetime, timezone: str) -> date:
    """The calendar day of an instant in an IANA zone."""
    try:
        return moment.astimezone(ZoneInfo(timezone)).date()
    except OverflowError:  # the calendar ends in UTC, not in the zone
        return moment.date()


def midnight(day: date, timezone: str) -> datetime:
    """The instant, in UTC, at which a day begins in an IANA zone, through daylight-saving changes:
    the first of two midnights, and the first moment of a day that has none."""
    return _at(day, time(), timezone)


def _at(day: date, clock: time, timezone: str) -> datetime:
    """The instant, in UTC, at which clocks in an IANA zone show this; the first of two."""
    try:
        return datetime.combine(day, clock, ZoneInfo(timezone)).astimezone(UTC)
    except OverflowError:  # the first day of the calendar began east of Greenwich, before it in UTC
        return datetime.min.replace(tzinfo=UTC)


Unit = Literal["week", "month", "year"]
"""Of the calendar; weeks start on Monday."""


def unit_of(unit: Unit, day: date) -> tuple[date, date]:
    """The first and the last day of the week, month or year that a day lies in."""
    match unit:
        case "week":
            start = day - day.weekday() * ONE_DAY
            return start, start + 6 * ONE_DAY
        case "month":
            return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
        case "year":
            return day.replace(month=1, day=1), day.replace(month=12, day=31)


Step = Literal["day", "week", "month", "quarter", "year"]
"""What a long time is counted by; units of the calendar, too."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_LONGEST: dict[Step, int] = {"day": 92, "week": 731, "month": 20 * 366, "quarter": 60 * 366}
"""Days that are counted by a step at most, so that there are at most some 250 steps of them."""


@dataclass(frozen=True)
class Span:
    """The instants from `start` to before `end`, UTC; none where the two are one."""

    start: datetime
    end: datetime


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
        if self.end == date.max:
            return datetime.max.replace(tzinfo=UTC)
        return midnight(self.end + ONE_DAY, self.timezone)

    @property
    def span(self) -> Span:
        return Span(self.first_moment, self.end_moment)

    def previous_to_date(self, as_of: datetime) -> "Comparison":
        """`previous`, as far as this period is over: what the report compares with."""
        before = self.previous
        return self._to_date(as_of, before, lambda day: before.start + (day - self.start))

    def before(self, as_of: datetime, unit: Unit | None = None) -> "Comparison":
        """What pages call the period before, as far as this one is over ("Clock" of the metrics).

        `unit` says that this is a week, month or year of the calendar, or its part until today:
        then it is the unit before. A single day has the same weekday of the week before; all else
        has the days before.
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
        """The same dates, 28 February for the 29th, as far as this period is over."""

        def counterpart(day: date) -> date:
            return _in_year(day, day.year - 1)

        days = Period(counterpart(self.start), counterpart(self.end), self.timezone)
        return self._to_date(as_of, days, counterpart)

    def same_weekdays(self, as_of: datetime, weeks: int = 8) -> tuple[Span, ...]:
        """Of a single day: the same weekday of the weeks before, each up to the time of day of
        `as_of` where this day is not over; the last week first."""

        def part_of(day: date) -> Span:
            return self._to_date(as_of, Period(day, day, self.timezone), lambda _: day).span

        return tuple(part_of(self.start - 7 * week * ONE_DAY) for week in range(1, weeks + 1))

    def _to_date(
        self, as_of: datetime, days: "Period", counterpart: Callable[[date], date]
    ) -> "Comparison":
        """`days`, all of them if this period is over, none if it has not begun; else up to the
        counterpart of the day of `as_of`, and to the same local time of day."""
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
        """What the period is counted by where it is drawn."""
        fits = (step for step, most in _LONGEST.items() if self.number_of_days <= most)
        return next(fits, "year")

    def steps(self, step: Step) -> list[date]:
        """The first day of each day, week, month, … that has days in the period; that of the first
        may lie before it."""
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
        """The first moment of each step in the period, and the moment at which the last one has
        ended. UTC; a day that the zone skipped has no length."""
        later = (midnight(day, self.timezone) for day in self.steps(step)[1:])
        return [self.first_moment, *later, self.end_moment]


@dataclass(frozen=True)
class Comparison:
    """Days that a period is compared with, counted up to `until` (UTC), an instant in or right
    after them."""

    days: Period
    until: datetime

    @property
    def span(self) -> Span:
        return Span(self.days.first_moment, self.until)

    @property
    def is_whole(self) -> bool:
        """Whether all of the days count."""
        return self.until == self.days.end_moment


def _in_year(day: date, year: int) -> date:
    """The same date of another year, 28 February for the 29th."""
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


@lru_cache(64)
def edge_stamps(period: Period, step: Step = "day") -> np.ndarray:
    """The edges of a period as the columns hold times; read-only. A period of centuries has so
    many that they are kept."""
    found = stamps(period.edges(step))
    found.flags.writeable = False
    return found


def stamps(moments: list[datetime]) -> np.ndarray:
    """Moments as the columns hold them: UTC, datetime64[us]."""
    naive = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    return np.array(naive, dtype="datetime64[us]")
