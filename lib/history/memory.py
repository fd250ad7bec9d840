"""History held in memory, for the demo workspace and for tests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.chatbotx.crawl import Range
from lib.history import events, levels
from lib.history.compare import compare
from lib.history.eager import EagerHistory
from lib.history.recorded import Recorded, baseline
from lib.reference.periods import stamps
from lib.store.tables import Tables


@dataclass(eq=False)
class Past(EagerHistory):
    """A sequence of transitions. `record` appends; what has been read does not change."""

    moments: list[datetime] = field(default_factory=list)
    _latest: Recorded | None = None
    _events: list[pa.Table] = field(default_factory=lambda: [events.none()])
    _levels: list[pa.Table] = field(default_factory=lambda: [levels.SCHEMA.empty_table()])

    def record(self, as_of: datetime, tables: Tables, doubtful: Sequence[Range] = ()) -> None:
        """Append a snapshot as of an instant (UTC); ignored unless newer than the last. `doubtful`
        as in `compare`."""
        if self._latest is None:
            self._latest = baseline(as_of, tables)
        elif as_of > self._latest.as_of:
            transition = compare(self._latest, as_of, tables, doubtful)
            self._events.append(transition.events)
            self._latest = transition.after
        else:
            return
        self.moments.append(as_of)
        self._levels.append(levels.levels(self._latest))

    @property
    def since(self) -> datetime:
        return self.moments[0].astimezone(UTC)

    @property
    def recorded(self) -> np.ndarray:
        return stamps(self.moments)

    @property
    def latest(self) -> Recorded:
        assert self._latest is not None, "nothing has been recorded"
        return self._latest

    def table(self, name: Literal["events", "levels"]) -> pa.Table:
        """A complete history table."""
        return pa.concat_tables(self._events if name == "events" else self._levels)

    def events(
        self, after: np.datetime64, until: np.datetime64, columns: Sequence[str]
    ) -> pa.Table:
        parts = [
            part.select(columns)
            for moment, part in zip(self.recorded[1:], self._events[1:], strict=True)
            if after < moment <= until
        ]
        return pa.concat_tables([self._events[0].select(columns), *parts])

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        table = self.table("levels")
        seen = np.asarray(table["seen"], dtype="datetime64[us]")
        chosen = np.asarray(pc.equal(table["dimension"], dimension))
        found: pd.DataFrame = table.filter(chosen & (first <= seen) & (seen <= last)).to_pandas()
        return found if keys is None else found[found["key"].isin(keys)]
