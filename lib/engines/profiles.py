"""Profiles: all facts about a contact, in a byte or two.

A contact's profile is the combination of facts that are true of it. Few combinations occur, so
counting by key and profile answers for all facts at once; the rest is arithmetic on a few hundred
rows.
"""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Facts
from lib.engines.results import RESULTS
from lib.store.tables import Tables


@dataclass(frozen=True, eq=False)
class Profiles:
    """The profile of each contact of a workspace, as a row number in `facts`, which has a 0 or 1
    for each of `names`."""

    numbers: np.ndarray
    facts: np.ndarray
    names: tuple[str, ...]

    def unfold(self, counts: np.ndarray, index: pd.Index) -> pd.DataFrame:
        """Convert counts by key (rows) and profile (columns) to counts by key and fact."""
        table = np.column_stack([counts.sum(axis=1), counts @ self.facts])
        return pd.DataFrame(table, index=index, columns=["contacts", *self.names], dtype="int64")

    def where(self, name: str) -> np.ndarray:
        """Mask of the contacts for which a fact is true."""
        is_true = self.facts[:, self.names.index(name)].astype(np.bool_)
        return is_true.take(self.numbers)


def profiles_of(tables: Tables, facts: Facts) -> Profiles:
    """The profiles of the whole workspace, cached with it, so that counting a selection neither
    reads nor copies the columns behind the facts."""
    whole = tables.whole
    return RESULTS.get(whole, facts, lambda: _computed(whole, facts))


def _computed(whole: Tables, facts: Facts) -> Profiles:
    if facts.beside is not None:
        # Separately, because one of them may be needed with other terms too.
        return _combined(profiles_of(whole, facts.alone), profiles_of(whole, facts.beside))
    if facts.on is not None:
        return _following(profiles_of(whole, facts.on), facts)
    contacts, asked = whole.contacts, facts.expressions()
    if not asked:
        none = np.zeros(len(contacts), dtype=np.uint8)
        return Profiles(none, np.zeros((1, 0), dtype=np.int64), ())
    # Two names may share an expression, which is then evaluated once.
    once = {id(fact): fact for fact in asked.values()}
    distinct = {str(place): fact for place, fact in enumerate(once.values())}
    column_of = dict(zip(once, distinct, strict=True))
    found = nw.from_native(contacts, eager_only=True).select(**distinct)
    bits = np.zeros(len(contacts), dtype=np.min_scalar_type((1 << len(asked)) - 1))
    for bit, fact in enumerate(asked.values()):
        bits |= found[column_of[id(fact)]].to_numpy().astype(bits.dtype) << bit
    numbers, occurring = _numbered(bits, 1 << len(asked))
    return Profiles(numbers, occurring[:, None] >> np.arange(len(asked)) & 1, tuple(asked))


def _following(on: Profiles, facts: Facts) -> Profiles:
    """The facts that follow from those of `on`: per profile, not per contact."""
    columns = {name: nw.col(name) for name in on.names}
    table = pd.DataFrame(on.facts.astype(np.bool_), columns=[*on.names])
    made = facts.made_by(columns, *facts.terms)
    found = nw.from_native(table, eager_only=True).select(**made).to_numpy().astype(np.int64)
    distinct, places = np.unique(found, axis=0, return_inverse=True)
    numbers = places.astype(np.min_scalar_type(len(distinct))).take(on.numbers)
    return Profiles(numbers, distinct, tuple(made))


def _combined(one: Profiles, other: Profiles) -> Profiles:
    """The combination of both profiles."""
    kinds = len(other.facts)
    both = one.numbers.astype(np.min_scalar_type(len(one.facts) * kinds))
    both *= kinds
    both += other.numbers
    numbers, occurring = _numbered(both, len(one.facts) * kinds)
    facts = np.hstack(
        [one.facts[occurring // max(1, kinds)], other.facts[occurring % max(1, kinds)]]
    )
    return Profiles(numbers, facts, one.names + other.names)


def _numbered(codes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Renumber codes (all below `most`) to those that occur; returns the new numbers and the codes
    they stand for."""
    occurring = np.flatnonzero(np.bincount(codes, minlength=most))
    places = np.zeros(most, dtype=np.min_scalar_type(len(occurring)))
    places[occurring] = np.arange(len(occurring))
    return places.take(codes), occurring
