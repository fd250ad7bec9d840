"""Input of the alert rules: the few numbers of one snapshot, under a view's filters."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from lib.engines.questions import Engine, Expressions, Facts
from lib.insights import changed
from lib.insights.findings import Finding, every_finding
from lib.insights.past import Level, Past
from lib.metrics import engagement, workload
from lib.metrics.terms import Terms, within
from lib.query.view import View
from lib.reference.periods import ONE_DAY, Period, Span, day_of
from lib.store.dimensions import CHANNEL

DAYS = 30
"""Days over which a rule is rehearsed."""

WEEKS = 4
"""Weeks before each of those days, from which a rule learns what is usual at an hour."""

WEEKS_OF_DAYS = 12
"""Weeks from which a rule learns what is usual on a weekday."""

ONE_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Inbox:
    """An inbox that reports not being connected; `at_risk` are the contacts that no connected inbox
    reaches."""

    key: str
    name: str | None
    channel: str | None
    status: str
    at_risk: int


@dataclass(frozen=True)
class Reading:
    """The numbers as of `as_of` (UTC).

    `begins` is the first moment of the view's period. `missing_until`: contacts who came up to then
    may have been missed; None if none were. `is_recorded`: whether the findings include those from
    history (`changed.is_recorded`). `new_by_hour` counts the new contacts of each finished hour,
    oldest first; the last hour ends at `hours_end`. `levels` are those recorded before `as_of`,
    oldest first. `opt_outs` are by finished day in `timezone`.
    """

    as_of: datetime
    timezone: str = "UTC"
    complete: bool = True
    begins: datetime | None = None
    missing_until: datetime | None = None
    is_recorded: bool = True
    waiting: int = 0
    longest_wait_hours: float | None = None
    unassigned: int = 0
    handed_over: int = 0
    inboxes: tuple[Inbox, ...] = ()
    new_by_hour: Sequence[int] = ()
    hours_end: datetime | None = None
    levels: Sequence[Level] = ()
    opt_outs: Mapping[date, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @cached_property
    def levels_at_this_hour(self) -> list[list[Level]]:
        """For each of the previous `7 * WEEKS` days, the levels recorded within 45 minutes of the
        same local time, the nearest first: at most two, or none."""
        times = [level.at for level in self.levels]
        local = self.as_of.astimezone(ZoneInfo(self.timezone))
        found = []
        for days in range(1, 7 * WEEKS + 1):
            then = (local - days * ONE_DAY).astimezone(self.as_of.tzinfo)
            place = bisect_left(times, then)
            near = (place - 1, place) if place else (place,)
            distances = [(abs(times[each] - then), each) for each in near if each < len(times)]
            found.append([self.levels[each] for far, each in sorted(distances) if far <= _NEAR])
        return found


_NEAR = timedelta(minutes=45)


def reading_of(view: View, past: Past) -> Reading:
    """The reading of the snapshot that `view` shows."""
    terms = view.terms
    load = view.compute(workload.workload, terms)
    as_of = terms.as_of
    today = day_of(as_of, terms.timezone)
    hours = (DAYS + 7 * WEEKS) * 24
    days = Period(today - (DAYS + 7 * WEEKS_OF_DAYS) * ONE_DAY, today - ONE_DAY, terms.timezone)
    return Reading(
        as_of=as_of,
        timezone=terms.timezone,
        complete=view.snapshot.verdict.complete,
        begins=terms.period.first_moment,
        missing_until=_missing_until(view),
        is_recorded=changed.is_recorded(view),
        waiting=load.awaiting_reply,
        longest_wait_hours=view.compute(workload.longest_waits, terms).hours,
        unassigned=load.unassigned,
        handed_over=load.orphaned_handoff,
        inboxes=_disconnected(view),
        new_by_hour=view.compute(new_by_hour, terms, hours),
        hours_end=_whole_hour(as_of),
        levels=past.levels(view.choice, as_of - timedelta(days=DAYS + 7 * WEEKS), as_of),
        opt_outs=past.opt_outs(view.choice, days),
        findings=tuple(every_finding(view)),
    )


def _missing_until(view: View) -> datetime | None:
    """Up to when new contacts may have been missed. The verdict says it of creation times only."""
    doubtful = view.snapshot.verdict.doubtful
    if doubtful is None or (doubtful and view.terms.basis != "createdAt"):
        return view.terms.as_of
    return doubtful[-1].last if doubtful else None


def new_by_hour(asked: Engine, terms: Terms, hours: int) -> tuple[int, ...]:
    """New contacts in each of the last `hours` finished hours before `as_of`, oldest first."""
    end = _whole_hour(terms.as_of)
    span = Span(end - hours * ONE_HOUR, end)
    recent = Facts(_recent, (terms.subscription, span)).of("recent")
    counted = asked.per_interval(terms.subscription, 60, among=recent)
    places = (pd.DatetimeIndex(counted.index) - span.start) // ONE_HOUR
    counts = np.bincount(places, counted.to_numpy(), minlength=hours)
    return tuple(counts.astype(np.int64).tolist())


def _recent(column: str, span: Span) -> Expressions:
    return {"recent": within(column, span)}


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _disconnected(view: View) -> tuple[Inbox, ...]:
    table = view.compute(engagement.inboxes)
    table = table[table["status"].notna() & (table["active"] > 0)]
    chosen = view.choice.keys(CHANNEL)
    found = []
    for key, row in table.iterrows():
        channel = None if pd.isna(row["channel"]) else str(row["channel"])
        if row["status"] == engagement.CONNECTED or (chosen and channel not in chosen):
            continue
        name = None if pd.isna(row["name"]) else str(row["name"])
        found.append(Inbox(str(key), name, channel, str(row["status"]), int(row["at_risk"])))
    return tuple(found)
