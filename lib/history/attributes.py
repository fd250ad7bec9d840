"""Attributes that filters use, as columns of events."""

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.history import events
from lib.store.dimensions import DIMENSIONS
from lib.store.tables import Tables


def attributes(tables: Tables, rows: np.ndarray, side: str) -> dict[str, pa.Array]:
    """The attributes of the contacts in these rows (-1: no contact, all missing), as the event
    columns with suffix `side`."""
    contacts = tables.contacts
    found: dict[str, pa.Array] = {}
    for dimension in DIMENSIONS:
        if dimension.links is not None:
            links = getattr(tables, dimension.links)
            values = lists(links["contact"].to_numpy(), links[dimension.key].array, rows)
        else:
            values = _texts(contacts[dimension.column].array, rows)
        found[events.column(dimension, side)] = values
    source = contacts[events.COUNTRY_SOURCE].array
    found[f"{events.COUNTRY_SOURCE}_{side}"] = _texts(source, rows)
    has_conversation = contacts["has_conversation"].to_numpy()
    found[f"has_conversation_{side}"] = _flags(has_conversation, rows)
    found[f"active_{side}"] = _flags(contacts["blocked"].isna().to_numpy(), rows)
    return found


def _flags(values: np.ndarray, rows: np.ndarray) -> pa.Array:
    if not len(values):
        return pa.nulls(len(rows), pa.bool_())
    return pa.array(values[rows], mask=rows < 0)


def _texts(column: pd.Categorical, rows: np.ndarray) -> pa.Array:
    codes = np.append(column.codes, -1).astype(np.int32)[rows]  # -1 selects the last
    return _named(codes, column.categories)


def lists(contact: np.ndarray, column: pd.Categorical, rows: np.ndarray) -> pa.ListArray:
    """The linked values of each row, as lists. `contact` must be sorted, as in the link tables."""
    first, end = np.searchsorted(contact, rows, "left"), np.searchsorted(contact, rows, "right")
    offsets = np.concatenate([[0], np.cumsum(end - first)])
    # Positions of the links of each row, concatenated.
    places = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], end - first)
    values = _named(column.codes[places].astype(np.int32), column.categories)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, mask=pa.array(rows < 0))


def _named(codes: np.ndarray, names: pd.Index) -> pa.Array:
    indices = pa.array(codes, pa.int32(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())
