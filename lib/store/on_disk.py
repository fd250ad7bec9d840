"""A crawl to disk: contacts → the files of a snapshot's tables, as they arrive.

For workspaces larger than memory. The tables are exactly those that a `TableBuilder` makes. Memory
use does not grow with the number of contacts, except for the names of tags, inboxes, agents, teams,
sources and countries.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress
from lib.chatbotx.schema import Contact
from lib.store import columns
from lib.store.builder import NAT, TableBuilder
from lib.store.dimensions import SEVERAL
from lib.store.parquet import writing
from lib.store.parts import Parts
from lib.store.place import Place, StoreError, store_errors
from lib.store.snapshot import FiledSnapshot, TableFile, read_into, with_unreadable
from lib.store.tables import Tables

log = logging.getLogger(__name__)

PART = 65_536
"""Contacts held in memory before they are written."""


class Spool:
    """Collects contacts in a folder, like a `TableBuilder`; `finish` makes the files of the tables
    there. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._builder = TableBuilder()
        self._parts = Parts(folder)
        self._pending = 0

    @property
    def unreadable(self) -> Counter[str]:
        return self._builder.unreadable

    @property
    def workspace_id(self) -> str | None:
        return self._builder.workspace_id

    def add(self, contacts: Iterable[Contact]) -> None:
        """Add contacts in the order in which they were read. Each has an ID. Raises OSError."""
        contacts = list(contacts)
        self._builder.add(contacts)
        self._pending += len(contacts)
        if self._pending >= PART:
            self._write_part()

    def finish(self) -> dict[str, TableFile]:
        """Write the tables; returns their files by name. Raises OSError."""
        self._write_part()
        with _Tables(self._folder, self._builder) as tables:
            for contacts in self._parts.in_order():
                tables.write(contacts)
        self._parts.remove()
        return tables.files

    def _write_part(self) -> None:
        self._parts.add(self._builder.drain())
        self._pending = 0


