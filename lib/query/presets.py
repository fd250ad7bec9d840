"""The periods to choose from, and what each is compared with: "Clock, zone, period"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from lib.reference import formatting
from lib.reference.periods import ONE_DAY, Period, day_of

Unit = Literal["day", "week", "month", "year"]
Days = tuple[date, date]
Against = Literal["previous", "year", "none"]

COMPARISONS: dict[Against, str] = {
    "previous": "The period before",
    "year": "The same period a year ago",
    "none": "Nothing",
}


@dataclass(frozen=True)
class Preset:
    """A period that moves with the calendar.

    `during` says it within a sentence, `days` its first and last day by what is today. Of the
    calendar's own `unit`s it is compared with the one before.
    """

    key: str
    label: str
    during: str
    days: Callable[[date], Days]
    unit: Unit | None = None


def _last(days: int) -> Callable[[date], Days]:
    return lambda today: (today - (days - 1) * ONE_DAY, today)


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - day.weekday() * ONE_DAY


def _month_before(day: date) -> Days:
    end = day.replace(day=1) - ONE_DAY
    return end.replace(day=1), end


_WEEK = timedelta(weeks=1)

PRESETS: dict[str, Preset] = {
    preset.key: preset
    for preset in (
        Preset("today", "Today", "today", lambda today: (today, today), "day"),
        Preset(
            "yesterday",
            "Yesterday",
            "yesterday",
            lambda today: (today - ONE_DAY, today - ONE_DAY),
            "day",
        ),
        Preset("week", "This week", "this week", lambda today: (week_of(today), today), "week"),
        Preset(
            "last-week",
            "Last week",
            "last week",
            lambda today: (week_of(today) - _WEEK, week_of(today) - ONE_DAY),
            "week",
        ),
        Preset("7d", "Last 7 days", "in the last 7 days", _last(7)),
        Preset("30d", "Last 30 days", "in the last 30 days", _last(30)),
        Preset("90d", "Last 90 days", "in the last 90 days", _last(90)),
        Preset(
            "month",
            "This month",
            "this month",
            lambda today: (today.replace(day=1), today),
            "month",
        ),
        Preset("last-month", "Last month", "last month", _month_before, "month"),
        Preset(
            "year",
            "This year",
            "this year",
            lambda today: (today.replace(month=1, day=1), today),
            "year",
        ),
    )
}

LABELS: dict[str, str] = {
    **{key: preset.label for key, preset in PRESETS.items()},
    "all": "All time",
    "dates": "Dates",
}
"""Of all that can be chosen, in the order in which it is offered."""

DEFAULT = "30d"


@dataclass(frozen=True)
class Comparison:
    """What a period is compared with.

    Of the days of `period` those moments count that are before `until` (UTC): all of them where
    the period is over, else as much as has passed of it (`to_date`). `phrase` names it after
    "than": "the week before".
    """

    period: Period
    until: datetime
    to_date: bool
    phrase: str

    @property
    def with_preposition(self) -> str:
        """Within a sentence: "in the week before", "on the Friday before"."""
        return f"{'on' if self.period.number_of_days == 1 else 'in'} {self.phrase}"


def compared(period: Period, preset: str, against: Against, as_of: datetime) -> Comparison | None:
    """What pages compare a period with; None where there is nothing to compare.

    A period that has not begun is compared with nothing, nor is all time.
    """
    if against == "none" or preset == "all" or as_of < period.first_moment:
        return None
    unit = PRESETS[preset].unit if preset in PRESETS else None
    if against == "year":
        days = years_before(period.start), years_before(period.end)
        then: Callable[[date], date] = years_before
        phrase = "the same day a year ago" if days[0] == days[1] else "the same period a year ago"
    elif period.number_of_days == 1 and unit in (None, "day"):
        days = period.start - _WEEK, period.end - _WEEK
        then = _a_week_before
        phrase = f"the {formatting.weekday(days[0])} before"
    elif unit is not None:
        days = _unit_before(unit, period)
        then = _THEN[unit]
        phrase = f"the {unit} before"
    else:
        days = period.previous.start, period.previous.end
        length = period.number_of_days * ONE_DAY

        def then(day: date) -> date:
            return day - length

        phrase = f"the {formatting.number(period.number_of_days)} days before"
    earlier = Period(*days, period.timezone)
    to_date = as_of < period.end_moment
    until = _same_time(then, as_of, period.timezone) if to_date else earlier.end_moment
    if to_date:
        until = min(until, earlier.end_moment)
    return Comparison(earlier, until, to_date, phrase)


def years_before(day: date, years: int = 1) -> date:
    """The same date of an earlier year; 28 February for the 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def months_before(day: date) -> date:
    """The same day of the month before, or its last."""
    start, end = _month_before(day)
    return min(end, start + (day.day - 1) * ONE_DAY)


def _a_week_before(day: date) -> date:
    return day - _WEEK


_THEN: dict[Unit, Callable[[date], date]] = {
    "day": _a_week_before,
    "week": _a_week_before,
    "month": months_before,
    "year": years_before,
}


def _unit_before(unit: Unit, period: Period) -> Days:
    """All of the unit before the one in which the period begins."""
    match unit:
        case "week":
            return period.start - _WEEK, period.start - ONE_DAY
        case "month":
            return _month_before(period.start)
        case "year":
            start = years_before(period.start)
            return start, period.start - ONE_DAY
    return period.start - _WEEK, period.end - _WEEK


def _same_time(then: Callable[[date], date], moment: datetime, timezone: str) -> datetime:
    """The moment at the same local time of day on another day, through daylight-saving changes."""
    zone = ZoneInfo(timezone)
    local = moment.astimezone(zone)
    moved = datetime.combine(then(local.date()), local.time().replace(fold=local.fold), zone)
    return moved.astimezone(moment.tzinfo)


def first_and_last(preset: str, as_of: datetime, timezone: str) -> Days:
    """The days that a preset of `PRESETS` means."""
    return PRESETS[preset].days(day_of(as_of, timezone))
