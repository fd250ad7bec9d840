"""The heavy step of most metrics: how many contacts each of several facts is true of, by a key.

A contact's profile is which of the facts are true of it. Few different ones occur, so counting by
key and profile answers for all facts at once; what follows is arithmetic on a few hundred rows.

`tally` counts `Tables`. Profiles are worked out once for a workspace and kept with it, so that what
a filter selects is counted without a look at, or a copy of, the columns that the facts are about.
`count` gives the same numbers for any frame that Narwhals knows, for a workspace that outgrew these
tables: facts are Narwhals expressions.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import add
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from lib.reference.periods import Period, stamps
from lib.store.tables import Tables

Facts = dict[str, nw.Expr]
"""Boolean expressions over the columns of the contacts, by name; null counts as false."""

LINKS = {
    "channel": "contact_channels",
    "inbox": "contact_inboxes",
    "source": "contact_sources",
    "tag": "contact_tags",
}
"""The keys that a contact may have several of, each with its table of links."""

PROFILES_KEPT = 12
"""With a workspace, those used last: one or two bytes for each of its contacts."""


@dataclass(frozen=True)
class Keys:
    """What to count by: a code for each contact of a workspace (-1: none), and what codes mean."""

    codes: np.ndarray
    labels: pd.Index

    def among(self, mask: np.ndarray) -> "Links":
        """Those of the contacts for which `mask`, a boolean for each, is true."""
        chosen = np.flatnonzero(mask)
        return Links(self.codes.take(chosen), self.labels, chosen)


@dataclass(frozen=True)
class Links(Keys):
    """The same with codes of some contacts, or several of one: `contact` has their row numbers."""

    contact: np.ndarray

    def among(self, mask: np.ndarray) -> "Links":
        chosen = np.flatnonzero(mask.take(self.contact))
        return Links(self.codes.take(chosen), self.labels, self.contact.take(chosen))


def keys_in(tables: Tables, column: str) -> Keys:
    """The keys in a categorical column of the contacts of the whole workspace."""
    return Keys(*_codes(tables.whole.contacts[column]))


def links_in(tables: Tables, key: str) -> Links:
    """The keys, one of `LINKS`, in the links of the whole workspace."""
    table = getattr(tables.whole, LINKS[key])
    return Links(*_codes(table[key]), table["contact"].to_numpy())


def _codes(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    labels = pd.Index(column.cat.categories, dtype="str", name=column.name)
    return column.cat.codes.to_numpy(), labels


def tally(
    tables: Tables,
    facts: Callable[..., Facts],
    *terms: Hashable,
    also: Callable[[], Facts] | None = None,
    by: str | Keys | None = None,
) -> pd.DataFrame:
    """Contacts, and how many of them each of `facts(*terms)` is true of, per value of `by`.

    `also` gives more facts, which hold on any terms. `by` names a categorical column of the
    contacts or one of `LINKS`, or is keys of the whole workspace. By links, a contact counts once
    for each of its values.

    Returns a frame with the columns `contacts` and the names of the facts (int64), indexed by those
    values that occur, in the order of the labels; one row indexed 0 without `by`.
    """
    profiles = _profiles(tables, facts, terms, also)
    keys = _one_for_all(tables) if by is None else by
    if isinstance(keys, str):
        keys = links_in(tables, keys) if keys in LINKS else keys_in(tables, keys)
    if tables.mask is not None:
        keys = keys.among(tables.mask)
    numbers = profiles.numbers.take(keys.contact) if isinstance(keys, Links) else profiles.numbers
    rows, kinds = len(keys.labels) + 1, len(profiles.facts)
    # In the smallest type that holds them: most of the time goes into moving the cells about.
    cells = keys.codes.astype(np.min_scalar_type(rows * kinds))
    cells += 1
    cells *= kinds
    cells += numbers
    counts = np.bincount(cells, minlength=rows * kinds).reshape(rows, kinds)[1:]
    occurring = np.flatnonzero(counts.any(axis=1)) if by is not None else [0]
    return profiles.unfold(counts[occurring], keys.labels[occurring])


def where(fact: str, tables: Tables, facts: Callable[..., Facts], *terms: Hashable) -> np.ndarray:
    """The contacts of which `fact`, one of `facts(*terms)`, is true: a boolean for each contact of
    the whole workspace, false for those that are not in `tables`."""
    profiles = _profiles(tables, facts, terms)
    is_true = profiles.facts[:, profiles.names.index(fact)].astype(np.bool_)
    found = is_true.take(profiles.numbers)
    return found if tables.mask is None else found & tables.mask


def times(tables: Tables, column: str) -> np.ndarray:
    """The times in a column of the contacts of the whole workspace: UTC, as datetime64[us]."""
    return np.asarray(tables.whole.contacts[column], dtype="datetime64[us]")


def places(tables: Tables, column: str, period: Period) -> np.ndarray:
    """For each time in a column of the contacts of the whole workspace, how many of the period's
    edges it does not come before: 0 is before the period, 1 its first day; the highest, one more
    than there are days, after it or never. Kept with the workspace."""
    # Of the contacts, not of the tables: what is kept with these must not refer to them.
    place = _remembering(tables.whole, partial(_place, tables.whole.contacts))
    found: np.ndarray = place(column, period)
    return found


def _place(contacts: pd.DataFrame, column: str, period: Period) -> np.ndarray:
    edges = stamps(period.edges())
    moments = np.asarray(contacts[column], dtype="datetime64[us]")
    found = edges.searchsorted(moments, "right")
    return found.astype(np.min_scalar_type(len(edges)))


def before_edges(found: np.ndarray, period: Period) -> np.ndarray:
    """How many of these `places` are before each edge of the period."""
    edges = period.number_of_days + 1
    return np.bincount(found, minlength=edges + 1).cumsum()[:edges]


def links(tables: Tables, key: str, among: np.ndarray | None = None) -> Links:
    """The links of the contacts, or of those `among` them: a boolean for each contact of the whole
    workspace."""
    found = links_in(tables, key)
    for mask in (tables.mask, among):
        found = found if mask is None else found.among(mask)
    return found


def pairs(found: Links) -> pd.DataFrame:
    """The pairs of values that contacts share.

    Columns: a, b (in the order of the labels), both: how many contacts have the two. By their
    number descending, then a and b.
    """
    order = np.argsort(found.contact, kind="stable")
    contact, codes = found.contact[order], found.codes[order].astype(np.int64)
    cells = [np.array([], dtype=np.int64)]
    # The links of a contact lie side by side: compare those one, two, … places apart.
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


def count(contacts: Any, facts: Facts, by: str | None = None) -> pd.DataFrame:
    """As `tally`, of contacts in any frame that Narwhals knows, eager or lazy, by a column."""
    keys = [by] if by is not None else []
    bits = [
        fact.fill_null(value=False).cast(nw.Int64) * (1 << bit)
        for bit, fact in enumerate(facts.values())
    ]
    profiles = nw.from_native(contacts).select(*keys, profile=reduce(add, bits))
    grouped = profiles.group_by(*keys, "profile", drop_null_keys=True).agg(contacts=nw.len())
    if isinstance(grouped, nw.LazyFrame):
        grouped = grouped.collect()
    groups = grouped.to_pandas()
    for bit, name in enumerate(facts):
        groups[name] = groups["contacts"] * (groups["profile"] // (1 << bit) % 2)
    columns = ["contacts", *facts]
    if by is None:
        return groups[columns].sum().astype("int64").to_frame().T
    groups[by] = groups[by].astype("str")
    return groups.groupby(by)[columns].sum().astype("int64")


@dataclass(frozen=True, eq=False)
class _Profiles:
    """The profile of each contact of a workspace, as the number of its row in `facts`, which says
    what is true of the contact: 0 or 1 for each of `names`."""

    numbers: np.ndarray
    facts: np.ndarray
    names: tuple[str, ...]

    def unfold(self, counts: np.ndarray, index: pd.Index) -> pd.DataFrame:
        """From contacts by key (rows) and profile (columns) to contacts by key and fact."""
        table = np.column_stack([counts.sum(axis=1), counts @ self.facts])
        return pd.DataFrame(table, index=index, columns=["contacts", *self.names], dtype="int64")


def _profiles(
    tables: Tables,
    facts: Callable[..., Facts],
    terms: tuple[Hashable, ...],
    also: Callable[[], Facts] | None = None,
) -> _Profiles:
    """The profiles of the whole workspace."""
    whole = tables.whole
    work_out = _remembering(whole, partial(_work_out, whole.contacts))
    found: _Profiles = work_out(facts, terms)
    if also is not None:
        both: _Profiles = _remembering(whole, _together)(found, work_out(also, ()))
        return both
    return found


def _remembering(whole: Tables, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, but that it remembers its latest results as long as the tables live."""
    name = getattr(function, "func", function)
    if name not in whole.memo:
        whole.memo.setdefault(name, lru_cache(PROFILES_KEPT)(function))
    remembering: Callable[..., Any] = whole.memo[name]
    return remembering


