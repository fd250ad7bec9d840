"""What alerts and digests ask of the recorded past: a small face, whoever keeps the record.

Nothing of the past is inferred from contacts that still exist: where nothing was recorded, nothing
is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from lib.query.choice import Choice
from lib.reference.periods import Period
from lib.reference.rates import Rate


@dataclass(frozen=True)
class Level:
    """Numbers of one recorded snapshot; `at` is its instant, UTC. Counts are as in `lib.metrics`;
    None for what was not recorded."""

    at: datetime
    contacts: int
    waiting: int
    unassigned: int
    handed_over: int | None = None
    broadcast: Rate | None = None


@dataclass(frozen=True)
class Answers:
    """Conversations that were answered; the median is over those whose time is known."""

    answered: int
    timed: int
    median_hours: float | None


class Past(Protocol):
    """The record of one workspace. `choice` says which contacts are meant; its period does not
    matter. Times are UTC, starts included, ends not."""

    @property
    def recorded_since(self) -> datetime | None:
        """None where nothing is recorded."""

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        """In the order of time."""

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        """Who opted out on each day of the period that has ended and is wholly recorded."""

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        """None where the time was not wholly recorded."""


class NothingRecorded:
    """The past of a workspace of which there is no record."""

    recorded_since: datetime | None = None

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        return ()

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        return {}

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        return None
