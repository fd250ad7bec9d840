"""History read by an engine: each question is a query over the tables of events and levels.

Answers are proportional to days, agents and values, never to events.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import TypeVar

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.days import local_day
from lib.engines.errors import UnreadableByEngine
from lib.engines.joined import Frame
from lib.engines.middles import VALUE, VALUES, middles
from lib.engines.questions import Engine, Expressions, Facts, Filter
from lib.engines.results import RESULTS
from lib.engines.selection import KEY, Source
from lib.history import events, levels
from lib.history.reading import COUNTED_BEFORE, Bridge, Events, Response
from lib.metrics.terms import is_active
from lib.reference.periods import Period
from lib.store.dimensions import MISSING, Dimension
from lib.store.place import Unreadable

Answer = TypeVar("Answer")


Part = Callable[[str, np.datetime64, np.datetime64], str]
"""Name of the table with all rows of `events` or `levels` that were seen between two instants, both
included, and perhaps others."""


def _whole(table: str, first: np.datetime64, last: np.datetime64) -> str:
    return table


class LazyHistory:
    """`lib.history.reading.History` over an engine. Questions raise EngineError and Unreadable.

    The source has the tables `events` and `levels`, and those that `part` names; `active` counts
    the contacts of the last recorded snapshot that are not blocked and pass a filter.
    """

    def __init__(
        self,
        recorded: np.ndarray,
        since: datetime,
        source: Source,
        active: Callable[[Filter], int],
        part: Part = _whole,
    ) -> None:
        self._recorded, self._since = recorded, since
        self._source, self._active, self._part = source, active, part

    @property
    def nbytes(self) -> int:
        """Size charged to the cache of results."""
        return self._recorded.nbytes

    @property
    def recorded(self) -> np.ndarray:
        return self._recorded

    @property
    def since(self) -> datetime:
        return self._since

    def active(self, limits: Filter) -> int:
        return self._active(limits)

    def between(
        self,
        after: np.datetime64,
        until: np.datetime64,
        limits: Filter,
        by: Sequence[Dimension] = (),
    ) -> Events:
        table = self._part("events", after + np.timedelta64(1, "us"), until)
        return LazyEvents(self._source, _moment(after), _moment(until), limits, table)

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        seen, wanted = nw.col("seen"), nw.col("dimension") == dimension
        wanted = wanted & (seen >= _moment(first)) & (seen <= _moment(last))
        if keys is not None:
            wanted = wanted & _is_any("key", keys)
        with _readable(), self._source.lock:
            table = self._source.table(self._part("levels", first, last))
            known = set(table.collect_schema().names())
            asked = [each for each in levels.SCHEMA.names if each in known]
            found = self._source.collect(table.filter(wanted).select(asked))
        for name in levels.SCHEMA.names:
            if name not in known:  # written entirely by an earlier version
                found = found.append_column(name, [[None] * len(found)])
        frame: pd.DataFrame = found.select(levels.SCHEMA.names).cast(levels.SCHEMA).to_pandas()
        return frame


@contextmanager
def _readable() -> Iterator[None]:
    """Context in which files that an engine cannot read raise what they raise in memory."""
    try:
        yield
    except UnreadableByEngine:
        raise Unreadable(
            "a file of it is missing or damaged, or out of reach of the engine"
        ) from None


def active_among(asked: Engine, limits: Filter) -> int:
    """Number of contacts that are not blocked and pass the filter."""
    return int(asked.under(limits).count(_ACTIVE)["active"].iloc[0])


def _active() -> Expressions:
    return {"active": is_active()}


_ACTIVE = Facts(_active)


class LazyEvents:
    """`lib.history.reading.Events` over a table of an engine. Questions raise EngineError and
    Unreadable; answers are cached for the lifetime of the source."""

    def __init__(
        self,
        source: Source,
        after: datetime,
        until: datetime,
        limits: Filter,
        table: str = "events",
    ) -> None:
        self._source, self._limits, self._table = source, limits, table
        self._after, self._until = after, until

    @property
    def nbytes(self) -> int:
        return 0

    def number(self, kind: str) -> int:
        return self.numbers()[kind]

    def numbers(self) -> dict[str, int]:
        counted = self._totals()
        return {kind: int(counted["counts"].get(kind, 0)) for kind in events.KINDS}

    def bridge(self, closing: int) -> Bridge:
        counted = self._totals()
        deleted = int(counted["was_active"].get("deleted", 0))
        moved_in, moved_out = (
            int(counted[name].get(events.MOVED, 0)) for name in ("comes", "goes")
        )
        return Bridge.to(
            closing, self.numbers(), deleted=deleted, moved_in=moved_in, moved_out=moved_out
        )

    @property
    def net(self) -> int:
        return -self.bridge(0).opening

    def by_day(self, period: Period, kinds: Sequence[str] = events.DAILY) -> pd.DataFrame:
        def ask() -> pd.DataFrame:
            counted = self._counting(kinds).with_columns(day=self._day(period))
            return self._asked(counted.group_by("day", "kind").agg(number=nw.len()))

        found = self._kept(("by_day", period, tuple(kinds)), ask)
        table = found.pivot(index="day", columns="kind", values="number")
        return (
            table.reindex(index=_days(period), columns=list(kinds), fill_value=0)
            .fillna(0)
            .astype("int64")
            .rename_axis(columns=None)
        )

    def response(
        self, *, since: datetime | None = None, before: datetime | None = None
    ) -> Response:
        def ask() -> pd.DataFrame:
            answers = self._counting(("answered",))
            if since is not None:
                answers = answers.filter(nw.col("at") >= since)
            if before is not None:
                answers = answers.filter(nw.col("at") < before)
            return self._with_medians(answers.with_columns(nw.lit(0).alias(KEY)), _ANSWERED)

        found = self._kept(("response", since, before), ask)
        if found.empty:
            return Response(0, 0, None)
        row = found.iloc[0]
        timed = int(row["timed"])
        return Response(int(row["answered"]), timed, float(row["median_hours"]) if timed else None)

    def response_by_day(self, period: Period, limit: float = math.inf) -> pd.DataFrame:
        def ask() -> pd.DataFrame:
            answers = self._counting(("answered",)).with_columns(self._day(period).alias(KEY))
            slow = nw.when(nw.col(VALUE) > limit).then(nw.lit(1))
            return self._with_medians(answers, _ANSWERED | {"slow": slow.count()})

        found = self._kept(("response_by_day", period, limit), ask).reindex(_days(period))
        counts = ["answered", "timed", "slow"]
        found[counts] = found[counts].fillna(0).astype("int64")
        return found[["answered", "timed", "median_hours", "slow"]]

    def received_by_day(self, period: Period) -> pd.DataFrame:
        def ask() -> pd.DataFrame:
            received = self._counting(_RECEIVED).filter(~nw.col("agent_after").is_null())
            by_day = received.with_columns(day=self._day(period)).group_by("day", "agent_after")
            return self._asked(by_day.agg(number=nw.len()))

        found = self._kept(("received_by_day", period), ask)
        table = found.pivot(index="day", columns="agent_after", values="number")
        table = table.reindex(list(period.days())).fillna(0).astype("int64")
        return table.sort_index(axis=1).set_axis(range(period.number_of_days))

    def by_agent(self) -> pd.DataFrame:
        found = self._kept(("by_agent",), self._by_agent)
        return found.copy()

    def by_value(self, kind: str) -> pd.Series[int]:
        def ask() -> pd.DataFrame:
            counted = self._counting((kind,)).group_by("value").agg(number=nw.len())
            return self._asked(counted)

        return _series(self._kept(("by_value", kind), ask).dropna(), "value")

    def by_key(self, kind: str, dimension: Dimension) -> pd.Series[int]:
        column = events.column(dimension, "before" if kind in COUNTED_BEFORE else "after")

        def ask() -> pd.DataFrame:
            keyed = self._counting((kind,)).select(column)
            if dimension.has_several:
                keyed = keyed.explode(column)  # an empty list becomes null
            return self._asked(keyed.group_by(column).agg(number=nw.len()))

        found = self._kept(("by_key", kind, dimension), ask)
        return _series(found.fillna({column: MISSING}), column)

    def _kept(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        key = ("events", self._after, self._until, self._limits, question)

        def answered() -> Answer:
            with self._source.lock:
                return ask()

        with _readable():
            return RESULTS.get(self._source, key, answered)

    def _asked(self, frame: Frame) -> pd.DataFrame:
        found: pd.DataFrame = self._source.collect(frame).to_pandas()
        return found

    def _events(self) -> Frame:
        """The events of the transitions, with flags for whether their contact `passed` before and
        `passes` after."""
        seen = nw.col("seen")
        found = self._source.table(self._table).filter((seen > self._after) & (seen <= self._until))
        return found.with_columns(
            passed=_passing(self._limits, "before"), passes=_passing(self._limits, "after")
        )

    def _counting(self, kinds: Sequence[str]) -> Frame:
        """The events of these kinds that count."""
        kind = nw.col("kind")
        sides = (
            kind.is_in(wanted) & nw.col(side)
            for side, wanted in (
                ("passed", [each for each in kinds if each in COUNTED_BEFORE]),
                ("passes", [each for each in kinds if each not in COUNTED_BEFORE]),
            )
            if wanted
        )
        return self._events().filter(reduce(or_, sides))

    def _totals(self) -> dict[str, dict[str, int]]:
        """By kind: `counts`, the number that count; `was_active`, the number whose contact passed
        and was active before; `comes` and `goes`, the numbers of active contacts that began and
        ceased to pass."""

        def ask() -> dict[str, dict[str, int]]:
            passed, passes = nw.col("passed"), nw.col("passes")
            was_active = nw.col("active_before").fill_null(value=False)
            is_before = nw.col("kind").is_in(COUNTED_BEFORE)
            facts = {
                "counts": (is_before & passed) | (~is_before & passes),
                "was_active": passed & was_active,
                "comes": ~passed & passes & was_active,
                "goes": passed & ~passes & was_active,
            }
            marks = {name: nw.when(fact).then(nw.lit(1)) for name, fact in facts.items()}
            counted = (
                self._events()
                .select("kind", **marks)
                .group_by("kind")
                .agg(**{name: nw.col(name).count() for name in facts})
            )
            by_kind = self._asked(counted).set_index("kind")
            return {name: dict(by_kind[name]) for name in facts}

        return self._kept(("totals",), ask)

    def _by_agent(self) -> pd.DataFrame:
        kinds = {"received": _RECEIVED, "closed": ("closed",), "answered": ("answered",)}
        marks: Expressions = {
            name: nw.when(nw.col("kind").is_in(wanted)).then(nw.lit(1))
            for name, wanted in kinds.items()
        }
        counting = self._counting((*_RECEIVED, "closed", "answered"))
        to = counting.filter(~nw.col("agent_after").is_null()).with_columns(**marks)
        counts: Expressions = {name: nw.col(name).count() for name in marks}
        one = self._with_medians(to.with_columns(nw.col("agent_after").alias(KEY)), counts)
        is_given = nw.col("passed") & nw.col("kind").is_in(("unassigned", "reassigned"))
        given = (
            self._events()
            .filter(is_given & ~nw.col("agent_before").is_null())
            .group_by("agent_before")
            .agg(given_away=nw.len())
        )
        agents = one.join(self._asked(given).set_index("agent_before"), how="outer")
        names = ["received", "given_away", "closed", "answered", "timed"]
        agents[names] = agents[names].fillna(0).astype("int64")
        agents = agents[[*names, "median_hours"]]
        agents = agents.rename(columns={"median_hours": "median_response_hours"})
        agents.index = pd.Index(agents.index, dtype="str", name="agent")
        return agents.sort_index().sort_values("received", ascending=False, kind="stable")

    def _with_medians(self, answers: Frame, counts: Expressions) -> pd.DataFrame:
        """By `key`: these counts, `timed`, and `median_hours` (NaN if none is timed)."""
        hours = nw.col("hours")  # may be NaN in files
        answers = answers.with_columns(nw.when(~hours.is_nan()).then(hours).alias(VALUE))
        found, of_hours = middles(answers, _HOURS, self._source, counts)
        found = found.rename(columns={VALUES: "timed"})
        found["median_hours"] = ((of_hours["lower"] + of_hours["upper"]) / 2).astype("float64")
        return found

    def _day(self, period: Period) -> nw.Expr:
        return local_day("at", period, self._after)


_RECEIVED = ("assigned", "reassigned")

_ANSWERED: Expressions = {"answered": nw.len()}

_HOURS = [
    ((nw.col(VALUE) * 60 + 1).log() * fineness).floor().cast(nw.Int64)
    for fineness in (4, 512, 65_536)
]
"""Buckets of hours on a logarithmic scale, since they may be minutes or weeks: from a factor of 1.3
to seconds in a day."""


def _passing(limits: Filter, side: str) -> nw.Expr:
    """Whether an event's contact passed on a side (`before` or `after`)."""
    passes = ~nw.col(f"active_{side}").is_null()
    for dimension, keys in limits.by_dimension:
        passes = passes & _has_any(dimension, side, keys)
    if limits.recorded_only:
        source = nw.col(f"{events.COUNTRY_SOURCE}_{side}")
        passes = passes & (source == "recorded").fill_null(value=False)
    return passes


