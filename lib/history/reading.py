"""What changed in a period: "Reading a period" in the history's definition."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.history import events, levels
from lib.history.filters import Filter
from lib.history.recorded import Recorded
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

    @property
    def latest(self) -> Recorded:
        """The last of `recorded`."""

    def events(
        self, after: np.datetime64, until: np.datetime64, columns: Sequence[str]
    ) -> pa.Table:
        """The events of the transitions seen after one instant and until another, included."""

    def levels(self, dimension: str, first: np.datetime64, last: np.datetime64) -> pd.DataFrame:
        """The levels of a dimension, `levels.TOTAL` for the workspace, both ends included."""


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
    found = Events(_read(history, opening, closing, limits), limits)
    later = Events(_read(history, closing, history.recorded[-1], limits), limits)
    now = _active(history.latest, limits)
    return Changes(
        recorded_since=history.since,
        opening=_moment(opening),
        closing=_moment(closing),
        snapshots=span.number,
        bridge=found.bridge(now - later.net),
        events=found.numbers(),
        by_day=found.by_day(period),
        response=found.response(),
        agents=found.by_agent(),
        levels=daily_levels(history, period, limits),
    )


class Events:
    """Events of some transitions, of the contacts that a filter lets pass.

    Most count if the contact passed in the later snapshot; those that took away what may have made
    it pass, if it passed in the earlier one.
    """

    COLUMNS = (
        "kind",
        "at",
        "value",
        "hours",
        "active_before",
        "active_after",
        "agent_before",
        "agent_after",
    )

    def __init__(self, table: pa.Table, limits: Filter = ALL) -> None:
        self._table, self._limits = table, limits

    @cached_property
    def _kinds(self) -> np.ndarray:
        names = pa.array([*events.KINDS, events.MOVED])
        codes = pc.index_in(self._table["kind"], value_set=names)
        return np.asarray(pc.fill_null(codes, -1))

    @cached_property
    def _passed(self) -> np.ndarray:
        return self._limits.among_events(self._table, "before")

    @cached_property
    def _passes(self) -> np.ndarray:
        return self._limits.among_events(self._table, "after")

    def mask(self, kind: str) -> np.ndarray:
        """Which rows are events of this kind and count."""
        is_kind = self._kinds == events.KINDS.index(kind)
        return is_kind & (self._passed if kind in _COUNTED_BEFORE else self._passes)

    def number(self, kind: str) -> int:
        return int(self.mask(kind).sum())

    def numbers(self) -> dict[str, int]:
        return {kind: self.number(kind) for kind in events.KINDS}

    def bridge(self, closing: int) -> Bridge:
        moved = (self._kinds == len(events.KINDS)) & self._was_active
        moved_in = int((moved & ~self._passed & self._passes).sum())
        moved_out = int((moved & self._passed & ~self._passes).sum())
        joined, blocked, unblocked = map(self.number, ("joined", "blocked", "unblocked"))
        deleted = int((self.mask("deleted") & self._was_active).sum())
        net = joined + unblocked - blocked - deleted + moved_in - moved_out
        return Bridge(
            closing - net, joined, unblocked, blocked, deleted, moved_in, moved_out, closing
        )

    @property
    def net(self) -> int:
        """By how many contacts that are not blocked there are more than before."""
        return -self.bridge(0).opening

    @cached_property
    def _was_active(self) -> np.ndarray:
        return np.asarray(pc.fill_null(self._table["active_before"], False))

    def by_day(self, period: Period, kinds: Sequence[str] = events.DAILY) -> pd.DataFrame:
        """A row per day of the period, a column per kind. What lies outside the period is counted
        at its nearest end."""
        days = self._days(period)
        counted = {
            kind: np.bincount(days[self.mask(kind)], minlength=period.number_of_days)
            for kind in kinds
        }
        return pd.DataFrame(counted, index=pd.Index(list(period.days()), name="day"))

    def _days(self, period: Period) -> np.ndarray:
        """The number of the day of each event, counted from the period's first."""
        at = np.asarray(self._table["at"], dtype="datetime64[us]")
        days = np.searchsorted(stamps(period.edges()), at, "right") - 1
        return np.clip(days, 0, period.number_of_days - 1)

    def response(self) -> Response:
        hours = self._hours(self.mask("answered"))
        timed = hours[~np.isnan(hours)]
        median = float(np.median(timed)) if len(timed) else None
        return Response(len(hours), len(timed), median)

    def response_by_day(self, period: Period) -> pd.DataFrame:
        """A row per day of the period: answered, timed, median_hours (NaN of none)."""
        days = pd.Index(list(period.days()), name="day")
        return (
            _response_by(self.answers(period), "day")
            .reindex(range(len(days)))
            .set_axis(days)
            .fillna({"answered": 0, "timed": 0})
            .astype({"answered": "int64", "timed": "int64"})
        )

    def answers(self, period: Period) -> pd.DataFrame:
        """A row per answer: day, its number counted from the period's first, and hours, from
        waiting to the answer (NaN where that is not known)."""
        answered = self.mask("answered")
        return pd.DataFrame({"day": self._days(period)[answered], "hours": self._hours(answered)})

    def received_by_day(self, period: Period) -> pd.DataFrame:
        """How many conversations each agent received: a row per day of the period, counted from 0,
        a column per agent who received any."""
        received = self.mask("assigned") | self.mask("reassigned")
        agents = pd.Series(self._agents(received, "after"), dtype="str")
        days = pd.Series(self._days(period)[received])
        counted = days.groupby([days, agents]).size().unstack(fill_value=0)
        return counted.reindex(range(period.number_of_days), fill_value=0)

    def _hours(self, mask: np.ndarray) -> np.ndarray:
        hours = self._table["hours"].to_numpy()
        return np.asarray(hours[mask], dtype=np.float64)

    def by_agent(self) -> pd.DataFrame:
        """received, given_away, closed, answered, timed and median_response_hours, indexed by id,
        by received descending, then id."""
        reassigned = self._kinds == events.KINDS.index("reassigned")
        counted = {
            "received": self._agents(self.mask("assigned") | self.mask("reassigned"), "after"),
            "given_away": self._agents(
                self.mask("unassigned") | (reassigned & self._passed), "before"
            ),
            "closed": self._agents(self.mask("closed"), "after"),
            "answered": self._agents(self.mask("answered"), "after"),
        }
        agents = pd.DataFrame(
            {name: pd.Series(ids, dtype="str").value_counts() for name, ids in counted.items()}
        )
        agents = agents.fillna(0).astype("int64")
        answered = self.mask("answered")
        hours = pd.DataFrame({"agent": counted["answered"], "hours": self._hours(answered)})
        times = _response_by(hours, "agent").reindex(agents.index)
        agents["timed"] = times["timed"].fillna(0).astype("int64")
        agents["median_response_hours"] = times["median_hours"]
        agents = agents.rename_axis(index="agent").sort_index()
        return agents.sort_values("received", ascending=False, kind="stable")

    def _agents(self, mask: np.ndarray, side: str) -> list[str | None]:
        ids: list[str | None] = self._table[f"agent_{side}"].filter(pa.array(mask)).to_pylist()
        return ids

    def by_value(self, kind: str) -> pd.Series:
        """How many events of a kind about tags or channels, by tag or channel."""
        values = self._table["value"].filter(pa.array(self.mask(kind)))
        counted = values.value_counts()
        index = pd.Index(counted.field("values").to_pylist(), dtype="str")
        numbers = np.asarray(counted.field("counts"), dtype=np.int64)
        return pd.Series(numbers, index=index).sort_index()

    def by_key(self, kind: str, dimension: Dimension) -> pd.Series:
        """How many events of a kind, by a dimension of their contacts, "" for none; one with two
        channels, tags or sources counts in each. The table needs the columns for it."""
        side = "before" if kind in _COUNTED_BEFORE else "after"
        column = self._table[events.column(dimension, side)].filter(pa.array(self.mask(kind)))
        missing = pc.is_null(column)
        if dimension.has_several:
            missing = pc.equal(pc.list_value_length(column), 0)
            column = pc.list_flatten(column)
        counted = pc.drop_null(column).value_counts()
        index = [*counted.field("values").to_pylist(), ""]
        numbers = [*counted.field("counts").to_pylist(), pc.sum(missing).as_py() or 0]
        found = pd.Series(numbers, index=pd.Index(index, dtype="str"), dtype="int64")
        return found[found > 0].sort_index()