def fetch_to_disk(
    client: Client,
    place: Place,
    *,
    began: datetime | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FiledSnapshot:
    """Crawl a workspace into files: in a folder of the store or, if that is a bucket or cannot be
    written to, in a temporary folder. `began` is UTC, default now. Raises ChatbotXError, and
    StoreError if there is no space."""
    folder = _Folder(place)
    spool = Spool(folder.path)

    def add(contacts: list[Contact]) -> None:
        with store_errors(place):
            spool.add(contacts)

    verdict = read_into(add, client, began=began, on_progress=on_progress)
    with store_errors(place):
        files = spool.finish()
    return FiledSnapshot(
        lambda: read_files(files),
        files["contacts"].rows,
        with_unreadable(verdict, spool.unreadable),
        spool.workspace_id or client.workspace_id,
        files=files,
        folder=folder,
    )


def read_files(files: Mapping[str, TableFile]) -> Tables:
    """Read the tables into memory. Raises OSError."""
    frames = {}
    for name in columns.names():
        file = pq.ParquetFile(
            files[name].path, read_dictionary=columns.categorical(name), pre_buffer=False
        )
        found = file.read(columns.without_joined(file.schema_arrow))
        frames[name] = columns.from_columns(name, found)
    return Tables(**frames)


_FOLDER = "_crawl-"
_ABANDONED_AFTER = timedelta(days=1)
"""Folders left by a killed process are removed after this time."""


class _Folder:
    """A new folder that only this user may read. Removed when it is no longer referenced. Raises
    StoreError."""

    def __init__(self, place: Place) -> None:
        self.path = _new_folder(place)
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        with _lock:
            _in_use.add(self)


_in_use: weakref.WeakSet[_Folder] = weakref.WeakSet()
_lock = threading.Lock()


def _new_folder(place: Place) -> Path:
    if place.is_folder:
        try:
            # On the store's file system, so that files are adopted without copying.
            place.make()
            _remove_abandoned(place)
            with store_errors(place):
                return Path(mkdtemp(prefix=_FOLDER, dir=place.root))
        except StoreError as why:
            # Current numbers are shown even if they cannot be kept: the recorder reports that.
            log.warning("The crawl is written to a temporary folder, not to the store: %s.", why)
    try:
        return Path(mkdtemp(prefix=_FOLDER))
    except OSError:
        raise StoreError("there is no folder for temporary files") from None


def _remove_abandoned(place: Place) -> None:
    # While nothing newer can be fetched, a snapshot that could not be stored is read from its
    # folder for longer than a day.
    with _lock:
        folders = [*_in_use]
    for folder in folders:
        with suppress(OSError):
            os.utime(folder.path)
    abandoned = datetime.now(UTC) - _ABANDONED_AFTER
    for entry in place.entries():
        if entry.name.startswith(_FOLDER) and entry.modified < abandoned:
            shutil.rmtree(place.path(entry.name), ignore_errors=True)


class _Tables:
    """Writes the files of the tables from contacts in table order."""

    def __init__(self, folder: Path, builder: TableBuilder) -> None:
        self._folder = folder
        self._names = builder.names()
        self._texts = {name: _Texts(texts) for name, texts in builder.texts().items()}
        self._joined = {
            each.key
            for each in SEVERAL
            if not any(columns.SEPARATOR in text for text in builder.texts()[each.key])
        }
        self._connected = np.isin(builder.texts()["inbox"], [*builder.connected])
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._rows: Counter[str] = Counter()
        self.files: dict[str, TableFile] = {}

    def __enter__(self) -> _Tables:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for name in columns.names():
                    self._finish(name)
        finally:
            for writer in self._writers.values():
                writer.close()

    def write(self, contacts: pa.Table) -> None:
        """Write contacts as read by `lib.store.parts`."""
        first, number = self._rows["contacts"], len(contacts)
        found: dict[str, Any] = {"row": np.arange(first, first + number, dtype=np.int32)}
        for each in SEVERAL:
            name, table, count = each.key, str(each.links), str(each.count)
            lists = contacts[name].combine_chunks()
            held = lists.value_lengths().to_numpy(zero_copy_only=False)
            found[count] = held.astype(np.int32)
            codes = lists.flatten().to_numpy()
            contact = np.repeat(found["row"], held)
            if name == "inbox":
                is_connected = np.zeros(number, dtype=np.bool_)
                is_connected[contact[self._connected[codes]] - first] = True
                found["reachable"] = is_connected
            links = self._links(name, contact, codes)
            self._write(table, links)
            if name in self._joined:
                found[each.joined] = columns.to_joined(links[name].combine_chunks(), held)
        for field in columns.schema("contacts"):
            if field.name not in found:
                found[field.name] = self._column(field, contacts)
        names = [*columns.schema("contacts").names, *columns.JOINED]
        self._write("contacts", pa.table({name: found[name] for name in names if name in found}))

    def _column(self, field: pa.Field, contacts: pa.Table) -> Any:
        values = contacts[field.name]
        if field.name in self._texts:
            return self._texts[field.name].named(values.to_numpy())
        if pa.types.is_timestamp(field.type):
            times = values.to_numpy()
            return pa.array(times, pa.int64(), mask=times == NAT).cast(field.type)
        return values

    def _links(self, name: str, contact: np.ndarray, codes: np.ndarray) -> pa.Table:
        """The links of each contact, sorted by text."""
        order = np.lexsort((self._texts[name].rank[codes], contact))
        named = self._texts[name].named(codes[order])
        return pa.table({"contact": contact[order], name: named})

    def _write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(
                self._path(name), table.schema, **writing(table.schema)
            )
        self._writers[name].write_table(table)
        self._rows[name] += len(table)

    def _finish(self, name: str) -> None:
        if name in self._names:
            self._write(name, columns.to_columns(name, self._names[name]))
        elif name not in self._writers:
            self._write(name, columns.schema(name).empty_table())
        writer = self._writers[name]
        writer.close()
        schema = columns.schema_of(writer.schema.empty_table())
        self.files[name] = TableFile(self._path(name), schema, self._rows[name])

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"


class _Texts:
    """The texts that codes index. `rank` holds the position of each code in text order."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = pa.array(texts, pa.string())
        order = sorted(range(len(texts)), key=texts.__getitem__)
        self.rank = np.empty(len(texts), dtype=np.int64)
        self.rank[order] = np.arange(len(texts))

    def named(self, codes: np.ndarray) -> pa.DictionaryArray:
        """The texts of the codes (-1: none), with a dictionary of only those that occur."""
        used, places = np.unique(codes, return_inverse=True)
        missing = int(len(used) > 0 and used[0] < 0)
        indices = pa.array((places - missing).astype(np.int32), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, self._texts.take(pa.array(used[missing:])))
