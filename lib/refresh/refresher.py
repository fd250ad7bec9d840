"""Keep the snapshot of one workspace current, in the background, for all viewers.

One thread fetches; sessions only read its state. So there is never more than one crawl of a
workspace at a time, and nobody waits for one unless there is no snapshot at all. After a restart
the last snapshot is loaded from the store before the first crawl starts.

If several servers share a store, the one that holds the workspace's lease fetches, and the others
show what it commits. A workspace that nobody has viewed for a day is refreshed less often.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress
from lib.chatbotx.errors import ChatbotXError
from lib.refresh.attention import Attention
from lib.refresh.crawls import Crawls
from lib.refresh.pauses import Pauses
from lib.refresh.state import Failure, State
from lib.refresh.stored import StoredCopy
from lib.settings import Settings
from lib.store.lease import Lease
from lib.store.place import StoreError
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import Store
from lib.store.workspace import connect, fetched

log = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=1)
"""Pause after a failure; doubled with each further one, up to the refresh interval."""

SHORTEST_PAUSE = timedelta(minutes=1)
"""Pause between two crawls, however long they take."""

IDLE_POLL_INTERVAL = 20.0
"""Seconds between checks for other servers' commits while there is nothing to do."""

BUSY_POLL_INTERVAL = 3.0
"""Seconds between these checks while another server fetches."""


