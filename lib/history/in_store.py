"""History in the store, as of one commit, read by an engine."""

from functools import partial
from hashlib import blake2s

import numpy as np
import pyarrow as pa

from lib.engines.chosen import ChosenSource
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Filter
from lib.engines.where import Files, files_of, in_store
from lib.history import comparison_state, events, levels
from lib.history.lazy import LazyHistory, active_among
from lib.history.stored import chain, files_within, since
from lib.settings import ChosenEngine
from lib.store.place import Unreadable
from lib.store.snapshot_rows import Head
from lib.store.storage import Store

_SCHEMAS = {"events": events.SCHEMA, "levels": levels.SCHEMA}


def history_in(engine: ChosenEngine, store: Store, head: Head) -> LazyHistory:
    """The history of a head with recorded snapshots; nothing is queried yet."""
    tables = _Tables(store, head)
    source = ChosenSource(engine, lambda: tables, lambda: tables)
    active = partial(_active, source, store, head)
    return LazyHistory(chain(head), since(head), source, active, tables.part)


class _Tables:
    """`lib.engines.where.Where` of the parts of history that were asked for, and of the tables of
    the last recorded snapshot.

    A part has only the files of its time: those of other times may be damaged, and are not opened.
    """

    def __init__(self, store: Store, head: Head) -> None:
        assert head.last_recorded is not None, "something is recorded"
        self._store, self._head = store, head
        self._of_snapshot = in_store(store, head.last_recorded)
        self._parts: dict[str, tuple[str, tuple[str, ...]]] = {}

    def part(self, table: str, first: np.datetime64, last: np.datetime64) -> str:
        """`lib.history.lazy.Part`"""
        files = files_within(self._head, table, first, last)
        name = f"{table}_{blake2s(' '.join(files).encode()).hexdigest()}"
        self._parts[name] = table, files
        return name

    def __call__(self, name: str) -> pa.Table | Files:
        if name not in self._parts:
            return self._of_snapshot(name)
        table, files = self._parts[name]
        schema = _SCHEMAS[table]
        return files_of(self._store, table, files, schema) if files else schema.empty_table()


def _active(source: ChosenSource, store: Store, head: Head, limits: Filter) -> int:
    """Number of contacts of the last recorded snapshot that are not blocked and pass, including
    those its crawl missed. Raises EngineError, StoreError and Unreadable."""
    files = head.last.files.get("carried", ())
    if len(files) != 1:
        raise Unreadable("a table of it is missing")
    is_missed = [("missed", "=", True)]
    schema = comparison_state.schema()
    missed = store.table("carried").get_as(schema, files[0], filters=is_missed)
    asked = (LazyEngine(source), MemoryEngine(comparison_state.tables_of(missed)))
    return sum(active_among(each, limits) for each in asked)
