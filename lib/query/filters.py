"""Which contacts pass: those that have any of the chosen values, in each dimension."""

from collections.abc import Mapping, Sequence

import numpy as np

from lib.store.dimensions import DIMENSIONS, MISSING, Dimension
from lib.store.tables import Tables


def passing(
    tables: Tables, chosen: Mapping[str, Sequence[str]], *, recorded_only: bool = False
) -> np.ndarray | None:
    """Which contacts pass, a boolean for each; None for all of them. `chosen` are keys by
    dimension, none for no limit; `recorded_only` leaves out inferred countries."""
    masks = [*passing_each(tables, chosen).values()]
    if recorded_only:
        masks.append((tables.contacts["country_source"] == "recorded").to_numpy())
    return np.logical_and.reduce(masks) if masks else None


def passing_each(tables: Tables, chosen: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """The contacts that pass the filter of each dimension that has one."""
    return {
        dimension.key: has_any(tables, dimension, chosen[dimension.key])
        for dimension in DIMENSIONS
        if chosen.get(dimension.key)
    }


def has_any(tables: Tables, dimension: Dimension, keys: Sequence[str]) -> np.ndarray:
    """The contacts that have one of the values, or none where `MISSING` is among them."""
    contacts = tables.contacts
    values = [key for key in keys if key != MISSING]
    if dimension.links is not None:
        links = getattr(tables, dimension.links)
        mask = np.zeros(len(contacts), dtype=bool)
        mask[links.loc[links[dimension.key].isin(values), "contact"]] = True
        is_without = contacts[dimension.count] == 0
    else:
        column = contacts[dimension.column]
        mask = column.isin(values).to_numpy()
        is_without = column.isna()
        if dimension.missing.among is not None:
            is_without = is_without & contacts[dimension.missing.among]
    return mask | is_without.to_numpy() if MISSING in keys else mask