class Refresher:
    """Owns the current snapshot of one workspace. Thread-safe; `state` may be read at any time.

    `connect` returns a client for one crawl. `clock` returns the time (UTC), `timer` the seconds of
    a monotonic clock. `store` keeps snapshots across restarts; None to keep none. `lease` decides
    which of the servers on that store fetches; None if there is only this one. `crawls` limits how
    many workspaces are crawled at once. If `is_spare`, the snapshot is in memory only while
    somebody views it.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[..., Client] = connect,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = time.monotonic,
        store: Store | None = None,
        lease: Lease | None = None,
        crawls: Crawls | None = None,
        *,
        is_spare: bool = False,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._clock = clock
        self._timer = timer
        self._store = store
        self._copy = StoredCopy(settings, store)
        self._lease = lease
        self._crawls = crawls or Crawls()
        self._attention = Attention(timer, is_spare=is_spare and store is not None)
        self._is_loading = False
        self._usual = timedelta(minutes=settings.refresh_minutes)
        self._quiet = max(self._usual, timedelta(minutes=settings.quiet_minutes))
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._state = State()
        self._fetched: float | None = None  # by the timer, when the current snapshot's crawl began
        self._thread: threading.Thread | None = None
        self._pauses = Pauses()

    @property
    def state(self) -> State:
        return self._state

    def look(self, wait: float = 0.0) -> State:
        """Return the state, and note that somebody views the workspace.

        If the snapshot was released, it is loaded in the background; the state includes it if that
        takes at most `wait` seconds.
        """
        with self._changed:
            was_quiet = self._attention.is_quiet
            self._attention.note_view()
            if was_quiet:
                self._changed.notify_all()
            if self._state.snapshot is None and self._state.stored is not None:
                if not self._is_loading:
                    self._is_loading = True
                    threading.Thread(target=self._load, name="load", daemon=True).start()
                self._changed.wait_for(lambda: not self._is_loading, wait)
            return self._state

    def start(self) -> "Refresher":
        """Start refreshing in the background; does nothing if started already.

        The first crawl starts at once, or when the stored snapshot is due for a refresh.
        """
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="refresh", daemon=True)
                self._thread.start()
        return self

    def refresh(self) -> None:
        """Request a new snapshot now; a crawl that is already running satisfies the request."""
        self.start()
        with self._changed:
            self._wanted.set()
            self._set(replace(self._state, due=None))  # wakes the thread

    def pause_for(self, person: str) -> timedelta:
        """How long a person must wait before requesting a new snapshot; zero if they may now."""
        with self._changed:
            return self._pauses.left(person, self._timer())

    def refresh_for(self, person: str) -> None:
        """Call `refresh`, unless this person or everybody together exceeded the rate limit."""
        with self._changed:
            may = self._pauses.take(person, self._timer())
        if may:
            self.refresh()

    def end(self) -> None:
        """Signal a running crawl and the thread to end, without waiting."""
        with self._changed:
            self._stopped.set()
            self._wanted.set()
            self._changed.notify_all()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Cancel a running crawl and end the thread."""
        self.end()
        if self._thread is not None:
            self._thread.join(5)

    def wait(self, seconds: float) -> State:
        """Wait until there is nothing to do, `seconds` at most; return the state.

        What was due has then been fetched or has failed. For tests and commands.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._state.due is not None or self._stopped.is_set(), seconds
            )
        return self._state

    def _run(self) -> None:
        self._show_stored()
        shortest, failures = timedelta(0), 0
        while not self._stopped.is_set():
            has_news = self._idle(shortest, by_age=not failures)
            if self._stopped.is_set():
                return
            if has_news or self._fetch_in_turn():
                shortest, failures = min(SHORTEST_PAUSE, self._usual), 0
            else:
                shortest = min(FIRST_RETRY * 2**failures, self._usual)
                failures = min(failures + 1, 10)

    def _show_stored(self) -> None:
        # In a function of its own, since a variable of the thread's outermost one would keep the
        # first snapshot in memory for good.
        stored = self._copy.at_start(is_unneeded=self._attention.is_unneeded)
        if stored is not None:
            self._set(stored)

    def _idle(self, shortest: timedelta, *, by_age: bool) -> bool:
        """Wait until the next crawl should start.

        That is after `shortest` and, if `by_age`, when the snapshot is due for a refresh; or when a
        refresh is requested. Returns True early if another server has committed a newer snapshot,
        which is then shown.
        """
        began = time.monotonic()
        end = self._end_of_idling(shortest, by_age=by_age)
        has_news = False
        while not has_news:
            was_quiet, left = self._attention.is_quiet, end - time.monotonic()
            if self._sleep(min(left, IDLE_POLL_INTERVAL), was_quiet) or left <= IDLE_POLL_INTERVAL:
                break
            if was_quiet and not self._attention.is_quiet:
                idled = timedelta(seconds=time.monotonic() - began)
                end = self._end_of_idling(shortest - idled, by_age=by_age)
            self._release_if_unneeded()
            has_news = not self._attention.is_quiet and self._take_over()
        self._set(replace(self._state, due=None))
        return has_news

    def _end_of_idling(self, shortest: timedelta, *, by_age: bool) -> float:
        """When the next crawl starts, by `time.monotonic`.

        Sets `due` in the state, unless a refresh is requested.
        """
        with self._changed:
            left = max(shortest, self.time_left()) if by_age else shortest
            if left > timedelta(0) and not self._wanted.is_set():
                self._set(replace(self._state, due=self._clock() + left))
        return time.monotonic() + left.total_seconds()

    def _sleep(self, seconds: float, was_quiet: bool) -> bool:
        """Wait until a refresh is requested, or until somebody views a quiet workspace.

        At most `seconds`. Returns whether a refresh is requested.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._wanted.is_set() or (was_quiet and not self._attention.is_quiet),
                max(0.0, seconds),
            )
            return self._wanted.is_set()

    def _fetch_in_turn(self) -> bool:
        """Get a new snapshot when it is this workspace's turn; return whether that succeeded.

        The crawl may run here or on another server.
        """
        asked = self._clock() if self._wanted.is_set() else None
        while not self._stopped.is_set():
            with self._crawls.turn(self._is_waited_for, self._stopped) as may_begin:
                done = self._fetch_if_ours(asked) if may_begin else False
            if done is not None:
                return done
            if not self._state.is_elsewhere:
                log.info("Another server fetches this workspace; waiting for what it commits.")
                self._set(replace(self._state, progress=Progress(), is_elsewhere=True))
            self._stopped.wait(BUSY_POLL_INTERVAL)
            if self._take_over() and (asked is None or self._began_after(asked)):
                self._wanted.clear()
                return True
        self._end(replace(self._state, progress=None, is_elsewhere=False))
        return False

    def _fetch_if_ours(self, asked: datetime | None) -> bool | None:
        """Crawl, if this server gets the lease; None if another server has it.

        Otherwise returns whether the crawl succeeded. Without a lease, and if the lease cannot be
        read, this server fetches: current numbers matter more than saving a crawl.
        """
        lease = self._lease
        if lease is None:
            return self._fetch()
        try:
            is_ours = lease.take()
        except OSError as why:
            log.warning("No lease can be had, so this server fetches by itself: %s", why)
            return self._fetch()
        if not is_ours:
            return None
        with lease.kept():
            if asked is None and self._take_over() and self.time_left():
                return True
            return self._fetch()

    def _is_waited_for(self) -> bool:
        """Whether somebody requested the next crawl, or views the workspace."""
        return self._wanted.is_set() or not self._attention.is_unneeded

    def _began_after(self, asked: datetime) -> bool:
        """Whether the crawl of the current snapshot began after the request."""
        as_of = self._state.as_of
        return as_of is not None and as_of >= asked

    def _take_over(self) -> bool:
        """Show what another server has committed; return whether there was anything newer."""
        if self._lease is None:
            return False
        news = self._copy.news(self._state.as_of, is_unneeded=self._attention.is_unneeded)
        if news is None:
            return False
        self._fetched = None
        self._set(news)
        return True

    def _release_if_unneeded(self) -> None:
        """Drop a stored snapshot that nobody views from memory."""
        with self._changed:
            state = self._state
            if state.snapshot is None or not self._attention.is_unneeded:
                return
            if not self._copy.is_current:
                return
            log.info("Nobody looks at this workspace: it is loaded again when somebody comes.")
            self._set(replace(state, snapshot=None, history=None, stored=state.snapshot.as_of))
        self._copy.release()

    def _load(self) -> None:
        """Load and show the stored snapshot. Runs in a thread of its own beside a crawl."""
        kept = self._copy.load_apart()
        with self._changed:
            self._is_loading = False
            if self._state.snapshot is None:
                shown = replace(self._state, snapshot=kept.snapshot, stored=None)
                self._set(replace(shown, history=kept.history, notes=kept.notes))
                self._copy.is_current = kept.snapshot is not None
                if kept.snapshot is None:
                    self._wanted.set()
            self._changed.notify_all()

    def time_left(self) -> timedelta:
        """How long until the current snapshot is due for a refresh; zero if it is."""
        as_of = self._state.as_of
        if as_of is None:
            return timedelta(0)
        usual = self._quiet if self._attention.is_quiet else self._usual
        if self._fetched is not None:
            age = timedelta(seconds=self._timer() - self._fetched)
            return max(usual - age, timedelta(0))
        age = self._clock() - as_of
        # A snapshot from the future was made under a wrong clock, so its age is unknown.
        return timedelta(0) if age < -SHORTEST_PAUSE else max(usual - age, timedelta(0))

    def _fetch(self) -> bool:
        """Run one crawl; return whether it succeeded. A failed one keeps the last snapshot."""
        began, began_by_timer = self._clock(), self._timer()
        with self._changed:
            self._set(replace(self._state, progress=Progress(), is_elsewhere=False))
        try:
            with self._connect(self._settings, as_of=began, cancelled=self._stopped) as client:
                snapshot = fetched(
                    self._settings, client, self._store, began=began, on_progress=self.report
                )
        except (ChatbotXError, StoreError) as error:
            if self._stopped.is_set():
                self._end(replace(self._state, progress=None))
                return False
            log.warning("Refresh failed: %s", error)
            if isinstance(error, StoreError):
                self._fail(f"What was read could not be written to disk: {error}.")
            else:
                self._fail(str(error))
            return False
        except Exception:
            # The thread must survive: viewers see the failure, and the next attempt may succeed.
            log.exception("Refresh failed unexpectedly")
            self._fail("Something went wrong that should not have. The server's log says what.")
            return False
        log.info("Refreshed: %s contacts in %.1f s", snapshot.contacts, snapshot.verdict.seconds)
        self._fetched = began_by_timer
        before = self._state.history
        if isinstance(snapshot, FiledSnapshot):
            # It is shown only once it is stored, and then read from the store.
            self._end(self._copy.keep(snapshot, before))
        else:
            self._end(State(snapshot, history=before))
            self._set(self._copy.keep(snapshot, before))
        self._release_if_unneeded()
        return True

    def _fail(self, reason: str) -> None:
        with self._changed:
            before = self._state
            since = before.failure.since if before.failure is not None else self._clock()
            self._end(replace(before, progress=None, failure=Failure(since, reason)))

    def _end(self, state: State) -> None:
        """Set the state after a crawl, which satisfies all requests made while it ran."""
        with self._changed:
            self._wanted.clear()
            self._set(state)

    def report(self, seen: Progress) -> None:
        """Set the progress of the running crawl."""
        with self._changed:
            # A cancelled walker may still report after its crawl is over.
            if self._state.is_running:
                self._set(replace(self._state, progress=seen))

    def _set(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()
