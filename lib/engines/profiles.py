"""What is true of each contact, in a byte or two.

A contact's profile is which of several facts are true of it. Few different ones occur, so counting
by key and profile answers for all facts at once; what follows is arithmetic on a few hundred rows.
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
    """The profile of each contact of a workspace, as the number of its row in `facts`, which says
    what is true of the contact: 0 or 1 for each of `names`."""

    numbers: np.ndarray
    facts: np.ndarray
    names: tuple[str, ...]

    def unfold(self, counts: np.ndarray, index: pd.Index) -> pd.DataFrame:
        """From contacts by key (rows) and profile (columns) to contacts by key and fact."""
        table = np.column_stack([counts.sum(axis=1), counts @ self.facts])
        return pd.DataFrame(table, index=index, columns=["contacts", *self.names], dtype="int64")

    def where(self, name: str) -> np.ndarray:
        """Of which contacts a fact is true: a boolean for each."""
        is_true = self.facts[:, self.names.index(name)].astype(np.bool_)
        return is_true.take(self.numbers)


def profiles_of(tables: Tables, facts: Facts) -> Profiles:
    """The profiles of the whole workspace, kept with it: what a filter selects is counted without a
    look at, or a copy of, the columns that the facts are about."""
    whole = tables.whole
    return RESULTS.get(whole, facts, lambda: _work_out(whole, facts))


def _work_out(whole: Tables, facts: Facts) -> Profiles:
    if facts.beside is not None:
        # Each by itself, for one of them may hold on other terms too.
        alone = Facts(facts.made_by, facts.terms)
        return _together(profiles_of(whole, alone), profiles_of(whole, facts.beside))
    contacts, asked = whole.contacts, facts.expressions()
    if not asked:
        none = np.zeros(len(contacts), dtype=np.uint8)
        return Profiles(none, np.zeros((1, 0), dtype=np.int64), ())
    # Two names may stand for one fact, which is then looked at once.
    once = {id(fact): fact for fact in asked.values()}
    distinct = {str(place): fact for place, fact in enumerate(once.values())}
    column_of = dict(zip(once, distinct, strict=True))
    found = nw.from_native(contacts, eager_only=True).select(**distinct)
    bits = np.zeros(len(contacts), dtype=np.min_scalar_type((1 << len(asked)) - 1))
    for bit, fact in enumerate(asked.values()):
        bits |= found[column_of[id(fact)]].to_numpy().astype(bits.dtype) << bit
    numbers, occurring = _numbered(bits, 1 << len(asked))
    return Profiles(numbers, occurring[:, None] >> np.arange(len(asked)) & 1, tuple(asked))


def _together(one: Profiles, other: Profiles) -> Profiles:
    """What is true of each contact by either."""
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
    """Each of the codes, all below `most`, as its place among those that occur; and these."""
    occurring = np.flatnonzero(np.bincount(codes, minlength=most))
    places = np.zeros(most, dtype=np.min_scalar_type(len(occurring)))
    places[occurring] = np.arange(len(occurring))
    return places.take(codes), occurring
