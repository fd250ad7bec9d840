"""Keeps the snapshot of a workspace current, in the background, for all viewers.

One thread a workspace fetches; sessions look at what there is. So there is never more than one
crawl of a workspace at a time, and nobody waits for one unless there is no snapshot at all. After a
restart the last one comes from disk, before the first crawl begins.

Of several servers on one store, whoever holds the lease of the workspace fetches; the others show
what it commits.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress
from lib.chatbotx.errors import ChatbotXError
from lib.history.demo import demo_past
from lib.history.reading import History
from lib.history.recorder import Recorder
from lib.settings import Settings
from lib.store.documents import documents_of
from lib.store.lease import Lease
from lib.store.snapshot import Snapshot, fetch
from lib.store.storage import Store, store_of
from lib.store.workspace import connect

log = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
"""After a failure; doubled with each further one up to the usual age."""

SHORTEST_PAUSE = timedelta(minutes=1)
"""Between two crawls, however long they take."""

LOOK_EVERY = 20.0
"""Seconds between two looks for what other servers have committed, while there is nothing to do."""

ASK_EVERY = 3.0
"""Seconds between two looks while another server fetches."""


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
    says that another server fetches, and this one waits for what it commits.
    """

    snapshot: Snapshot | None = None
    progress: Progress | None = None
    failure: Failure | None = None
    due: datetime | None = None
    notes: tuple[str, ...] = ()
    history: History | None = None
    is_elsewhere: bool = False

    @property
    def is_running(self) -> bool:
        return self.progress is not None


_MOST_PERSONS = 1000


class _Bucket:
    """Holds `most` permissions at first, and gets one back `every` so many seconds. What is `now`,
    in seconds, comes from a clock that nobody sets."""

    def __init__(self, most: int, every: float) -> None:
        self._most, self._every = most, every
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> timedelta:
        """Until there is one; zero if there is."""
        if len(self._taken) < self._most:
            return timedelta(0)
        return timedelta(seconds=max(self._taken[0] + self._most * self._every - now, 0))

    def take(self, now: float) -> None:
        self._taken.append(now)


