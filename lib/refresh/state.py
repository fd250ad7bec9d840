"""What is known of a workspace just now."""

from dataclasses import dataclass
from datetime import datetime

from lib.chatbotx.crawl import Progress
from lib.history.reading import History
from lib.store.snapshot import Snapshot


@dataclass(frozen=True)
class Failure:
    """`since` when refreshing fails, UTC, and the sentence that says why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class State:
    """What a session sees: the current snapshot, whether a crawl runs, how it goes, what failed.

    `due` is when the next crawl begins, UTC; None while there is something to do. `history` is what
    has been recorded of the workspace; None where nothing was, or it cannot be read. `notes` are
    sentences about the keeping of snapshots and of history, where that went wrong. `is_elsewhere`
    says that another server fetches, and this one waits for what it commits. `stored` is as of
    when the snapshot is, UTC, that lies in the store and not in memory.
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
        """Of the snapshot, wherever it is."""
        return self.snapshot.as_of if self.snapshot is not None else self.stored
