"""Keeps the snapshot of a workspace current, in the background, for all viewers.

One thread a workspace fetches; sessions look at what there is. So there is never more than one
crawl of a workspace at a time, and nobody waits for one unless there is no snapshot at all.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress
from lib.chatbotx.errors import Cancelled, ChatbotXError
from lib.settings import Settings
from lib.snapshot import Snapshot, fetch
from lib.workspace import connect

log = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
"""After a failure; doubled with each further one up to the usual age."""


@dataclass(frozen=True)
class Failure:
    """`since` when refreshing fails, UTC, and the sentence that says why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class State:
    """What a session sees: the current snapshot, whether a crawl runs, how it goes, what failed."""

    snapshot: Snapshot | None = None
    progress: Progress | None = None
    failure: Failure | None = None

    @property
    def is_running(self) -> bool:
        return self.progress is not None


class Refresher:
    """Owns the current snapshot of one workspace. `start` it once; `state` may be read at any time.

    `connect` gives a client for one crawl; `clock` gives the time, UTC.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[..., Client] = connect,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._clock = clock
        self._usual = timedelta(minutes=settings.refresh_minutes)
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._state = State()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> State:
        return self._state

    def start(self) -> "Refresher":
        """Begins to fetch, at once and then by age. Does nothing if it has begun."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="refresh", daemon=True)
                self._thread.start()
        return self

    def refresh(self) -> None:
        """Asks for a new snapshot now; while one is being fetched, that one will do."""
        self.start()
        if not self._state.is_running:
            self._wanted.set()

    def stop(self) -> None:
        """Ends a running crawl and the thread."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(5)

    def wait(self, seconds: float) -> State:
        """The state once a first crawl has ended, well or not; for tests and commands."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    not self._state.is_running
                    and (self._state.snapshot is not None or self._state.failure is not None)
                ),
                seconds,
            )
        return self._state

    def _run(self) -> None:
        pause = timedelta(0)
        failures = 0
        while not self._stopped.is_set():
            if self._wanted.wait(pause.total_seconds()):
                self._wanted.clear()
            if self._stopped.is_set():
                return
            if self._fetch():
                failures, pause = 0, self._usual
            else:
                pause = min(FIRST_RETRY * 2**failures, self._usual)
                failures = min(failures + 1, 10)

    def _fetch(self) -> bool:
        """One crawl. A failed one leaves the last snapshot in place."""
        before = self._state
        began = self._clock()
        self._set(State(before.snapshot, Progress(), before.failure))
        try:
            with self._connect(self._settings, as_of=began, cancelled=self._stopped) as client:
                snapshot = fetch(
                    client,
                    began=began,
                    is_demo=self._settings.is_demo,
                    on_progress=lambda seen: self._set(
                        State(before.snapshot, seen, before.failure)
                    ),
                )
        except Cancelled:
            self._set(before)
            return False
        except ChatbotXError as error:
            log.warning("Refresh failed: %s", error)
            self._fail(before, str(error))
            return False
        except Exception:
            # The thread must live on: the next attempt may succeed, and viewers are told.
            log.exception("Refresh failed unexpectedly")
            self._fail(
                before, "Something went wrong that should not have. The server's log says what."
            )
            return False
        log.info("Refreshed: %s contacts in %.1f s", snapshot.contacts, snapshot.verdict.seconds)
        self._set(State(snapshot))
        return True

    def _fail(self, before: State, reason: str) -> None:
        since = before.failure.since if before.failure is not None else self._clock()
        self._set(State(before.snapshot, None, Failure(since, reason)))

    def _set(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


_refreshers: dict[Settings, Refresher] = {}
_lock = threading.Lock()


def refresher_of(settings: Settings) -> Refresher:
    """The one refresher of the workspace in this process, begun."""
    with _lock:
        if settings not in _refreshers:
            _refreshers[settings] = Refresher(settings)
        return _refreshers[settings].start()


def stop_all() -> None:
    """Ends every crawl; for the server's shutdown and for tests."""
    with _lock:
        stopped = list(_refreshers.values())
        _refreshers.clear()
    for refresher in stopped:
        refresher.stop()
