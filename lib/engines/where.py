"""Where the tables of a snapshot lie, for engines that read them themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lib.store import columns
from lib.store.storage import Row, Store
from lib.store.tables import Tables


@dataclass(frozen=True)
class Files:
    """Parquet files: the paths of a folder, or addresses in a bucket.

    With a `schema` they are read as that: what a file does not have is null, as an earlier version
    of this dashboard may have written it.
    """

    addresses: tuple[str, ...]
    schema: pa.Schema | None = None


Where = Callable[[str], pa.Table | Files]
"""By the name of a table: the table itself, or its files."""


def in_memory(tables: Tables) -> Where:
    """Their own columns, as a file has them."""

    def table(name: str) -> pa.Table:
        found = columns.to_columns(name, getattr(tables, name))
        return found.cast(columns.schema_of(found))

    return table


def in_store(store: Store, row: Row) -> Where:
    """The files of a snapshot that is kept, of which the row tells."""

    return lambda name: Files(addresses(store, name, row.files[name]))


def addresses(store: Store, table: str, files: Sequence[str]) -> tuple[str, ...]:
    """Of files of a table."""
    place = store.place.below(table)
    if place.is_folder:
        return tuple(str(Path(place.root, each).absolute()) for each in files)
    return tuple(f"{place.root}/{each}" for each in files)
