"""The current state of a workspace, as sessions see it."""

from dataclasses import dataclass
from datetime import datetime

from lib.chatbotx.crawl import Progress
from lib.history.reading import History
from lib.store.snapshot import Snapshot


@dataclass(frozen=True)
class Failure:
    """`since` when (UTC) refreshing has been failing, and a sentence that says why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class State:
    """The current snapshot, the progress of a running crawl, the last failure.

    `due` is when (UTC) the next crawl starts; None while there is work to do. `history` is the
    recorded history of the workspace; None if there is none or it cannot be read. `notes` are
    sentences about problems with storing snapshots and history. `is_elsewhere`: another server is
    fetching, and this one waits for its commit. `stored` is the time (UTC) of a snapshot that is in
    the store but not in memory.
    """

    snapshot: Snapshot | None = None
    progress: Progress | None = None
    failure: Failure | None = None
    due: datetime | None = None
    notes: tuple[str, ...] = ()
    history: History | None = None
    is_elsewhere: bool = False
    stored: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.progress is not None

    @property
    def as_of(self) -> datetime | None:
        """The time (UTC) of the snapshot, in memory or in the store; None if there is none."""
        return self.snapshot.as_of if self.snapshot is not None else self.stored
