"""Limit how many workspaces are crawled at once, and decide which comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MOST_AT_ONCE = 4

POLL_INTERVAL = 1.0
"""Seconds between two checks of a waiting crawl whether it has been stopped."""


@dataclass(eq=False)
class _Waiting:
    is_wanted: Callable[[], bool]
    may_begin: threading.Event = field(default_factory=threading.Event)


class Crawls:
    """Runs at most `most` crawls at once. Thread-safe.

    Crawls that somebody is waiting for start first, the others in order of arrival.
    """

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._running = 0
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Number of crawls that wait for a turn."""
        with self._lock:
            return len(self._waiting)

    @property
    def running(self) -> int:
        """Number of crawls that have a turn."""
        with self._lock:
            return self._running

    def bound(self, most: int) -> None:
        """Set the limit from now on; running crawls are not affected."""
        with self._lock:
            self._most = most
            self._start_waiting()

    @contextmanager
    def turn(self, is_wanted: Callable[[], bool], stopped: threading.Event) -> Iterator[bool]:
        """Wait for a turn, and occupy a slot within the `with` block.

        Yields False if `stopped` was set before the turn came. `is_wanted`, whether somebody waits
        for this crawl, is called whenever another one starts; it must not block.
        """
        mine = _Waiting(is_wanted)
        with self._lock:
            self._waiting.append(mine)
            self._start_waiting()
        try:
            while not mine.may_begin.wait(POLL_INTERVAL):
                if stopped.is_set():
                    break
            yield mine.may_begin.is_set() and not stopped.is_set()
        finally:
            with self._lock:
                if mine.may_begin.is_set():
                    self._running -= 1
                else:
                    self._waiting.remove(mine)
                self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and self._running < self._most:
            # `min` returns the first of equal ones, which keeps the order of arrival.
            first = min(self._waiting, key=lambda each: not each.is_wanted())
            self._waiting.remove(first)
            self._running += 1
            first.may_begin.set()
