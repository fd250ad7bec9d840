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

from lib.tables import Tables

Facts = dict[str, nw.Expr]
"""Boolean expressions over the columns of the contacts, by name; null counts as false."""

LINKS = {"channel": "contact_channels", "inbox": "contact_inboxes", "tag": "contact_tags"}
"""The keys that a contact may have several of, each with its table of links."""

PROFILES_KEPT = 12
"""With a workspace, those used last: one or two bytes for each of its contacts."""


@dataclass(frozen=True)
class Keys:
    """What to count by: a code for each contact of a workspace (-1: none), and what codes mean."""

    codes: np.ndarray
    labels: pd.Index


@dataclass(frozen=True)
class Links(Keys):
    """The same with a code for each link, and the row number of its `contact` in the workspace."""

    contact: np.ndarray


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
    by: str | Keys | None = None,
) -> pd.DataFrame:
    """Contacts, and how many of them each of `facts(*terms)` is true of, per value of `by`.

    `by` names a categorical column of the contacts or one of `LINKS`, or is keys of the whole
    workspace. By links, a contact counts once for each of its values.

    Returns a frame with the columns `contacts` and the names of the facts (int64), indexed by those
    values that occur, in the order of the labels; one row indexed 0 without `by`.
    """
    profiles = _profiles(tables, facts, terms)
    numbers = _selected(profiles, tables)
    kinds = len(profiles.facts)
    if by is None:
        return profiles.unfold(np.bincount(numbers, minlength=kinds)[None, :], pd.RangeIndex(1))
    if isinstance(by, str):
        keys = links_in(tables, by) if by in LINKS else keys_in(tables, by)
    else:
        keys = by
    rows = len(keys.labels) + 1
    # In the smallest type that holds them: most of the time goes into moving the cells about.
    cells = keys.codes.astype(np.min_scalar_type(rows * kinds))
    cells += 1
    cells *= kinds
    cells += numbers.take(keys.contact) if isinstance(keys, Links) else numbers
    counts = np.bincount(cells, minlength=rows * kinds)
    counts = counts.reshape(-1, kinds)[1:]
    occurring = np.flatnonzero(counts[:, 1:].any(axis=1))
    return profiles.unfold(counts[occurring], keys.labels[occurring])


def where(fact: str, tables: Tables, facts: Callable[..., Facts], *terms: Hashable) -> np.ndarray:
    """The contacts of which `fact`, one of `facts(*terms)`, is true: a boolean for each contact of
    the whole workspace, false for those that are not in `tables`."""
    profiles = _profiles(tables, facts, terms)
    is_true = profiles.facts[:, profiles.names.index(fact)].astype(np.bool_)
    return is_true.take(_selected(profiles, tables))


def times(tables: Tables, column: str) -> np.ndarray:
    """The times in a column of the contacts of the whole workspace: UTC, as datetime64[us]."""
    return np.asarray(tables.whole.contacts[column], dtype="datetime64[us]")


def links(tables: Tables, key: str, among: np.ndarray | None = None) -> Links:
    """The links of the contacts, or of those `among` them: a boolean for each contact of the whole
    workspace. `contact` is ascending."""
    found = links_in(tables, key)
    chosen = [each for each in (tables.mask, among) if each is not None]
    kept = np.argsort(found.contact, kind="stable")
    if chosen:
        kept = kept[np.logical_and.reduce(chosen).take(found.contact[kept])]
    return Links(found.codes[kept], found.labels, found.contact[kept])


def pairs(found: Links) -> pd.DataFrame:
    """The pairs of values that contacts share, of what `links` found.

    Columns: a, b (in the order of the labels), both: how many contacts have the two. By their
    number descending, then a and b.
    """
    contact, codes = found.contact, found.codes.astype(np.int64)
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
        fact.fill_null(value=False).cast(nw.Int32) * (1 << bit)
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


@dataclass(frozen=True)
class _Profiles:
    """The profile of each contact of a workspace, as a number from 1.

    The row of that number in `facts` says what is true of the contact: 0 or 1 for each of `names`.
    Number 0, of which nothing is true, is for contacts that are not selected.
    """

    numbers: np.ndarray
    facts: np.ndarray
    names: tuple[str, ...]

    def unfold(self, counts: np.ndarray, index: pd.Index) -> pd.DataFrame:
        """From contacts by key (rows) and profile (columns) to contacts by key and fact."""
        table = np.column_stack([counts[:, 1:].sum(axis=1), counts @ self.facts])
        return pd.DataFrame(table, index=index, columns=["contacts", *self.names], dtype="int64")


def _profiles(
    tables: Tables, facts: Callable[..., Facts], terms: tuple[Hashable, ...]
) -> _Profiles:
    """The profiles of the whole workspace."""
    whole = tables.whole
    kept = whole.memo.get(_work_out)
    if kept is None:
        work_out = lru_cache(PROFILES_KEPT)(partial(_work_out, whole.contacts))
        kept = whole.memo.setdefault(_work_out, work_out)
    profiles: _Profiles = kept(facts, terms)
    return profiles


def _work_out(
    contacts: pd.DataFrame, facts: Callable[..., Facts], terms: tuple[Hashable, ...]
) -> _Profiles:
    asked = facts(*terms)
    found = nw.from_native(contacts, eager_only=True).select(**asked)
    bits = np.zeros(len(contacts), dtype=np.min_scalar_type((1 << len(asked)) - 1))
    for bit, name in enumerate(asked):
        bits |= found[name].to_numpy().astype(bits.dtype) << bit
    occurring = np.flatnonzero(np.bincount(bits, minlength=1 << len(asked)))
    number_of = np.zeros(1 << len(asked), dtype=np.min_scalar_type(len(occurring)))
    number_of[occurring] = np.arange(1, len(occurring) + 1)
    table = np.append(0, occurring)[:, None] >> np.arange(len(asked)) & 1
    return _Profiles(number_of.take(bits), table, tuple(asked))


def _selected(profiles: _Profiles, tables: Tables) -> np.ndarray:
    """The number of each contact's profile, 0 for those that are not selected."""
    return profiles.numbers if tables.mask is None else profiles.numbers * tables.mask