class Refresher:
    """Owns the current snapshot of one workspace. `start` it once; `state` may be read at any time.

    `connect` gives a client for one crawl; `clock` gives the time, UTC, and `timer` seconds that
    pass whatever the clock is set to; `store` keeps snapshots for the time after a restart, and
    `lease` says which server on that store fetches.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[..., Client] = connect,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = time.monotonic,
        store: Store | None = None,
        lease: Lease | None = None,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._clock = clock
        self._timer = timer
        self._recorder = (
            Recorder(store, settings.timezone, settings.history_days) if store else None
        )
        self._lease = lease
        self._usual = timedelta(minutes=settings.refresh_minutes)
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._state = State()
        self._fetched: float | None = None  # by the timer, when the current snapshot was begun
        self._thread: threading.Thread | None = None
        self._by_all = _Bucket(6, 15)
        self._by_persons: OrderedDict[str, _Bucket] = OrderedDict()

    @property
    def state(self) -> State:
        return self._state

    def start(self) -> "Refresher":
        """Begins to fetch: at once, or when the snapshot on disk is old enough, and then by age.
        Does nothing if it has begun."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="refresh", daemon=True)
                self._thread.start()
        return self

    def refresh(self) -> None:
        """Asks for a new snapshot now; while one is being fetched, that one will do."""
        self.start()
        with self._changed:
            self._wanted.set()
            self._set(replace(self._state, due=None))

    def pause_for(self, person: str) -> timedelta:
        """How long somebody has to wait until they may ask for a new snapshot; zero if they may."""
        with self._changed:
            now = self._timer()
            return max(self._by_all.wait(now), self._by_person(person).wait(now))

    def refresh_for(self, person: str) -> None:
        """`refresh`, unless too many were asked for lately: by this person, or by all together."""
        with self._changed:
            now = self._timer()
            buckets = self._by_all, self._by_person(person)
            if any(bucket.wait(now) for bucket in buckets):
                return
            for bucket in buckets:
                bucket.take(now)
        self.refresh()

    def _by_person(self, person: str) -> "_Bucket":
        bucket = self._by_persons.setdefault(person, _Bucket(3, 30))
        self._by_persons.move_to_end(person)
        while len(self._by_persons) > _MOST_PERSONS:
            self._by_persons.popitem(last=False)
        return bucket

    def stop(self) -> None:
        """Ends a running crawl and the thread."""
        with self._changed:
            self._stopped.set()
            self._wanted.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    def wait(self, seconds: float) -> State:
        """The state once there is nothing to do for now: what was due has been fetched, or has
        failed. For tests and commands."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._state.due is not None or self._stopped.is_set(), seconds
            )
        return self._state

    def _run(self) -> None:
        self._show_stored()
        pause = self._time_left()
        failures = 0
        while not self._stopped.is_set():
            has_news = self._rest(pause)
            if self._stopped.is_set():
                return
            if has_news or self._fetch_by_turns():
                failures = 0
                pause = max(self._time_left(), min(SHORTEST_PAUSE, self._usual))
            else:
                pause = min(FIRST_RETRY * 2**failures, self._usual)
                failures = min(failures + 1, 10)

    def _rest(self, pause: timedelta) -> bool:
        """Until the pause is over or a refresh is wanted. Returns whether another server has
        committed something newer meanwhile, which is shown then."""
        with self._changed:
            if pause and not self._wanted.is_set():
                self._set(replace(self._state, due=self._clock() + pause))
        end = time.monotonic() + pause.total_seconds()
        has_news = False
        while not has_news:
            left = end - time.monotonic()
            if self._wanted.wait(max(0.0, min(left, LOOK_EVERY))) or left <= LOOK_EVERY:
                break
            has_news = self._take_over()
        self._set(replace(self._state, due=None))
        return has_news

    def _fetch_by_turns(self) -> bool:
        """One crawl, here or on another server. Without a lease, or where that cannot be had, this
        server fetches: current numbers come before a crawl that is saved."""
        lease = self._lease
        if lease is None:
            return self._fetch()
        before = self._state
        asked = self._clock() if self._wanted.is_set() else None
        while not self._stopped.is_set():
            try:
                is_ours = lease.take()
            except OSError as why:
                log.warning("No lease can be had, so this server fetches by itself: %s", why)
                return self._fetch()
            if is_ours:
                with lease.kept():
                    if asked is None and self._take_over() and self._time_left():
                        return True
                    self._set(replace(self._state, is_elsewhere=False))
                    return self._fetch()
            if not self._state.is_elsewhere:
                log.info("Another server fetches this workspace; waiting for what it commits.")
                self._set(replace(self._state, progress=Progress(), is_elsewhere=True))
            self._stopped.wait(ASK_EVERY)
            if self._take_over() and (asked is None or self._is_of(asked)):
                self._wanted.clear()
                return True
        self._end(before)
        return False

    def _is_of(self, asked: datetime) -> bool:
        """Whether what is shown was begun after somebody asked for it."""
        snapshot = self._state.snapshot
        return snapshot is not None and snapshot.as_of >= asked

    def _take_over(self) -> bool:
        """Shows what another server has committed, if there is anything newer."""
        if self._recorder is None or self._lease is None:
            return False
        try:
            if not self._recorder.has_news():
                return False
            kept = self._recorder.load()
        except Exception:
            # What is shown is good, whatever became of the store.
            log.exception("What other servers have committed could not be read")
            return False
        current = self._state.snapshot
        if kept.snapshot is None or (current is not None and kept.snapshot.as_of <= current.as_of):
            return False
        log.info("Taken over from another server: %s contacts", kept.snapshot.contacts)
        self._fetched = None
        self._set(State(kept.snapshot, notes=kept.notes, history=kept.history))
        return True

    def _time_left(self) -> timedelta:
        """Until the current snapshot is old enough to be fetched anew."""
        if self._state.snapshot is None:
            return timedelta(0)
        if self._fetched is not None:
            age = timedelta(seconds=self._timer() - self._fetched)
            return max(self._usual - age, timedelta(0))
        age = self._clock() - self._state.snapshot.as_of
        # One from the future was made by a clock that went wrong: nobody knows its age.
        return timedelta(0) if age < -SHORTEST_PAUSE else max(self._usual - age, timedelta(0))

    def _fetch(self) -> bool:
        """One crawl. A failed one leaves the last snapshot in place."""
        before = self._state
        began, began_by_timer = self._clock(), self._timer()
        self._set(replace(before, progress=Progress()))
        try:
            with self._connect(self._settings, as_of=began, cancelled=self._stopped) as client:
                snapshot = fetch(
                    client,
                    began=began,
                    is_demo=self._settings.is_demo,
                    on_progress=self._report,
                )
        except ChatbotXError as error:
            if self._stopped.is_set():
                self._end(before)
                return False
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
        self._fetched = began_by_timer
        self._end(State(snapshot, history=before.history))
        self._keep(snapshot, before.history)
        return True

    def _show_stored(self) -> None:
        if self._recorder is None:
            return
        try:
            kept = self._recorder.load()
        except Exception:
            # Nothing that was kept may keep the dashboard from fetching.
            log.exception("Stored snapshots could not be read")
            return
        self._set(State(kept.snapshot, notes=kept.notes, history=kept.history))

    def _keep(self, snapshot: Snapshot, before: History | None) -> None:
        if self._settings.is_demo:
            self._set(State(snapshot, history=demo_past(snapshot)))
        if self._recorder is None:
            return
        try:
            kept = self._recorder.save(snapshot)
        except Exception:
            # What is shown is good, whatever became of its copy in the store.
            log.exception("The snapshot could not be saved")
            note = "This data could not be saved. After a restart it has to be fetched again."
            self._set(State(snapshot, notes=(note,), history=before))
            return
        self._set(State(snapshot, notes=kept.notes, history=kept.history or before))

    def _fail(self, before: State, reason: str) -> None:
        since = before.failure.since if before.failure is not None else self._clock()
        self._end(replace(before, progress=None, failure=Failure(since, reason)))

    def _end(self, state: State) -> None:
        """The state after a crawl. It has served all who asked for one while it ran."""
        with self._changed:
            self._wanted.clear()
            self._set(state)

    def _report(self, seen: Progress) -> None:
        with self._changed:
            # A walker that was told to stop may still report when its crawl is over.
            if self._state.is_running:
                self._set(replace(self._state, progress=seen))

    def _set(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


_refreshers: dict[tuple[str, str | None, str | None], Refresher] = {}
_lock = threading.Lock()


def refresher_of(settings: Settings) -> Refresher:
    """The one refresher of the workspace in this process, begun."""
    with _lock:
        if settings.identity not in _refreshers:
            store = store_of(settings)
            lease = Lease(documents_of(settings), store.name) if store is not None else None
            _refreshers[settings.identity] = Refresher(settings, store=store, lease=lease)
        return _refreshers[settings.identity].start()


def start_all(workspaces: Iterable[Settings]) -> None:
    """Begins to fetch each of them, with a refresher of its own, and no other workspace any more;
    for the server's start-up."""
    configured = {settings.identity: settings for settings in workspaces}
    with _lock:
        gone = [_refreshers.pop(identity) for identity in set(_refreshers) - set(configured)]
    for refresher in gone:
        refresher.stop()
    for settings in configured.values():
        refresher_of(settings)


def stop_all() -> None:
    """Ends every crawl; for the server's shutdown and for tests."""
    with _lock:
        stopped = list(_refreshers.values())
        _refreshers.clear()
    for refresher in stopped:
        refresher.stop()
