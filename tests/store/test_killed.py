"""Processes that save concurrently, and processes killed while saving.

A commit is divided into steps: before, halfway through and after each file is written, before and
after each version is committed, and before and after each file is removed. Processes are killed in
each step: by default in a few, with `STORE_KILLS=all` in all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lib.chatbotx.crawl import Verdict
from lib.history.reading import changes
from lib.history.recorder import Kept, Recorder
from lib.reference.periods import Period
from lib.store.place import Place
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.history.states import contact, tables_of
from tests.workspaces import AS_OF

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and kills")

IS_WHOLE = os.environ.get("STORE_KILLS") == "all"
STRIDE = 1 if IS_WHOLE else 19
"""A prime, so that even a few kills hit all kinds of steps."""

NURSERY = """
import itertools, json, os, signal, sys, time
from pathlib import Path
from lib.history.recorder import Recorder
from lib.store import delta
from lib.store.place import Place
from lib.store.storage import Store
from tests.store.test_killed import snapshot

signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def say(word):
    os.write(1, f"{os.getpid()} {word}\\n".encode())

def hang_in(number):
    steps = itertools.count()

    def step():
        if next(steps) == number:
            say("hangs")
            time.sleep(600)

    def around(function):
        def stepping(*given, **named):
            step()
            found = function(*given, **named)
            step()
            return found
        return stepping

    def write(place, name, data, whole=Place.write):
        step()
        path = place.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(memoryview(data)[: data.size // 2])
        step()
        path.unlink()
        whole(place, name, data)
        step()

    Place.write = write
    Place.remove = around(Place.remove)
    made = delta.create_table_with_add_actions
    delta.create_table_with_add_actions = around(made)
    committed = delta.DeltaTable.create_write_transaction
    delta.DeltaTable.create_write_transaction = around(committed)

for line in sys.stdin:
    folder, code = json.loads(line)
    if not os.fork():
        recorder = Recorder(Store(Place(folder)))
        exec(code)
        say("is done")
        os._exit(0)
"""
"""A process with everything loaded, whose forks share its start-up time."""


def snapshot(number: int) -> Snapshot:
    """A snapshot with one contact joining and one deleted each time; three in all."""
    there = [contact(each) for each in range(number, number + 3)]
    return Snapshot(tables_of(there), Verdict(AS_OF + timedelta(hours=number)), "299")


class Nursery:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, folder: Path, code: str) -> None:
        """Run `code` in a new process, with a recorder in that folder."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(folder), code]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> tuple[int, str]:
        """The next line, and the process that wrote it."""
        assert self._process.stdout is not None
        process, _, word = self._process.stdout.readline().strip().partition(" ")
        return int(process), word

    def close(self) -> None:
        self._process.communicate(timeout=120)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(process, 0)
            time.sleep(0.001)


def recorder_in(folder: Path) -> Recorder:
    return Recorder(Store(Place(str(folder))))


def number_of(kept: Kept) -> int | None:
    """Which of the snapshots of `snapshot` it is; it must be complete."""
    assert kept.notes == ()
    if kept.snapshot is None:
        return None
    assert kept.snapshot.contacts == 3
    return int((kept.snapshot.as_of - AS_OF) / timedelta(hours=1))


def joined_and_deleted(kept: Kept) -> tuple[int, int]:
    assert kept.history is not None
    found = changes(kept.history, Period.last(9, AS_OF + timedelta(days=2), "UTC"))
    assert found is not None
    assert found.bridge.opening == found.bridge.closing == 3
    return found.events["joined"], found.events["deleted"]


@pytest.mark.parametrize("saved_before", [0, 4], ids=["the first commit", "a later one"])
def test_a_process_killed_in_any_step_of_a_commit_loses_nothing(
    nursery: Nursery, tmp_path: Path, saved_before: int
) -> None:
    before = tmp_path / "before"
    for number in range(saved_before):
        assert recorder_in(before).save(snapshot(number)).notes == ()
    kills = 0
    for step in range(0, 1000, STRIDE):
        folder = tmp_path / f"step {step}"
        if before.exists():
            shutil.copytree(before, folder)
        nursery.begin(folder, f"hang_in({step})\nrecorder.save(snapshot({saved_before}))")
        process, said = nursery.hear()
        if said == "is done":
            break
        assert said == "hangs"
        kill(process)
        kills += 1
        kept = recorder_in(folder).load()
        found = number_of(kept)
        assert found in ({saved_before} | ({saved_before - 1} if saved_before else {None}))
        if found is not None:
            assert joined_and_deleted(kept) == (found, found)
        kept = recorder_in(folder).save(snapshot(saved_before + 1))
        assert number_of(kept) == saved_before + 1
        # Nothing is recorded twice, nothing is missing.
        expected = saved_before + 1 if found is not None else 0
        assert joined_and_deleted(kept) == (expected, expected)
        shutil.rmtree(folder)
    print(f"{kills} kills")  # noqa: T201 - shown with -s
    assert kills >= (60 if IS_WHOLE else 3)


def test_processes_that_save_at_once_record_what_happened_once(
    nursery: Nursery, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    recorder_in(folder).save(snapshot(0))
    for first in (1, 2):
        nursery.begin(folder, f"for n in range({first}, 13, 2): recorder.save(snapshot(n))")
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(nursery.hear()[1] for _ in range(2)))
    listener.start()
    looked = 0
    while listener.is_alive():
        kept = recorder_in(folder).load()
        number_of(kept)
        joined, deleted = joined_and_deleted(kept)
        assert joined == deleted
        looked += 1
    assert said == ["is done", "is done"]
    assert looked
    kept = recorder_in(folder).save(snapshot(13))
    assert number_of(kept) == 13
    assert kept.history is not None
    # In whatever order they ran, recorded time only moves forward, and its steps add up.
    recorded = kept.history.recorded
    assert (recorded[1:] > recorded[:-1]).all()
    steps = (recorded[1:] - recorded[:-1]).astype("timedelta64[h]").astype(int)
    expected = sum(min(3, int(step)) for step in steps)
    assert joined_and_deleted(kept) == (expected, expected)
