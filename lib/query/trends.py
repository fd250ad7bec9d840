"""Trends from recorded history: a value per day of the period, or a gap."""

import numpy as np
import pandas as pd

from lib.history.reading import begins, daily_levels
from lib.history.unreadable import unless_unreadable
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import ONE_DAY, Period, day_of

_FORTNIGHT = 14


def drawn_days(view: View) -> Period:
    """Days covered by a line chart: those of the period, or the two weeks up to it if it is a
    single day, which would not make a line."""
    period = view.terms.period
    if period.number_of_days > 1:
        return period
    return Period(period.start - (_FORTNIGHT - 1) * ONE_DAY, period.end, period.timezone)


def titled(title: str, days: Period, view: View) -> str:
    """Title of a line chart over `days`, which it names if they differ from the period."""
    return title if days == view.terms.period else f"{title}, {formatting.days(days)}"


def during(days: Period, view: View) -> str:
    """`days` in a sentence: "today", or "from 15 Nov 2026 to 28 Nov 2026"."""
    return view.during if days == view.terms.period else f"from {formatting.days(days)}"


def recorded_during(view: View) -> str:
    """The part of the period in which changes were recorded, within a sentence: all of it ("this
    year"), or "since 30 Sep 2026, 23:00 (UTC)" if recording began later, or "from 30 Sep 2026 to
    15 Oct 2026" if the period has ended."""
    period = view.terms.period
    if view.history is None or not len(view.history.recorded):
        return view.during
    began = begins(view.history)
    if began <= period.first_moment:
        return view.during
    if view.terms.as_of < period.end_moment:
        return f"since {formatting.moment(began, period.timezone)}"
    days = Period(day_of(began, period.timezone), period.end, period.timezone)
    before = "on" if days.number_of_days == 1 else "from"
    return f"{before} {formatting.days(days)}"


def between_ends(view: View) -> pd.DataFrame | None:
    """Recorded levels from the period's opening (the end of the day before) to its last day, or
    today if that is earlier. The first and last row are the two ends of the period."""
    period = view.terms.period
    opening = period.start - ONE_DAY
    levels = recorded_levels(view, Period(opening, period.end, period.timezone))
    if levels is None:
        return None
    today = day_of(view.terms.as_of, period.timezone)
    return levels.loc[: max(opening, min(period.end, today))]


def moved(levels: pd.DataFrame | None, column: str) -> float | None:
    """Difference of a level between the two ends of `between_ends`; None if either was not
    recorded."""
    if levels is None or len(levels) < 2 or levels[column].iloc[[0, -1]].isna().any():
        return None
    return float(levels[column].iloc[-1] - levels[column].iloc[0])


def recorded_levels(view: View, period: Period | None = None) -> pd.DataFrame | None:
    """Levels at the end of each day of `period`, by default the view's own; NaN where nothing was
    recorded.

    Indexed by day. Columns: open, awaiting_reply, unassigned, and the rates broadcast and email.
    None if nothing was recorded in the period, if levels cannot answer the current filters, or if
    the store cannot be read (the page of changes says so).
    """
    period = period or view.terms.period
    levels = unless_unreadable(lambda: view.recall(daily_levels, period), None)
    if levels is None or levels.empty:
        return None
    whole = levels.reindex(pd.Index(list(period.days()), name="day"))
    waiting = whole["awaiting_reply"]
    if not view.terms.bot_answers:
        waiting = waiting + whole["left_to_bot"]
    return pd.DataFrame(
        {
            "open": whole["open"],
            "awaiting_reply": waiting,
            "unassigned": whole["unassigned"],
            "broadcast": _rate(whole["broadcast"], whole["on_channel"]),
            "email": _rate(whole["email"], whole["with_email"]),
        },
        dtype="float64",
    )


def _rate(part: "pd.Series[float]", of: "pd.Series[float]") -> "pd.Series[float]":
    return part / of.where(of > 0, np.nan)
