"""Runs the tests of metrics against each engine.

Memory and DuckDB always; with ENGINES=all also Sail, a Spark Connect server in this process.
"""

import atexit
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import narwhals as nw
import pyarrow as pa
import pytest

from lib.engines.duckdb import DuckDB
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine, Expressions, Facts
from lib.engines.selection import Source
from lib.engines.where import Where, in_memory
from lib.store import columns
from lib.store.dimensions import SEVERAL
from lib.store.tables import Tables

Kind = Literal["memory", "DuckDB", "Sail", "Spark"]
_KINDS: dict[str | None, tuple[Kind, ...]] = {
    "all": ("memory", "DuckDB", "Sail"),
    "spark": ("memory", "Spark"),
}
KINDS: tuple[Kind, ...] = _KINDS.get(os.environ.get("ENGINES"), ("memory", "DuckDB"))
OTHERS = KINDS[1:]

_chosen: list[Kind] = ["memory"]


@contextmanager
def answering(kind: Kind) -> Iterator[None]:
    """Context in which `engine_of` returns this engine."""
    _chosen.append(kind)
    yield
    _chosen.pop()


def setting() -> str:
    """The engine's value of `CHATBOTX_ENGINE`."""
    kind = _chosen[-1]
    return {"memory": "memory", "DuckDB": "duckdb"}.get(kind) or _spark_address(kind)


def engine_of(
    tables: Tables,
    only: Collection[object] | None = None,
    kind: Kind | None = None,
    *,
    is_joined: bool = False,
) -> Engine:
    """Engine for the contacts of a workspace, or `only` those with these IDs. `is_joined`: an
    engine other than memory finds the contacts' links joined, as in files of a crawl to disk."""
    kind = kind or _chosen[-1]
    ids = tables.contacts["id"]
    chosen = ids[ids.astype("str").isin([*map(str, only)])] if only is not None else ids
    if kind == "memory":
        return MemoryEngine(tables if only is None else tables.select(ids.isin(chosen).to_numpy()))
    limits = () if only is None else (Facts(_with_ids, (tuple(chosen),)).of("chosen"),)
    return LazyEngine(source_in(joined(tables) if is_joined else in_memory(tables), kind), limits)


def source_of(tables: Tables, kind: Kind) -> Source:
    return source_in(in_memory(tables), kind)


def joined(tables: Tables) -> Where:
    """Tables in memory, with the columns they have in files of a crawl to disk."""
    plain = in_memory(tables)

    def table(name: str) -> pa.Table:
        found = plain(name)
        assert isinstance(found, pa.Table)
        for each in SEVERAL if name == "contacts" else ():
            texts = plain(str(each.links))
            assert isinstance(texts, pa.Table)
            lengths = found[str(each.count)].to_numpy()
            values = columns.to_joined(texts[each.key].combine_chunks(), lengths)
            found = found.append_column(each.joined, values.cast(pa.string()))
        return found

    return table


def source_in(where: Where, kind: Kind) -> Source:
    if kind == "DuckDB":
        return DuckDB(where)
    from lib.engines.spark import Spark

    return Spark(where, _spark_address(kind))


def _with_ids(ids: tuple[object, ...]) -> Expressions:
    return {"chosen": nw.col("id").is_in(ids) if ids else nw.col("id").is_null()}


def _spark_address(kind: Kind) -> str:
    return sail_address() if kind == "Sail" else os.environ["SPARK_SERVER"]


needs_server = pytest.mark.skipif(
    os.environ.get("ENGINES") not in ("all", "spark"),
    reason="asks a Spark Connect server, with ENGINES=all or ENGINES=spark only",
)


def server_address() -> str:
    """Address of the Spark Connect server, for tests that need one."""
    return _spark_address(KINDS[-1])


@cache
def sail_address() -> str:
    """Address of a server that is started once and ends with this process."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    atexit.register(server.stop)
    _, port = server.listening_address
    return f"sc://127.0.0.1:{port}"
