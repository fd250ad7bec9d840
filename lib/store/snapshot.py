"""Snapshots: tables and the verdict of the crawl that made them. Immutable and shared."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress, Sink, Verdict, crawl
from lib.chatbotx.schema import Contact
from lib.store.builder import TableBuilder
from lib.store.tables import Tables


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A workspace as of the start of a crawl."""

    tables: Tables
    verdict: Verdict
    workspace_id: str | None = None
    is_demo: bool = False

    @property
    def as_of(self) -> datetime:
        """When the crawl began (UTC): "now" in every number."""
        return self.verdict.began

    @property
    def contacts(self) -> int:
        return len(self.tables.contacts)

    @property
    def unreadable(self) -> int:
        """Number of values that were present but could not be parsed."""
        return sum(self.verdict.unreadable.values())


@dataclass(frozen=True)
class TableFile:
    """A local Parquet file, its schema as a Delta table has it, and its number of rows."""

    path: Path
    schema: pa.Schema
    rows: int


class FiledSnapshot(Snapshot):
    """A snapshot whose tables are in files, possibly larger than memory, and read on first access.

    `read` reads them. `files` are the local files just made by a crawl, by table; they exist as
    long as `folder` is referenced. None for a stored snapshot.
    """

    files: Mapping[str, TableFile] | None

    def __init__(
        self,
        read: Callable[[], Tables],
        contacts: int,
        verdict: Verdict,
        workspace_id: str | None,
        *,
        files: Mapping[str, TableFile] | None = None,
        folder: object = None,
    ) -> None:
        # The base class is frozen.
        self.__dict__.update(verdict=verdict, workspace_id=workspace_id, is_demo=False)
        self.__dict__.update(_read=read, _contacts=contacts, files=files, _folder=folder)

    @cached_property
    def tables(self) -> Tables:
        """The tables, read on first access. Raises StoreError and Unreadable."""
        read: Callable[[], Tables] = self.__dict__["_read"]
        return read()

    @property
    def contacts(self) -> int:
        return int(self.__dict__["_contacts"])

    @property
    def is_loaded(self) -> bool:
        """Whether the tables have been read."""
        return "tables" in self.__dict__


def fetch(
    client: Client,
    *,
    began: datetime | None = None,
    is_demo: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Snapshot:
    """Crawl a workspace. `began` is UTC, default now. Raises ChatbotXError."""
    builder = TableBuilder()
    verdict = read_into(builder.add, client, began=began, on_progress=on_progress)
    tables = builder.build()
    workspace_id = builder.workspace_id or client.workspace_id
    return Snapshot(tables, with_unreadable(verdict, builder.unreadable), workspace_id, is_demo)


def read_into(
    add: Sink,
    client: Client,
    *,
    began: datetime | None,
    on_progress: Callable[[Progress], None],
) -> Verdict:
    """Crawl a workspace; `add` is called in a background thread. Raises ChatbotXError, and what
    `add` raises."""
    with BackgroundWriter(add) as put:
        return crawl(client, put, began=began or datetime.now(UTC), on_progress=on_progress)


def with_unreadable(verdict: Verdict, others: Counter[str]) -> Verdict:
    """The verdict with further unreadable values added to its own counts, by field."""
    return replace(verdict, unreadable=dict(Counter(verdict.unreadable) + others))


_MOST_PENDING = 64
"""Maximum of pages waiting to become columns: enough to ride out a pause, few enough for memory."""


class BackgroundWriter:
    """Calls `sink` in a background thread, in order, so that no walker waits for columns to be
    built."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._pool = ThreadPoolExecutor(1, "columns")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> Sink:
        return self._put

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the rest, or drop it after an error. Raises what `sink` raised."""
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            while self._pending:
                self._pending.popleft().result()

    def _put(self, contacts: list[Contact]) -> None:
        self._pending.append(self._pool.submit(self._sink, contacts))
        while self._pending and (self._pending[0].done() or len(self._pending) > _MOST_PENDING):
            self._pending.popleft().result()


def save_tables(tables: Tables, folder: Path) -> None:
    """Write each table as `<name>.parquet` to `folder`, creating it if needed. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.frames().items():
        frame.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
