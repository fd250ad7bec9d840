"""Where the tables of a snapshot lie, for engines that read them themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lib.store import columns
from lib.store.storage import Row, Store
from lib.store.tables import Tables


@dataclass(frozen=True)
class Files:
    """Parquet files: the paths of a folder, or addresses in a bucket."""

    addresses: tuple[str, ...]


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

    def files(name: str) -> Files:
        place = store.place.below(name)
        names = row.files[name]
        if place.is_folder:
            return Files(tuple(str(Path(place.root, each).absolute()) for each in names))
        return Files(tuple(f"{place.root}/{each}" for each in names))

    return files
