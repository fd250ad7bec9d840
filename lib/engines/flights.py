"""Results on their way: who waits for one, how a page shows that, and what ends one that nobody
waits for any more.

Where somebody watches, as a page does that another engine than memory answers, a result is computed
in a thread of its own, and whoever asked may go away. It goes on while anybody waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

GRACE = 1.0
"""Seconds that a result goes on that nobody waits for: a page that is drawn anew asks for it
again."""

STEP = 0.2
"""Seconds between two looks of a thread that waits whether it still should."""


class Cancelled(Exception):
    """Nobody waits for the result any more."""


class Flight:
    """One result that is being computed."""

    def __init__(self) -> None:
        self.result: object = None
        self.error: BaseException | None = None
        self.is_cancelled = False
        self._over = threading.Event()
        self._lock = threading.RLock()
        self._waiting = 0
        self._interrupt: Callable[[], None] | None = None
        self._progress: Callable[[], float | None] | None = None

    def compute(self, compute: Callable[[], object]) -> None:
        """Keeps the result, or what was raised."""
        token = _own.set(self)
        try:
            self.result = compute()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            self.error = error
        finally:
            _own.reset(token)
            self._over.set()

    def begin(self, compute: Callable[[], object]) -> None:
        """The same in a thread of its own."""
        context = copy_context()
        context.run(_watch.set, _wait_unless_cancelled)
        threading.Thread(
            target=context.run, args=(self.compute, compute), name="answer", daemon=True
        ).start()

    def is_over(self, seconds: float | None = 0.0) -> bool:
        """Waits up to so many seconds, or until it is (None)."""
        return self._over.wait(seconds)

    @property
    def share(self) -> float | None:
        """Of the work that is done, 0 to 1; None where nobody knows."""
        with self._lock:
            return self._progress() if self._progress is not None else None

    @contextmanager
    def waited_for(self) -> Iterator[None]:
        """Counts as one that waits. When the last has gone, an unfinished one ends: a while later,
        unless that was told to end itself."""
        with self._lock:
            self._waiting += 1
        grace = GRACE
        try:
            yield
        except Cancelled:
            grace = 0.0
            raise
        finally:
            with self._lock:
                self._waiting -= 1
                is_alone = not self._waiting and not self._over.is_set()
            if is_alone:
                later = threading.Timer(grace, self._cancel_if_unwanted)
                later.daemon = True
                later.start()

    @contextmanager
    def ended_by(
        self, interrupt: Callable[[], None], progress: Callable[[], float | None] | None
    ) -> Iterator[None]:
        """Within, what it is working on. Raises Cancelled where it is not wanted any more."""
        with self._lock:
            if self.is_cancelled:
                raise Cancelled
            self._interrupt, self._progress = interrupt, progress
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = self._progress = None

    def _cancel_if_unwanted(self) -> None:
        with self._lock:
            if self._waiting or self._over.is_set() or self.is_cancelled:
                return
            self.is_cancelled = True
            if self._interrupt is not None:
                self._interrupt()


Watch = Callable[[Flight], None]
"""Comes back when a flight is over, or raises to give it up."""


def wait_for(flight: Flight) -> None:
    """Until it is over, as this thread is told to wait."""
    watch = _watch.get()
    with flight.waited_for():
        if watch is None:
            flight.is_over(None)
        else:
            watch(flight)


def is_watched() -> bool:
    """Whether somebody sees that this thread waits, and may go away meanwhile."""
    return _watch.get() is not None


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Within, this thread waits for results in this way."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def ended_by(
    interrupt: Callable[[], None], progress: Callable[[], float | None] | None = None
) -> Iterator[None]:
    """Within, `interrupt` is called when nobody wants any more what this thread works on; never
    after. Raises Cancelled."""
    own = _own.get()
    if own is None:
        yield
        return
    with own.ended_by(interrupt, progress):
        yield


class PatientLock:
    """A lock that a thread waits for only while somebody wants what it works on: raises Cancelled.
    May be taken again by the thread that holds it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        own = _own.get()
        while not self._lock.acquire(timeout=STEP):
            if own is not None and own.is_cancelled:
                raise Cancelled

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _wait_unless_cancelled(flight: Flight) -> None:
    """A result that needs another one waits for it while it is wanted itself."""
    own = _own.get()
    if own is None:
        flight.is_over(None)
        return
    with own.ended_by(lambda: None, lambda: flight.share):
        while not flight.is_over(STEP):
            if own.is_cancelled:
                raise Cancelled


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_own: ContextVar[Flight | None] = ContextVar("own", default=None)
