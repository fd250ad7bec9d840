"""Findings from recorded history.

These rules judge finished days in the reporting time zone, and compare only what was recorded in
the same way: a gap in the record, or less frequent snapshots, would look like a change. Where the
history does not go back far enough or cannot be read, they find nothing.
"""

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd

from lib.engines.questions import Filter
from lib.history.reading import History, Response, events_in, transitions
from lib.history.unreadable import unless_unreadable
from lib.insights.chance import pace, tail, z_of
from lib.insights.finding import URGENCY, Finding, number_or
from lib.insights.usual import bound, prediction_limit, scaled
from lib.metrics import workload
from lib.query.trends import recorded_levels
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import ONE_DAY, Period, day_of, stamps
from lib.reference.rates import Rate, wilson

Result = TypeVar("Result")

WEEKS = 8
"""Length of the baseline before a day, in weeks."""

MOST_DAYS = 30
"""The latest days of the period that are judged; older days are no news."""

MORE = 1.5
"""Minimum, as a multiple of the usual number: with many people even a small difference is
significant."""

LEAST_OPT_OUTS, LEAST_DELETED = 10, 20
"""Minimum excess over the usual number, in contacts."""

RULES = frozenset(
    {"opt-outs-more", "deleted-more", "backlog-grows", "answers-slower", "load-doubled"}
)
"""Names of the rules in this file."""

_SAME_WEEKDAY = 7 * np.arange(1, WEEKS + 1)
_DAYS_BEFORE = np.arange(1, 7 * WEEKS + 1)


def opt_outs_more(view: View) -> Iterator[Finding]:
    """A day with more broadcast opt-outs than chance explains, compared with the same weekdays
    before."""
    odd = _oddest_day(view, "broadcast_out", _SAME_WEEKDAY, np.median, LEAST_OPT_OUTS)
    if odd is not None:
        weekday = formatting.weekday(odd.day)
        yield odd.finding(
            "opt-outs-more",
            f"{formatting.counted(odd.count, 'contact')} opted out of broadcasts on {weekday}, "
            f"{formatting.day(odd.day)}, where a {weekday} usually has {odd.often}.",
            "this weekday in the {} recorded weeks",
        )


def deleted_more(view: View) -> Iterator[Finding]:
    """A day with more deleted contacts than chance explains, and clearly more than on any of the
    days of the eight weeks before: contacts tend to be deleted in bulk."""
    odd = _oddest_day(view, "deleted", _DAYS_BEFORE, np.max, LEAST_DELETED)
    if odd is not None:
        yield odd.finding(
            "deleted-more",
            f"{formatting.counted(odd.count, 'contact')} were deleted on "
            f"{formatting.weekday(odd.day)}, {formatting.day(odd.day)}, where a day usually has "
            f"{odd.often}.",
            "the {} recorded days",
        )


@dataclass(frozen=True)
class _OddDay:
    """A day with more events than usual. `usual` is the median of the `compared` days before,
    `limit` the number that chance seldom exceeds."""

    day: date
    count: int
    usual: float
    compared: int
    limit: float

    @property
    def often(self) -> str:
        return number_or(round(self.usual), "none")

    def finding(self, rule: str, sentence: str, days: str) -> Finding:
        return Finding(
            rule,
            sentence,
            f"The usual is the median of {days.format(formatting.number(self.compared))} "
            f"before. Listed above {formatting.number(int(self.limit))}, which chance alone seldom "
            "exceeds. What ChatbotX keeps no time for counts on the day it was seen.",
            "changes",
            day=self.day,
            weight=(self.count - self.usual) * URGENCY[rule],
            verb=f"Look at {formatting.weekday(self.day)}",
        )


