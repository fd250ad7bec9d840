"""How many workspaces are fetched at once, and which comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MOST_AT_ONCE = 4

LOOK_EVERY = 1.0
"""Seconds between two looks of one that waits whether it still should."""


@dataclass(eq=False)
class _Waiting:
    is_wanted: Callable[[], bool]
    may_begin: threading.Event = field(default_factory=threading.Event)


class Crawls:
    """Lets at most `most` crawls run at once. Of those that wait, one that somebody waits for
    begins first, then whichever came first."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._running = 0
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    def bound(self, most: int) -> None:
        """So many from now on."""
        with self._lock:
            self._most = most
            self._let_begin()

    @contextmanager
    def turn(self, is_wanted: Callable[[], bool], stopped: threading.Event) -> Iterator[bool]:
        """Waits for a turn and counts as one of those that run. Gives False where it was `stopped`
        first. `is_wanted` is asked whenever another begins; it must not wait."""
        mine = _Waiting(is_wanted)
        with self._lock:
            self._waiting.append(mine)
            self._let_begin()
        try:
            while not mine.may_begin.wait(LOOK_EVERY):
                if stopped.is_set():
                    break
            yield mine.may_begin.is_set() and not stopped.is_set()
        finally:
            with self._lock:
                if mine.may_begin.is_set():
                    self._running -= 1
                else:
                    self._waiting.remove(mine)
                self._let_begin()

    def _let_begin(self) -> None:
        while self._waiting and self._running < self._most:
            # The first of those that are alike: `min` keeps their order.
            first = min(self._waiting, key=lambda each: not each.is_wanted())
            self._waiting.remove(first)
            self._running += 1
            first.may_begin.set()
