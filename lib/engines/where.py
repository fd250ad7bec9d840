"""Location of a snapshot's tables, for engines that read them themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lib.store import columns
from lib.store.snapshot import TableFile
from lib.store.storage import Row, Store
from lib.store.tables import Tables


@dataclass(frozen=True)
class Files:
    """Parquet files: paths in a folder, or addresses in a bucket."""

    addresses: tuple[str, ...]
    schema: pa.Schema | None = None


Where = Callable[[str], pa.Table | Files]
"""Function from a table's name to the table itself or its files."""


def in_memory(tables: Tables) -> Where:
    """Tables in memory, with the columns they have in files."""

    def table(name: str) -> pa.Table:
        found = columns.to_columns(name, getattr(tables, name))
        return found.cast(columns.schema_of(found))

    return table


def in_files(files: Mapping[str, TableFile]) -> Where:
    """The files on this machine that a crawl has made, by table."""
    return lambda name: Files((str(files[name].path.absolute()),))


def in_store(store: Store, row: Row) -> Where:
    """The files of a stored snapshot, from its row."""

    return lambda name: Files(addresses(store, name, row.files[name]))


def addresses(store: Store, table: str, files: Sequence[str]) -> tuple[str, ...]:
    """Paths or URLs of a table's files."""
    place = store.place.below(table)
    if place.is_folder:
        return tuple(str(Path(place.root, each).absolute()) for each in files)
    return tuple(f"{place.root}/{each}" for each in files)
