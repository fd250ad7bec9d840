"""A contact's joined values in lazy frames: see `lib.store.columns.JOINED`."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from lib.engines.questions import Expressions
from lib.store import columns
from lib.store.dimensions import Dimension

Frame = nw.LazyFrame[Any]

_TEXT = "text"


def is_joined(contacts: Frame, dimension: Dimension) -> bool:
    """Whether the contacts have the values of a dimension, so that no table of links is needed."""
    return dimension.has_several and dimension.joined in contacts.collect_schema().names()


def holds(dimension: Dimension, value: str) -> nw.Expr:
    """Whether a contact has a value, from its joined values."""
    joined = nw.col(dimension.joined)
    if columns.SEPARATOR in value:  # no contact has it, and no text is missing
        return joined.is_null()
    enclosed = f"{columns.SEPARATOR}{value}{columns.SEPARATOR}"
    return joined.str.contains(enclosed, literal=True)


def counted(
    contacts: Frame,
    dimension: Dimension,
    column: str,
    counts: Expressions,
    keys: Sequence[str] = (),
) -> Frame:
    """Counts by other keys and by joined values, which are in `column`: splitting the few different
    texts is faster than splitting that of each contact."""
    texts = contacts.with_columns(nw.col(dimension.joined).alias(_TEXT))
    # DuckDB would apply the conditions of a split to each contact if they were about a key.
    text = nw.col(_TEXT).any_value()
    return texts.group_by(*keys, _TEXT).agg(**counts, **{column: text}).drop(_TEXT)


def split(rows: Frame, column: str) -> Frame:
    """A row per value of a column of joined values; null for those without one."""
    values = nw.col(column).str.strip_chars(columns.SEPARATOR).str.split(columns.SEPARATOR)
    # No list is empty. Otherwise Narwhals reads everything once more, in search of empty lists.
    found = rows.with_columns(values.alias(column)).explode(
        column, empty_as_null=False, keep_nulls=False
    )
    return found.with_columns(nw.when(nw.col(column) != "").then(nw.col(column)).alias(column))
