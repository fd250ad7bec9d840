"""The periods to choose from, and what each is compared with (metrics.md, "Clock, zone,
period")."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from lib.reference import formatting
from lib.reference.periods import ONE_DAY, Period, Span, Unit, unit_of

Days = tuple[date, date]
Against = Literal["previous", "year", "none"]

COMPARISONS: dict[Against, str] = {
    "previous": "Previous period",
    "year": "Same period a year ago",
    "none": "Nothing",
}


@dataclass(frozen=True)
class Preset:
    """A period relative to today.

    `during` is how a sentence refers to it; `days` gives its first and last day for a given today.
    If it has a calendar `unit`, it is compared with the previous one.
    """

    key: str
    label: str
    during: str
    days: Callable[[date], Days]
    unit: Unit | None = None


def _last(days: int) -> Callable[[date], Days]:
    return lambda today: (today - (days - 1) * ONE_DAY, today)


def _month_before(day: date) -> Days:
    end = day.replace(day=1) - ONE_DAY
    return end.replace(day=1), end


_WEEK = timedelta(weeks=1)

PRESETS: dict[str, Preset] = {
    preset.key: preset
    for preset in (
        Preset("today", "Today", "today", lambda today: (today, today)),
        Preset(
            "yesterday",
            "Yesterday",
            "yesterday",
            lambda today: (today - ONE_DAY, today - ONE_DAY),
        ),
        Preset(
            "week",
            "This week",
            "this week",
            lambda today: (unit_of("week", today)[0], today),
            "week",
        ),
        Preset(
            "last-week",
            "Last week",
            "last week",
            lambda today: (unit_of("week", today)[0] - _WEEK, unit_of("week", today)[0] - ONE_DAY),
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
"""Labels of all choices, in the order in which they are offered."""

DEFAULT = "30d"


@dataclass(frozen=True)
class Comparison:
    """What a period is compared with.

    It covers the moments of the days of `period` before `until` (UTC): all of them if the compared
    period is over, otherwise as much as has elapsed of it. `phrase` names it after
    "than in": "the week before"; `preposition` is "on" for a single day.
    """

    period: Period
    until: datetime
    phrase: str
    preposition: str = "in"

    @property
    def span(self) -> Span:
        return Span(self.period.first_moment, self.until)

    @property
    def with_preposition(self) -> str:
        """Within a sentence: "in the week before", "on the Friday before"."""
        return f"{self.preposition} {self.phrase}"


def compared(period: Period, preset: str, against: Against, as_of: datetime) -> Comparison | None:
    """The comparison for a period; None if there is nothing to compare.

    Neither all time nor a period that has not begun is compared.
    """
    if against == "none" or preset == "all" or as_of < period.first_moment:
        return None
    unit = PRESETS[preset].unit if preset in PRESETS else None
    preposition = "on" if period.number_of_days == 1 and unit is None else "in"
    if against == "year":
        found = period.a_year_before(as_of)
        what = "day" if preposition == "on" else "period"
        phrase = f"the same {what} a year ago"
    else:
        found = period.before(as_of, unit)
        if unit is not None:
            phrase = f"the {unit} before"
        elif period.number_of_days == 1:
            phrase = f"the {formatting.weekday(found.days.start)} before"
        else:
            phrase = f"the {formatting.number(period.number_of_days)} days before"
    return Comparison(found.days, found.until, phrase, preposition)
