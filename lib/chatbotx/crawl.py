"""All contacts of a workspace, each exactly once.

Common loops over `page=1..pageCount` lose contacts: the default order has ties, pages move while
they are read, `pageCount` may be capped, deep pages are slow. The walk here goes by key instead:
filter `createdAt >= the last createdAt seen`, sorted by `createdAt, id`, always page 1. A
`createdAt` never changes, and what is inserted or deleted elsewhere moves nothing.

The page of the oldest and the page of the newest contacts bound what is to be read: what is created
later does not belong to this crawl, and cannot make it endless. Several walkers share the time in
between. Each walks a slice of it; one that comes to the end of its slice takes over the later half
of another's, so that none works alone at the end. Contacts that share one `createdAt` fill pages
2, 3, … of one key; they are read by all who are free, and again until two readings agree.

A server that ignores the sort or the filter is noticed by its answers and read by pages instead,
again and again until passes agree.
"""

import contextlib
import itertools
import math
import re
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter

from lib.chatbotx.client import Client, Query
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.schema import Answer, Contact

Sink = Callable[[list[Contact]], None]
"""Takes contacts as they arrive; called by one thread at a time."""

READINGS = 6
"""How often a group of one `createdAt`, or a workspace read by pages, is read at most."""

_NOTHING_NEW = 3
"""After so many pages without one new contact, a server is not believed to have more."""

_GRACE = 1.0
"""Seconds that a crawl which was stopped waits for its threads; one may be busy connecting."""


@dataclass(frozen=True)
class Progress:
    """How far a crawl is. `expected` contacts is what the server said at first; None if unknown."""

    contacts: int = 0
    expected: int | None = None
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float | None:
        """From 0 to 1, or None while nothing is known."""
        return min(1.0, self.contacts / self.expected) if self.expected else None

    @property
    def seconds_left(self) -> float | None:
        if not self.expected or not self.contacts:
            return None
        return max(0.0, self.seconds * (self.expected - self.contacts) / self.contacts)


@dataclass(frozen=True)
class Verdict:
    """How the crawl went.

    `began` is UTC. `pages` are answers that held contacts, `duplicates` contacts that were passed
    on again because they had changed meanwhile, `without_id` those that had to be left out.
    `by_key` is False for a server that had to be read by pages. `complete` says that every contact
    which existed throughout is there; otherwise `warnings` say why not and how many may be missing.
    `unreadable` counts values by field.
    """

    began: datetime
    seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    pages: int = 0
    duplicates: int = 0
    without_id: int = 0
    by_key: bool = True
    complete: bool = True
    warnings: tuple[str, ...] = ()
    unreadable: dict[str, int] = field(default_factory=dict)


