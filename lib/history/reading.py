"""What changed in a period: "Reading a period" in the history's definition."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pandas as pd

from lib.history import events, levels
from lib.history.filters import Filter
from lib.reference.periods import ONE_DAY, Period, stamps
from lib.store.dimensions import Dimension

ALL = Filter()


class History(Protocol):
    """What has been recorded of a workspace; immutable."""

    @property
    def recorded(self) -> np.ndarray:
        """As of when the recorded snapshots are that can be compared with each other, ascending;
        UTC, datetime64[us]. All transitions between them can be read."""

    @property
    def since(self) -> datetime:
        """The first snapshot that was ever recorded, UTC."""

    def active(self, limits: Filter) -> int:
        """How many contacts of the last of `recorded` are not blocked, of those that pass."""

    def between(
        self,
        after: np.datetime64,
        until: np.datetime64,
        limits: Filter,
        by: Sequence[Dimension] = (),
    ) -> "Events":
        """The events of the transitions seen after one instant and until another, included; `by`
        are dimensions to ask for."""

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """The levels of a dimension, `levels.TOTAL` for the workspace, both ends included; of these
        keys only."""


@dataclass(frozen=True)
class Bridge:
    """Contacts that are not blocked: opening + joined + unblocked - blocked - deleted + moved_in -
    moved_out = closing, exactly. Only a filter lets contacts move in and out."""

    opening: int
    joined: int
    unblocked: int
    blocked: int
    deleted: int
    moved_in: int
    moved_out: int
    closing: int


@dataclass(frozen=True)
class Response:
    """How many were answered, for how many of them it is known how long they had waited, and the
    median of that in hours; None of nobody."""

    answered: int
    timed: int
    median_hours: float | None


class Events(Protocol):
    """Events of some transitions, of the contacts that a filter lets pass.

    Most count if the contact passed in the later snapshot; those that took away what may have made
    it pass (`COUNTED_BEFORE`), if it passed in the earlier one. What lies outside of a period is
    counted on its nearest day. Answers are not to be changed.
    """

    def number(self, kind: str) -> int: ...

    def numbers(self) -> dict[str, int]:
        """How many of each of `events.KINDS`."""

    def bridge(self, closing: int) -> Bridge:
        """That which ends with so many contacts."""

    @property
    def net(self) -> int:
        """By how many contacts that are not blocked there are more than before."""

    def by_day(self, period: Period, kinds: Sequence[str] = events.DAILY) -> pd.DataFrame:
        """A row per day of the period, a column per kind."""

    def response(
        self, *, since: datetime | None = None, before: datetime | None = None
    ) -> Response:
        """Of all answers, or of those that were given from `since` on and before `before` (UTC)."""

    def response_by_day(self, period: Period, limit: float = math.inf) -> pd.DataFrame:
        """A row per day of the period: answered, timed, median_hours (NaN of none), and slow: how
        many took longer than `limit`, in hours."""

    def received_by_day(self, period: Period) -> pd.DataFrame:
        """How many conversations each agent received: a row per day of the period, counted from 0,
        a column per agent who received any."""

    def by_agent(self) -> pd.DataFrame:
        """received, given_away, closed, answered, timed and median_response_hours, indexed by id,
        by received descending, then id."""

    def by_value(self, kind: str) -> "pd.Series[int]":
        """How many events of a kind about tags or channels, by tag or channel."""

    def by_key(self, kind: str, dimension: Dimension) -> "pd.Series[int]":
        """How many events of a kind, by a dimension of their contacts that was asked for, "" for
        none; one with two channels, tags or sources counts in each."""


COUNTED_BEFORE = ("deleted", "tag_removed", "channel_removed", "unassigned")


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed between the snapshots `opening` and `closing` (UTC), `snapshots` transitions
    apart.

    events: how many of each of `events.KINDS`.
    by_day: a row per day of the period, indexed by day, a column per kind of `events.DAILY`.
    agents: received, given_away, closed, answered, median_response_hours (NaN: none), indexed by
        id, by received descending, then id; those with four zeros are left out.
    levels: a row per day of the period on which something was recorded, indexed by day, as of its
        last snapshot (`levels.NUMBERS`); None where the filter asks for more than levels can say.
    """

    recorded_since: datetime
    opening: datetime
    closing: datetime
    snapshots: int
    bridge: Bridge
    events: dict[str, int]
    by_day: pd.DataFrame
    response: Response
    agents: pd.DataFrame
    levels: pd.DataFrame | None


@dataclass(frozen=True)
class Span:
    """The snapshots that a period opens and closes with (UTC, datetime64[us]), and how many
    transitions lie between them."""

    opening: np.datetime64
    closing: np.datetime64
    number: int


def transitions(history: History, period: Period) -> Span | None:
    """Opening is the latest snapshot before the period's first moment, else the first one; closing
    the latest before its end. None where there is none before its end."""
    edges = stamps([period.first_moment, period.end_moment])
    recorded = history.recorded
    before_start, before_end = np.searchsorted(recorded, edges, "left")
    if before_end == 0:
        return None
    first, last = max(before_start - 1, 0), before_end - 1
    return Span(recorded[first], recorded[last], int(last - first))


def changes(history: History, period: Period, limits: Filter = ALL) -> Changes | None:
    """What changed in the period among the contacts that `limits` let pass; None where nothing was
    recorded before the period's end."""
    span = transitions(history, period)
    if span is None:
        return None
    opening, closing = span.opening, span.closing
    found = history.between(opening, closing, limits)
    later = history.between(closing, history.recorded[-1], limits)
    return Changes(
        recorded_since=history.since,
        opening=_moment(opening),
        closing=_moment(closing),
        snapshots=span.number,
        bridge=found.bridge(history.active(limits) - later.net),
        events=found.numbers(),
        by_day=found.by_day(period),
        response=found.response(),
        agents=found.by_agent(),
        levels=daily_levels(history, period, limits),
    )


def events_in(
    history: History, period: Period, limits: Filter = ALL, *, by: Sequence[Dimension] = ()
) -> Events:
    """The events that `changes` counts, for further questions; `by` are dimensions to ask for."""
    span = transitions(history, period)
    if span is None:  # none at all
        return history.between(_NEVER, _NEVER, limits, by)
    return history.between(span.opening, span.closing, limits, by)


_NEVER = np.datetime64(0, "us")


def daily_levels(history: History, period: Period, limits: Filter = ALL) -> pd.DataFrame | None:
    """The level of each day of the period that has one, as of its last snapshot; None where levels
    cannot say: they are kept by one dimension at a time."""
    asked = levels.asked_for(limits)
    if asked is None:
        return None
    dimension, keys = asked
    first, end = stamps([period.first_moment, period.end_moment])
    last = end - np.timedelta64(1, "us")
    found = total = history.levels(levels.TOTAL, first, last)
    if dimension != levels.TOTAL:
        found = history.levels(dimension, first, last, keys)
    # Where nobody had the value there is no row of it: that is a level of nothing.
    numbers = found.groupby("seen")[list(levels.NUMBERS)].sum()
    numbers = numbers.reindex(total["seen"].sort_values(), fill_value=0)
    moments = np.asarray(numbers.index, dtype="datetime64[us]")
    edges = stamps(period.edges())
    days = np.searchsorted(edges, moments, "right") - 1
    numbers = numbers.groupby(days).last()
    return numbers.set_axis(
        pd.Index([period.start + int(day) * ONE_DAY for day in numbers.index], name="day")
    )


def _moment(stamp: np.datetime64) -> datetime:
    moment: datetime = stamp.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
