"""Limits how many pages are computed at once.

Each viewer's script runs in its own thread, and all threads share one interpreter. Thirty scripts
at once take as long as thirty in turn, but keep the server from sending finished pages.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

MOST_AT_ONCE = 3


class Turns:
    """A semaphore that is fair to viewers: each has a queue, all are served in rotation."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._free = most
        self._waiting: OrderedDict[str, deque[threading.Event]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Number of pages that wait for a turn."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def take(self, viewer: str) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            handed_over = threading.Event()
            self._waiting.setdefault(viewer, deque()).append(handed_over)
        handed_over.wait()

    def give_back(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            viewer, queue = self._waiting.popitem(last=False)
            queue.popleft().set()
            if queue:
                self._waiting[viewer] = queue


_turns = Turns()
_own = threading.local()


def _viewer() -> str:
    """Who waits: a person, or else where they come from."""
    email = st.user.to_dict().get("email")
    return str(email) if email else f"at {st.context.ip_address}"


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one of the `MOST_AT_ONCE` turns, and hold it."""
    viewer = _viewer()
    _turns.take(viewer)
    _own.viewer = viewer
    try:
        yield
    finally:
        _own.viewer = None
        _turns.give_back()


@contextmanager
def given_back() -> Iterator[None]:
    """Release the turn while waiting for something. Does nothing in threads without a turn, such as
    a fragment's."""
    viewer = getattr(_own, "viewer", None)
    if viewer is None:
        yield
        return
    _turns.give_back()
    try:
        yield
    finally:
        _turns.take(viewer)
