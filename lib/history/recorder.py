"""Stores snapshots of a workspace and records what changes between them.

Runs where the crawl ends, not where viewers wait. No failure here prevents current numbers from
being shown: a note says what is not recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from lib.history import comparison_state, events, levels
from lib.history.compaction import Compaction
from lib.history.compare import COMPARED, compare
from lib.history.reading import History
from lib.history.recorded import Recorded, baseline
from lib.history.stored import Cache, StoredHistory
from lib.reference import formatting
from lib.settings import ChosenEngine, Settings
from lib.store.delta import Overtaken
from lib.store.packed import PackedTable
from lib.store.place import StoreError, Unreadable
from lib.store.snapshot import FiledSnapshot, Snapshot, TableFile
from lib.store.snapshot_rows import Head, Row
from lib.store.storage import Change, Recording, Store, store_of

log = logging.getLogger(__name__)

_MEMORY = ChosenEngine()

ATTEMPTS = 5
"""Attempts to commit when other processes commit first."""

TIDY_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Kept:
    """The last stored snapshot, the recorded history (None: there is none, or it cannot be read),
    and notes about what could not be stored."""

    snapshot: Snapshot | None = None
    history: History | None = None
    notes: tuple[str, ...] = ()
    is_saved: bool = False


@dataclass(frozen=True)
class _Last:
    number: int
    recorded: Recorded


class Recorder:
    """Recorder of one workspace. Not thread-safe."""

    def __init__(
        self,
        store: Store,
        timezone: str = "UTC",
        history_days: int = 400,
        engine: ChosenEngine = _MEMORY,
    ) -> None:
        self._store = store
        self._timezone = timezone
        self._engine = engine
        self._kept_for = timedelta(days=history_days)
        self._last: _Last | None = None
        self._cache = Cache()
        self._number = 0
        self._tidied: datetime | None = None
        self._damaged: set[str] = set()
        """Files of the history that cannot be read: see `Compaction`."""

    def load(self) -> Kept:
        """The stored snapshot and history."""
        # By the state that the snapshot was loaded from, so that later commits are news.
        snapshot, notes, head = self._store.load_with_head(tables=self._engine.is_memory)
        if head is None:
            return Kept(snapshot, None, notes)
        self._number = head.last.number
        return Kept(snapshot, self._history(head, snapshot), notes)

    def newest(self) -> datetime | None:
        """Time of the last stored snapshot (UTC), without loading it; None if there is none. Raises
        StoreError."""
        head = self._store.head()
        self._number = head.last.number if head is not None else 0
        return head.last.as_of if head is not None else None

    def release(self) -> None:
        """Release what is held in memory; it is read again when needed."""
        self._last = None
        self._cache = Cache()

    def has_news(self) -> bool:
        """Whether another process has committed since this recorder last looked. Raises
        StoreError."""
        head = self._store.head()
        return head is not None and head.last.number > self._number

    def open(self) -> Kept:
        """The recorded history, without the snapshot."""
        try:
            head = self._store.head()
        except StoreError as why:
            return Kept(notes=(f"What was recorded before cannot be read: {why}.",))
        return Kept(history=self._history(head, None)) if head is not None else Kept()

    def save(self, snapshot: Snapshot) -> Kept:
        """Store a snapshot and record what has changed since the previously recorded one."""
        try:
            head, notes = self._save(snapshot)
            if isinstance(snapshot, FiledSnapshot):
                snapshot = self._store.refer(head.last)
        except (StoreError, Unreadable) as why:
            log.warning("The snapshot could not be saved: %s.", why)
            note = (
                f"This data could not be saved: {why}. After a restart it has to be fetched again, "
                "and what changes meanwhile is not recorded."
            )
            return Kept(snapshot, None, (note,))
        return Kept(snapshot, self._history(head, snapshot), notes, is_saved=True)

    def _save(self, snapshot: Snapshot) -> tuple[Head, tuple[str, ...]]:
        for _ in range(ATTEMPTS):
            head = self._store.head()
            notes = self._emptied(head)
            if head is not None and head.last.as_of == snapshot.as_of:
                return head, notes
            if head is not None and not _may_be_of(snapshot, head):
                raise StoreError("another workspace's data is kept there")
            recording, after, not_recorded = self._recorded(head, snapshot)
            try:
                head = self._store.commit(head, snapshot, recording)
            except Overtaken:
                continue
            self._number = head.last.number
            if after is not None:
                self._last = _Last(head.last.number, after)
            self._tidy(head)
            return head, (*notes, *not_recorded)
        raise StoreError("other processes kept committing first")

    def _recorded(
        self, head: Head | None, snapshot: Snapshot
    ) -> tuple[Recording | None, Recorded | None, tuple[str, ...]]:
        """What to record of a snapshot, the recorded snapshot if it is in memory, and notes. Raises
        StoreError and Unreadable."""
        if isinstance(snapshot, FiledSnapshot) and snapshot.files is not None:
            return self._record_on_disk(head, snapshot, snapshot.files)
        before, why = self._before(head)
        recording, after, not_recorded = self._record(head, before, snapshot)
        return recording, after, (*why, *not_recorded)

    def _record(
        self, head: Head | None, before: Recorded | None, snapshot: Snapshot
    ) -> tuple[Recording | None, Recorded | None, tuple[str, ...]]:
        doubtful = snapshot.verdict.doubtful
        if doubtful is None:
            return None, None, (_INCOMPLETE,)
        if before is None:
            found, after = events.none(), baseline(snapshot.as_of, snapshot.tables)
        elif snapshot.as_of <= before.as_of:
            return None, None, (_not_newer(self._moment(before.as_of)),)
        else:
            transition = compare(before, snapshot.as_of, snapshot.tables, doubtful)
            found, after = transition.events, transition.after
        previous = before.as_of if before is not None else None
        state = comparison_state.to_table(after)
        recording = self._recording(head, snapshot, previous, found, levels.levels(after), state)
        return recording, after, ()

    def _record_on_disk(
        self, head: Head | None, snapshot: Snapshot, files: Mapping[str, TableFile]
    ) -> tuple[Recording | None, None, tuple[str, ...]]:
        # Imported here because only crawls to disk need them.
        from lib.history import in_batches
        from lib.store.batches import TableFiles

        doubtful, as_of = snapshot.verdict.doubtful, snapshot.as_of
        row = head.last_recorded if head is not None else None
        if doubtful is None:
            return None, None, (_INCOMPLETE,)
        if row is not None and as_of <= row.as_of:
            return None, None, (_not_newer(self._moment(row.as_of)),)
        now = TableFiles({name: file.path for name, file in files.items()})
        notes: tuple[str, ...] = ()
        found = previous = None
        if head is not None and row is not None:
            try:
                with TemporaryDirectory(prefix="chatbotx-history-") as folder:
                    then = TableFiles(self._store.local_files(row, Path(folder)), COMPARED)
                    before = in_batches.Before(row.as_of, then, self._state(head))
                    found, previous = in_batches.record(before, as_of, now, doubtful), row.as_of
            except Unreadable as why:
                notes = (_not_known(self._moment(row.as_of), why),)
        if found is None:
            found = in_batches.record(None, as_of, now, doubtful)
        recording = self._recording(
            head, snapshot, previous, found.events, found.levels, found.state
        )
        return recording, None, notes

    def _recording(
        self,
        head: Head | None,
        snapshot: Snapshot,
        previous: datetime | None,
        found: pa.Table | PackedTable,
        its_levels: pa.Table,
        state: pa.Table,
    ) -> Recording:
        forget = snapshot.as_of - self._kept_for
        forget = forget.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        compaction = Compaction(
            self._store, head, snapshot.as_of, forget, self._timezone, self._damaged
        )
        changes = {
            "events": compaction.events(found),
            "levels": compaction.levels(its_levels),
            "carried": self._carried(head, state),
        }
        return Recording(previous, changes, forget)

    def _carried(self, head: Head | None, state: pa.Table) -> Change:
        old = head.last.files.get("carried", ()) if head is not None else ()
        return Change(comparison_state.schema(), [("carried", state)], frozenset(old))

    def _state(self, head: Head) -> pa.Table:
        """The state kept for the last recorded snapshot. Raises StoreError and Unreadable."""
        files = head.last.files.get("carried", ())
        if len(files) != 1:
            raise Unreadable("a table of it is missing")
        return self._store.table("carried").get_as(comparison_state.schema(), files[0])

    def _before(self, head: Head | None) -> tuple[Recorded | None, tuple[str, ...]]:
        """The recorded snapshot to compare with, or None, and notes. Raises StoreError."""
        row = head.last_recorded if head is not None else None
        if head is None or row is None:
            return None, ()
        if (held := self._held(row)) is not None:
            return held, ()
        try:
            return self._restore(head), ()
        except Unreadable as why:
            return None, (_not_known(self._moment(row.as_of), why),)

    def _held(self, row: Row) -> Recorded | None:
        """The recorded snapshot of this row if it is in memory.

        Another may have the same number, where the rows written last have been lost.
        """
        last = self._last
        is_that = last is not None and (last.number, last.recorded.as_of) == (row.number, row.as_of)
        return last.recorded if last is not None and is_that else None

    def _restore(self, head: Head, snapshot: Snapshot | None = None) -> Recorded:
        """The last recorded snapshot. Raises StoreError and Unreadable."""
        row = head.last_recorded
        if row is None:
            raise Unreadable("nothing has been recorded")
        if (held := self._held(row)) is not None:
            return held
        if snapshot is None or snapshot.as_of != row.as_of:
            snapshot = self._store.read(row, COMPARED)
        return comparison_state.restore(snapshot, self._state(head))

    def _history(self, head: Head, snapshot: Snapshot | None) -> History | None:
        if head.last_recorded is None:
            return None
        if not self._engine.is_memory:
            from lib.history.in_store import history_in

            return history_in(self._engine, self._store, head)
        latest = partial(self._restore, head, snapshot)
        return StoredHistory(self._store, head, latest, self._cache)

    def _moment(self, as_of: datetime) -> str:
        return formatting.moment(as_of, self._timezone)

    def _emptied(self, head: Head | None) -> tuple[str, ...]:
        number = head.last.number if head is not None else 0
        was, self._number = self._number, number
        if number >= was:
            return ()
        return (_EMPTIED if head is None else _LOST,)

    def _tidy(self, head: Head) -> None:
        if self._tidied is not None and head.last.saved - self._tidied < TIDY_EVERY:
            return
        self._tidied = head.last.saved
        try:
            self._store.tidy(head)
        except StoreError as why:
            log.warning("The store could not be tidied: %s.", why)


_INCOMPLETE = (
    "This data was saved, but what changed is not recorded: the crawl may have missed contacts, "
    "and it is not known where."
)
_LOST = "Data that was saved before has disappeared from the store."
_EMPTIED = f"{_LOST.removesuffix('.')}: history starts over."


def _not_newer(recorded: str) -> str:
    return (
        "This data was saved, but what changed is not recorded: the clock says that it is no newer "
        f"than what was recorded as of {recorded}."
    )


def _not_known(since: str, why: Unreadable) -> str:
    log.warning("The snapshot recorded last cannot be used: %s.", why)
    return f"What changed since {since} is not known: {why}."


def _may_be_of(snapshot: Snapshot, head: Head) -> bool:
    """Whether a snapshot may belong to the stored workspace; true unless both are identified and
    differ."""
    known = head.last.workspace
    return known is None or snapshot.workspace_id is None or known == snapshot.workspace_id


def recorder_of(settings: Settings) -> Recorder | None:
    """The recorder of the configured workspace; None for the demo workspace."""
    store = store_of(settings)
    if store is None:
        return None
    return Recorder(store, settings.timezone, settings.history_days, settings.chosen_engine)
