"""Filters over events.

Events carry their contact's attributes in the earlier and the later snapshot, so a filter can be
applied to either side, even after the contact is gone.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lib.engines.questions import Filter
from lib.history import events
from lib.store.dimensions import MISSING, Dimension


def columns_for(limits: Filter, side: str) -> list[str]:
    """Event columns needed to apply the filter to a side (`before` or `after`)."""
    names = []
    for dimension, _ in limits.by_dimension:
        names.append(events.column(dimension, side))
        if dimension.missing.among is not None:
            names.append(f"{dimension.missing.among}_{side}")
    if limits.recorded_only:
        names.append(f"{events.COUNTRY_SOURCE}_{side}")
    return names


def passing(table: pa.Table, limits: Filter, side: str) -> np.ndarray:
    """Mask of the events whose contact passed on a side (`before` or `after`); a contact that did
    not exist did not pass."""
    passes = np.asarray(pc.is_valid(table[f"active_{side}"]))
    for dimension, keys in limits.by_dimension:
        passes = passes & _has_any(table, dimension, side, keys)
    if limits.recorded_only:
        source = table[f"{events.COUNTRY_SOURCE}_{side}"]
        passes = passes & _true(pc.equal(source, "recorded"))
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


def _true(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False))
