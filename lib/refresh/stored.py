"""The stored copy of a workspace's snapshot and history, as a refresher uses it.

Whatever is wrong with the store, the numbers in memory stay valid and fetching goes on: failures
are logged, and said in the notes of the state where viewers should know.
"""

import logging
import threading
from datetime import datetime

from lib.history.demo import demo_past
from lib.history.reading import History
from lib.history.recorder import Kept, Recorder
from lib.refresh.state import State
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from lib.store.storage import Store

log = logging.getLogger(__name__)

_NOT_SAVED = "This data could not be saved. After a restart it has to be fetched again."

_readers = threading.Semaphore(4)
"""Limits concurrent reads of the store at start-up, which would use up the CPU."""


class StoredCopy:
    """What the store holds of one workspace; nothing if `store` is None. Not thread-safe, except
    for `load_apart`."""

    def __init__(self, settings: Settings, store: Store | None) -> None:
        self._settings = settings
        self._store = store
        self._recorder = self._new_recorder()
        self.is_current = False
        """Whether the snapshot shown last is in the store as well."""

    def at_start(self, *, is_unneeded: bool) -> State | None:
        """What to show before the first crawl; without loading the snapshot if it `is_unneeded`.

        None if there is nothing.
        """
        if self._recorder is None:
            return None
        try:
            with _readers:
                if is_unneeded:
                    return self._unloaded(self._recorder.newest(), newer_than=None)
                kept = self._recorder.load()
        except Exception:
            # A broken store must not prevent fetching.
            log.exception("Stored snapshots could not be read")
            return None
        return self._shown(kept)

    def news(self, current: datetime | None, *, is_unneeded: bool) -> State | None:
        """What another server has committed since, if it is newer than `current` (UTC)."""
        if self._recorder is None:
            return None
        try:
            if not self._recorder.has_news():
                return None
            if is_unneeded:
                return self._unloaded(self._recorder.newest(), newer_than=current)
            kept = self._recorder.load()
        except Exception:
            # The snapshot in memory stays valid, whatever is wrong with the store.
            log.exception("What other servers have committed could not be read")
            return None
        if kept.snapshot is None or (current is not None and kept.snapshot.as_of <= current):
            return None
        log.info("Taken over from another server: %s contacts", kept.snapshot.contacts)
        return self._shown(kept)

    def load_apart(self) -> Kept:
        """Load the snapshot in another thread than the one that crawls."""
        recorder = self._new_recorder()
        try:
            return recorder.load() if recorder is not None else Kept()
        except Exception:
            log.exception("Stored snapshots could not be read")
            return Kept()

    def keep(self, snapshot: Snapshot, before: History | None) -> State:
        """Store a new snapshot and record what changed; return what to show.

        `before` is the history so far, shown if that fails.
        """
        self.is_current = False
        if self._settings.is_demo:
            return State(snapshot, history=demo_past(snapshot))
        if self._recorder is None:
            return State(snapshot, history=before)
        try:
            kept = self._recorder.save(snapshot)
        except Exception:
            # The snapshot in memory is valid, whatever happened to its copy in the store.
            log.exception("The snapshot could not be saved")
            return State(snapshot, notes=(_NOT_SAVED,), history=before)
        self.is_current = kept.is_saved
        return State(kept.snapshot, notes=kept.notes, history=kept.history or before)

    def release(self) -> None:
        """Release what is held in memory; it is read again when needed."""
        if self._recorder is not None:
            self._recorder.release()

    def _shown(self, kept: Kept) -> State:
        self.is_current = kept.snapshot is not None
        return State(kept.snapshot, notes=kept.notes, history=kept.history)

    def _unloaded(self, as_of: datetime | None, newer_than: datetime | None) -> State | None:
        """The state while a stored snapshot is not in memory, as nobody views the workspace."""
        if as_of is None or (newer_than is not None and as_of <= newer_than):
            return None
        self.is_current = True
        return State(stored=as_of)

    def _new_recorder(self) -> Recorder | None:
        if self._store is None:
            return None
        settings = self._settings
        return Recorder(
            self._store, settings.timezone, settings.history_days, settings.chosen_engine
        )
