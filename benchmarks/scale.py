"""The complete report of a large workspace on each engine, each in its own process.

`CONTACTS=10000000 python -m benchmarks scale` for more than a million contacts.
"""

import atexit
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from benchmarks import streaming
from benchmarks.counting import AS_OF, TERMS, synthetic_tables
from benchmarks.table import Row
from lib.chatbotx.crawl import Verdict
from lib.engines.duckdb import DuckDB
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine
from lib.engines.where import Files, in_memory
from lib.outputs.report import report
from lib.store import columns
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables

ENGINES = ("memory", "DuckDB", "Sail")
PATIENCE = 600.0
"""Time limits in seconds: for one question, and for an engine to answer them all."""


def rows() -> list[Row]:
    contacts = int(os.environ.get("CONTACTS", "1000000"))
    with TemporaryDirectory() as folder:
        _write(synthetic_tables(contacts), Path(folder))
        found = {engine: _measured(engine, folder) for engine in ENGINES}
    memory = found["memory"]
    title = f"Report of {contacts:,} contacts"
    rows = []
    for engine, run in found.items():
        measured = (
            f"{run['seconds']:.2f} s, {run['processor']:.2f} s of processors, "
            f"at most {run['peak']:,.0f} MB"
        )
        ratio = run["seconds"] / memory["seconds"]
        rows.append(Row.at_most(f"{title}, {engine} / memory", measured, ratio, 5, " ×"))
    alike = sum(run["digest"] == memory["digest"] for run in found.values())
    rows.append(Row.at_least(f"{title}: engines with equal values", "", alike, len(found), ""))
    return rows + streaming.rows(contacts)


def _write(tables: Tables, folder: Path) -> None:
    """Write the tables as the store does."""
    table = in_memory(tables)
    for name in columns.names():
        pq.write_table(
            table(name), folder / f"{name}.parquet", row_group_size=250_000, store_schema=False
        )


def _measured(engine: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale", engine, folder]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main(engine: str, folder: Path) -> None:
    """Answer everything once, without caches, and print what it took."""
    tables = _read(folder) if engine == "memory" else TableBuilder().build()
    asked = _engine(engine, tables, folder)
    began, worked = time.perf_counter(), time.process_time()
    found = report(Snapshot(tables, Verdict(AS_OF)), TERMS, asked)
    took, processor = time.perf_counter() - began, time.process_time() - worked
    del found["crawl"]
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    figures = {"seconds": took, "processor": processor, "peak": _peak()}
    print(json.dumps(figures | {"digest": digest}))


def _peak() -> float:
    """Maximum resident set of this process in MB; `getrusage` would include its parent's."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1e3


def _engine(engine: str, tables: Tables, folder: Path) -> Engine:
    def files(name: str) -> Files:
        return Files((str(folder / f"{name}.parquet"),))

    if engine == "memory":
        return MemoryEngine(tables)
    if engine == "DuckDB":
        return LazyEngine(DuckDB(files, seconds=PATIENCE))
    from pysail.spark import SparkConnectServer

    from lib.engines.spark import Spark

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    atexit.register(server.stop)  # an unreferenced one ends at once
    _, port = server.listening_address
    return LazyEngine(Spark(files, f"sc://127.0.0.1:{port}", seconds=PATIENCE))


def _read(folder: Path) -> Tables:
    return Tables(
        **{
            name: columns.from_columns(
                name,
                pq.read_table(
                    folder / f"{name}.parquet", read_dictionary=columns.categorical(name)
                ),
            )
            for name in columns.names()
        }
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
