"""What a manager chose to look at: period, filters, and the terms of the numbers.

A choice travels in the URL (`lib.query.url`), so a link shows a colleague the same page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import get_args

from lib.engines.questions import Filter
from lib.metrics.workload import Queue, Wait
from lib.query import presets
from lib.query.options import Options
from lib.query.presets import Against
from lib.reference.periods import FIRST_DAY, Period, day_of, midnight
from lib.settings import Basis as BasisChoice
from lib.store.dimensions import DIMENSIONS, Dimension

QUEUES: tuple[Queue, ...] = get_args(Queue)
"""Lists of open conversations on the Workload page."""

WAITS: tuple[Wait, ...] = get_args(Wait)
"""Waiting times that such a list can be limited to."""


@dataclass(frozen=True)
class Filters:
    """The chosen keys of each filtered dimension, in the order of `DIMENSIONS`."""

    limits: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, dimension: Dimension) -> tuple[str, ...]:
        """The chosen keys of a dimension; empty if it is not filtered."""
        return dict(self.limits).get(dimension.key, ())

    def limited_to(self, dimension: Dimension, keys: tuple[str, ...]) -> "Filters":
        chosen = {**dict(self.limits), dimension.key: keys}
        return Filters(
            tuple((each.key, chosen[each.key]) for each in DIMENSIONS if chosen.get(each.key))
        )

    @property
    def by_key(self) -> Mapping[str, tuple[str, ...]]:
        return MappingProxyType(dict(self.limits))


@dataclass(frozen=True)
class Choice:
    """Period, filters and terms. A contact passes if, for each filtered dimension, it has any of
    the chosen values; an empty filter lets all pass.

    For timezone, basis and bot_answers, None means the workspace's setting. `wait` limits the list
    of conversations, `queue`, to those that wait that long.
    """

    preset: str = presets.DEFAULT
    start: date | None = None
    end: date | None = None
    against: Against = "previous"
    filters: Filters = Filters()
    recorded_only: bool = False
    timezone: str | None = None
    basis: BasisChoice | None = None
    bot_answers: bool | None = None
    queue: Queue = QUEUES[0]
    wait: Wait | None = None

    def keys(self, dimension: Dimension) -> tuple[str, ...]:
        """The chosen keys of a dimension; empty if it is not filtered."""
        return self.filters.of(dimension)

    def limited_to(self, dimension: Dimension, keys: tuple[str, ...]) -> "Choice":
        """The same choice with other keys for one filter."""
        return replace(self, filters=self.filters.limited_to(dimension, keys))

    def toggled(self, dimension: Dimension, key: str) -> "Choice":
        """Filtered to one value, or with that filter removed if it already is."""
        return self.limited_to(dimension, () if self.keys(dimension) == (key,) else (key,))

    def on_days(self, start: date, end: date) -> "Choice":
        """Limited to these days, or back to the default period if it already is."""
        if (self.preset, self.start, self.end) == ("dates", start, end):
            return replace(self, preset=presets.DEFAULT, start=None, end=None)
        return replace(self, preset="dates", start=start, end=end)

    def listing(self, queue: Queue, wait: Wait | None = None) -> "Choice":
        """With this list of conversations."""
        return replace(self, queue=queue, wait=wait)

    @property
    def is_filtered(self) -> bool:
        return self.recorded_only or bool(self.filters.limits)

    @property
    def unfiltered(self) -> "Choice":
        """The same period and terms without filters."""
        return replace(self, filters=Filters(), recorded_only=False)

    def period(self, as_of: datetime, timezone: str, first: datetime | None) -> Period:
        """The chosen days. `first` is the workspace's first subscription, where "all" begins."""
        today = day_of(as_of, timezone)
        if self.preset in presets.PRESETS:
            return Period(*presets.PRESETS[self.preset].days(today), timezone)
        if self.preset == "all":
            # A first contact dated by an unset clock must not stretch the axis over centuries.
            earliest = as_of if first is None else max(first, midnight(FIRST_DAY, timezone))
            return Period(min(day_of(earliest, timezone), today), today, timezone)
        return Period(self.start or today, self.end or today, timezone)

    @property
    def limits(self) -> Filter:
        """The filter as the engines take it."""
        return Filter.to(self.filters.by_key, recorded_only=self.recorded_only)

    def in_words(self, options: Options) -> str:
        """The filters, as plain text: "WhatsApp or Telegram; in Brazil"."""
        parts = []
        for dimension in DIMENSIONS:
            keys, missing = self.keys(dimension), dimension.missing
            if keys == (missing.key,) and missing.alone is not None:
                parts.append(missing.alone)
            elif keys:
                names = [
                    missing.phrase if key == missing.key else options.name(dimension, key)
                    for key in keys
                ]
                parts.append(dimension.preposition + either(names))
        if self.recorded_only:
            parts.append("with a recorded country")
        return "; ".join(parts)


def either(names: list[str]) -> str:
    """ "Ana, Bia or Zoé"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
