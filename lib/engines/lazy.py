"""Engine over any lazy frame that Narwhals supports, such as DuckDB's and Spark's.

Each question is one query, filter included, that returns a row per group, or per contact of a
queue. Sessions run in UTC, and `lib.engines.ticks` handles zones; text is ordered by code point.
Answers are cached by question for the lifetime of the source.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from lib.engines import joined
from lib.engines.joined import Frame
from lib.engines.middles import VALUE, middles
from lib.engines.questions import NO_FACTS, Bins, Expressions, Fact, Facts, Filter
from lib.engines.results import RESULTS
from lib.engines.selection import CONTACT, KEY, ROW, Selection, Source, is_true, total
from lib.engines.ticks import TICKS, Ticks
from lib.store import columns
from lib.store.dimensions import MISSING, Dimension, Names
from lib.store.tables import Tables

Answer = TypeVar("Answer")

_ONE = "one"

_TIMES = [nw.col(VALUE).dt.date(), *(nw.col(VALUE).dt.truncate(each) for each in ("1m", "1s"))]
"""Buckets of times."""


class LazyEngine:
    """`lib.engines.questions.Engine` over the tables of a source.

    `limits` are filters that all have to pass. Questions raise EngineError if the source has no
    answer.
    """

    def __init__(self, source: Source, limits: tuple[Filter | Fact, ...] = ()) -> None:
        self._source = source
        self._limits = limits
        self._selection = Selection(source, limits)

    @property
    def nbytes(self) -> int:
        """Size charged to the cache of results."""
        return 0

    @property
    def whole(self) -> "LazyEngine":
        return LazyEngine(self._source) if self._limits else self

    def under(self, limits: Filter) -> "LazyEngine":
        return self if limits.is_empty else LazyEngine(self._source, (*self._limits, limits))

    def names(self, table: Names) -> pd.DataFrame:
        return self.whole._kept(("names", table), lambda: self._names(table))

    def tables(self) -> Tables:
        with self._source.lock:
            return self._tables()

    def span(self, column: str, *, among: Fact | None = None) -> tuple[datetime, datetime] | None:
        return self._kept(("span", column, among), lambda: self._span(column, among))

    def firsts(self, column: str, *, among: Sequence[Fact]) -> list[datetime | None]:
        facts = tuple(among)
        return self._kept(("firsts", column, facts), lambda: self._firsts(column, facts))

    def until(self, column: str, moments: Sequence[datetime], *, among: Fact) -> list[int]:
        facts = Facts(_until, (column, tuple(moments)))
        return [int(number) for number in self.count(facts, among=among).iloc[0][1:]]

    def middles(self, column: str, by: Dimension, *, among: Fact) -> pd.DataFrame:
        return self._kept(("middles", column, by, among), lambda: self._middles(column, by, among))

    def count(
        self,
        facts: Facts = NO_FACTS,
        by: Dimension | None = None,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        question = ("count", facts, by, among, with_missing)
        return self._kept(question, lambda: self._count(facts, by, among, with_missing))

    def over_time(
        self, bins: Bins, facts: Facts = NO_FACTS, *, among: Fact | None = None
    ) -> pd.DataFrame:
        return self._kept(
            ("over_time", bins, facts, among), lambda: self._over_time(bins, facts, among)
        )

    def cross(
        self,
        one: Dimension | Bins,
        other: Dimension,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        question = ("cross", one, other, among, with_missing)
        return self._kept(question, lambda: self._cross(one, other, among, with_missing))

    def per_interval(self, column: str, minutes: int, *, among: Fact | None = None) -> pd.Series:
        question = ("per_interval", column, minutes, among)
        return self._kept(question, lambda: self._per_interval(column, minutes, among))

    def pairs(self, dimension: Dimension, *, among: Fact | None = None) -> pd.DataFrame:
        return self._kept(("pairs", dimension, among), lambda: self._pairs(dimension, among))

    def rows(
        self,
        columns: Facts,
        *,
        among: Fact,
        by: str | None = None,
        most: int | None = None,
        also: Dimension | None = None,
    ) -> tuple[int, pd.DataFrame]:
        question = ("rows", columns, among, by, most, also)
        return self._kept(question, lambda: self._rows(columns, among, by, most, also))

    def _kept(self, question: Hashable, answer: Callable[[], Answer]) -> Answer:
        def answered() -> Answer:
            with self._source.lock:
                return answer()

        return RESULTS.get(self._source, (self._limits, question), answered)

    def _names(self, table: str) -> pd.DataFrame:
        return _frame(self._ask(self._source.table(table).sort("id")))

    def _tables(self) -> Tables:
        contacts = self._ask(
            self._selection.contacts().drop(*columns.UNREAD, strict=False).sort(ROW)
        )
        rows = contacts[ROW].to_numpy()
        found = {"contacts": contacts}
        for name in columns.names():
            if name == "contacts":
                continue
            table = self._source.table(name)
            if CONTACT not in table.collect_schema().names():
                found[name] = self._ask(table.sort("id"))
                continue
            if self._limits:
                chosen = self._selection.contacts().select(ROW)
                table = table.join(chosen, left_on=CONTACT, right_on=ROW, how="semi")
            links = self._ask(table.sort(table.collect_schema().names()))
            places = pa.array(rows.searchsorted(links[CONTACT].to_numpy()).astype(np.int32))
            place = links.schema.get_field_index(CONTACT)
            found[name] = links.set_column(place, CONTACT, places)
        return Tables(**{name: _as_kept(name, table) for name, table in found.items()})

    def _ask(self, frame: Frame) -> pa.Table:
        return self._source.collect(frame)

    def _span(self, column: str, among: Fact | None) -> tuple[datetime, datetime] | None:
        moments = nw.col(column)
        contacts = self._selection.contacts(among)
        found = self._ask(contacts.select(first=moments.min(), last=moments.max()))
        first, last = (found[name][0].as_py() for name in ("first", "last"))
        return None if first is None else (first.astimezone(UTC), last.astimezone(UTC))

    def _firsts(self, column: str, among: Sequence[Fact]) -> list[datetime | None]:
        marks = {
            f"first_{number}": nw.when(is_true(fact)).then(nw.col(column))
            for number, fact in enumerate(among)
        }
        marked = self._selection.contacts().select(**marks)
        found = self._ask(marked.select(**{name: nw.col(name).min() for name in marks}))
        firsts = [found[name][0].as_py() for name in marks]
        return [None if first is None else first.astimezone(UTC) for first in firsts]

    def _count(
        self, facts: Facts, by: Dimension | None, among: Fact | None, with_missing: bool
    ) -> pd.DataFrame:
        tally, contacts = _Tally(facts), self._selection.contacts(among)
        if by is None:
            marked = tally.marked(contacts, [ROW])
            return tally.unfold(_frame(self._ask(marked.select(**tally.counts))))
        contacts = tally.marked(contacts, self._selection.columns(contacts, by))
        found = _frame(self._ask(self._selection.grouped(contacts, by, with_missing, tally.counts)))
        labels = pd.Index(found[KEY].fillna(MISSING), dtype="str", name=by.key)
        order = sorted(range(len(labels)), key=lambda row: _missing_last(labels[row]))
        return tally.unfold(found).set_axis(labels).iloc[order]

    def _over_time(self, bins: Bins, facts: Facts, among: Fact | None) -> pd.DataFrame:
        ticks, tally = Ticks(bins), _Tally(facts)
        contacts = tally.marked(self._selection.contacts(among), bins.columns)
        contacts = contacts.with_columns(**ticks.expressions())
        groups = _frame(self._ask(contacts.group_by(*TICKS).agg(**tally.counts)))
        counted = tally.unfold(groups)
        table = np.zeros((bins.steps + 2, len(counted.columns)), dtype=np.int64)
        np.add.at(table, ticks.numbers(groups), counted.to_numpy())
        return pd.DataFrame(table, pd.RangeIndex(bins.steps + 2), counted.columns)

    def _cross(
        self, one: Dimension | Bins, other: Dimension, among: Fact | None, with_missing: bool
    ) -> pd.DataFrame:
        contacts = self._selection.contacts(among)
        if isinstance(one, Bins):
            ticks, keys = Ticks(one), TICKS
            contacts = contacts.with_columns(**ticks.expressions())
        else:
            if one.column is None:
                raise ValueError("The first of two dimensions must have one value per contact.")
            ticks, keys = None, [_ONE]
            contacts = contacts.with_columns(nw.col(one.column).alias(_ONE))
        counts = {"contacts": nw.len()}
        groups = _frame(
            self._ask(self._selection.grouped(contacts, other, with_missing, counts, keys))
        )
        found = pd.DataFrame(
            {
                "one": ticks.numbers(groups) if ticks else groups[_ONE].fillna(MISSING),
                "other": groups[KEY].fillna(MISSING),
                "contacts": groups["contacts"].astype("int64"),
            }
        )
        found = found.groupby(["one", "other"])["contacts"].sum().reset_index()
        # A missing `one` sorts first, as the empty text does; a missing `other` last.
        found = found.assign(last=found["other"] == MISSING)
        return found.sort_values(["one", "last", "other"], ignore_index=True).drop(columns="last")

    def _per_interval(self, column: str, minutes: int, among: Fact | None) -> pd.Series:
        moment = nw.col(column)
        contacts = self._selection.contacts(among).filter(~moment.is_null())
        number = (moment.dt.hour() * 60 + moment.dt.minute()) // minutes
        placed = contacts.select(day=moment.dt.date(), number=number)
        found = _frame(self._ask(placed.group_by("day", "number").agg(contacts=nw.len())))
        found = found.sort_values(["day", "number"])
        days = found["day"].to_numpy(dtype="datetime64[D]").astype("datetime64[us]")
        since = found["number"].to_numpy(dtype=np.int64) * np.timedelta64(minutes, "m")
        index = pd.DatetimeIndex(days + since, tz="UTC")
        counted = found["contacts"].to_numpy(dtype=np.int64)
        return pd.Series(counted, index, name="contacts")

    def _middles(self, column: str, by: Dimension, among: Fact) -> pd.DataFrame:
        if by.column is None:
            raise ValueError("The dimension must have one value per contact.")
        key, moment = nw.col(by.column), nw.col(column)
        timed = self._selection.contacts(among).filter(~key.is_null() & ~moment.is_null())
        times = timed.select(key.alias(KEY), moment.alias(VALUE))
        _, found = middles(times, _TIMES, self._source)
        utc = {
            name: pd.DatetimeIndex(found[name]).as_unit("us").tz_convert("UTC") for name in found
        }
        return pd.DataFrame(utc, pd.Index(found.index, dtype="str", name=by.key))

    def _pairs(self, dimension: Dimension, among: Fact | None) -> pd.DataFrame:
        if dimension.links is None:
            found = pd.DataFrame({"a": [], "b": [], "both": []})
        elif joined.is_joined(contacts := self._selection.contacts(among), dimension):
            held = contacts.filter(nw.col(str(dimension.count)) > 1)
            if self._source.is_embedded:
                held = joined.counted(held, dimension, "a", {"both": nw.len()})
            else:
                held = held.select(nw.col(dimension.joined).alias("a"), both=nw.lit(1))
            found = self._counted_pairs(
                joined.split(joined.split(held.with_columns(b=nw.col("a")), "a"), "b")
            )
        else:
            links = self._selection.links(dimension)
            if self._limits or among is not None:
                contacts = self._selection.contacts(among).select(ROW)
                links = links.join(contacts, left_on=CONTACT, right_on=ROW, how="semi")
            a, b = (links.select(CONTACT, nw.col(KEY).alias(name)) for name in ("a", "b"))
            found = self._counted_pairs(a.join(b, on=CONTACT).with_columns(both=nw.lit(1)))
        found = found.astype({"a": "str", "b": "str", "both": "int64"})
        order = ["both", "a", "b"]
        return found.sort_values(order, ascending=[False, True, True], ignore_index=True)

    def _counted_pairs(self, pairs: Frame) -> pd.DataFrame:
        """Pairs of a and b of which `a` comes first, with the sum of `both`."""
        in_order = pairs.filter(nw.col("a") < nw.col("b"))
        return _frame(self._ask(in_order.group_by("a", "b").agg(both=total("both"))))

    def _rows(
        self,
        columns: Facts,
        among: Fact,
        by: str | None,
        most: int | None,
        also: Dimension | None,
    ) -> tuple[int, pd.DataFrame]:
        asked = columns.expressions()
        places = {name: f"column_{number}" for number, name in enumerate(asked)}
        chosen = self._selection.contacts(among)
        order = [ROW] if by is None else [places[by], ROW]
        taken = chosen.select(ROW, **{places[name]: asked[name] for name in asked})
        first = taken.sort(order, nulls_last=True)
        first = first if most is None else first.head(most)
        found = _frame(self._ask(first))
        many = len(found)
        if most is not None and many == most:
            many = self._ask(chosen.select(contacts=nw.len()))["contacts"][0].as_py()
        rows = found.pop(ROW)
        found = found.rename(columns={place: name for name, place in places.items()})
        if also is not None:
            found[also.key] = self._values(chosen, also, rows)
        return many, found

    def _values(self, chosen: Frame, dimension: Dimension, rows: pd.Series) -> pd.Series:
        """The values of each of these rows, as sorted tuples."""
        values: dict[int, tuple[str, ...]] = dict.fromkeys(map(int, rows), ())
        if values:
            listed = chosen.filter(nw.col(ROW).is_in([*values]))
            keyed = self._selection.by(listed, dimension, with_missing=False).select(ROW, KEY)
            for each in self._ask(keyed.sort(ROW, KEY)).to_pylist():
                values[each[ROW]] += (each[KEY],)
        return pd.Series([*values.values()], dtype="object")


class _Tally:
    """Counts contacts, and those for which each fact is true."""

    def __init__(self, facts: Facts) -> None:
        self._signs, asked = _in_two(facts)
        self._names = {f"fact_{number}": name for number, name in enumerate(asked)}
        # Engines add numbers up faster than they count under a condition.
        self._marks: Expressions = {
            place: asked[name].cast(nw.Int32) for place, name in self._names.items()
        }
        self.counts: Expressions = {"contacts": nw.len()} | {
            place: total(place) for place in self._names
        }

    def marked(self, contacts: Frame, kept: Collection[str]) -> Frame:
        """The facts of each contact as 0, 1 or null, and these columns: a frame of few is planned
        faster."""
        return contacts.select(*kept, **self._signs).select(*kept, **self._marks)

    def unfold(self, counted: pd.DataFrame) -> pd.DataFrame:
        """The counts, with the names of the facts as columns."""
        return counted[[*self.counts]].rename(columns=self._names).astype("int64")


def _in_two(facts: Facts) -> tuple[Expressions, Expressions]:
    """What facts follow from, as expressions over contacts, and the facts as expressions over
    that: engines do not see by themselves what several facts share."""
    signs: Expressions = {}

    def placed(found: Expressions) -> Expressions:
        places = {name: f"sign_{len(signs) + number}" for number, name in enumerate(found)}
        signs.update({place: found[name] for name, place in places.items()})
        return {name: nw.col(place) for name, place in places.items()}

    asked: Expressions = {}
    part: Facts | None = facts
    while part is not None:
        if part.on is None:
            asked |= placed(part.made_by(*part.terms))
        else:
            asked |= part.made_by(placed(part.on.expressions()), *part.terms)
        part = part.beside
    return signs, asked


def _until(column: str, moments: Sequence[datetime]) -> Expressions:
    return {str(place): nw.col(column) <= moment for place, moment in enumerate(moments)}


def _missing_last(key: str) -> tuple[bool, str]:
    return key == MISSING, key


def _as_kept(name: str, table: pa.Table) -> pd.DataFrame:
    for text in columns.categorical(name):
        coded = table[text].cast(pa.string()).dictionary_encode()
        table = table.set_column(table.schema.get_field_index(text), text, coded)
    return columns.from_columns(name, table)


_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
"""IDs would lose precision as floats."""


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=_NULLABLE.get)