def _work_out(
    contacts: pd.DataFrame, facts: Callable[..., Facts], terms: tuple[Hashable, ...]
) -> _Profiles:
    asked = facts(*terms)
    found = nw.from_native(contacts, eager_only=True).select(**asked)
    bits = np.zeros(len(contacts), dtype=np.min_scalar_type((1 << len(asked)) - 1))
    for bit, name in enumerate(asked):
        bits |= found[name].to_numpy().astype(bits.dtype) << bit
    numbers, occurring = _numbered(bits, 1 << len(asked))
    return _Profiles(numbers, occurring[:, None] >> np.arange(len(asked)) & 1, tuple(asked))


def _together(one: _Profiles, other: _Profiles) -> _Profiles:
    """What is true of each contact by either."""
    kinds = len(other.facts)
    both = one.numbers.astype(np.min_scalar_type(len(one.facts) * kinds))
    both *= kinds
    both += other.numbers
    numbers, occurring = _numbered(both, len(one.facts) * kinds)
    facts = np.hstack(
        [one.facts[occurring // max(1, kinds)], other.facts[occurring % max(1, kinds)]]
    )
    return _Profiles(numbers, facts, one.names + other.names)


def _numbered(codes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Each of the codes, all below `most`, as its place among those that occur; and these."""
    occurring = np.flatnonzero(np.bincount(codes, minlength=most))
    places = np.zeros(most, dtype=np.min_scalar_type(len(occurring)))
    places[occurring] = np.arange(len(occurring))
    return places.take(codes), occurring


def _one_for_all(tables: Tables) -> Keys:
    return Keys(np.zeros(len(tables.whole.contacts), dtype=np.int8), pd.RangeIndex(1))
