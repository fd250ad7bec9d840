"""Engine over tables in memory, by NumPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.filters import passing
from lib.engines.profiles import Profiles, profiles_of
from lib.engines.questions import NO_FACTS, Bins, Fact, Facts, Filter
from lib.engines.results import RESULTS
from lib.reference.periods import Period, Step, edge_stamps
from lib.store.dimensions import MISSING, Dimension, Names
from lib.store.tables import Tables

_NO_LABELS = pd.RangeIndex(1)

MOST_CELLS = 1_000_000
"""Largest grid in which moments are looked up: hours of a century."""


@dataclass(frozen=True)
class _Keys:
    """Grouping keys: a code for each contact of a workspace (-1: none), and the labels of the
    codes."""

    codes: np.ndarray
    labels: pd.Index

    def among(self, mask: np.ndarray) -> "_Links":
        """The keys of the contacts selected by `mask`."""
        return self.at(np.flatnonzero(mask))

    def at(self, rows: np.ndarray) -> "_Links":
        """The keys of the contacts in these rows."""
        return _Links(self.codes.take(rows), self.labels, rows)


@dataclass(frozen=True)
class _Links(_Keys):
    """Grouping keys of some contacts, or several per contact; `contact` holds their row numbers."""

    contact: np.ndarray

    def among(self, mask: np.ndarray) -> "_Links":
        chosen = np.flatnonzero(mask.take(self.contact))
        return _Links(self.codes.take(chosen), self.labels, self.contact.take(chosen))


class MemoryEngine:
    """`lib.engines.questions.Engine` over tables in memory: a workspace, or a selection of it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._own_rows: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Size charged to the cache of results: a mask and the selected rows."""
        mask = self._tables.mask
        return 0 if mask is None else mask.nbytes + 8 * int(mask.sum())

    @property
    def whole(self) -> "MemoryEngine":
        return self if self._tables.mask is None else MemoryEngine(self._tables.whole)

    def under(self, limits: Filter) -> "MemoryEngine":
        mask = passing(self._tables.whole, limits)
        return self if mask is None else MemoryEngine(self._selected(mask))

    def names(self, table: Names) -> pd.DataFrame:
        found: pd.DataFrame = getattr(self._tables, table)
        return found

    def tables(self) -> Tables:
        return self._tables

    def span(self, column: str, *, among: Fact | None = None) -> tuple[datetime, datetime] | None:
        moments, mask = self._times(column), self._mask(among)
        if mask is not None:
            moments = moments[mask]
        moments = moments[~np.isnat(moments)]
        if not len(moments):
            return None
        first, last = (
            moment.astype("datetime64[us]").item().replace(tzinfo=UTC)
            for moment in (moments.min(), moments.max())
        )
        return first, last

    def firsts(self, column: str, *, among: Sequence[Fact]) -> list[datetime | None]:
        spans = [self.span(column, among=fact) for fact in among]
        return [span[0] if span is not None else None for span in spans]

    def count(
        self,
        facts: Facts = NO_FACTS,
        by: Dimension | None = None,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        mask = self._mask(among)
        if by is None:
            return self._tally(facts, [self._one_for_all()], mask)
        keys = [self._keys(by)]
        if with_missing and by.missing.key == MISSING:
            keys.append(self._lacking(by))
        return self._tally(facts, keys, mask).rename_axis(by.key)

    def over_time(
        self, bins: Bins, facts: Facts = NO_FACTS, *, among: Fact | None = None
    ) -> pd.DataFrame:
        places, mask, labels = self._places(bins), self._mask(among), pd.RangeIndex(bins.steps + 2)
        if facts == NO_FACTS:
            found = places if mask is None else places.take(self._rows(mask))
            return pd.DataFrame({"contacts": np.bincount(found, minlength=len(labels))}, labels)
        return self._tally(facts, [_Keys(places, labels)], mask, all_labels=True)

    def cross(
        self,
        one: Dimension | Bins,
        other: Dimension,
        *,
        among: Fact | None = None,
        with_missing: bool = True,
    ) -> pd.DataFrame:
        mask = self._mask(among)
        across = self._all_keys(other, mask, with_missing)
        if isinstance(one, Bins):
            places = self._places(one)
            labels: pd.Index = pd.RangeIndex(one.steps + 2)
            codes = places.take(across.contact).astype(np.int64)
        else:
            keys = self._keys(one)
            if isinstance(keys, _Links):
                raise ValueError("The first of two dimensions must have one value per contact.")
            labels = pd.Index([MISSING, *keys.labels], dtype="str")
            codes = keys.codes.take(across.contact).astype(np.int64) + 1
        width = len(across.labels)
        cells, contacts = _counted(codes * width + across.codes)
        rows, columns = np.divmod(cells, max(1, width))
        return pd.DataFrame(
            {"one": labels[rows], "other": across.labels[columns], "contacts": contacts}
        )

    def per_interval(self, column: str, minutes: int, *, among: Fact | None = None) -> pd.Series:
        moments = self._times(column)
        mask = self._mask(among)
        moments = moments if mask is None else moments[mask]
        moments = moments[~np.isnat(moments)]
        length = _microseconds(np.timedelta64(minutes, "m"))
        numbers, contacts = _counted(moments.view("int64") // length)
        stamped = (numbers * length).view("datetime64[us]")
        return pd.Series(contacts, index=pd.DatetimeIndex(stamped, tz="UTC"), name="contacts")

    def until(self, column: str, moments: Sequence[datetime], *, among: Fact) -> list[int]:
        mask = self._mask(among)
        assert mask is not None
        times = self._times(column)[mask]
        return [
            int(np.count_nonzero(times <= np.datetime64(moment.replace(tzinfo=None), "us")))
            for moment in moments
        ]

    def middles(self, column: str, by: Dimension, *, among: Fact) -> pd.DataFrame:
        if by.column is None:
            raise ValueError("The dimension must have one value per contact.")
        mask, keys = self._mask(among), self._keys(by)
        assert mask is not None
        moments = self._times(column)
        rows = np.flatnonzero(mask & (keys.codes >= 0) & ~np.isnat(moments))
        codes, moments = keys.codes.take(rows).astype(np.int64), moments.take(rows)
        order = np.lexsort((moments, codes))
        moments = moments.take(order)
        counts = np.bincount(codes, minlength=len(keys.labels))
        occurring = np.flatnonzero(counts)
        counts = counts[occurring]
        begins = np.cumsum(counts) - counts
        places = {"first": begins}
        places |= {"lower": begins + (counts - 1) // 2, "upper": begins + counts // 2}
        return pd.DataFrame(
            {
                name: pd.DatetimeIndex(moments[each]).tz_localize("UTC")
                for name, each in places.items()
            },
            index=keys.labels[occurring],
        )

    def pairs(self, dimension: Dimension, *, among: Fact | None = None) -> pd.DataFrame:
        keys = self._keys(dimension)
        if not isinstance(keys, _Links):
            keys = keys.among(np.zeros(len(keys.codes), dtype=np.bool_))
        mask = self._mask(among)
        return _pairs(keys if mask is None else keys.among(mask))

    def rows(
        self,
        columns: Facts,
        *,
        among: Fact,
        by: str | None = None,
        most: int | None = None,
        also: Dimension | None = None,
    ) -> tuple[int, pd.DataFrame]:
        mask = self._mask(among)
        rows = np.flatnonzero(mask) if mask is not None else np.arange(len(self._contacts))
        asked = columns.expressions()
        taken = nw.from_native(self._contacts.take(rows), eager_only=True).select(**asked)
        found = taken.to_native().reset_index(drop=True)
        if by is not None:
            found = found.sort_values(by, kind="stable", na_position="last")
        found = found.iloc[:most]
        if also is not None:
            chosen = np.zeros(len(self._contacts), dtype=np.bool_)
            chosen[rows[found.index]] = True
            values: dict[int, tuple[str, ...]] = dict.fromkeys(rows[found.index].tolist(), ())
            links = self._keys(also).among(chosen)
            labels = [str(label) for label in links.labels.tolist()]
            for contact, code in zip(links.contact.tolist(), links.codes.tolist(), strict=True):
                if code >= 0:
                    values[contact] += (labels[code],)
            found[also.key] = pd.Series(list(values.values()), index=found.index, dtype="object")
        return len(rows), found.reset_index(drop=True)

    @property
    def _contacts(self) -> pd.DataFrame:
        return self._tables.whole.contacts

    def _selected(self, mask: np.ndarray) -> Tables:
        """The tables of the contacts selected by `mask`, over the whole workspace."""
        own = self._tables.mask
        return self._tables.whole.select(mask if own is None else mask & own)

    def _rows(self, mask: np.ndarray) -> np.ndarray:
        """Row numbers selected by a mask; cached for the engine's own mask, which most questions
        use."""
        if mask is not self._tables.mask:
            return np.flatnonzero(mask)
        if self._own_rows is None:
            self._own_rows = np.flatnonzero(mask)
        return self._own_rows

    def _mask(self, among: Fact | None) -> np.ndarray | None:
        """Mask of the contacts asked about, over the whole workspace; None for all."""
        own = self._tables.mask
        if among is None:
            return own
        found = profiles_of(self._tables, among.facts).where(among.name)
        return found if own is None else found & own

    def _tally(
        self,
        facts: Facts,
        keys: Sequence[_Keys],
        mask: np.ndarray | None,
        *,
        all_labels: bool = False,
    ) -> pd.DataFrame:
        """Counts by the labels of one after another of `keys` that occur, or by all of them. The
        single label of ungrouped counts always occurs."""
        profiles = profiles_of(self._tables, facts)
        counts, labels = [], []
        for each in keys:
            found, names = self._by_profile(profiles, each, mask), each.labels
            if not all_labels and names is not _NO_LABELS:
                occurring = np.flatnonzero(found.any(axis=1))
                found, names = found[occurring], names[occurring]
            counts.append(found)
            labels.append(names)
        # One table for all: to make two and join them takes longer than counting.
        return profiles.unfold(np.concatenate(counts), labels[0].append(labels[1:]))

    def _by_profile(self, profiles: Profiles, keys: _Keys, mask: np.ndarray | None) -> np.ndarray:
        """Counts by label (rows) and profile (columns)."""
        if mask is not None:
            keys = keys.among(mask) if isinstance(keys, _Links) else keys.at(self._rows(mask))
        rows, kinds = len(keys.labels) + 1, len(profiles.facts)
        # In the smallest integer type that fits: most of the time is spent moving the cells.
        cells = keys.codes.astype(np.min_scalar_type(rows * kinds))
        cells += 1
        if kinds != 1:
            numbers = profiles.numbers
            cells *= kinds
            cells += numbers.take(keys.contact) if isinstance(keys, _Links) else numbers
        counts: np.ndarray = np.bincount(cells, minlength=rows * kinds).reshape(rows, kinds)[1:]
        return counts

    def _one_for_all(self) -> _Keys:
        return _Keys(np.zeros(len(self._contacts), dtype=np.int8), _NO_LABELS)

    def _keys(self, dimension: Dimension) -> _Keys:
        """Keys of the whole workspace."""
        if dimension.column is not None:
            return _Keys(*_codes(self._contacts[dimension.column]))
        assert dimension.links is not None
        table = getattr(self._tables.whole, dimension.links)
        return _Links(*_codes(table[dimension.key]), table["contact"].to_numpy())

    def _lacking(self, dimension: Dimension) -> _Links:
        """The contacts of the workspace without a value, under the single label `MISSING`."""
        rows = RESULTS.get(
            self._tables.whole, ("lacking", dimension), lambda: self._rows_lacking(dimension)
        )
        return _Links(np.zeros(len(rows), dtype=np.int8), pd.Index([MISSING], dtype="str"), rows)

    def _rows_lacking(self, dimension: Dimension) -> np.ndarray:
        contacts = self._contacts
        if dimension.count is not None:
            lacks = contacts[dimension.count].to_numpy() == 0
        else:
            lacks = self._keys(dimension).codes < 0
        if dimension.missing.among is not None:
            lacks = lacks & contacts[dimension.missing.among].to_numpy()
        return np.flatnonzero(lacks)

    def _all_keys(
        self, dimension: Dimension, mask: np.ndarray | None, with_missing: bool
    ) -> _Links:
        """The keys of the contacts in `mask`; the last label is `MISSING`."""
        keys = self._keys(dimension)
        mask = np.ones(len(self._contacts), dtype=np.bool_) if mask is None else mask
        found = keys.among(mask)
        is_there = found.codes >= 0
        contact, codes = found.contact[is_there], found.codes[is_there].astype(np.int64)
        if with_missing and dimension.missing.key == MISSING:
            lacking = self._lacking(dimension).among(mask).contact
            contact = np.concatenate([contact, lacking])
            codes = np.concatenate([codes, np.full(len(lacking), len(keys.labels))])
        return _Links(codes, pd.Index([*keys.labels, MISSING], dtype="str"), contact)

    def _times(self, column: str) -> np.ndarray:
        """A time column of the whole workspace: UTC, datetime64[us]."""
        return np.asarray(self._contacts[column], dtype="datetime64[us]")

    def _places(self, bins: Bins) -> np.ndarray:
        """The bin of each contact of the workspace."""
        found = [self._places_of(column, bins.period, bins.step) for column in bins.columns]
        # "Never" is the last bin, so the maximum is "never" if any of the times is missing.
        places: np.ndarray = found[0] if len(found) == 1 else np.maximum.reduce(found)
        return places

    def _places_of(self, column: str, period: Period, step: Step) -> np.ndarray:
        whole = self._tables.whole
        return RESULTS.get(
            whole,
            ("places", column, period, step),
            lambda: _placed(self._times(column), edge_stamps(period, step)),
        )


def _codes(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    labels = pd.Index(column.cat.categories, dtype="str", name=column.name)
    return column.cat.codes.to_numpy(), labels


def _counted(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct numbers, ascending, and how often each occurs."""
    first = cells.min() if len(cells) else 0
    if not len(cells) or cells.max() - first > 4 * len(cells):
        return np.unique(cells, return_counts=True)
    counts = np.bincount(cells - first)
    occurring = np.flatnonzero(counts)
    return occurring + first, counts[occurring]


