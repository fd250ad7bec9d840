"""What metrics ask, and of whom: the questions of an engine.

A metric is written once, against `Engine`. What an engine answers is in proportion to groups, never
to contacts, so the workspace may be in memory or anywhere else.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import narwhals as nw
import pandas as pd

from lib.reference.periods import Period, Step
from lib.store.dimensions import DIMENSIONS, Dimension, Names
from lib.store.tables import Tables

Expressions = dict[str, nw.Expr]
"""Over the columns of the contacts, by name; where they are facts, null counts as false."""


@dataclass(frozen=True)
class Facts:
    """Facts about contacts: `made_by(*terms)`, and those `beside` them.

    Two that are made by the same function of the same terms are equal, so that an engine can keep
    what it has worked out.
    """

    made_by: Callable[..., Expressions]
    terms: tuple[Hashable, ...] = ()
    beside: "Facts | None" = None

    def of(self, name: str) -> "Fact":
        """One of them."""
        return Fact(name, Facts(self.made_by, self.terms))

    def expressions(self) -> Expressions:
        found = self.made_by(*self.terms)
        return found | self.beside.expressions() if self.beside is not None else found


@dataclass(frozen=True)
class Fact:
    """What chooses contacts: the one of the facts that has this name."""

    name: str
    facts: Facts


NO_FACTS = Facts(dict)
"""For a question that counts contacts only."""


@dataclass(frozen=True)
class Bins:
    """The steps of a period in which a time of the contacts lies: the later of those in `columns`,
    never where one of them is missing.

    0 is before the period, 1 its first step, …; the last, one more than there are steps, is after
    it or never.
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
    """Which contacts are asked about: those that have any of the keys, in each dimension that is
    limited. `recorded_only` leaves out those whose country was inferred."""

    limits: tuple[tuple[str, frozenset[str]], ...] = ()
    recorded_only: bool = False

    @classmethod
    def to(cls, keys: Mapping[str, Sequence[str]], *, recorded_only: bool = False) -> "Filter":
        """Keys by the key of the dimension; none for no limit."""
        named = ((each.key, frozenset(keys.get(each.key, ()))) for each in DIMENSIONS)
        return cls(tuple((key, values) for key, values in named if values), recorded_only)

    @property
    def is_empty(self) -> bool:
        return not self.limits and not self.recorded_only

    def without(self, dimension: Dimension) -> "Filter":
        """The limits of the other dimensions."""
        others = tuple(limit for limit in self.limits if limit[0] != dimension.key)
        return Filter(others, self.recorded_only)


class Engine(Protocol):
    """Answers questions about the contacts of a workspace that pass a filter.

    Answers are shared: not to be changed. `among` asks of the contacts of which a fact is true.
    """

    @property
    def whole(self) -> "Engine":
        """About all contacts of the workspace, whatever the filter."""
        ...

    def under(self, limits: Filter) -> "Engine":
        """About those of the contacts that pass this filter too."""
        ...

    def names(self, table: Names) -> pd.DataFrame:
        """The table of that name, of the whole workspace: see `lib.store.tables.Tables`."""
        ...

    def tables(self) -> Tables:
        """Those of the contacts that are asked about, to be saved: alone of all answers it grows
        with them."""
        ...

    def span(self, column: str) -> tuple[datetime, datetime] | None:
        """The first and the last time (UTC) in a column; None where there is none."""
        ...

    def count(
        self,
        facts: Facts = NO_FACTS,
        by: Dimension | None = None,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        """Contacts, and how many of them each of the facts is true of, by value.

        Columns: `contacts` and the names of the facts (int64). Indexed by those values that occur,
        in the order of the text, then the key of what is missing; a contact counts once for each of
        its values. One row indexed 0 without a dimension.
        """
        ...

    def over_time(
        self, bins: Bins, facts: Facts = NO_FACTS, *, among: Fact | None = None
    ) -> pd.DataFrame:
        """As `count`, with a row for each of the bins, whether or not it occurs."""
        ...

    def cross(
        self,
        one: Dimension | Bins,
        other: Dimension,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        """Contacts by two: columns one, other (values or numbers of bins) and contacts, a row for
        each combination that occurs."""
        ...

    def quarters(self, column: str, *, among: Fact | None = None) -> pd.Series:
        """Contacts by the quarter of an hour (UTC, its first moment) in which a time lies, of those
        quarters that occur, by time."""
        ...

    def pairs(self, dimension: Dimension, *, among: Fact | None = None) -> pd.DataFrame:
        """The pairs of values that contacts share.

        Columns: a, b (in the order of the text), both: how many contacts have the two. By their
        number descending, then a and b.
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
        """How many contacts there are, and for the first of them, by the column `by` (missing ones
        last, then by creation and id), these columns, which need not be facts; `also` the values of
        a dimension, as tuples in the column of its key."""
        ...
