"""Results in flight: who is waiting for one, how a page shows that, and what cancels one that
nobody waits for.

If the caller is watched, as on a page answered by an engine other than memory, the result is
computed in a separate thread and the caller may leave. The computation continues while anybody
waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

GRACE = 1.0
"""Seconds before a result that nobody waits for is cancelled: a redrawn page asks for it again."""

STEP = 0.2
"""Polling interval, in seconds, of a thread that waits."""


class Cancelled(Exception):
    """Nobody waits for the result any more."""


class Flight:
    """A result being computed."""

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
        """Compute, and store the result or the exception."""
        token = _own.set(self)
        try:
            self.result = compute()
        except BaseException as error:  # noqa: BLE001 - re-raised by those who wait
            self.error = error
        finally:
            _own.reset(token)
            self._over.set()

    def begin(self, compute: Callable[[], object]) -> None:
        """Compute in a separate thread."""
        context = copy_context()
        context.run(_watch.set, _wait_unless_cancelled)
        threading.Thread(
            target=context.run, args=(self.compute, compute), name="answer", daemon=True
        ).start()

    def is_over(self, seconds: float | None = 0.0) -> bool:
        """Wait up to that many seconds (None: without limit); returns whether it is finished."""
        return self._over.wait(seconds)

    @property
    def share(self) -> float | None:
        """Share of the work done, 0 to 1; None if unknown."""
        with self._lock:
            return self._progress() if self._progress is not None else None

    @contextmanager
    def waited_for(self) -> Iterator[None]:
        """Context in which the caller counts as waiting. When the last one leaves, an unfinished
        computation is cancelled after `GRACE`, or at once if the last one was itself cancelled."""
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
        """Context in which `interrupt` cancels the work and `progress` reports it. Raises Cancelled
        if the result is no longer wanted."""
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
        self._interrupt_until_it_ends()

    def _interrupt_until_it_ends(self) -> None:
        """Repeatedly, since DuckDB forgets an interruption that precedes the query."""
        is_over = False
        while not is_over:
            with self._lock:
                if self._interrupt is None:
                    return
                self._interrupt()
            is_over = self.is_over(STEP)


Watch = Callable[[Flight], None]
"""Waits for a flight: returns when it is finished, or raises to give up."""


def wait_for(flight: Flight) -> None:
    """Wait until it is finished, in the way set by `watched`."""
    watch = _watch.get()
    with flight.waited_for():
        if watch is None:
            flight.is_over(None)
        else:
            watch(flight)


def is_watched() -> bool:
    """Whether this thread's waiting is shown to somebody, who may leave meanwhile."""
    return _watch.get() is not None


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Context in which this thread waits for results by calling `watch`."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def ended_by(
    interrupt: Callable[[], None], progress: Callable[[], float | None] | None = None
) -> Iterator[None]:
    """Context in which `interrupt` is called if this thread's result is no longer wanted, but never
    after it. Raises Cancelled."""
    own = _own.get()
    if own is None:
        yield
        return
    with own.ended_by(interrupt, progress):
        yield


class PatientLock:
    """A reentrant lock; waiting for it raises Cancelled if the thread's result is no longer
    wanted."""

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
    """Wait for another result while one's own is wanted."""
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
