"""Fallback while an engine gives no answer: the last snapshot that it answered about.

That snapshot's results are cached, so it takes no further queries. Only for engines other than
memory, whose snapshots hold no tables.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lib.engines.errors import EngineError
from lib.history.reading import History
from lib.settings import Settings
from lib.store.snapshot import Snapshot

AGAIN_AFTER = 60.0
"""Seconds before the engine is asked about the newer snapshot again: failing may take it as
long."""

_Identity = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Shown:
    """The snapshot to show, and the reason why the engine did not answer about a newer one; None if
    there is no newer one."""

    snapshot: Snapshot
    history: History | None
    reason: str | None = None


@dataclass(frozen=True)
class _Trouble:
    as_of: datetime
    reason: str
    since: float


class LastGood:
    """The last good snapshot of each workspace of this process. `timer` returns monotonic
    seconds."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._good: dict[_Identity, tuple[Snapshot, History | None]] = {}
        self._trouble: dict[_Identity, _Trouble] = {}
        self._lock = threading.Lock()

    def answered(self, settings: Settings, snapshot: Snapshot, history: History | None) -> None:
        """Record that a page of the snapshot was drawn."""
        if settings.chosen_engine.is_memory:
            return
        with self._lock:
            good = self._good.get(settings.identity)
            if good is None or good[0].as_of <= snapshot.as_of:
                self._good[settings.identity] = snapshot, history

    def failed(self, settings: Settings, snapshot: Snapshot, error: EngineError) -> bool:
        """Record that no page of the snapshot can be shown. Returns whether there is an older one
        to show instead."""
        with self._lock:
            good = self._good.get(settings.identity)
            if good is None or good[0].as_of >= snapshot.as_of:
                return False
            self._trouble[settings.identity] = _Trouble(snapshot.as_of, str(error), self._timer())
            return True

    def to_show(self, settings: Settings, snapshot: Snapshot, history: History | None) -> Shown:
        """This snapshot, or for a while the last good one after the engine gave no answer."""
        with self._lock:
            good, trouble = (
                self._good.get(settings.identity),
                self._trouble.get(settings.identity),
            )
            if good is None or trouble is None or trouble.as_of != snapshot.as_of:
                return Shown(snapshot, history)
            if self._timer() - trouble.since >= AGAIN_AFTER:
                return Shown(snapshot, history)
            return Shown(*good, trouble.reason)

    def ask_again(self, settings: Settings) -> None:
        """Ask the engine again now, on a viewer's request."""
        with self._lock:
            self._trouble.pop(settings.identity, None)


LAST_GOOD = LastGood()