def _has_any(dimension: Dimension, side: str, keys: Collection[str]) -> nw.Expr:
    name = events.column(dimension, side)
    column, wanted = nw.col(name), sorted(key for key in keys if key != MISSING)
    if dimension.has_several:
        nothing = (column.list.len() == 0).fill_null(value=False)
        has = [column.list.contains(key).fill_null(value=False) for key in wanted]
    else:
        nothing, has = column.is_null(), [_is_any(name, wanted)] if wanted else []
    if dimension.missing.among is not None:
        among = nw.col(f"{dimension.missing.among}_{side}").fill_null(value=False)
        nothing = nothing & among
    return _any([*has, nothing] if MISSING in keys else has)


def _is_any(column: str, keys: Collection[str]) -> nw.Expr:
    return nw.col(column).is_in(sorted(keys)).fill_null(value=False)


def _any(found: Sequence[nw.Expr]) -> nw.Expr:
    """Balanced tree of ORs, because servers limit the nesting depth of queries."""
    if len(found) < 3:
        return reduce(or_, found)
    middle = len(found) // 2
    return _any(found[:middle]) | _any(found[middle:])


def _series(found: pd.DataFrame, column: str) -> pd.Series[int]:
    index = pd.Index(found[column], dtype="str", name=None)
    return pd.Series(found["number"].to_numpy(dtype=np.int64), index=index).sort_index()


def _days(period: Period) -> pd.Index:
    return pd.Index(list(period.days()), name="day")


def _moment(stamp: np.datetime64) -> datetime:
    moment: datetime = stamp.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
