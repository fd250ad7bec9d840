"""The complete report of a large workspace on each engine, each in its own process; its pages, its
crawl, what crosses between an engine and the dashboard, and what all this costs those who need none
of it.

Settings, as environment variables: CONTACTS, by default ten million; DATA, a folder in which the
generated stores are kept and found by the next run, which then leaves out the figures of making
them; BEFORE, a checkout to compare the engine in memory with.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import before, paging, streaming
from benchmarks.counting import AS_OF, TERMS
from benchmarks.serving import ROOT
from benchmarks.table import Row
from lib import settings
from lib.chatbotx.crawl import Verdict
from lib.engines.duckdb import DuckDB
from lib.engines.lazy import LazyEngine
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine
from lib.engines.where import Where, in_store
from lib.outputs.report import report
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.storage import store_of
from lib.store.tables import Tables
from tests import apache_spark

LARGE = int(os.environ.get("CONTACTS", "10000000"))
SMALL = LARGE // 10

ENGINES = ("memory", "DuckDB", "Sail")

SPARK = ROOT / ".venv-spark/bin/python"
"""Where `make spark` installs Apache Spark."""

PATIENCE = 3600.0
"""Time limits in seconds: for one question, and for an engine to answer them all."""

Run = dict[str, float]


def rows() -> Iterator[Row]:
    with _folder() as folder:
        small, large = (folder / str(contacts) for contacts in (SMALL, LARGE))
        runs: dict[str, Run] = {}
        for part in (
            _made(large),
            _prepared(small),
            _engines(small, runs),
            _growth(large, runs),
            _pages(large),
            _before(),
            _crossing(small, large),
        ):
            try:
                yield from part
            except (subprocess.SubprocessError, AssertionError, KeyError) as why:
                _tell(f"the rest of this part is left out: {why!r}")
        _tell("done")


@contextmanager
def _folder() -> Iterator[Path]:
    if "DATA" in os.environ:
        yield Path(os.environ["DATA"]).absolute()
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)


def _made(large: Path) -> Iterator[Row]:
    """Make the large store, if it is not there, and measure that."""
    if _is_made(large):
        _tell(f"the store of {LARGE:,} contacts is there: its making is not measured")
        return
    _tell(f"crawls and history of {LARGE:,} contacts")
    _make_room(large)
    yield from streaming.rows(large, LARGE)
    _mark(large)


def _prepared(small: Path) -> Iterator[Row]:
    """Make the small store, if it is not there: no figures."""
    if not _is_made(small):
        _tell(f"crawls and history of {SMALL:,} contacts")
        _make_room(small)
        streaming.prepare(small, SMALL)
        _mark(small)
    yield from ()


def _make_room(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _mark(folder: Path) -> None:
    """Mark a store as complete, and remove the crawls, which are in it now."""
    for name in ("first", "second"):
        shutil.rmtree(folder / name)
    (folder / "made").touch()


def _is_made(folder: Path) -> bool:
    return (folder / "made").exists()


_BEGAN = time.monotonic()


def _tell(what: str) -> None:
    """Tell on standard error what is measured now, and when."""
    minutes, seconds = divmod(round(time.monotonic() - _BEGAN), 60)
    print(f"{minutes:2}:{seconds:02} {what}", file=sys.stderr, flush=True)


def _engines(folder: Path, runs: dict[str, Run]) -> Iterator[Row]:
    """The report on each engine compared with memory."""
    for engine in (*ENGINES, *(["Apache Spark"] if SPARK.exists() else [])):
        run = runs[engine] = _measured(engine, folder)
        title = f"Report of {SMALL:,} contacts, {engine} / memory"
        ratio = run["seconds"] / runs["memory"]["seconds"]
        if engine == "DuckDB":
            yield Row.at_most(title, _told(run), ratio, 5, " ×")
        else:
            yield Row.without_target(title, _told(run), ratio)
    yield _equal(f"Engines with equal values, {SMALL:,} contacts", list(runs.values()))


def _equal(title: str, runs: Sequence[Run]) -> Row:
    alike = sum(run["digest"] == runs[0]["digest"] for run in runs)
    return Row.at_least(title, "", alike, len(runs), "")


def _growth(large: Path, runs: dict[str, Run]) -> Iterator[Row]:
    """The report on DuckDB, and what it takes from the small workspace to the large one."""
    now, then = _measured("DuckDB", large), runs["DuckDB"]
    title = f"Report of {LARGE:,} contacts, DuckDB"
    yield Row.at_most(title, _told(now), now["seconds"], 60, " s")
    yield Row.at_most(f"{title}: peak of memory", "", now["peak"], 1500, " MB")
    yield Row.at_most(
        f"{title}: seconds / {SMALL:,} contacts",
        f"{now['seconds']:.1f} s / {then['seconds']:.1f} s",
        now["seconds"] / then["seconds"],
        12,
        " ×",
    )
    yield Row.at_most(
        f"{title}: peak of memory / {SMALL:,} contacts",
        f"{now['peak']:.0f} MB / {then['peak']:.0f} MB",
        now["peak"] / then["peak"],
        1.5,
        " ×",
    )
    memory = _measured("memory", large)
    yield Row.at_most(
        f"{title} / memory", _told(memory), now["seconds"] / memory["seconds"], 5, " ×"
    )
    yield _equal(f"Engines with equal values, {LARGE:,} contacts", [memory, now])


def _told(run: Run) -> str:
    return (
        f"{run['seconds']:.2f} s, {run['processor']:.2f} s of processors, "
        f"at most {run['peak']:,.0f} MB"
    )


def _pages(store: Path) -> Iterator[Row]:
    """The pages on DuckDB, each under filters that nobody has chosen before."""
    _tell(f"pages of {LARGE:,} contacts on DuckDB")
    found = paging.measured(streaming.environment(store))
    seconds = {page: each["seconds"] for page, each in found["pages"].items()}
    told = ", ".join(f"{page} {each:.1f}" for page, each in seconds.items())
    title = f"Pages of {LARGE:,} contacts, DuckDB"
    yield Row.at_most(f"{title}: slowest", f"{told} s", max(seconds.values()), 10, " s")
    for page in ("overview", "workload"):
        yield Row.at_most(f"{title}: {page}", "", seconds[page], 10, " s")
    yield Row.at_most(f"{title}: peak of memory", "", found["peak"], 1500, " MB")


def _before() -> Iterator[Row]:
    """The engine in memory compared with an earlier checkout, if one is given."""
    if "BEFORE" in os.environ:
        _tell("the engine in memory, before and now")
        yield from before.rows(Path(os.environ["BEFORE"]))


def _crossing(small: Path, large: Path) -> Iterator[Row]:
    """What Apache Spark shuffles and returns for each page, from the small workspace to the large
    one; nothing without its environment, which `make spark` makes."""
    if not SPARK.exists():
        return
    found = []
    for store, contacts in ((small, SMALL), (large, LARGE)):
        _tell(f"pages of {contacts:,} contacts on Apache Spark")
        found.append(json.loads(_output([SPARK, "-m", "benchmarks.paging", store]))["pages"])
    then, now = found
    for kind in ("shuffled", "returned"):
        told = ", ".join(
            f"{page} {then[page][kind] / 1e3:.0f} to {now[page][kind] / 1e3:.0f}" for page in now
        )
        most = max(now[page][kind] / max(1, then[page][kind]) for page in now)
        title = f"Bytes {kind} by Spark for a page, {LARGE:,} / {SMALL:,} contacts"
        yield Row.at_most(title, f"{told} kB", most, 1.2, " ×")


def _measured(engine: str, store: Path) -> Run:
    _tell(f"report of {store.name} contacts, {engine}")
    python = SPARK if engine == "Apache Spark" else Path(sys.executable)
    found: Run = json.loads(_output([python, "-m", "benchmarks.scale", engine, store]))
    return found


def _output(command: Sequence[str | Path]) -> bytes:
    """The last line that it prints."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    return ran.stdout.splitlines()[-1]


def main(engine: str, folder: Path) -> None:
    """Answer everything once, without caches, and print what it took."""
    store = store_of(settings.load(streaming.environment(folder), {}))
    head = store.head() if store is not None else None
    assert store is not None
    assert head is not None
    is_memory = engine == "memory"
    tables = store.read(head.last).tables if is_memory else TableBuilder().build()
    with ExitStack() as until:
        asked = _engine(engine, tables, in_store(store, head.last), until)
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


def _engine(engine: str, tables: Tables, files: Where, until: ExitStack) -> Engine:
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


if __name__ == "__main__":
    apache_spark.end_with_this_process()
    main(sys.argv[1], Path(sys.argv[2]))
