"""The complete report of a large workspace on each engine, each in its own process; its pages, its
crawl, and what crosses between an engine and the dashboard.

`CONTACTS=4000000 python -m benchmarks scale` for fewer contacts than ten million.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import paging, streaming
from benchmarks.counting import AS_OF, TERMS, synthetic_tables
from benchmarks.serving import ROOT
from benchmarks.table import Row
from lib.chatbotx.crawl import Verdict
from lib.engines.duckdb import DuckDB
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine
from lib.engines.where import Files
from lib.outputs.report import report
from lib.store import columns
from lib.store.builder import TableBuilder
from lib.store.delta import writing
from lib.store.parts import STRETCH
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables
from tests import apache_spark
from tests.engines.answering import joined

SMALL = 1_000_000
LARGE = int(os.environ.get("CONTACTS", "10000000"))

ENGINES = ("memory", "DuckDB", "Sail")

SPARK = ROOT / ".venv-spark/bin/python"
"""Where `make spark` installs Apache Spark."""

PATIENCE = 3600.0
"""Time limits in seconds: for one question, and for an engine to answer them all."""


def rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        small, large = (Path(folder, str(contacts)) for contacts in (SMALL, LARGE))
        for place, contacts in ((small, SMALL), (large, LARGE)):
            place.mkdir()
            _write(synthetic_tables(contacts), place)
        found = _engines(small) + _growth(small, large)
    with TemporaryDirectory() as folder:
        small, large = (Path(folder, str(contacts)) for contacts in (SMALL, LARGE))
        for place, contacts in ((small, SMALL), (large, LARGE)):
            paging.prepare(place, contacts)
        found += _pages(large) + _crossing(small, large)
    return found + streaming.rows(LARGE)


def _engines(folder: Path) -> list[Row]:
    """The report on each engine compared with memory."""
    runs = {engine: _measured(engine, folder) for engine in ENGINES}
    if SPARK.exists():
        runs["Apache Spark"] = _measured("Apache Spark", folder)
    memory = runs["memory"]
    found = [
        Row.at_most(
            f"Report of {SMALL:,} contacts, {engine} / memory",
            _told(run),
            run["seconds"] / memory["seconds"],
            5,
            " ×",
        )
        for engine, run in runs.items()
    ]
    alike = sum(run["digest"] == memory["digest"] for run in runs.values())
    return [*found, Row.at_least("Engines with equal values", "", alike, len(runs), "")]


def _growth(small: Path, large: Path) -> list[Row]:
    """The report on DuckDB, and what it takes from the small workspace to the large one."""
    before, after = (_measured("DuckDB", folder) for folder in (small, large))
    title = f"Report of {LARGE:,} contacts, DuckDB"
    return [
        Row.at_most(title, _told(after), after["seconds"], 60, " s"),
        Row.at_most(f"{title}: peak of memory", "", after["peak"], 1500, " MB"),
        Row.at_most(
            f"{title}: seconds / {SMALL:,} contacts",
            f"{after['seconds']:.1f} s / {before['seconds']:.1f} s",
            after["seconds"] / before["seconds"],
            12,
            " ×",
        ),
        Row.at_most(
            f"{title}: peak of memory / {SMALL:,} contacts",
            f"{after['peak']:.0f} MB / {before['peak']:.0f} MB",
            after["peak"] / before["peak"],
            1.5,
            " ×",
        ),
    ]


def _told(run: dict[str, float]) -> str:
    return (
        f"{run['seconds']:.2f} s, {run['processor']:.2f} s of processors, "
        f"at most {run['peak']:,.0f} MB"
    )


def _pages(store: Path) -> list[Row]:
    """The pages on DuckDB, each under filters that nobody has chosen before."""
    found = paging.measured(paging.environment(store))
    seconds = {page: each["seconds"] for page, each in found["pages"].items()}
    told = ", ".join(f"{page} {each:.1f}" for page, each in seconds.items())
    title = f"Pages of {LARGE:,} contacts, DuckDB"
    return [
        Row.at_most(f"{title}: slowest", f"{told} s", max(seconds.values()), 10, " s"),
        Row.at_most(f"{title}: peak of memory", "", found["peak"], 1500, " MB"),
    ]


def _crossing(small: Path, large: Path) -> list[Row]:
    """What Apache Spark shuffles and returns for each page, from the small workspace to the large
    one; nothing without its environment, which `make spark` makes."""
    if not SPARK.exists():
        return []
    before, after = (
        json.loads(_output([SPARK, "-m", "benchmarks.paging", folder]))["pages"]
        for folder in (small, large)
    )
    found = []
    for kind in ("shuffled", "returned"):
        told = ", ".join(
            f"{page} {before[page][kind] / 1e3:.0f} to {after[page][kind] / 1e3:.0f}"
            for page in after
        )
        most = max(after[page][kind] / max(1, before[page][kind]) for page in after)
        title = f"Bytes {kind} by Spark for a page, {LARGE:,} / {SMALL:,} contacts"
        found.append(Row.at_most(title, f"{told} kB", most, 1.2, " ×"))
    return found


def _write(tables: Tables, folder: Path) -> None:
    """Write the tables as a crawl to disk does: in order of creation, with joined links."""
    created = np.sort(np.asarray(tables.contacts["created"], dtype="datetime64[us]"))
    in_order = pd.DatetimeIndex(created).tz_localize("UTC")
    tables = replace(tables, contacts=tables.contacts.assign(created=in_order))
    table = joined(tables)
    for name in columns.names():
        found = table(name)
        assert isinstance(found, pa.Table)
        path = folder / f"{name}.parquet"
        pq.write_table(found, path, row_group_size=STRETCH, **writing(found.schema))


def _measured(engine: str, folder: Path) -> dict[str, float]:
    python = SPARK if engine == "Apache Spark" else Path(sys.executable)
    found: dict[str, float] = json.loads(
        _output([python, "-m", "benchmarks.scale", engine, folder])
    )
    return found


def _output(command: Sequence[str | Path]) -> bytes:
    """The last line that it prints."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    return ran.stdout.splitlines()[-1]