def _oddest_day(
    view: View,
    kind: str,
    before: np.ndarray,
    measure: Callable[[np.ndarray], np.floating],
    least: int,
) -> _OddDay | None:
    """The finished day of the period whose event count exceeds the usual number the most.

    `before` holds the distances, in days, to the baseline days. The count must exceed `MORE` times
    their `measure`, exceed their median by at least `least`, and exceed what chance explains.
    """
    last = min(view.terms.period.end, _yesterday(view))
    first = max(view.terms.period.start, last - (MOST_DAYS - 1) * ONE_DAY)
    if first > last:
        return None
    longer = Period(first - timedelta(weeks=WEEKS), last, view.terms.timezone)
    counted = _recall(view, _by_day, longer)
    if counted is None:
        return None
    values, start = counted[kind].to_numpy(), 7 * WEEKS
    chance, odd = tail(len(values) - start), []
    for place in range(start, len(values)):
        past = values[place - before]
        past = past[~np.isnan(past)]
        limit = bound(past.astype(int).tolist(), chance)
        if limit is None or np.isnan(values[place]):
            continue
        usual = float(np.median(past))
        limit = max(limit, MORE * float(measure(past)), usual + least - 1)
        if values[place] > limit:
            day = longer.start + place * ONE_DAY
            odd.append(_OddDay(day, int(values[place]), usual, len(past), limit))
    return max(odd, key=lambda each: each.count - each.usual, default=None)


def _by_day(history: History, period: Period, limits: Filter) -> pd.DataFrame:
    """Broadcast opt-outs and deletions: a row per day of the period, NaN where the day is not
    completely recorded."""
    counted = events_in(history, period, limits).by_day(period, ("broadcast_out", "deleted"))
    counted = counted.astype("float64")
    counted.loc[~_recorded_days(history, period, limits)] = np.nan
    return counted


GROWING = 3
"""In consecutive days."""

LEAST_GROWTH = 10


def is_recorded(view: View) -> bool:
    """Whether the last finished days are recorded and can be read. If not, that these rules find
    nothing does not mean that there is nothing."""
    last = _yesterday(view)
    days = Period(last - (GROWING - 1) * ONE_DAY, last, view.terms.timezone)
    counted = _recall(view, _by_day, days)
    return counted is not None and not counted.isna().to_numpy().any()


def backlog_grows(view: View) -> Iterator[Finding]:
    """The backlog grew on each of the last three days, and by more in total than it did over the
    same weekdays before: many backlogs grow over a weekend."""
    last = _yesterday(view)
    first = last - timedelta(days=GROWING, weeks=WEEKS)
    levels = recorded_levels(_over_days(view, first, last))
    latest = Period(last - (GROWING - 1) * ONE_DAY, last, view.terms.timezone)
    is_recorded = None if levels is None else _recall(view, _recorded_days, latest)
    if levels is None or is_recorded is None or not is_recorded.all():
        return
    waiting = levels["awaiting_reply"].to_numpy()
    days = waiting[-GROWING - 1 :]
    now = view.compute(workload.workload, view.terms).awaiting_reply
    if not (np.diff(days) > 0).all() or days[-1] - days[0] < LEAST_GROWTH or now <= days[0]:
        return
    ends = len(waiting) - 1 - 7 * np.arange(1, WEEKS + 1)
    grown = scaled(waiting[ends]) - scaled(waiting[ends - GROWING])
    most = prediction_limit(grown[~np.isnan(grown)].tolist(), tail())
    if most is None or scaled(days[-1]) - scaled(days[0]) <= most:
        return
    usual = float(np.nanmedian(waiting[ends] - waiting[ends - GROWING]))
    rule = "backlog-grows"
    yield Finding(
        rule,
        f"More people wait for an answer every day: {_count(days[-1])} at the end of "
        f"{formatting.weekday(last)}, {_count(days[0])} three days earlier.",
        f"At the end of these days {formatting.listed(map(_count, days))} waited. At the same "
        f"weekdays of the {formatting.counted(int((~np.isnan(grown)).sum()), 'week')} before they "
        f"usually became {_count(abs(usual))} {'fewer' if usual < 0 else 'more'}; chance alone "
        "seldom makes so much of that.",
        "workload",
        queue="waiting",
        weight=(days[-1] - days[0]) * URGENCY[rule],
        verb=f"See the {formatting.number(now)}",
    )


