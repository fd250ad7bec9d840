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
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.decoding import SAMPLE, bodies
from benchmarks.table import Row
from lib import settings
from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Verdict
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.schema import Answer, Contact, Decoder
from lib.history.reading import changes
from lib.history.recorder import Recorder, recorder_of
from lib.reference.periods import Period
from lib.store import columns
from lib.store.builder import TableBuilder
from lib.store.on_disk import Spool
from lib.store.snapshot import FiledSnapshot, TableFile

PER_PAGE = 100
WALKERS = 6
FIRST = datetime(2022, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
LATER = AS_OF + timedelta(hours=1)

MOST_MEGABYTES = 300
PATIENCE = 3600.0


def environment(folder: Path) -> dict[str, str]:
    """Environment of a server that shows the store in this folder."""
    return {
        "CHATBOTX_TOKEN": "bench",
        "CHATBOTX_OPEN_ACCESS": "yes",
        "CHATBOTX_BASE_URL": "http://127.0.0.1:9/api",  # nobody listens
        "CHATBOTX_STORE": str(folder),
        "CHATBOTX_ENGINE": "duckdb",
        "CHATBOTX_ENGINE_SECONDS": "600",
        "CHATBOTX_REFRESH_MINUTES": "10080",
    }


def rows(folder: Path, contacts: int) -> Iterator[Row]:
    """Crawl and record twice into a store in this folder, two of a hundred contacts having changed.
    Peak memory for all contacts, and CPU time compared with that of the builder in memory."""
    # Nothing of the second crawl is measured, so it may run beside the first.
    second = _begun("changed", contacts, folder / "second")
    try:
        on_disk = _ended(_begun("disk", contacts, folder / "first"))
    except BaseException:
        second.kill()
        raise
    title = f"Crawl of {contacts:,} contacts to disk"
    yield Row.at_most(
        f"{title}: peak of memory above imports",
        f"{on_disk['peak']:.0f} MB in {on_disk['seconds']:.0f} s",
        on_disk["peak"],
        MOST_MEGABYTES,
        " MB",
    )
    _ended(second)
    in_memory = _ended(_begun("memory", min(contacts, 1_000_000), folder))
    yield Row.at_most(
        f"{title}: processor / builder in memory",
        f"{on_disk['cpu']:.1f} µs / {in_memory['cpu']:.1f} µs per contact",
        on_disk["cpu"] / in_memory["cpu"],
        2,
        " ×",
    )
    history = _ended(_begun("history", contacts, folder))
    yield Row.at_most(
        f"History of {contacts:,} contacts on disk: peak of memory above imports",
        f"{history['peak']:.0f} MB in {history['seconds']:.0f} s, {history['events']:,} events",
        history["peak"],
        MOST_MEGABYTES,
        " MB",
    )


def prepare(folder: Path, contacts: int) -> None:
    """Like `rows`, without measuring anything."""
    for kind, name in (("disk", "first"), ("changed", "second")):
        _ended(_begun(kind, contacts, folder / name))
    _ended(_begun("history", contacts, folder))


def _begun(kind: str, contacts: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.streaming", kind, str(contacts), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _ended(process: subprocess.Popen[bytes]) -> dict[str, float]:
    printed, _ = process.communicate(timeout=PATIENCE)
    assert not process.returncode, process.args
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found


def main(kind: str, contacts: int, folder: Path) -> None:
    """Read them once and print the result: MB over the memory before the first contact, and CPU
    microseconds per contact, without generating them."""
    if kind == "history":
        print(json.dumps(_history(folder)))
        return
    made = map(changed, pages(contacts)) if kind == "changed" else pages(contacts)
    first = next(made)
    if kind != "memory":
        folder.mkdir()
    sink: Any = TableBuilder() if kind == "memory" else Spool(folder)
    log = CrawlLog(_NoClient(), sink.add, lambda progress: None)
    gc.collect()
    _reset_peak()
    before, began = status("VmRSS"), time.perf_counter()
    cpu = _taking(log, first)
    for page in made:
        cpu += _taking(log, page)
    started = time.process_time()
    log.verdict(AS_OF, by_key=True)
    del log
    if kind == "memory":
        sink.build()
    else:
        sink.finish()
    cpu += time.process_time() - started
    took = time.perf_counter() - began
    peak = status("VmHWM") - before
    print(json.dumps({"peak": peak, "cpu": cpu / contacts * 1e6, "seconds": took}))


def _history(folder: Path) -> dict[str, float]:
    """Record both crawls in the folder; returns what the second took, in which two of a hundred
    contacts came, went or changed."""
    recorder = recorder_of(settings.load(environment(folder), {}))
    assert isinstance(recorder, Recorder)
    recorder.save(crawled(folder / "first", AS_OF))
    second = crawled(folder / "second", LATER)
    gc.collect()
    _reset_peak()
    before, began = status("VmRSS"), time.perf_counter()
    kept = recorder.save(second)
    took = time.perf_counter() - began
    found = {"peak": status("VmHWM") - before, "seconds": took}
    assert kept.history is not None
    happened = changes(kept.history, Period(AS_OF.date(), AS_OF.date()))
    assert happened is not None
    return found | {"events": sum(happened.events.values())}


def crawled(folder: Path, as_of: datetime) -> FiledSnapshot:
    """The snapshot of a crawl in this folder."""
    files = {name: _file(folder / f"{name}.parquet") for name in columns.names()}
    return FiledSnapshot(_not_read, files["contacts"].rows, Verdict(as_of), "299", files=files)


def _file(path: Path) -> TableFile:
    file = pq.ParquetFile(path)
    schema = columns.schema_of(file.schema_arrow.empty_table())
    return TableFile(path, schema, file.metadata.num_rows)


def changed(page: Answer) -> Answer:
    """The page an hour later: a contact is new instead of another, one lost its tags, and two were
    answered."""
    for contact in page.contacts[:1]:
        contact.id = f"2{(contact.id or '')[1:]}"
        contact.created_at = _stamp(AS_OF + timedelta(minutes=30))
    for contact in page.contacts[1:2]:
        contact.tags = []
    for contact in page.contacts[2:4]:
        if contact.conversation is not None:
            after = timedelta(milliseconds=int(contact.id or "") * 7919 % 3_600_000)
            contact.conversation = copy.copy(contact.conversation)
            contact.conversation.admin_replied_at = _stamp(AS_OF + after)
    return page


def _taking(log: CrawlLog, page: Answer) -> float:
    started = time.process_time()
    log.take(page, [contact.created_at or "" for contact in page.contacts])
    return time.process_time() - started


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
    found.created_at = _stamp(FIRST + number * step)
    return found


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
