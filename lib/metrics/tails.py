"""Who is outside the groups that are shown: the number beside "other (n)"."""

from typing import Literal

import numpy as np

from lib.engines.memory import links, where
from lib.metrics import audience
from lib.metrics.audience import NONE, Key
from lib.metrics.terms import Terms
from lib.store.dimensions import BY_KEY
from lib.store.tables import Tables

Counted = Literal["contacts", "new"]
"""Everybody, or those who came in the period."""


def outside(
    tables: Tables, terms: Terms, key: Key, shown: tuple[str, ...], counted: Counted
) -> int:
    """Contacts in any group of `key` but those `shown`, each once; those without any are a group,
    `MISSING`."""
    contacts = tables.whole.contacts
    if counted == "new":
        among = where("new", tables, audience.facts, terms)
    else:
        among = np.ones(len(contacts), dtype=bool) if tables.mask is None else tables.mask
    if key == "country":
        return int((among & ~contacts["country"].isin(shown).to_numpy()).sum())
    found = links(tables, key, among=among)
    others = np.zeros(len(contacts), dtype=bool)
    is_other = ~found.labels.isin(shown)
    others[found.contact[is_other.take(found.codes)]] = True
    if NONE not in shown:
        others |= among & (contacts[BY_KEY[key].count].to_numpy() == 0)
    return int(others.sum())
