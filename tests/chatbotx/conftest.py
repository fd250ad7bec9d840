"""Fixtures that hold for every test of the client and the crawl."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

LONGEST_TEST = 240.0
"""In seconds. A crawl that hangs should fail its own test, however busy the machine is."""

OURS = ("walker-", "crawl", "watchdog")


@pytest.fixture(autouse=True)
def _no_test_hangs() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"still running after {LONGEST_TEST:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_TEST)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    give_up = time.monotonic() + 30
    while left := [
        thread
        for thread in threading.enumerate()
        if thread not in before and thread.name.startswith(OURS)
    ]:
        assert time.monotonic() < give_up, f"still alive: {left}"
        time.sleep(0.001)
