"""Changes of a period compared with those of the comparison period.

Only finished days are compared, equally many of both: today is unfinished, and its few hours must
not be compared with a whole day.
"""

from dataclasses import dataclass

from lib.history.reading import Response, begins, events_in
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import ONE_DAY, Period, day_of
from lib.reference.rates import FEW_ANSWERS


@dataclass(frozen=True)
class Pace:
    """Numbers of contacts that joined, left and opted out of broadcasts, and the median response
    time in hours (None without a timed answer). As in the bridge, whoever is deleted after being
    blocked had left before."""

    joined: int
    left: int
    opted_out: int
    response_hours: float | None


@dataclass(frozen=True)
class Paces:
    """The finished days of a period, and equally many of the comparison period. `part` says up to
    which day, if that is not the last of the period: an unfinished period is compared "until
    yesterday", a month that is longer than the one before "until 30 May 2026"."""

    now: Pace
    before: Pace
    part: str = ""


def paces(view: View) -> Paces | None:
    """The two paces; None if nothing is compared, or if the changes of the comparison period are
    not known from its start. Raises StoreError and Unreadable."""
    comparison, period = view.comparison, view.terms.period
    if comparison is None or view.history is None:
        return None
    yesterday = day_of(view.terms.as_of, period.timezone) - ONE_DAY
    last = min(period.end, yesterday)
    earlier = comparison.period
    days = min((last - period.start).days + 1, earlier.number_of_days)
    if days < 1 or begins(view.history) > earlier.first_moment:
        return None
    now, before = (
        _pace(view, Period(start, start + (days - 1) * ONE_DAY, period.timezone))
        for start in (period.start, earlier.start)
    )
    if now is None or before is None:
        return None
    until = period.start + (days - 1) * ONE_DAY
    if until == period.end:
        return Paces(now, before)
    said = "yesterday" if until == yesterday else formatting.day(until)
    return Paces(now, before, f"until {said}")


@dataclass(frozen=True)
class Weeks:
    """Answers given on `days`, the last seven finished days of a period, and on the seven days
    before them."""

    days: Period
    now: Response
    before: Response


def answers_by_week(view: View) -> Weeks | None:
    """The last two finished weeks of answers; None if the changes of the first are not known from
    its start, or either has fewer than `FEW_ANSWERS` timed. Raises StoreError and Unreadable."""
    period = view.terms.period
    last = min(period.end, day_of(view.terms.as_of, period.timezone) - ONE_DAY)
    week = Period(last - 6 * ONE_DAY, last, period.timezone)
    both = Period(week.start - 7 * ONE_DAY, last, period.timezone)
    if view.history is None or not len(view.history.recorded):
        return None
    if begins(view.history) > both.first_moment:
        return None
    events = view.recall(events_in, both)
    if events is None:
        return None
    found = Weeks(
        week,
        events.response(since=week.first_moment),
        events.response(before=week.first_moment),
    )
    return found if min(found.now.timed, found.before.timed) >= FEW_ANSWERS else None


def _pace(view: View, days: Period) -> Pace | None:
    events = view.recall(events_in, days)
    if events is None:
        return None
    bridge = events.bridge(0)  # how many there are in the end makes no difference to the steps
    return Pace(
        bridge.joined,
        bridge.blocked + bridge.deleted,
        events.number("broadcast_out"),
        events.response().median_hours,
    )
