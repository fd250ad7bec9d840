"""Location of a snapshot's tables, for engines that read them themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pds

from lib.store import columns
from lib.store.place import Place
from lib.store.snapshot import TableFile
from lib.store.snapshot_rows import Row
from lib.store.storage import Store
from lib.store.tables import Tables


@dataclass(frozen=True)
class Files:
    """Parquet files: paths in a folder, or addresses in a bucket.

    `dataset` reads those in a bucket for an engine that runs in this process; None in a folder.
    """

    addresses: tuple[str, ...]
    schema: pa.Schema | None = None
    dataset: Callable[[], pds.Dataset] | None = field(default=None, compare=False)


Where = Callable[[str], pa.Table | Files]
"""Function from a table's name to the table itself or its files."""


def in_memory(tables: Tables) -> Where:
    """Tables in memory, with the columns they have in files."""

    def table(name: str) -> pa.Table:
        found = columns.to_columns(name, getattr(tables, name))
        return found.cast(columns.schema_of(found))

    return table


def in_files(files: Mapping[str, TableFile]) -> Where:
    """Local files made by a crawl, by table."""
    return lambda name: Files((str(files[name].path.absolute()),))


def in_store(store: Store, row: Row) -> Where:
    """The files of a stored snapshot, from its row."""

    return lambda name: files_of(store, name, row.files[name])


def files_of(
    store: Store, table: str, names: Sequence[str], schema: pa.Schema | None = None
) -> Files:
    """The files of a table in a store."""
    place = store.place.below(table)
    if place.is_folder:
        paths = tuple(str(Path(place.root, each).absolute()) for each in names)
        return Files(paths, schema)
    urls = tuple(f"{place.root}/{each}" for each in names)
    return Files(urls, schema, partial(_dataset, place, names))


def _dataset(place: Place, names: Sequence[str]) -> pds.Dataset:
    from lib.store.objects import dataset_of  # a folder needs none

    return dataset_of(place, names)
