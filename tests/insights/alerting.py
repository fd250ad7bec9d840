"""Readings and fabricated histories for tests of alerts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import pi, sin

from lib.history.reading import History
from lib.insights.past import Answers, Level
from lib.query.choice import Choice
from lib.reference.periods import ONE_DAY, Period

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
"""A Wednesday."""


@dataclass
class MadeUpPast:
    """History as given by a test."""

    recorded: list[Level] = field(default_factory=list)
    opted_out: dict[date, int] = field(default_factory=dict)
    answered: Answers | None = None
    history: History | None = None

    @property
    def recorded_since(self) -> datetime | None:
        return self.recorded[0].at if self.recorded else None

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        return [level for level in self.recorded if start <= level.at < end]

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        return {day: n for day, n in self.opted_out.items() if period.start <= day <= period.end}

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        return self.answered


@dataclass(frozen=True)
class Quiet:
    """An ordinary workspace: levels, opt-outs by day and new contacts by hour up to `NOW`."""

    past: MadeUpPast
    new_by_hour: tuple[int, ...]


def quiet_history(seed: int, *, days: int = 60, every: timedelta = timedelta(hours=1)) -> Quiet:
    """A realistic but ordinary workspace: arrivals, backlog and opt-outs vary by hour and weekday
    and between good and bad weeks, and the backlog depends on the hour before."""
    source = random.Random(seed)
    size = source.choice([0.3, 1.0, 5.0, 20.0])
    weekend = source.choice([0.2, 0.6, 1.0])
    start = NOW.replace(minute=0) - timedelta(days=days)
    levels, hours = [], []
    moment, mood, waiting, unassigned = start, 0.0, 5 * size, 3 * size
    while moment < NOW:
        # An hour's rate, and how it drifts for days.
        mood = 0.98 * mood + source.gauss(0, 0.02)
        busy = 1 + 0.8 * sin((moment.hour - 8) * pi / 12)
        busy *= weekend if moment.weekday() >= 5 else 1
        rate = size * max(0.05, busy) * max(0.3, 1 + mood)
        hours.append(poisson(source, 2 * rate))
        waiting = 0.7 * waiting + 3 * rate
        unassigned = 0.9 * unassigned + 0.8 * rate
        levels.append(
            Level(
                moment,
                contacts=1000,
                waiting=poisson(source, waiting),
                unassigned=poisson(source, unassigned),
                handed_over=poisson(source, 0.3 * size),
            )
        )
        moment += every
    opted_out = {}
    day = NOW.date() - 200 * ONE_DAY
    while day < NOW.date():
        often = size * (3 if day.weekday() == 1 else 1) * source.lognormvariate(0, 0.2)
        opted_out[day] = poisson(source, often)
        day += ONE_DAY
    return Quiet(MadeUpPast(levels, opted_out), tuple(hours))


def poisson(source: random.Random, mean: float) -> int:
    """A Poisson count; for large means its normal approximation."""
    if mean > 50:
        return max(0, round(source.gauss(mean, mean**0.5)))
    count, time = 0, source.expovariate(1)
    while time < mean:
        count, time = count + 1, time + source.expovariate(1)
    return count
