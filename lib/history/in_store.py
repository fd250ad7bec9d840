"""History in the store, as of one commit, read by an engine."""

from functools import partial

import pyarrow as pa

from lib.engines.chosen import ChosenSource
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Filter
from lib.engines.where import Files, Where, files_of, in_store
from lib.history import comparison_state, events, levels
from lib.history.lazy import LazyHistory, active_among
from lib.history.stored import chain, since
from lib.settings import ChosenEngine
from lib.store.place import Unreadable
from lib.store.snapshot_rows import Head
from lib.store.storage import Store

_SCHEMAS = {"events": events.SCHEMA, "levels": levels.SCHEMA}


def history_in(engine: ChosenEngine, store: Store, head: Head) -> LazyHistory:
    """The history of a head with recorded snapshots; nothing is queried yet."""
    where = _where(store, head)
    source = ChosenSource(engine, lambda: where, lambda: where)
    return LazyHistory(chain(head), since(head), source, partial(_active, source, store, head))


def _where(store: Store, head: Head) -> Where:
    """The history tables, and those of the last recorded snapshot."""
    row = head.last_recorded
    assert row is not None, "something is recorded"
    of_snapshot = in_store(store, row)

    def table(name: str) -> pa.Table | Files:
        schema = _SCHEMAS.get(name)
        if schema is None:
            return of_snapshot(name)
        files = head.last.files.get(name, ())
        if not files:
            return schema.empty_table()
        return files_of(store, name, files, schema)

    return table


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
