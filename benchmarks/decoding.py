"""Decoding and building columns: CPU and memory per contact, without a network."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.table import Row
from tests.synthetic import synthetic_contacts

PER_PAGE = 50
SAMPLE = 20_000


def bodies(contacts: int) -> Iterator[bytes]:
    """Pages of July's size. Beyond the sample, contacts repeat under new IDs."""
    sample = [
        {key: value for key, value in contact.items() if not key.startswith("_")}
        for contact in synthetic_contacts(min(contacts, SAMPLE), seed=1)
    ]
    ids = [str(contact["id"]).encode() for contact in sample]
    encoded = [msgspec.json.encode(contact) for contact in sample]
    number = 0
    for start in range(0, contacts, PER_PAGE):
        page = []
        for place in range(start, min(start + PER_PAGE, contacts)):
            known = place % len(sample)
            body = encoded[known]
            if place >= len(sample):
                number += 1
                body = body.replace(ids[known], str(8_000_000_000_000_000_000 + number).encode())
            page.append(body)
        yield b'{"data":[' + b",".join(page) + b'],"pageCount":1}'


def rows(rounds: int = 5) -> list[Row]:
    pages = list(bodies(SAMPLE))
    times: dict[str, list[float]] = {"ours": [], "alone": [], "normalize": []}
    for turn in range(rounds):
        for name, work in (("ours", _ours), ("alone", _alone), ("normalize", _normalize)):
            if name == "normalize" and turn >= 2:
                continue  # takes seconds and varies little
            started = time.process_time()
            work(pages)
            times[name].append((time.process_time() - started) / SAMPLE * 1e6)
    cpu = {name: median(each) for name, each in times.items()}
    found = [
        Row.at_least(
            "CPU of `json_normalize` with dates, tags and inboxes / decoding and columns",
            f"{cpu['normalize']:.0f} µs / {cpu['ours']:.1f} µs per contact",
            cpu["normalize"] / cpu["ours"],
            12,
            " ×",
        ),
        Row.at_most(
            "CPU of decoding and columns / msgspec decoding alone",
            f"{cpu['ours']:.1f} µs / {cpu['alone']:.1f} µs per contact",
            cpu["ours"] / cpu["alone"],
            3,
            " ×",
        ),
    ]
    return found + _memory_rows()


def _ours(pages: list[bytes]) -> None:
    from lib.chatbotx.schema import Decoder
    from lib.store.builder import TableBuilder

    decode, builder = Decoder(), TableBuilder()
    for page in pages:
        builder.add(decode(page).contacts)
    builder.build()


def _alone(pages: list[bytes]) -> None:
    """Decode the same fields into the same records, and nothing else."""
    for page in pages:
        _PLAIN.decode(page)


def _normalize(pages: list[bytes]) -> None:
    import pandas as pd

    contacts = [contact for page in pages for contact in json.loads(page)["data"]]
    frame = pd.json_normalize(contacts)
    for column in frame.columns:
        if column.endswith("At"):
            frame[column] = pd.to_datetime(frame[column], format="ISO8601", utc=True)
    pd.json_normalize(contacts, "tags", ["id"], record_prefix="tag.")
    pd.json_normalize(contacts, "contactInboxes", ["id"], record_prefix="inbox.")


def _plain_decoder() -> "msgspec.json.Decoder[object]":
    from lib.chatbotx import schema

    fields = [(each.encode_name, each.type) for each in msgspec.structs.fields(schema.Contact)]
    contact = msgspec.defstruct("Contact", [(name, kind, None) for name, kind in fields], gc=False)
    body = msgspec.defstruct("Body", [("data", list[contact])])  # type: ignore[valid-type]  # made above
    return msgspec.json.Decoder(body)


_PLAIN = _plain_decoder()


def _memory_rows() -> list[Row]:
    sizes = (10_000, 100_000, 1_000_000)
    measured = {size: _in_own_process(size) for size in sizes}
    found = [
        Row.at_most(
            f"peak memory above imports, {size:,} contacts",
            f"{measured[size]['peak'] * size / 1e6:.0f} MB",
            measured[size]["peak"],
            400,
            " B per contact",
        )
        for size in sizes[1:]
    ]
    largest = measured[sizes[-1]]
    return [
        *found,
        Row.at_most(
            "tables in memory, 1,000,000 contacts",
            f"{largest['tables']:.0f} MB",
            largest["tables"],
            140,
            " B per contact",
        ),
        Row.at_most(
            "growth of CPU per contact from 10,000 to 1,000,000",
            f"{measured[sizes[0]]['cpu']:.1f} µs to {largest['cpu']:.1f} µs",
            largest["cpu"] / measured[sizes[0]]["cpu"],
            1.3,
            " ×",
        ),
    ]


def _in_own_process(size: int) -> dict[str, float]:
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.decoding", str(size)],
        check=True,
        capture_output=True,
        text=True,
    )
    measured: dict[str, float] = json.loads(result.stdout)
    return measured


def _measure(size: int) -> dict[str, float]:
    """Peak of the resident set over that before the first page, and CPU time without that of
    generating the pages, both per contact."""
    _ours(list(bodies(PER_PAGE)))  # loads imports and reference data now
    from lib.chatbotx.schema import Decoder
    from lib.store.builder import TableBuilder

    pages = bodies(size)
    first = next(pages)  # makes the sample
    decode, builder = Decoder(), TableBuilder()
    gc.collect()
    cpu = 0.0
    with _Watch() as watch:
        for page in chain([first], pages):
            started = time.thread_time()
            builder.add(decode(page).contacts)
            cpu += time.thread_time() - started
        started = time.thread_time()
        tables = builder.build()
        cpu += time.thread_time() - started
    held = sum(int(frame.memory_usage(deep=True).sum()) for frame in tables.frames().values())
    return {"peak": watch.above / size, "cpu": cpu / size * 1e6, "tables": held / size}


class _Watch:
    """Maximum resident set while it watches, above that at its start, in bytes."""

    def __enter__(self) -> "_Watch":
        self.before = self.highest = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def above(self) -> int:
        return self.highest - self.before

    def _look(self) -> None:
        while not self._done.wait(0.002):
            self.highest = max(self.highest, _resident())


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]))))
