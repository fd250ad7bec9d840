"""Filters over events and contacts.

A contact passes if, for each filtered dimension, it has any of the wanted values. Events carry the
contact's attributes in the earlier and the later snapshot, so a filter can be applied to either,
even after the contact is gone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.history import events
from lib.store.dimensions import BY_KEY, MISSING, Dimension
from lib.store.tables import Tables


@dataclass(frozen=True)
class Filter:
    """Wanted keys by dimension: channel, country, tag, source, agent, team. With `recorded_only`,
    only contacts with a country recorded by ChatbotX pass."""

    wanted: Mapping[str, Collection[str]] = field(default_factory=dict)
    recorded_only: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.recorded_only and not any(self.wanted.values())

    @property
    def asked(self) -> list[tuple[Dimension, Collection[str]]]:
        """The filtered dimensions and their wanted keys."""
        return [(BY_KEY[name], keys) for name, keys in self.wanted.items() if keys]

    def columns(self, side: str) -> list[str]:
        """Event columns needed to apply the filter to a side (`before` or `after`)."""
        names = []
        for dimension, _ in self.asked:
            names.append(events.column(dimension, side))
            if dimension.missing.among is not None:
                names.append(f"{dimension.missing.among}_{side}")
        if self.recorded_only:
            names.append(f"{events.COUNTRY_SOURCE}_{side}")
        return names

    def among_events(self, table: pa.Table, side: str) -> np.ndarray:
        """For each event, whether its contact passed on a side (`before` or `after`); a contact
        that did not exist did not pass."""
        passes = np.asarray(pc.is_valid(table[f"active_{side}"]))
        for dimension, keys in self.asked:
            passes = passes & _has_any(table, dimension, side, keys)
        if self.recorded_only:
            source = table[f"{events.COUNTRY_SOURCE}_{side}"]
            passes = passes & _true(pc.equal(source, "recorded"))
        return passes

    def among_contacts(self, tables: Tables) -> np.ndarray:
        """Boolean mask of the contacts that pass."""
        contacts = tables.contacts
        passes = np.ones(len(contacts), dtype=np.bool_)
        for dimension, keys in self.asked:
            if dimension.links is not None:
                links = getattr(tables, dimension.links)
                has = np.zeros(len(contacts), dtype=np.bool_)
                has[links["contact"].to_numpy()[_is_any(links[dimension.key], keys)]] = True
                nothing = contacts[dimension.count].to_numpy() == 0
            else:
                column = contacts[dimension.column]
                has, nothing = _is_any(column, keys), column.isna().to_numpy()
            if dimension.missing.among is not None:
                nothing = nothing & contacts[dimension.missing.among].to_numpy()
            passes &= has | nothing if MISSING in keys else has
        if self.recorded_only:
            passes &= (contacts[events.COUNTRY_SOURCE] == "recorded").to_numpy()
        return passes


def _has_any(table: pa.Table, dimension: Dimension, side: str, keys: Collection[str]) -> np.ndarray:
    column = table[events.column(dimension, side)]
    wanted = pa.array(sorted(keys), pa.string())
    if dimension.has_several:
        has = np.zeros(len(column), dtype=np.bool_)
        is_wanted = _true(pc.is_in(pc.list_flatten(column), value_set=wanted))
        has[np.asarray(pc.list_parent_indices(column))[is_wanted]] = True
        nothing = _true(pc.equal(pc.list_value_length(column), 0))
    else:
        has = _true(pc.is_in(column, value_set=wanted))
        nothing = np.asarray(pc.is_null(column))
    if dimension.missing.among is not None:
        nothing = nothing & _true(table[f"{dimension.missing.among}_{side}"])
    return has | nothing if MISSING in keys else has


def _is_any(column: pd.Series, keys: Collection[str]) -> np.ndarray:
    categories = column.cat.categories
    is_wanted = np.append(categories.isin(list(keys)), False)  # the last entry is for -1: missing
    found: np.ndarray = is_wanted[column.cat.codes.to_numpy()]
    return found


def _true(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False))
