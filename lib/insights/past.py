"""Recorded history as alerts and digests need it: a small protocol, independent of the storage.

The past is never inferred from contacts that still exist: where nothing was recorded, there is no
answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from lib.history.reading import History
from lib.query.choice import Choice
from lib.reference.periods import Period
from lib.reference.rates import Rate


@dataclass(frozen=True)
class Level:
    """Numbers of one snapshot, recorded at `at` (UTC). Counts are defined as in `lib.metrics`; None
    means not recorded."""

    at: datetime
    contacts: int
    waiting: int
    unassigned: int
    handed_over: int | None = None
    broadcast: Rate | None = None


@dataclass(frozen=True)
class Answers:
    """Answered conversations; the median is over those whose response time is known (`timed`)."""

    answered: int
    timed: int
    median_hours: float | None


class Past(Protocol):
    """The history of one workspace. `choice` selects the contacts; its period is ignored. Times are
    UTC; intervals include the start and exclude the end."""

    @property
    def recorded_since(self) -> datetime | None:
        """Start of the record; None if there is none."""

    @property
    def history(self) -> History | None:
        """The record itself, from which findings are made; None if there is none."""

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        """The recorded levels, oldest first."""

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        """Number of opt-outs by day, for the days of the period that are over and completely
        recorded."""

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        """Answers given in the interval; None if it is not completely recorded."""


class NothingRecorded:
    """The past of a workspace without recorded history."""

    recorded_since: datetime | None = None
    history: History | None = None

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        return ()

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        return {}

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        return None