SLOWER = 1.5
LEAST_SLOWER = 0.25
"""In hours."""

LEAST_ANSWERS = 20


def _limit(usual: float) -> float:
    """The response time, in hours, above which an answer is slow, given the usual median."""
    return max(SLOWER * usual, usual + LEAST_SLOWER)


def answers_slower(view: View) -> Iterator[Finding]:
    """More than half of a week's answers took at least half as long again as the median of the four
    weeks before.

    The test is on the lower end of the Wilson interval of that share (the sign test of a median;
    Mood 1950). The day with the most slow answers is left out: one bad day is not a trend.
    """
    week = _week(view)
    weeks = _recall(view, _five_weeks, week)
    if weeks is None:
        return
    now, then = weeks.now, weeks.then
    if now.median_hours is None or then.median_hours is None:
        return
    if min(now.timed, then.timed) < LEAST_ANSWERS:
        return
    usual, limit = then.median_hours, _limit(then.median_hours)
    worst = weeks.days.iloc[int(weeks.days["slow"].to_numpy().argmax())]
    kept = weeks.days.sum() - worst
    slow = Rate(int(kept["slow"]), int(kept["timed"]))
    if slow.denominator and (low := wilson(slow, z_of())[0]) > 1 / 2:
        rule = "answers-slower"
        yield Finding(
            rule,
            f"Answers take longer: {formatting.duration(now.median_hours)} in the "
            f"median from {formatting.days(week)}, after {formatting.duration(usual)} in the four "
            "weeks before.",
            f"Of {formatting.counted(now.timed, 'timed answer')}, and leaving out the worst day, "
            f"{formatting.rate(slow)} took longer than {formatting.duration(limit)}; allowing for "
            f"chance, at least {formatting.percent(low)}. Listed above one half. Times are as far "
            "as snapshots show them.",
            "changes",
            since=week.start,
            day=week.end,
            weight=(slow.numerator - slow.denominator / 2) * URGENCY[rule],
            verb="See how quickly",
        )


DOUBLED = 2
LEAST_RECEIVED = 20
LEAST_WEEKS = 3
"""Weeks, of the four, in which an agent must have received conversations: someone who was away has
no usual number."""


