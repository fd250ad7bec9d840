"""Bins of a period for engines without time zones.

Sessions run in UTC. A local day, week or month starts at one of a few times of the UTC day, one per
UTC offset of the zone. So contacts are grouped by UTC day and by how many of these times had
passed; the bin is then derived from the few groups. The edges of the whole period are compared as
exact instants.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Bins, Expressions
from lib.reference.periods import edge_stamps

SIDE, DAY, PAST = "side", "day", "past"
TICKS = [SIDE, DAY, PAST]
"""Columns to group by."""

_BEFORE, _WITHIN, _AFTER = 0, 1, 2
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Ticks:
    """Expressions for grouping, and the bins of the groups."""

    bins: Bins

    def expressions(self) -> Expressions:
        """The columns `TICKS`, as expressions over contacts."""
        moment, edges = self._moment(), self.bins.period.span
        is_before, is_within = moment < edges.start, moment < edges.end
        later = nw.when(is_within).then(nw.lit(_WITHIN)).otherwise(nw.lit(_AFTER))
        side = nw.when(is_before).then(nw.lit(_BEFORE)).otherwise(later)
        within = nw.when(~is_before & is_within)
        times = [time for time in self._times() if time]
        # Parts of a time take engines longest: most zones need hours only.
        clock = moment.dt.hour() * 3600
        if any(time % 3600 for time in times):
            clock = clock + moment.dt.minute() * 60
        if any(time % 60 for time in times):
            clock = clock + moment.dt.second()
        past = reduce(add, [(clock >= time).cast(nw.Int64) for time in times]) if times else 0
        return {
            SIDE: side,
            DAY: within.then(moment.dt.date()),
            PAST: within.then(past if times else nw.lit(0)),
        }

    def numbers(self, groups: pd.DataFrame) -> np.ndarray:
        """The bin of each group, from its `TICKS`."""
        side = groups[SIDE].to_numpy(dtype=np.int64)
        found = np.where(side == _BEFORE, 0, self.bins.steps + 1)
        is_within = side == _WITHIN
        days = groups[DAY][is_within].to_numpy(dtype="datetime64[D]")
        times = np.array([0, *(time for time in self._times() if time)])
        past = groups[PAST][is_within].to_numpy(dtype=np.int64)
        numbers = self._edges().searchsorted(days + times[past] * _SECOND, "right")
        # The first group may start before the period, but its contacts lie within it.
        found[is_within] = numbers.clip(1, self.bins.steps)
        return found

    def _moment(self) -> nw.Expr:
        """The latest of the times; null if one is missing."""
        first, *others = map(nw.col, self.bins.columns)
        for other in others:
            later = nw.when(first >= other).then(first).otherwise(other)
            first = nw.when(~first.is_null() & ~other.is_null()).then(later)
        return first

    def _edges(self) -> np.ndarray:
        return edge_stamps(self.bins.period, self.bins.step)

    def _times(self) -> list[int]:
        """Seconds of the UTC day at which steps begin, ascending."""
        inner = self._edges()[1:-1]
        return sorted({int(each) for each in (inner - inner.astype("datetime64[D]")) // _SECOND})