def crawl(
    client: Client,
    sink: Sink,
    *,
    began: datetime,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Verdict:
    """Feeds every contact of the workspace to `sink`, in no particular order.

    A contact that changed while it was read may come twice: the later version is the one to keep.
    `began` (UTC) is noted in the verdict. Raises ChatbotXError; then what arrived is to be dropped.
    Once this has returned or raised, neither `sink` nor `on_progress` is called any more.
    """
    log = _Log(client, sink, on_progress)
    by_key: list[bool] = []
    failures: list[BaseException] = []

    def read() -> None:
        try:
            by_key.append(_read(client, log))
        except BaseException as failure:  # noqa: BLE001 - raised in the thread that asked for it
            failures.append(failure)

    # Apart, since an attempt to connect cannot be ended, and who stops a crawl is not to wait.
    reader = threading.Thread(target=read, name="crawl", daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.05)
            log.report_retries()
            if client.is_ended:
                reader.join(2 * _GRACE)
                break
    finally:
        log.close()
    if failures:
        raise failures[0]
    if not by_key:
        client.check()
    return log.verdict(began, by_key[0])


def _read(client: Client, log: "_Log") -> bool:
    """Reads the workspace in the one way or the other; returns whether it was by key."""
    try:
        _KeyWalk(client, log).run()
    except _NotInOrder:
        log.start_over()
        _walk_by_pages(client, log)
        return False
    return True


class _NotInOrder(Exception):
    """An answer is not sorted or filtered as it was asked for: no walk by key on this server."""


class _Log:
    """What all walkers report to: passes contacts on and counts. Safe to call from any thread."""

    def __init__(self, client: Client, sink: Sink, on_progress: Callable[[Progress], None]) -> None:
        self._client = client
        self._sink = sink
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._closed = False
        self._unreadable: Counter[str] = Counter()
        self._warnings: list[str] = []
        self._contacts = self._duplicates = self._without_id = self._pages = 0
        self._retries_reported = 0
        self.counted: int | None = None
        """How many contacts there were at first, by the server's count, or more."""

    @property
    def received(self) -> int:
        """How many contacts came so far, each counted once."""
        with self._lock:
            return self._contacts + self._without_id

    def count_page(self, answer: Answer) -> None:
        with self._lock:
            self._pages += answer.received > 0

    def take(self, answer: Answer, again: int = 0) -> None:
        """Passes on the contacts of an answer, so many of which were passed on before."""
        contacts = [contact for contact in answer.contacts if contact.id]
        with self._lock:
            if self._closed:
                raise Cancelled("The crawl is over.")
            self._contacts += len(contacts) - again
            self._duplicates += again
            self._without_id += answer.received - len(contacts)
            for fields in answer.unreadable.values():
                self._unreadable.update(fields)
            if contacts:
                self._sink(contacts)
            self._report()

    def report_retries(self) -> None:
        """While nothing arrives, the attempts are all that there is to tell."""
        with self._lock:
            if self._client.retries != self._retries_reported and not self._closed:
                self._report()

    def _report(self) -> None:
        self._retries_reported = self._client.retries
        is_believable = self.counted is not None and self._contacts <= self.counted
        self._on_progress(
            Progress(
                self._contacts,
                self.counted if is_believable else None,
                self._client.requests,
                self._client.retries,
                time.monotonic() - self._started,
            )
        )

    def leave_out(self, without_id: int) -> None:
        with self._lock:
            self._without_id += without_id

    def warn(self, sentence: str) -> None:
        with self._lock:
            self._warnings.append(sentence)

    def start_over(self) -> None:
        """All contacts will be passed on once more."""
        with self._lock:
            self._unreadable.clear()
            self._contacts = self._without_id = 0

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def verdict(self, began: datetime, by_key: bool) -> Verdict:
        return Verdict(
            began=began,
            seconds=time.monotonic() - self._started,
            requests=self._client.requests,
            retries=self._client.retries,
            pages=self._pages,
            duplicates=self._duplicates,
            without_id=self._without_id,
            by_key=by_key,
            complete=not self._warnings,
            warnings=tuple(self._warnings),
            unreadable=dict(self._unreadable),
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_USUAL = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)+")
_USUAL_LENGTH = 24

_LAST_INSTANT = 253_402_300_799_999
"""The last millisecond of the year 9999, after which there are no times."""

_BEFORE_ALL, _AFTER_ALL = "", "~"
"""Texts that sort before and after every time."""


def _instant(text: str) -> int:
    """Milliseconds since 1970 of a time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def _as_text(instant: int) -> str:
    """The time as the API writes it, which sorts like the time."""
    text = (_EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _key(text: str) -> int:
    """Like `_instant`, of a contact that a walk has to go on from. Raises _NotInOrder."""
    try:
        return _instant(text)
    except ValueError:
        raise _NotInOrder from None


def _keys(contacts: list[Contact], before: str) -> list[str]:
    """The `createdAt` of the contacts as the API writes times.

    One that cannot be read takes that of the contact before it, the first ones take `before`: the
    place that the server gave them says that much.
    """
    texts = [contact.created_at or "" for contact in contacts]
    if {len(text) for text in texts} == {_USUAL_LENGTH} and _USUAL.fullmatch("".join(texts)):
        return texts
    keys = []
    for text in texts:
        with contextlib.suppress(ValueError, OverflowError):
            before = _as_text(_instant(text))
        keys.append(before)
    return keys


@dataclass(frozen=True)
class _Page:
    """An answer that is in order, oldest first, with the `createdAt` of each contact as text."""

    answer: Answer
    keys: list[str]

    @property
    def received(self) -> int:
        return len(self.keys)

    @property
    def first(self) -> int:
        """The `createdAt` of the first contact. Raises _NotInOrder if it cannot be read."""
        return _key(self.keys[0])

    @property
    def last(self) -> int:
        """The `createdAt` of the last contact. Raises _NotInOrder if it cannot be read."""
        return _key(self.keys[-1])

    @property
    def identities(self) -> list[tuple[str | None, str | None]]:
        return [(contact.id, contact.created_at) for contact in self.answer.contacts]

    def before(self, instant: int) -> range:
        """The places of the contacts created earlier."""
        return range(bisect_left(self.keys, _as_text(instant)))

    def up_to(self, instant: int) -> range:
        """The places of the contacts created earlier or then."""
        return range(bisect_right(self.keys, _as_text(instant)))

    def since(self, instant: int) -> range:
        """The places of the contacts created then or later."""
        return range(bisect_left(self.keys, _as_text(instant)), self.received)

    def after(self, instant: int) -> range:
        """The places of the contacts created later."""
        return range(bisect_right(self.keys, _as_text(instant)), self.received)


@dataclass(eq=False)
class _Slice:
    """A part of the time, in milliseconds, `start` and `last` included, read up to `key`.

    `density` is an estimate of how many contacts there are in a millisecond. `is_in_doubt` while it
    is not sure that nothing is older: then everything is asked for.
    """

    start: int
    last: int
    density: float = 0.0
    is_in_doubt: bool = False
    is_done: bool = False
    contacts: int = 0

    def __post_init__(self) -> None:
        self.key = self.start

    @property
    def query(self) -> Query:
        return Query() if self.is_in_doubt else Query(since=_as_text(self.key))

    @property
    def contacts_left(self) -> float:
        """An estimate, by what was read last and by all that was read."""
        overall = self.contacts / max(1, self.key - self.start)
        return max(self.density, overall) * (self.last - self.key)

    def advance(self, key: int, contacts: int) -> None:
        """All that was created before `key` is read, so many contacts since the key before."""
        self.density = contacts / (key - self.key)
        self.contacts += contacts
        self.key = key
        self.is_in_doubt = False

    def cut(self) -> "_Slice":
        """Gives away the later half of what is left."""
        middle = (self.key + self.last + 1) // 2
        half = _Slice(middle, self.last, self.contacts_left / (self.last - self.key))
        self.last = middle - 1
        return half


Versions = dict[str, str | None]
"""The `updatedAt` of each contact by id: one that comes again unchanged is not news."""


class _Tie:
    """A group of contacts of one `createdAt` that fills more than a page, while it is read.

    Walkers take page after page of a reading until one of them sees the end of the group.
    """

    def __init__(self, query: Query, instant: int) -> None:
        self.query = query
        self.instant = instant
        self.known: Versions = {}
        self.goes_round = False
        self.being_read = 0
        self._pages: dict[int, list[str | None]] = {}
        self._last_page: int | None = None
        self._expected_pages = 0
        self._next_page = 1

    def start_over(self) -> None:
        """What follows is another reading."""
        self._expected_pages = self._last_page or 0
        self._last_page = None
        self._next_page = 1
        self._pages = {}

    def take_page(self) -> int | None:
        """The number of a page to read now, or None."""
        if self._last_page is not None:
            return None
        # Nobody knows how many pages there are, so no more are tried at once than have been found.
        at_once = max(1, len(self._pages))
        if self._next_page > self._expected_pages and self.being_read >= at_once:
            return None
        self.being_read += 1
        self._next_page += 1
        return self._next_page - 1

    def add(self, number: int, page: _Page, is_full: bool) -> range:
        """Notes a page that was taken; returns the places of the contacts of the group in it."""
        self.being_read -= 1
        group = page.up_to(self.instant)
        ids = [page.answer.contacts[row].id for row in group]
        twins = [other for other, its in self._pages.items() if any(ids) and its == ids]
        for other in twins:
            later = max(number, other)  # pages do not arrive in their order
            self._end(later - 1)
            self.goes_round = not _is_past_the_end(page.answer, later)
        self._pages[number] = ids
        if not is_full or len(group) < page.received:
            self._end(number)
        return group

    def _end(self, number: int) -> None:
        self._last_page = min(number, self._last_page or number)

    @property
    def is_read(self) -> bool:
        return self._last_page is not None and not self.being_read

    @property
    def ids(self) -> list[str | None]:
        """The group as it was read, in its order."""
        numbers = range(1, (self._last_page or 0) + 1)
        return [each for number in numbers for each in self._pages[number]]


class _KeyWalk:
    """The walk by key; `run` it once."""

    def __init__(self, client: Client, log: _Log) -> None:
        self._client = client
        self._log = log
        self._changed = threading.Condition()
        self._waiting: list[_Slice] = []
        self._walked: list[_Slice] = []
        self._ties: list[_Tie] = []
        self._alive = self._busy = 0
        self._failure: BaseException | None = None
        self._page_size = 1

    def run(self) -> None:
        """Reads the whole workspace. Raises ChatbotXError or _NotInOrder."""
        oldest = self._ask(Query())
        if not oldest.received:
            return
        self._log.counted = _count(self._client, oldest.answer)
        newest = self._ask(Query(descending=True))
        self._read_between(oldest, newest)
        if self._log.received < (self._log.counted or 0):
            self._look_for_hidden((newest if newest.received else oldest).last)

    def _read_between(self, oldest: _Page, newest: _Page) -> None:
        """Reads what is on the two pages and all between them."""
        self._page_size = max(oldest.received, newest.received)
        if newest.identities == oldest.identities[::-1] != oldest.identities:
            raise _NotInOrder  # the same page in the same order from either end
        if not newest.received or (newest.identities == oldest.identities and newest.received > 1):
            self._log.take(oldest.answer)
            return
        first, last = oldest.last, newest.first
        self._log.take(oldest.answer.only(oldest.before(first)))
        if last < first:
            if (self._log.counted or 0) > 2 * self._page_size:
                raise _NotInOrder  # two pages that are in order by chance
            self._log.take(newest.answer.only(newest.since(first)))
            return
        self._log.take(newest.answer.only(newest.after(last)))
        self._waiting = self._slices(first, last)
        # A page of one createdAt says nothing of the order: there the walk must see what follows.
        self._waiting[0].is_in_doubt = set(oldest.keys) <= {_BEFORE_ALL, oldest.keys[-1]}
        self._walk_all()

    def _slices(self, first: int, last: int) -> list[_Slice]:
        """As many equal parts of the time as there are walkers; fewer if there are fewer pages."""
        span, counted = last - first + 1, self._log.counted
        pages = span if counted is None else math.ceil(counted / self._page_size)
        count = max(1, min(self._client.connections, pages - 2, span))
        starts = [first + span * part // count for part in range(count)]
        ends = [start - 1 for start in starts[1:]] + [last]
        density = (counted or 0) / span
        return [_Slice(start, end, density) for start, end in zip(starts, ends, strict=True)]

    def _look_for_hidden(self, last: int) -> None:
        """Fewer came than there were. Were they deleted, or does the server not show them all when
        it is asked for contacts by their time of creation?"""
        later = 0
        if last < _LAST_INSTANT:
            since = _as_text(last + 1)
            later = _counted(self._client.contacts(Query(since=since, per_page=1))) or 0
        now = _counted(self._client.contacts(Query(per_page=1))) or 0
        hidden = now - later - self._log.received
        if hidden > 0:
            self._log.warn(
                f"The server counts {now - later:,} contacts, and did not send {hidden:,} of them "
                "when it was asked for all by their time of creation: those are missing."
            )

    def _walk_all(self) -> None:
        self._alive = self._client.connections
        for number in range(self._client.connections):
            threading.Thread(target=self._work, name=f"walker-{number}", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._alive or self._has_failed)
            # One may be busy connecting, which cannot be ended; nobody has to wait for it.
            self._changed.wait_for(lambda: not self._alive, _GRACE)
            if self._failure is not None:
                raise self._failure

    @property
    def _has_failed(self) -> bool:
        return self._failure is not None and not isinstance(self._failure, _NotInOrder)

    def _ask(self, query: Query, at_least: int | None = None) -> _Page:
        """An answer, oldest first. Raises _NotInOrder if it is not in the order asked for, or holds
        contacts created before `at_least`."""
        if self._failure is not None:
            raise Cancelled("Another walker failed.")
        answer = self._client.contacts(query)
        self._log.count_page(answer)
        edge = _AFTER_ALL if query.descending else _BEFORE_ALL
        if at_least is not None:
            edge = _as_text(at_least)
        keys = _keys(answer.contacts, edge)
        if query.descending:
            keys.reverse()
            answer = answer.only(range(answer.received - 1, -1, -1))
        if keys != sorted(keys) or (at_least is not None and keys and keys[0] < edge):
            raise _NotInOrder
        return _Page(answer, keys)

    def _work(self) -> None:
        """One walker's life: does what there is to do until there is nothing more."""
        try:
            while (task := self._next_task()) is not None:
                task()
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()
        except BaseException as failure:  # noqa: BLE001 - `run` raises it
            with self._changed:
                is_first = self._failure is None
                if is_first:
                    self._failure = failure
            if is_first and self._has_failed:
                self._client.abort()
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _next_task(self) -> Callable[[], None] | None:
        with self._changed:
            while self._failure is None:
                task = self._tie_task() or self._slice_task()
                if task is not None:
                    self._busy += 1
                    return task
                if not self._busy:
                    break
                self._changed.wait()
            return None

    def _tie_task(self) -> Callable[[], None] | None:
        for tie in self._ties:
            if (number := tie.take_page()) is not None:
                return partial(self._read_tie_page, tie, number)
        return None

    def _slice_task(self) -> Callable[[], None] | None:
        """A slice that waits, or the later half of the one with most left to read."""
        if not self._waiting:
            fullest = max(self._walked, key=attrgetter("contacts_left"), default=None)
            if fullest is None or fullest.contacts_left < 2 * self._page_size:
                return None
            self._waiting.append(fullest.cut())
        part = self._waiting.pop(0)
        self._walked.append(part)
        return partial(self._walk, part)

    def _walk(self, part: _Slice) -> None:
        """Walks a slice, whose end another walker may bring nearer meanwhile."""
        while not part.is_done:
            page = self._ask(part.query, at_least=part.key)
            with self._changed:
                is_full = page.received >= self._page_size
                self._page_size = max(self._page_size, page.received)
                is_tie = is_full and page.last == part.key
                settled = range(0) if is_tie else self._settle(part, page, is_full)
                self._changed.notify_all()
            self._log.take(page.answer.only(settled))
            if is_tie:
                self._read_tie(part, page)

    def _settle(self, part: _Slice, page: _Page, is_full: bool) -> range:
        """Moves the slice on, or ends it; returns the places of the contacts that are not going to
        be read again: all but those of the last `createdAt`, of which there may be more."""
        settled = page.up_to(part.last)
        is_end = len(settled) < page.received or not page.received
        if is_end or (not is_full and page.last == part.last):
            self._finish(part)
        elif page.last > part.key:
            settled = page.before(page.last)
            part.advance(page.last, len(settled))
        else:
            # Nothing follows where there was something at first: it may have been deleted.
            part.advance(part.key + 1, 0)
        return settled

    def _finish(self, part: _Slice) -> None:
        part.is_done = True
        self._walked.remove(part)

    def _read_tie(self, part: _Slice, page: _Page) -> None:
        """Reads a group of one `createdAt`, of which `page` is the first page, until two readings
        agree.

        A contact slips from a page to one already read when another before it is deleted. Then all
        between them have moved, and the next reading finds other contacts in their places. So a
        reading that finds each in its place, and more after them at most, proves that the one
        before has lost nothing.
        """
        tie = _Tie(part.query, part.key)
        before = self._read_tie_once(tie, page)
        times_found = Counter(filter(None, before))
        for _ in range(READINGS - 1):
            tie.start_over()
            now = self._read_tie_once(tie)
            if now[: len(before)] == before:
                break
            times_found.update(filter(None, now))
            before = now
        else:
            self._log.warn(
                f"{len(tie.known):,} contacts were created at {_as_text(tie.instant)}, and each "
                "time they were read some came or went meanwhile: at most about "
                f"{_missing(times_found, before):,} more may be missing."
            )
        if tie.goes_round:
            self._log.warn(
                f"Of the contacts that were created at {_as_text(tie.instant)} the server sends "
                f"the same {len(tie.known):,} again and again: more of them may be missing."
            )
        self._log.leave_out(before.count(None))
        with self._changed:
            part.advance(part.key + 1, 0)
            if part.key > part.last:
                self._finish(part)

    def _read_tie_once(self, tie: _Tie, first: _Page | None = None) -> list[str | None]:
        """One reading, in which all walkers help that are free. Returns the ids in their order."""
        with self._changed:
            self._ties.append(tie)
            number = tie.take_page()
        if first is not None and number is not None:
            self._take_tie_page(tie, number, first)
            number = self._next_page_of(tie)
        while number is not None:
            self._read_tie_page(tie, number)
            number = self._next_page_of(tie)
        with self._changed:
            self._ties.remove(tie)
        return tie.ids

    def _next_page_of(self, tie: _Tie) -> int | None:
        """Waits until a page of the group may be read; None when all are in."""
        with self._changed:
            while self._failure is None and not tie.is_read:
                if (number := tie.take_page()) is not None:
                    return number
                self._changed.wait()
        if self._failure is not None:
            raise Cancelled("Another walker failed.")
        return None

    def _read_tie_page(self, tie: _Tie, number: int) -> None:
        page = self._ask(replace(tie.query, page=number), at_least=tie.instant)
        self._take_tie_page(tie, number, page)

    def _take_tie_page(self, tie: _Tie, number: int, page: _Page) -> None:
        with self._changed:
            group = tie.add(number, page, page.received >= self._page_size)
            news, again = _news(page.answer, group, tie.known)
            self._changed.notify_all()
        self._log.take(page.answer.only(news), again)


def _news(answer: Answer, rows: Iterable[int], known: Versions) -> tuple[list[int], int]:
    """Which of the contacts with an id are new or changed, and how many of them are changed.
    From then on they are known."""
    news, again = [], 0
    for row in rows:
        contact = answer.contacts[row]
        if contact.id and known.get(contact.id, _NEVER) != contact.updated_at:
            again += contact.id in known
            known[contact.id] = contact.updated_at
            news.append(row)
    return news, again


_NEVER = object()


def _counted(answer: Answer) -> int | None:
    """How many contacts there are at least, by the server's count; None if it does not say."""
    if answer.total_count is not None or answer.page_count is None:
        return answer.total_count
    return max(0, answer.page_count - 1) * answer.received + min(1, answer.received)


def _count(client: Client, answer: Answer) -> int | None:
    """The same, exactly if possible: pages of one contact count contacts."""
    if answer.total_count is None and answer.page_count is not None:
        if answer.page_count <= 1:
            return answer.received
        answer = client.contacts(Query(per_page=1))
    return _counted(answer)


def _is_past_the_end(answer: Answer, number: int) -> bool:
    """Whether a page that repeats an earlier one has a number too high, by the server's count."""
    return answer.page_count is not None and number > answer.page_count


def _missing(times_found: Counter[str], last: Collection[str | None]) -> int:
    """At most about how many were never found in all readings, given how often each of the others
    was, and who was in the last one.

    Where contacts are deleted, each deletion lets one slip through, and the reading with the fewest
    had no more than the average. Where the order is not stable, it is Chao's estimate: many that
    were found just once say that there are more.
    """
    times = Counter(times_found.values())
    gone = len(times_found.keys() - set(last)) / (READINGS - 1)
    unstable = times[1] * (times[1] - 1) / (2 * (times[2] + 1))
    return max(1, math.ceil(gone), math.ceil(unstable))


def _walk_by_pages(client: Client, log: _Log) -> None:
    """For servers that cannot be walked by key: reads all pages, again until passes agree.

    Contacts that slip through a pass do so because others went, which the next pass tells, or
    because the order is not stable, and then others come twice in their stead. So two passes that
    find the same, the second of them nobody twice, have found all. Where some always come twice, it
    takes three passes, and that all of them hold the same number of rows and together as many
    contacts.
    """
    known: Versions = {}
    times_found: Counter[str] = Counter()
    passes: list[_Pass] = []
    now = _Pass()
    while len(passes) < READINGS:
        now = _read_all_pages(client, log, known)
        passes.append(now)
        times_found.update(now.found)
        if now.goes_round:
            log.warn(
                "The server sends the same contacts again and again instead of the next ones: only "
                f"the {len(known):,} that it sent are counted, and more may be missing."
            )
        is_same = len(passes) > 1 and passes[-2].found == now.found
        is_static = len(passes) > 2 and len({each.rows for each in passes}) == 1
        if (
            now.goes_round
            or (is_same and len(now.found) == now.with_id)
            or (is_static and len(known) == now.with_id)
        ):
            break
    else:
        log.warn(
            "This server ignores the order or the filter it is asked for, so contacts can slip "
            f"between two pages. {READINGS} passes found {len(known):,} contacts and did not "
            f"agree: at most about {_missing(times_found, now.found):,} more may be missing."
        )
    log.leave_out(now.without_id)


@dataclass
class _Pass:
    """What one reading of all pages held: so many rows, the ids that were found in them, and how
    many had none."""

    rows: int = 0
    found: set[str] = field(default_factory=set)
    without_id: int = 0
    goes_round: bool = False

    @property
    def with_id(self) -> int:
        return self.rows - self.without_id


def _read_all_pages(client: Client, log: _Log, known: Versions) -> _Pass:
    """One pass. The end is a page shorter than others or an empty one, never `pageCount`."""
    read = _Pass()
    pages: set[tuple[str, ...]] = set()
    page_size = nothing_new = 0
    for number in itertools.count(1):
        answer = client.contacts(Query(page=number))
        log.count_page(answer)
        if log.counted is None:
            log.counted = _count(client, answer)
        ids = tuple(contact.id for contact in answer.contacts if contact.id)
        nothing_new = nothing_new + 1 if ids and read.found.issuperset(ids) else 0
        if ids in pages or nothing_new == _NOTHING_NEW:
            read.goes_round = not _is_past_the_end(answer, number)
            break
        if ids:
            pages.add(ids)
        read.found.update(ids)
        read.rows += answer.received
        read.without_id += answer.received - len(ids)
        news, again = _news(answer, range(answer.received), known)
        log.take(answer.only(news), again)
        if answer.received < max(1, page_size):
            break
        page_size = max(page_size, answer.received)
    return read