def _microseconds(length: np.timedelta64) -> int:
    return int(length / np.timedelta64(1, "us"))


def _placed(moments: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """For each moment, the number of edges at or before it; NaT sorts last.

    Looked up by the cell of a grid on which all edges lie, so that the time does not grow with
    their number.
    """
    first, spacing = edges.view("int64")[0], np.diff(edges.view("int64"))
    # A day that its zone skipped is no longer than 0.
    kind, length = np.min_scalar_type(len(edges)), max(1, np.gcd.reduce(spacing))
    number = int(spacing.sum() // length)
    if number > MOST_CELLS:  # zones whose UTC offset once had seconds
        return edges.searchsorted(moments, "right").astype(kind)
    within = np.repeat(np.arange(1, len(edges)), spacing // length)
    places = np.array([0, *within, len(edges)], dtype=kind)
    cells = moments.view("int64") - first
    cells //= length
    np.clip(cells, -1, number, out=cells)
    cells[np.isnat(moments)] = number
    cells += 1
    return places.take(cells)


def _pairs(found: _Links) -> pd.DataFrame:
    order = np.argsort(found.contact, kind="stable")
    contact, codes = found.contact[order], found.codes[order].astype(np.int64)
    cells = [np.array([], dtype=np.int64)]
    # A contact's links are adjacent: compare those one, two, … positions apart.
    for apart in range(1, len(contact)):
        first = np.flatnonzero(contact[apart:] == contact[:-apart])
        if not len(first):
            break
        one, other = codes[first], codes[first + apart]
        cells.append(np.minimum(one, other) * len(found.labels) + np.maximum(one, other))
    cell, both = np.unique(np.concatenate(cells), return_counts=True)
    order = np.argsort(-both, kind="stable")
    a, b = np.divmod(cell[order], max(1, len(found.labels)))
    return pd.DataFrame({"a": found.labels[a], "b": found.labels[b], "both": both[order]})
