"""Which contacts a question is about, and their values of a dimension, in lazy frames."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import narwhals as nw
import pyarrow as pa

from lib.engines import joined
from lib.engines.joined import Frame
from lib.engines.questions import Expressions, Fact, Filter
from lib.store.dimensions import MISSING, Dimension

KEY = "key"
"""Column with one value of a dimension."""

ROW, CONTACT = "row", "contact"
"""Row number of a contact, in its own table and in the link tables."""


class Source(Protocol):
    """Access to a workspace's tables, and the engine that computes."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held while a question is asked and answered."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether the engine runs in this process, so that groups within a query cross no
        network."""
        ...

    def table(self, name: str) -> Frame:
        """A table with the columns it has on disk: see `lib.store.columns`."""
        ...

    def collect(self, frame: Frame) -> pa.Table:
        """Run a query. Raises EngineError."""
        ...


@dataclass(frozen=True)
class Selection:
    """The contacts of a source that pass all of the `limits`."""

    source: Source
    limits: tuple[Filter | Fact, ...] = ()

    def contacts(self, among: Fact | None = None) -> Frame:
        """The contacts that pass the filters, and `among`."""
        found = self.source.table("contacts")
        for limit in self.limits:
            found = _holding(found, limit) if isinstance(limit, Fact) else self._pass(found, limit)
        return found if among is None else _holding(found, among)

    def _pass(self, contacts: Frame, limits: Filter) -> Frame:
        for dimension, values in limits.by_dimension:
            contacts = self._having_any(contacts, dimension, values)
        if limits.recorded_only:
            contacts = contacts.filter(nw.col("country_source") == "recorded")
        return contacts

    def _having_any(self, contacts: Frame, dimension: Dimension, keys: Collection[str]) -> Frame:
        """The contacts that have any of the values, or no value if `MISSING` is among them."""
        values = sorted(key for key in keys if key != MISSING)
        if not values:
            return contacts.filter(_lacks(dimension))
        if dimension.column is not None:
            has = nw.col(dimension.column).is_in(values).fill_null(value=False)
            return contacts.filter(has | _lacks(dimension) if MISSING in keys else has)
        if joined.is_joined(contacts, dimension):
            has = any_of([joined.holds(dimension, value) for value in values])
            return contacts.filter(has | _lacks(dimension) if MISSING in keys else has)
        links = self.links(dimension).filter(nw.col(KEY).is_in(values)).select(CONTACT)
        if MISSING not in keys:
            return contacts.join(links, left_on=ROW, right_on=CONTACT, how="semi")
        marked = links.unique().with_columns(has_any=nw.col(CONTACT) >= 0)
        found = contacts.join(marked, left_on=ROW, right_on=CONTACT, how="left")
        return found.filter(~nw.col("has_any").is_null() | _lacks(dimension)).drop("has_any")

    def links(self, dimension: Dimension) -> Frame:
        """The links of a dimension with several values per contact."""
        assert dimension.links is not None
        links = self.source.table(dimension.links)
        named = links.select(nw.col(CONTACT), nw.col(dimension.key).alias(KEY))
        return named.filter(~nw.col(KEY).is_null())

    def by(self, contacts: Frame, dimension: Dimension, with_missing: bool) -> Frame:
        """The contacts joined with each of their values; null for those without one."""
        with_missing = with_missing and dimension.missing.key == MISSING
        is_there = ~nw.col(KEY).is_null()
        if dimension.column is not None:
            found = contacts.with_columns(nw.col(dimension.column).alias(KEY))
        elif joined.is_joined(contacts, dimension):
            found = joined.split(contacts.with_columns(nw.col(dimension.joined).alias(KEY)), KEY)
        else:
            how: Literal["left", "inner"] = "left" if with_missing else "inner"
            links = self.links(dimension)
            found = contacts.join(links, left_on=ROW, right_on=CONTACT, how=how)
        return found.filter(is_there | _lacks(dimension) if with_missing else is_there)

    def columns(self, contacts: Frame, dimension: Dimension) -> list[str]:
        """The columns that `by` and `grouped` read."""
        needed = [ROW, dimension.column, dimension.missing.among]
        if dimension.column is None:
            needed += [dimension.count]
            needed += [dimension.joined] if joined.is_joined(contacts, dimension) else []
        return [*dict.fromkeys(name for name in needed if name is not None)]

    def grouped(
        self,
        contacts: Frame,
        dimension: Dimension,
        with_missing: bool,
        counts: Expressions,
        keys: Sequence[str] = (),
    ) -> Frame:
        """Counts of contacts by other keys and by value."""
        if not (self.source.is_embedded and joined.is_joined(contacts, dimension)):
            keyed = self.by(contacts, dimension, with_missing)
            return keyed.group_by(*keys, KEY).agg(**counts)
        found = joined.split(joined.counted(contacts, dimension, KEY, counts, keys), KEY)
        if not with_missing:
            found = found.filter(~nw.col(KEY).is_null())
        return found.group_by(*keys, KEY).agg(**{name: total(name) for name in counts})


def _holding(contacts: Frame, among: Fact) -> Frame:
    return contacts.filter(is_true(among))


def is_true(fact: Fact) -> nw.Expr:
    return fact.facts.expressions()[fact.name].fill_null(value=False)


def total(name: str) -> nw.Expr:
    """Sum of counts."""
    return nw.col(name).sum().cast(nw.Int64)


def any_of(expressions: Sequence[nw.Expr]) -> nw.Expr:
    """Whether any of them is true; nested as little as possible, since engines limit that."""
    if len(expressions) == 1:
        return expressions[0]
    middle = len(expressions) // 2
    return any_of(expressions[:middle]) | any_of(expressions[middle:])


def _lacks(dimension: Dimension) -> nw.Expr:
    """Whether a contact has no value."""
    if dimension.column is None:
        return nw.col(str(dimension.count)) == 0
    lacks = nw.col(dimension.column).is_null()
    among = dimension.missing.among
    return lacks if among is None else lacks & nw.col(among)
