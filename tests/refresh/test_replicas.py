"""Several servers share a store: one fetches, all show the same, and any of them may die."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bucket import options_of
from tests.fake_chatbotx import EDGE_CONTACTS, FakeChatbotx
from tests.refresh.replica import REFRESH_SECONDS
from tests.serving import ROOT

REPLICAS = 3
KILLS = 5 if os.environ.get("STORE_KILLS") == "all" else 1
PATIENCE = 60
"""In seconds; nothing here takes that long, even on a busy machine."""


class Replica:
    """A server process, and what it has shown since it was started."""

    def __init__(self, root: str, base_url: str, options: dict[str, str]) -> None:
        self.shown: list[dict[str, object]] = []
        command = [sys.executable, "-m", "tests.refresh.replica", root, base_url]
        self._process = subprocess.Popen(
            [*command, json.dumps(options)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.shown.append(json.loads(line))

    @property
    def last(self) -> dict[str, object] | None:
        return self.shown[-1] if self.shown else None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    if request.param == "folder":
        return str(tmp_path / "store"), {}
    endpoint = request.getfixturevalue("endpoint")
    return f"s3://ours/{uuid.uuid4().hex}", options_of(endpoint)


Start = Callable[[], Replica]


@pytest.fixture
def server() -> Iterator[FakeChatbotx]:
    contacts = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    with FakeChatbotx({"edge": contacts}, latency=0.05) as server:
        yield server


@pytest.fixture
def start(server: FakeChatbotx, kept: tuple[str, dict[str, str]]) -> Iterator[Start]:
    started: list[Replica] = []

    def start() -> Replica:
        started.append(Replica(kept[0], server.base_url, kept[1]))
        return started[-1]

    yield start
    for replica in started:
        replica.kill()


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def count_of(replica: Replica) -> object:
    return replica.last["contacts"] if replica.last is not None else None


def test_one_fetches_all_show_the_same_and_each_may_be_killed(
    server: FakeChatbotx, start: Start
) -> None:
    source = random.Random(4)
    replicas = [start() for _ in range(REPLICAS)]
    assert eventually(lambda: all(each.last is not None for each in replicas))
    for _ in range(KILLS):
        time.sleep(source.uniform(0, REFRESH_SECONDS + 1))
        place = source.randrange(REPLICAS)
        replicas[place].kill()
        replicas[place] = start()
    before = len(server.requests)
    assert eventually(lambda: all(each.last is not None for each in replicas))
    # Each crawl has one connection, so two concurrent requests would mean two concurrent crawls.
    assert server.max_in_flight == 1
    # Despite the killed processes, a contact inserted later is seen by all of them.
    server.workspaces["edge"].insert({**server.workspaces["edge"].contacts[0], "id": "9" * 18})
    contacts = len(server.workspaces["edge"])
    assert eventually(lambda: {count_of(each) for each in replicas} == {contacts})
    assert len(server.requests) > before
    assert eventually(lambda: len({json.dumps(each.last) for each in replicas}) == 1)
    shown = [each.shown for each in replicas]
    assert all(line == sorted(line, key=lambda each: str(each["as_of"])) for line in shown)
