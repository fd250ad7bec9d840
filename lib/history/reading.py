"""What changed in a period (history.md, "Reading a period")."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pandas as pd

from lib.engines.questions import Filter
from lib.history import events, levels
from lib.reference.periods import ONE_DAY, Period, stamps
from lib.store.dimensions import Dimension

ALL = Filter()


class History(Protocol):
    """The recorded history of a workspace; immutable."""

    @property
    def recorded(self) -> np.ndarray:
        """Times of the recorded snapshots that form an unbroken chain of comparisons, ascending;
        UTC, datetime64[us]. All transitions between them can be read."""

    @property
    def since(self) -> datetime:
        """Time of the first snapshot ever recorded, UTC."""

    def active(self, limits: Filter) -> int:
        """Number of contacts of the snapshot at the last of `recorded` that are not blocked and
        pass."""

    def between(
        self,
        after: np.datetime64,
        until: np.datetime64,
        limits: Filter,
        by: Sequence[Dimension] = (),
    ) -> "Events":
        """Events of the transitions seen after `after` and up to and including `until`, of contacts
        that pass `limits`; `by` are dimensions needed for `by_key`."""

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Levels (`levels.SCHEMA`) of a dimension (`levels.TOTAL` for the workspace) from `first`
        to `last`, both included; `keys` limits its values."""


def begins(history: History) -> datetime:
    """Time (UTC) from which on changes are known: that of the first of `History.recorded`.

    It is later than `since` if the chain was broken, or if old events have been removed.
    """
    return _moment(history.recorded[0])


@dataclass(frozen=True)
class Bridge:
    """Contacts that are not blocked. Exactly: opening + joined + unblocked - blocked - deleted +
    moved_in - moved_out = closing. Contacts only move in and out under a filter."""

    opening: int
    joined: int
    unblocked: int
    blocked: int
    deleted: int
    moved_in: int
    moved_out: int
    closing: int

    @classmethod
    def to(
        cls,
        closing: int,
        numbers: Mapping[str, int],
        *,
        deleted: int,
        moved_in: int,
        moved_out: int,
    ) -> "Bridge":
        """The bridge that ends with `closing`. `numbers` are events by kind; `deleted` are those
        that were not blocked."""
        joined, blocked, unblocked = (numbers[kind] for kind in ("joined", "blocked", "unblocked"))
        net = joined + unblocked - blocked - deleted + moved_in - moved_out
        opening = closing - net
        return cls(opening, joined, unblocked, blocked, deleted, moved_in, moved_out, closing)


@dataclass(frozen=True)
class Response:
    """Number of answers, number of those with a known waiting time, and its median in hours (None
    if there are none)."""

    answered: int
    timed: int
    median_hours: float | None


class Events(Protocol):
    """Events of some transitions, limited to the contacts that pass a filter.

    Most events count if the contact passes in the later snapshot; those that remove what may have
    made it pass count if it passed in the earlier one.
    """

    def number(self, kind: str) -> int: ...

    def numbers(self) -> dict[str, int]:
        """Number of events by kind of `events.KINDS`."""

    def bridge(self, closing: int) -> Bridge:
        """The bridge that ends with this number of contacts."""

    @property
    def net(self) -> int:
        """Net change in the number of contacts that are not blocked."""

    def by_day(self, period: Period, kinds: Sequence[str] = events.DAILY) -> pd.DataFrame:
        """Event counts: a row per day of the period, a column per kind. Events outside the period
        count on its nearest day."""

    def response(
        self, *, since: datetime | None = None, before: datetime | None = None
    ) -> Response:
        """All answers, or those given from `since` on and before `before` (UTC)."""

    def response_by_day(self, period: Period, limit: float = math.inf) -> pd.DataFrame:
        """Response times by day of the period: answered, timed, median_hours (NaN if none), and
        slow, the number of answers that took longer than `limit` hours."""

    def received_by_day(self, period: Period) -> pd.DataFrame:
        """Conversations received: a row per day of the period (numbered from 0), a column per agent
        who received any."""

    def by_agent(self) -> pd.DataFrame:
        """By agent: received, given_away, closed, answered, timed and median_response_hours,
        indexed by ID; ordered by received, descending, then ID."""

    def by_value(self, kind: str) -> "pd.Series[int]":
        """Number of events of a kind about tags or channels, by tag or channel."""

    def by_key(self, kind: str, dimension: Dimension) -> "pd.Series[int]":
        """Number of events of a kind by a dimension of their contacts, "" for none. A contact with
        two channels, tags or sources counts in each. Requires the dimension among `by` of
        `events_in`."""


COUNTED_BEFORE = ("deleted", "tag_removed", "channel_removed", "unassigned")


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed between the snapshots `opening` and `closing` (UTC), `snapshots` transitions
    apart.

    events: number of each of `events.KINDS`.
    by_day: a row per day of the period, indexed by day, a column per kind of `events.DAILY`.
    agents: received, given_away, closed, answered, median_response_hours (NaN if none), indexed by
        ID, ordered by received, descending, then ID; agents with four zeros are left out.
    levels: a row per recorded day of the period, indexed by day, as of its last snapshot
        (`levels.NUMBERS`); None if levels cannot answer the filter.
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
    """Snapshots at which a period opens and closes (UTC, datetime64[us]), and the number of
    transitions between them."""

    opening: np.datetime64
    closing: np.datetime64
    number: int


def transitions(history: History, period: Period) -> Span | None:
    """The span of a period: opens with the latest snapshot before its first moment (or else the
    first one), closes with the latest before its end. None if there is none before its end."""
    edges = stamps([period.first_moment, period.end_moment])
    recorded = history.recorded
    before_start, before_end = np.searchsorted(recorded, edges, "left")
    if before_end == 0:
        return None
    first, last = max(before_start - 1, 0), before_end - 1
    return Span(recorded[first], recorded[last], int(last - first))


def changes(history: History, period: Period, limits: Filter = ALL) -> Changes | None:
    """What changed in the period among the contacts that pass `limits`; None if nothing was
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
    """The events that `changes` counts, for further questions; `by` are dimensions needed for
    `by_key`."""
    span = transitions(history, period)
    if span is None:  # none at all
        return history.between(_NEVER, _NEVER, limits, by)
    return history.between(span.opening, span.closing, limits, by)


_NEVER = np.datetime64(0, "us")


def daily_levels(history: History, period: Period, limits: Filter = ALL) -> pd.DataFrame | None:
    """The level of each recorded day of the period, as of its last snapshot, indexed by day; None
    if levels cannot answer the filter, since they are recorded for one dimension at a time."""
    asked = levels.asked_for(limits)
    if asked is None:
        return None
    dimension, keys = asked
    first, end = stamps([period.first_moment, period.end_moment])
    last = end - np.timedelta64(1, "us")
    found = total = history.levels(levels.TOTAL, first, last)
    if dimension != levels.TOTAL:
        found = history.levels(dimension, first, last, keys)
    # If no contact had the value there is no row for it; its level is 0.
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
