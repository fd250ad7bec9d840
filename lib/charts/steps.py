"""Steps of a time axis: what a bar stands for. Weeks start on Monday."""

from datetime import date

import pandas as pd

from lib.reference import formatting
from lib.reference.periods import Step as Step

_FREQUENCIES: dict[Step, str] = {
    "day": "D",
    "week": "W-SUN",
    "month": "M",
    "quarter": "Q-DEC",
    "year": "Y-DEC",
}
"""pandas' names of the steps."""

UNFINISHED = 0.45
"""Opacity of the bar of the current, unfinished step."""


def step_for(days: int) -> Step:
    """Days for up to a quarter, weeks for up to two years, months beyond."""
    return "day" if days <= 92 else "week" if days <= 731 else "month"


def stepped(daily: pd.DataFrame, step: Step) -> pd.DataFrame:
    """A daily table summed by step, indexed by the first day of each."""
    if step == "day":
        return daily
    days = pd.DatetimeIndex(daily.index)
    starts = days.to_period(_FREQUENCIES[step]).start_time
    return daily.groupby(starts).sum().rename_axis("day")


def stepped_alongside(before: pd.DataFrame, days: pd.Index, step: Step) -> pd.DataFrame:
    """A daily table of another period, summed by the steps of `days`: its first day counts with the
    first of `days`, and so on, as far as both go.

    By its own steps, a week of which two days belong to the period would be drawn over one of five.
    Months of periods that both begin with one are kept, each drawn over its like.
    """
    if step == "month" and days[0].day == before.index[0].day == 1:
        return stepped(before, step)
    alongside = before.iloc[: len(days)]
    return stepped(alongside.set_axis(days[: len(alongside)]), step)


def by_size(daily: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns ordered by their sums, largest first."""
    return daily[daily.sum().sort_values(ascending=False, kind="stable").index]


def step_name(day: pd.Timestamp, step: Step) -> str:
    """ "Mon 1 Jun 2026", "week of 1 Jun 2026", "Jun 2026", "quarter of Apr 2026", "2026"."""
    match step:
        case "day":
            return formatting.named_day(day)
        case "week":
            return f"week of {formatting.day(day)}"
        case "month":
            return formatting.month(day)
        case "quarter":
            return f"quarter of {formatting.month(day)}"
        case "year":
            return f"{day:%Y}"


def is_unfinished(day: pd.Timestamp, step: Step, today: date) -> bool:
    """Whether `today` lies in the step that begins on `day`."""
    frequency = _FREQUENCIES[step]
    return bool(day.to_period(frequency) == pd.Timestamp(today).to_period(frequency))


def opacities(index: pd.Index, step: Step, today: date) -> list[float]:
    """The opacity of each bar: lighter if its step is unfinished."""
    return [
        UNFINISHED if is_unfinished(day, step, today) else 1.0 for day in pd.DatetimeIndex(index)
    ]