def main(engine: str, folder: Path) -> None:
    """Answer everything once, without caches, and print what it took."""
    tables = _read(folder) if engine == "memory" else TableBuilder().build()
    with ExitStack() as until:
        asked = _engine(engine, tables, folder, until)
        began, worked = time.perf_counter(), _processor()
        found = report(Snapshot(tables, Verdict(AS_OF)), TERMS, asked)
        took, processor = time.perf_counter() - began, _processor() - worked
        # `getrusage` would include the peak of the parent.
        peak = sum(streaming.status("VmHWM", of) for of in ("self", *_children()))
    del found["crawl"]
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    figures = {"seconds": took, "processor": processor, "peak": peak}
    print(json.dumps(figures | {"digest": digest}))


def _processor() -> float:
    """CPU seconds of this process and of a server that it has started."""
    found = time.process_time()
    for child in _children():
        times = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]
        found += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return found


def _children() -> list[str]:
    threads = Path("/proc/self/task").iterdir()
    return [child for each in threads for child in (each / "children").read_text().split()]


def _engine(engine: str, tables: Tables, folder: Path, until: ExitStack) -> Engine:
    def files(name: str) -> Files:
        return Files((str(folder / f"{name}.parquet"),))

    if engine == "memory":
        return MemoryEngine(tables)
    if engine == "DuckDB":
        return LazyEngine(DuckDB(files, seconds=PATIENCE))
    from lib.engines.spark import Spark

    if engine == "Apache Spark":
        address = until.enter_context(apache_spark.server())
    else:
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        until.callback(server.stop)
        address = "sc://127.0.0.1:{1}".format(*server.listening_address)
    return LazyEngine(Spark(files, address, seconds=PATIENCE))


def _without_joined(file: pq.ParquetFile) -> pa.Table:
    return file.read(columns.without_joined(file.schema_arrow))


def _read(folder: Path) -> Tables:
    return Tables(
        **{
            name: columns.from_columns(
                name,
                _without_joined(
                    pq.ParquetFile(
                        folder / f"{name}.parquet", read_dictionary=columns.categorical(name)
                    )
                ),
            )
            for name in columns.names()
        }
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