def load_doubled(view: View) -> Iterator[Finding]:
    """An agent received at least twice as many conversations in a week as in an average one of the
    four before, by more than chance explains (`pace`).

    Conversations arrive in bursts, so the interval is widened by the overdispersion of the days
    before (quasi-Poisson; Wedderburn 1974). The agent is not named.
    """
    week = _week(view)
    weeks = _recall(view, _five_weeks, week)
    if weeks is None:
        return
    before, after = weeks.received[:_BEFORE], weeks.received[_BEFORE:]
    by_week = before.groupby(np.arange(_BEFORE) // 7).sum()
    known = before.columns[(by_week > 0).sum() >= LEAST_WEEKS]
    grown = []
    for agent in known:
        new, previous = int(after[agent].sum()), int(before[agent].sum())
        spread = max(1.0, before[agent].var() / before[agent].mean())
        low, _ = pace(new, previous, z_of(len(known)) * math.sqrt(spread), 7 / _BEFORE)
        if new >= LEAST_RECEIVED and new >= DOUBLED * previous * 7 / _BEFORE and low > 1:
            grown.append((new - previous * 7 / _BEFORE, new, previous, low))
    if not grown:
        return
    more, new, previous, low = max(grown)
    others = len(grown) - 1
    also = f" So it was for {formatting.counted(others, 'other agent')}." if others else ""
    rule = "load-doubled"
    yield Finding(
        rule,
        f"One agent received {formatting.counted(new, 'conversation')} from "
        f"{formatting.days(week)}, where {_count(previous * 7 / _BEFORE)} a week were usual.",
        f"In the four weeks before it were {formatting.number(previous)}. Allowing for chance, at "
        f"least {formatting.percent(low)} of the pace before; listed from "
        f"{formatting.number(LEAST_RECEIVED)} conversations and twice the usual.{also}",
        "changes",
        since=week.start,
        day=week.end,
        weight=more * URGENCY[rule],
        verb="Compare the agents",
    )


_BEFORE = 28
"""In days: the baseline of a week."""


@dataclass(frozen=True, eq=False)
class _Weeks:
    """A week and the four before it: responses of the week (`now`) and of the four (`then`). `days`
    has a row per day of the week with its timed answers and the slow ones among them. `received`
    has a row per day of the five weeks and a column per agent."""

    now: Response
    then: Response
    days: pd.DataFrame
    received: pd.DataFrame


def _five_weeks(history: History, week: Period, limits: Filter) -> _Weeks | None:
    """The week and the four before it; None unless they are recorded from end to end at about the
    same frequency. The less frequent the snapshots, the longer answers seem to take and the fewer
    assignments are seen."""
    before = Period(week.start - _BEFORE * ONE_DAY, week.start - ONE_DAY, week.timezone)
    whole = Period(before.start, week.end, week.timezone)
    edges = stamps([before.first_moment, week.first_moment, week.end_moment])
    if not (edges - _latest_before(history, edges) <= np.timedelta64(1, "D")).all():
        return None
    now, then = transitions(history, week), transitions(history, before)
    if now is None or then is None or not 0.5 <= now.number * 4 / max(1, then.number) <= 2:
        return None
    found = events_in(history, whole, limits)
    earlier = found.response(before=week.first_moment)
    limit = math.inf if earlier.median_hours is None else _limit(earlier.median_hours)
    return _Weeks(
        now=found.response(since=week.first_moment),
        then=earlier,
        days=found.response_by_day(whole, limit)[["timed", "slow"]].iloc[_BEFORE:],
        received=found.received_by_day(whole),
    )


def _recorded_days(history: History, period: Period, _: Filter) -> np.ndarray:
    """For each day, whether the events seen on it cover about one day: its last snapshot was taken
    18 to 30 hours after the last one of the day before."""
    edges = stamps(period.edges())
    latest = _latest_before(history, edges)
    spacing = np.diff(latest)
    is_followed: np.ndarray = edges[:-1] - latest[:-1] <= np.timedelta64(1, "D")
    return is_followed & (spacing >= np.timedelta64(18, "h")) & (spacing <= np.timedelta64(30, "h"))


def _latest_before(history: History, moments: np.ndarray) -> np.ndarray:
    """Time of the latest snapshot before each moment; NaT where there is none."""
    recorded = np.concatenate([np.array(["NaT"], dtype="datetime64[us]"), history.recorded])
    return recorded[np.searchsorted(history.recorded, moments, "left")]


def _recall(view: View, question: Callable[..., Result], *arguments: Hashable) -> Result | None:
    return unless_unreadable(lambda: view.recall(question, *arguments), None)


def _yesterday(view: View) -> date:
    """The last finished day."""
    return day_of(view.terms.as_of, view.terms.timezone) - ONE_DAY


def _week(view: View) -> Period:
    """The seven days that end with the period or, if it is not over, with yesterday."""
    last = min(view.terms.period.end, _yesterday(view))
    return Period(last - 6 * ONE_DAY, last, view.terms.timezone)


def _over_days(view: View, first: date, last: date) -> View:
    """The same view over other days."""
    period = Period(first, last, view.terms.timezone)
    return replace(view, terms=replace(view.terms, period=period))


def _count(value: float) -> str:
    return formatting.number(round(value))
