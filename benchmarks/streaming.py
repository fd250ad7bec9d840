"""A crawl of a large workspace to disk: CPU and peak memory.

Decoded contacts are generated and passed through the crawl's own bookkeeping into the spool;
nothing is transferred.
"""

import copy
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.decoding import SAMPLE, bodies
from benchmarks.table import Row
from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Verdict
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.schema import Answer, Contact, Decoder
from lib.history.reading import changes
from lib.history.recorder import Recorder
from lib.reference.periods import Period
from lib.settings.model import ChosenEngine
from lib.store.builder import TableBuilder
from lib.store.on_disk import Spool
from lib.store.place import Place
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import Store

PER_PAGE = 100
WALKERS = 6
FIRST = datetime(2022, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)

MOST_MEGABYTES = 300
PATIENCE = 3600.0


def rows(contacts: int) -> list[Row]:
    """Peak memory for all contacts, and CPU time compared with that of the builder in memory."""
    on_disk = _in_own_process("disk", contacts)
    in_memory = _in_own_process("memory", min(contacts, 1_000_000))
    history = _in_own_process("history", contacts)
    title = f"Crawl of {contacts:,} contacts to disk"
    return [
        Row.at_most(
            f"{title}: peak of memory above imports",
            f"{on_disk['peak']:.0f} MB in {on_disk['seconds']:.0f} s",
            on_disk["peak"],
            MOST_MEGABYTES,
            " MB",
        ),
        Row.at_most(
            f"{title}: processor / builder in memory",
            f"{on_disk['cpu']:.1f} µs / {in_memory['cpu']:.1f} µs per contact",
            on_disk["cpu"] / in_memory["cpu"],
            2,
            " ×",
        ),
        Row.at_most(
            f"History of {contacts:,} contacts on disk: peak of memory above imports",
            f"{history['peak']:.0f} MB in {history['seconds']:.0f} s, {history['events']:,} events",
            history["peak"],
            MOST_MEGABYTES,
            " MB",
        ),
    ]


def _in_own_process(kind: str, contacts: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.streaming", kind, str(contacts)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main(kind: str, contacts: int) -> None:
    """Read them once and print the result: MB over the memory before the first contact, and CPU
    microseconds per contact, without generating them."""
    if kind == "history":
        print(json.dumps(_history(contacts)))
        return
    made = pages(contacts)
    first = next(made)
    with TemporaryDirectory() as folder:
        store = Store(Place(folder))
        sink: Any = Spool(Path(folder)) if kind == "disk" else TableBuilder()
        log = CrawlLog(_NoClient(), sink.add, lambda progress: None)
        gc.collect()
        _reset_peak()
        before, began = status("VmRSS"), time.perf_counter()
        cpu = _taking(log, first)
        for page in made:
            cpu += _taking(log, page)
        started = time.process_time()
        verdict = log.verdict(AS_OF, by_key=True)
        del log
        if kind == "disk":
            _keep(store, sink, verdict)
        else:
            sink.build()
        cpu += time.process_time() - started
        took = time.perf_counter() - began
        peak = status("VmHWM") - before
    print(json.dumps({"peak": peak, "cpu": cpu / contacts * 1e6, "seconds": took}))


def _history(contacts: int) -> dict[str, float]:
    """What recording takes of a crawl in which two of a hundred contacts came, went or changed."""
    with TemporaryDirectory() as folder:
        recorder = Recorder(Store(Place(f"{folder}/store")), engine=ChosenEngine("duckdb"))
        recorder.save(crawled(Path(folder, "first"), pages(contacts), AS_OF))
        second = crawled(
            Path(folder, "second"), map(changed, pages(contacts)), AS_OF + timedelta(hours=1)
        )
        gc.collect()
        _reset_peak()
        before, began = status("VmRSS"), time.perf_counter()
        kept = recorder.save(second)
        took = time.perf_counter() - began
        found = {"peak": status("VmHWM") - before, "seconds": took}
        assert kept.history is not None
        period = Period(AS_OF.date(), AS_OF.date())
        happened = changes(kept.history, period)
        assert happened is not None
        return found | {"events": sum(happened.events.values())}


def crawled(folder: Path, pages: Iterable[Answer], as_of: datetime) -> FiledSnapshot:
    folder.mkdir()
    spool = Spool(folder)
    for page in pages:
        spool.add(page.contacts)
    files = spool.finish()
    return FiledSnapshot(_not_read, files["contacts"].rows, Verdict(as_of), "299", files=files)


def changed(page: Answer) -> Answer:
    for contact in page.contacts[:1]:
        contact.id = f"2{(contact.id or '')[1:]}"
        contact.created_at = f"{AS_OF + timedelta(minutes=30):%Y-%m-%dT%H:%M:%S}.000Z"
    for contact in page.contacts[1:2]:
        contact.tags = []
    return page


def _taking(log: CrawlLog, page: Answer) -> float:
    started = time.process_time()
    log.take(page, [contact.created_at or "" for contact in page.contacts])
    return time.process_time() - started


def _keep(store: Store, spool: Spool, verdict: Verdict) -> None:
    files = spool.finish()
    snapshot = FiledSnapshot(_not_read, files["contacts"].rows, verdict, "299", files=files)
    store.commit(None, snapshot)


def _not_read() -> Any:
    raise AssertionError("Nobody has to read the tables.")


def pages(contacts: int) -> Iterator[Answer]:
    """Pages as fetched by several walkers, each from a range of creation times."""
    decode = Decoder()
    sample = [each for body in bodies(SAMPLE) for each in decode(body).contacts]
    step = (AS_OF - FIRST) / contacts
    each_has = -(-contacts // WALKERS)
    for start in range(0, each_has, PER_PAGE):
        for walker in range(WALKERS):
            begin = walker * each_has
            end = min(begin + each_has, contacts)
            numbers = range(begin + start, min(begin + start + PER_PAGE, end))
            if numbers:
                yield Answer([_contact(sample, number, step) for number in numbers])


def _contact(sample: list[Contact], number: int, step: timedelta) -> Contact:
    found = copy.copy(sample[number * 7919 % len(sample)])
    found.id = str(10**18 + number)
    moment = (FIRST + number * step).isoformat(timespec="milliseconds")
    found.created_at = moment.replace("+00:00", "Z")
    return found


class _NoClient(Client):
    """Stands in for a client, whose request counts the log reports."""

    def __init__(self) -> None:
        self.requests = self.retries = 0


def status(name: str, process: str = "self") -> float:
    """A memory figure of a process, by its name in /proc, in MB."""
    text = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(name))
    return float(line.split()[1]) / 1e3


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
