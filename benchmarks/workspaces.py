"""Two hundred workspaces on one server without viewers: start-up time and memory, compared with as
many workspaces always in memory."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.counting import synthetic_tables
from benchmarks.table import Row
from lib.chatbotx.crawl import Verdict
from lib.refresh import refreshers
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from lib.store.storage import Store, store_of

MANY = 200
CONTACTS = 20_000
PATIENCE = 600.0
"""Timeout in seconds for all of them."""


def rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        _fill(workspaces(MANY, folder))
        few, many = (_measured(number, folder) for number in (refreshers.FEW, MANY))
    title = f"{MANY} workspaces of {CONTACTS:,} contacts, nobody looks"
    each = (many["memory"] - few["empty"]) / MANY
    in_memory = (few["memory"] - few["empty"]) / refreshers.FEW
    return [
        Row.at_most(f"{title}: begun", "", many["begun"], 2, " s"),
        Row.at_most(f"{title}: what is stored is known", "", many["known"], 30, " s"),
        Row.at_most(
            f"{title}: memory of each / of one that is looked at",
            f"{each:.2f} MB / {in_memory:.2f} MB",
            each / in_memory,
            0.2,
            " ×",
        ),
    ]


def workspaces(number: int, folder: str) -> list[Settings]:
    return [Settings(token=f"token-{each}", store=folder, name=str(each)) for each in range(number)]


def _fill(configured: Sequence[Settings]) -> None:
    """Store the same snapshot for each, fresh enough that nothing is fetched."""
    first, *others = (_store(each) for each in configured)
    verdict = Verdict(datetime.now(UTC))
    first.commit(None, Snapshot(synthetic_tables(CONTACTS), verdict, "1"))
    for other in others:
        shutil.copytree(first.place.root, other.place.root)


def _store(settings: Settings) -> Store:
    store = store_of(settings)
    assert store is not None
    return store


def _measured(number: int, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.workspaces", str(number), folder]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main(number: int, folder: str) -> None:
    """Start them, and print the seconds until they have started and until it is known what is
    stored for each, and the memory of this process before and after, in MB."""
    configured = workspaces(number, folder)
    empty, began = _memory(), time.perf_counter()
    refreshers.start_all(configured)
    begun = time.perf_counter() - began
    for settings in configured:
        assert refreshers.refresher_of(settings).wait(PATIENCE).as_of is not None
    known = time.perf_counter() - began
    print(json.dumps({"begun": begun, "known": known, "empty": empty, "memory": _memory()}))
    refreshers.stop_all()


def _memory() -> float:
    """Resident set of this process, in MB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1]) / 1e3


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