_COUNTED_BEFORE = {"deleted", "tag_removed", "channel_removed", "unassigned"}


def events_in(
    history: History, period: Period, limits: Filter = ALL, *, by: Sequence[Dimension] = ()
) -> Events:
    """The events that `changes` counts, for further questions; `by` are dimensions to ask for."""
    span = transitions(history, period)
    if span is None:
        return Events(events.none(), limits)
    return Events(_read(history, span.opening, span.closing, limits, by), limits)


def _read(
    history: History,
    after: np.datetime64,
    until: np.datetime64,
    limits: Filter,
    by: Sequence[Dimension] = (),
) -> pa.Table:
    names = [*Events.COLUMNS]
    for side in ("before", "after"):
        names += limits.columns(side)
        names += [events.column(dimension, side) for dimension in by]
    return history.events(after, until, list(dict.fromkeys(names)))


def _response_by(hours: pd.DataFrame, key: str) -> pd.DataFrame:
    """answered, timed, median_hours by `key`; its missing values are left out."""
    grouped = hours.groupby(key)["hours"]
    return pd.DataFrame(
        {"answered": grouped.size(), "timed": grouped.count(), "median_hours": grouped.median()}
    )


def _active(recorded: Recorded, limits: Filter) -> int:
    passes = recorded.columns.is_active
    return int((passes & limits.among_contacts(recorded.tables)).sum())


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
        found = history.levels(dimension, first, last)
        found = found[found["key"].isin(keys)]
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
