"""Questions that metrics ask of an engine.

A metric is written once, against `Engine`. Answers are proportional to the number of groups, never
of contacts, so the workspace may be in memory or anywhere else.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import narwhals as nw
import pandas as pd

from lib.reference.periods import Period, Step
from lib.store.dimensions import BY_KEY, DIMENSIONS, Dimension, Names
from lib.store.tables import Tables

Expressions = dict[str, nw.Expr]
"""Expressions over the columns of contacts, by name; for facts, null counts as false."""


@dataclass(frozen=True)
class Facts:
    """Facts about contacts: those of `made_by(*terms)`, plus those of `beside`.

    Facts that follow from others, `on`, are those of `made_by(expressions, *terms)`, which combines
    the expressions of `on` and reads no other column: an engine may evaluate `on` only once. Facts
    made by the same function with the same terms are equal, so an engine can cache results.
    """

    made_by: Callable[..., Expressions]
    terms: tuple[Hashable, ...] = ()
    beside: "Facts | None" = None
    on: "Facts | None" = None

    @property
    def alone(self) -> "Facts":
        """These facts without those of `beside`."""
        return Facts(self.made_by, self.terms, on=self.on)

    def of(self, name: str) -> "Fact":
        """One of these facts."""
        return Fact(name, self.alone)

    def expressions(self) -> Expressions:
        made_of = () if self.on is None else (self.on.expressions(),)
        found = self.made_by(*made_of, *self.terms)
        return found | self.beside.expressions() if self.beside is not None else found


@dataclass(frozen=True)
class Fact:
    """A fact that selects contacts, by its name in `facts`."""

    name: str
    facts: Facts


NO_FACTS = Facts(dict)
"""For questions that only count contacts."""


@dataclass(frozen=True)
class Bins:
    """Bins of contacts by the step of a period in which a time lies: the latest of those in
    `columns`, or never if one of them is missing.

    Bin 0 is before the period, 1 its first step, and so on; the last one, `steps + 1`, is after it
    or never.
    """

    columns: tuple[str, ...]
    period: Period
    step: Step = "day"

    @property
    def steps(self) -> int:
        if self.step == "day":
            return self.period.number_of_days
        return len(self.period.steps(self.step))


@dataclass(frozen=True)
class Filter:
    """Filter of contacts: those that have any of the keys in every limited dimension.
    `recorded_only` leaves out contacts whose country was inferred."""

    limits: tuple[tuple[str, frozenset[str]], ...] = ()
    recorded_only: bool = False

    @classmethod
    def to(cls, keys: Mapping[str, Sequence[str]], *, recorded_only: bool = False) -> "Filter":
        """A filter from keys by dimension key; no keys means no limit."""
        named = ((each.key, frozenset(keys.get(each.key, ()))) for each in DIMENSIONS)
        return cls(tuple((key, values) for key, values in named if values), recorded_only)

    @property
    def is_empty(self) -> bool:
        return not self.limits and not self.recorded_only

    @property
    def by_dimension(self) -> list[tuple[Dimension, frozenset[str]]]:
        """The limited dimensions, and the keys of which a contact must have any."""
        return [(BY_KEY[key], values) for key, values in self.limits]

    def without(self, dimension: Dimension) -> "Filter":
        """The filter without this dimension."""
        others = tuple(limit for limit in self.limits if limit[0] != dimension.key)
        return Filter(others, self.recorded_only)


class Engine(Protocol):
    """Answers questions about the contacts of a workspace that pass a filter.

    Answers are shared and must not be modified. `among` limits a question to contacts for which a
    fact is true.
    """

    @property
    def whole(self) -> "Engine":
        """The engine for all contacts of the workspace, ignoring filters."""
        ...

    def under(self, limits: Filter) -> "Engine":
        """The engine for the contacts that also pass this filter."""
        ...

    def names(self, table: Names) -> pd.DataFrame:
        """A table of names, of the whole workspace: see `lib.store.tables.Tables`."""
        ...

    def tables(self) -> Tables:
        """The tables of the contacts asked about, for export: the only answer that grows with their
        number."""
        ...

    def span(self, column: str, *, among: Fact | None = None) -> tuple[datetime, datetime] | None:
        """First and last time (UTC) in a column; None if there is none."""
        ...

    def firsts(self, column: str, *, among: Sequence[Fact]) -> list[datetime | None]:
        """First time (UTC) in a column, for the contacts for which each of the facts is true; None
        if there is none."""
        ...

    def until(self, column: str, moments: Sequence[datetime], *, among: Fact) -> list[int]:
        """How many contacts have a time in this column at or before each of these moments (UTC)."""
        ...

    def middles(self, column: str, by: Dimension, *, among: Fact) -> pd.DataFrame:
        """The times in a column on which its median rests, by value of a dimension.

        Columns: first, the earliest; lower and upper, the two in the middle, which are the same if
        their number is odd (UTC). Indexed by the values that occur together with a time, in text
        order. Raises ValueError if the dimension may have several values per contact.
        """
        ...

    def count(
        self,
        facts: Facts = NO_FACTS,
        by: Dimension | None = None,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        """Number of contacts, and for each fact the number for which it is true, by value of a
        dimension.

        Columns: `contacts` and the names of the facts (int64). Indexed by the values that occur, in
        text order, with the missing key last; a contact counts once for each of its values. Without
        a dimension, a single row with index 0.
        """
        ...

    def over_time(
        self, bins: Bins, facts: Facts = NO_FACTS, *, among: Fact | None = None
    ) -> pd.DataFrame:
        """Like `count`, by bin: a row for every bin, including empty ones."""
        ...

    def cross(
        self,
        one: Dimension | Bins,
        other: Dimension,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        """Number of contacts by two keys: columns one, other (values or bin numbers) and contacts,
        a row per combination that occurs. Raises ValueError if the dimension `one` may have
        several values per contact."""
        ...

    def per_interval(self, column: str, minutes: int, *, among: Fact | None = None) -> pd.Series:
        """Number of contacts by the interval of 15 or 60 `minutes` in which a time lies (UTC, its
        first moment), for those that occur, ascending."""
        ...

    def pairs(self, dimension: Dimension, *, among: Fact | None = None) -> pd.DataFrame:
        """Pairs of values that occur together.

        Columns: a, b (in text order), both: the number of contacts with both. Ordered by it,
        descending, then a and b.
        """
        ...

    def rows(
        self,
        columns: Facts,
        *,
        among: Fact,
        by: str | None = None,
        most: int | None = None,
        also: Dimension | None = None,
    ) -> tuple[int, pd.DataFrame]:
        """The number of contacts, and these columns (not necessarily facts) of the first `most` of
        them.

        Ordered by the column `by` (missing last), then creation and ID. `also` adds the values of a
        dimension, as tuples in the column of its key.
        """
        ...
