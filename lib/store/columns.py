"""Snapshot tables ↔ file columns, in types that every Delta reader supports.

Text is stored as plain strings; categorical columns are restored when read. `contacts` has its row
numbers in a column `row`, to which the link tables refer as `contact`.

Files of crawls to disk also have each contact's links as one text in `JOINED`, for engines: a join
of contacts with their links takes memory, or a shuffle, in proportion to their number, and lists
take several times as long to read and search as texts of which there are few. Each value stands
between two `SEPARATOR`; the text of a contact without links is empty.
"""

from collections.abc import Collection, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.store.builder import TableBuilder
from lib.store.dimensions import SEVERAL
from lib.store.place import Unreadable

_ROW = "row"

JOINED = tuple(each.joined for each in SEVERAL)
"""Columns of contacts that only engines read."""

SEPARATOR = "\x1f"
"""ASCII's unit separator. A dimension with a value that contains it has no column in `JOINED`."""

UNREAD = frozenset({*JOINED, *(f"{each.key}_list" for each in SEVERAL)})
"""Columns that are not part of the tables in memory. Earlier versions wrote lists."""


def to_columns(name: str, frame: pd.DataFrame) -> pa.Table:
    """The table `name` as it is written to a file."""
    columns: dict[str, pa.Array] = {}
    if name == "contacts":
        columns[_ROW] = pa.array(np.arange(len(frame), dtype=np.int32))
    for column, values in frame.items():
        columns[str(column)] = _to_column(values)
    return pa.table(columns)


def _to_column(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy()
        indices = pa.array(codes, pa.int32(), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(values.cat.categories, pa.string()))
    if values.dtype == "uint16":  # Delta tables have no unsigned integers
        return pa.array(values.to_numpy(dtype=np.int32))
    if isinstance(values.dtype, pd.StringDtype):
        return pa.array(values, pa.string())
    return pa.Array.from_pandas(values)


def schema_of(table: pa.Table) -> pa.Schema:
    """Its schema as a Delta table has it: text, without dictionary encoding."""
    return pa.schema(
        [
            pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
            for f in table.schema
        ]
    )


def without_joined(schema: pa.Schema) -> list[str]:
    """The columns of a file that become columns in memory, and `row`."""
    return [name for name in schema.names if name not in UNREAD]


def to_joined(texts: pa.Array, lengths: np.ndarray) -> pa.Array:
    """A column of `JOINED`, from the text of all links in order of contacts, and how many each
    contact has."""
    ends = pa.array(np.cumsum(np.append(0, lengths)), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(ends, texts.cast(pa.string())), SEPARATOR)
    enclosed = pc.binary_join_element_wise(SEPARATOR, joined, SEPARATOR, "")
    return pc.if_else(pa.array(lengths > 0), enclosed, "").dictionary_encode()


@cache
def schema(name: str) -> pa.Schema:
    """Schema of the table `name` as `to_columns` makes it, with integer IDs."""
    return to_columns(name, _templates()[name]).schema


def names() -> tuple[str, ...]:
    """Names of a snapshot's tables."""
    return tuple(_templates())


def categorical(name: str) -> list[str]:
    """Names of the categorical columns of the table `name`."""
    frame = _templates()[name]
    return [str(c) for c in frame if isinstance(frame[c].dtype, pd.CategoricalDtype)]


def from_columns(name: str, table: pa.Table, needed: Collection[str] | None = None) -> pd.DataFrame:
    """The table `name` read from a file with its `categorical` columns as dictionaries.

    Raises Unreadable if the columns differ. With `needed`, only those columns must exist; others
    are filled as missing (flags: false), and unknown ones are ignored.
    """
    template = _templates()[name]
    has = list(template.columns)
    given = {*table.column_names} - {_ROW} - UNREAD
    if {*has} != given:
        if needed is None or not given >= {*has} & {*needed}:
            raise Unreadable("another version of this dashboard wrote it")
        table = _completed(template, table)
    coded: dict[str, object] = {column: _categorical(table[column]) for column in categorical(name)}
    if "conversation" in has:
        coded["conversation"] = _ids_or_missing(table["conversation"])
    plain = table.select([column for column in has if column not in coded])
    del table
    # Frees each column as soon as it is copied, or does not copy it at all.
    frame = plain.to_pandas(split_blocks=True, self_destruct=True)
    del plain
    for column, kind in template.dtypes.items():
        if kind == "uint16":
            coded[str(column)] = frame.pop(column).to_numpy(dtype=np.uint16)
    columns = {column: coded[column] if column in coded else frame.pop(column) for column in has}
    return pd.DataFrame(columns, copy=False)


def _completed(template: pd.DataFrame, table: pa.Table) -> pa.Table:
    """The table with an empty column for each that the file lacks."""
    for name, kind in template.dtypes.items():
        if name in table.column_names:
            continue
        if kind in _NEVER_MISSING:
            nothing = pa.array(np.zeros(len(table), dtype=kind))
        else:
            nothing = _to_column(pd.Series(pd.NA, index=range(len(table)), dtype=kind))
        table = table.append_column(str(name), nothing)
    return table


_NEVER_MISSING = ("bool", "uint16")
"""Types of columns without missing values: flags and link counts."""


def _ids_or_missing(column: pa.ChunkedArray) -> object:
    """IDs as nullable Int64, or as text."""
    if not pa.types.is_integer(column.type):
        return pd.array(column.to_pandas(), dtype="str")
    values: np.ndarray = column.fill_null(0).to_numpy()
    return pd.arrays.IntegerArray(values, column.is_null().to_numpy())


def _categorical(column: pa.ChunkedArray) -> pd.Categorical:
    """A categorical whose categories are sorted, as the builder makes them."""
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return pd.Categorical.from_codes(np.zeros(0, np.int8), pd.Index([], dtype="str"))
    texts: Sequence[str] = column.chunk(0).dictionary.to_pylist()
    order = np.argsort(np.array(texts, dtype=object)) if texts else np.zeros(0, np.int64)
    rank = np.full(len(texts) + 1, -1, dtype=np.min_scalar_type(-len(texts) - 1))
    rank[order] = np.arange(len(texts))
    codes = np.concatenate(
        [rank[chunk.indices.fill_null(len(texts)).to_numpy()] for chunk in column.chunks]
    )
    categories = pd.Index([texts[place] for place in order], dtype="str")
    return pd.Categorical.from_codes(codes, categories=categories)


@cache
def _templates() -> dict[str, pd.DataFrame]:
    """Empty tables."""
    return TableBuilder().build().frames()
