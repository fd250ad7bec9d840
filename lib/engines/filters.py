"""Filter masks over tables in memory."""

from collections.abc import Collection

import numpy as np

from lib.engines.questions import Filter
from lib.engines.results import RESULTS
from lib.store.dimensions import MISSING, Dimension
from lib.store.tables import Tables


def passing(tables: Tables, limits: Filter) -> np.ndarray | None:
    """Mask of the contacts that pass; None for all."""
    masks = [_mask(tables, dimension, keys) for dimension, keys in limits.by_dimension]
    if limits.recorded_only:
        masks.append((tables.contacts["country_source"] == "recorded").to_numpy())
    return np.logical_and.reduce(masks) if masks else None


def _mask(tables: Tables, dimension: Dimension, keys: frozenset[str]) -> np.ndarray:
    """Mask of one filter, cached with the tables: counts beside filter values apply each filter but
    their own."""
    return RESULTS.get(tables, ("mask", dimension, keys), lambda: _has_any(tables, dimension, keys))


def _has_any(tables: Tables, dimension: Dimension, keys: Collection[str]) -> np.ndarray:
    """Mask of the contacts that have any of the values, or no value if `MISSING` is among them."""
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
