"""Events over an Arrow table in memory."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.engines.filters import passing as passing_contacts
from lib.engines.questions import Filter
from lib.history import events
from lib.history.filters import columns_for, passing
from lib.history.reading import ALL, COUNTED_BEFORE, Bridge, Response
from lib.history.recorded import Recorded
from lib.reference.periods import Period, stamps
from lib.store.dimensions import Dimension

_COLUMNS = (
    "kind",
    "at",
    "value",
    "hours",
    "active_before",
    "active_after",
    "agent_before",
    "agent_after",
)


def _columns_for(limits: Filter, by: Sequence[Dimension] = ()) -> list[str]:
    """Event columns that `EagerEvents` needs under a filter; `by` are dimensions needed for
    `by_key`."""
    names = [*_COLUMNS]
    for side in ("before", "after"):
        names += columns_for(limits, side)
        names += [events.column(dimension, side) for dimension in by]
    return list(dict.fromkeys(names))


class EagerHistory(ABC):
    """What `lib.history.reading.History` answers from tables in memory; subclasses provide them."""

    @property
    @abstractmethod
    def latest(self) -> Recorded:
        """The snapshot recorded last."""

    @abstractmethod
    def events(
        self, after: np.datetime64, until: np.datetime64, columns: Sequence[str]
    ) -> pa.Table:
        """These columns of the events seen after `after` and up to and including `until`."""

    def active(self, limits: Filter) -> int:
        """As in `History`. Raises what `latest` raises."""
        is_active = self.latest.columns.is_active
        passes = passing_contacts(self.latest.tables, limits)
        return int((is_active if passes is None else is_active & passes).sum())

    def between(
        self,
        after: np.datetime64,
        until: np.datetime64,
        limits: Filter,
        by: Sequence[Dimension] = (),
    ) -> "EagerEvents":
        """As in `History`. Raises what `events` raises."""
        return EagerEvents(self.events(after, until, _columns_for(limits, by)), limits)


class EagerEvents:
    """`lib.history.reading.Events` over a table in memory."""

    def __init__(self, table: pa.Table, limits: Filter = ALL) -> None:
        self._table, self._limits = table, limits

    @cached_property
    def _kinds(self) -> np.ndarray:
        names = pa.array([*events.KINDS, events.MOVED])
        codes = pc.index_in(self._table["kind"], value_set=names)
        return np.asarray(pc.fill_null(codes, -1))

    @cached_property
    def _passed(self) -> np.ndarray:
        return passing(self._table, self._limits, "before")

    @cached_property
    def _passes(self) -> np.ndarray:
        return passing(self._table, self._limits, "after")

    @cached_property
    def _at(self) -> np.ndarray:
        return np.asarray(self._table["at"], dtype="datetime64[us]")

    def mask(self, kind: str) -> np.ndarray:
        """Mask of the events of this kind that count."""
        is_kind = self._kinds == events.KINDS.index(kind)
        return is_kind & (self._passed if kind in COUNTED_BEFORE else self._passes)

    def number(self, kind: str) -> int:
        return int(self.mask(kind).sum())

    def numbers(self) -> dict[str, int]:
        return {kind: self.number(kind) for kind in events.KINDS}

    def bridge(self, closing: int) -> Bridge:
        moved = (self._kinds == len(events.KINDS)) & self._was_active
        moved_in = int((moved & ~self._passed & self._passes).sum())
        moved_out = int((moved & self._passed & ~self._passes).sum())
        deleted = int((self.mask("deleted") & self._was_active).sum())
        return Bridge.to(
            closing, self.numbers(), deleted=deleted, moved_in=moved_in, moved_out=moved_out
        )

    @property
    def net(self) -> int:
        return -self.bridge(0).opening

    @cached_property
    def _was_active(self) -> np.ndarray:
        return np.asarray(pc.fill_null(self._table["active_before"], False))

    def by_day(self, period: Period, kinds: Sequence[str] = events.DAILY) -> pd.DataFrame:
        days = self._days(period)
        counted = {
            kind: np.bincount(days[self.mask(kind)], minlength=period.number_of_days)
            for kind in kinds
        }
        return pd.DataFrame(counted, index=pd.Index(list(period.days()), name="day"))

    def _days(self, period: Period) -> np.ndarray:
        """Day number of each event, from 0 for the period's first day."""
        days = np.searchsorted(stamps(period.edges()), self._at, "right") - 1
        return np.clip(days, 0, period.number_of_days - 1)

    def response(
        self, *, since: datetime | None = None, before: datetime | None = None
    ) -> Response:
        chosen = self.mask("answered")
        for moment, is_later in ((since, True), (before, False)):
            if moment is not None:
                chosen = chosen & ((self._at >= stamps([moment])[0]) == is_later)
        hours = self._hours(chosen)
        timed = hours[~np.isnan(hours)]
        median = float(np.median(timed)) if len(timed) else None
        return Response(len(hours), len(timed), median)

    def response_by_day(self, period: Period, limit: float = math.inf) -> pd.DataFrame:
        answered, days = self.mask("answered"), pd.Index(list(period.days()), name="day")
        hours = pd.DataFrame({"day": self._days(period)[answered], "hours": self._hours(answered)})
        found = _response_by(hours, "day")
        found["slow"] = (hours["hours"] > limit).groupby(hours["day"]).sum()
        return (
            found.reindex(range(len(days)))
            .set_axis(days)
            .fillna({"answered": 0, "timed": 0, "slow": 0})
            .astype({"answered": "int64", "timed": "int64", "slow": "int64"})
        )

    def received_by_day(self, period: Period) -> pd.DataFrame:
        received = self.mask("assigned") | self.mask("reassigned")
        agents = pd.Series(self._agents(received, "after"), dtype="str")
        days = pd.Series(self._days(period)[received])
        counted = days.groupby([days, agents]).size().unstack(fill_value=0)
        return counted.reindex(range(period.number_of_days), fill_value=0)

    def _hours(self, mask: np.ndarray) -> np.ndarray:
        hours = self._table["hours"].to_numpy()
        return np.asarray(hours[mask], dtype=np.float64)

    def by_agent(self) -> pd.DataFrame:
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
        values = self._table["value"].filter(pa.array(self.mask(kind)))
        counted = values.value_counts()
        index = pd.Index(counted.field("values").to_pylist(), dtype="str")
        numbers = np.asarray(counted.field("counts"), dtype=np.int64)
        return pd.Series(numbers, index=index).sort_index()

    def by_key(self, kind: str, dimension: Dimension) -> pd.Series:
        side = "before" if kind in COUNTED_BEFORE else "after"
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


def _response_by(hours: pd.DataFrame, key: str) -> pd.DataFrame:
    """answered, timed and median_hours by `key`, leaving out missing keys."""
    grouped = hours.groupby(key)["hours"]
    return pd.DataFrame(
        {"answered": grouped.size(), "timed": grouped.count(), "median_hours": grouped.median()}
    )
