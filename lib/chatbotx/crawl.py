"""All contacts of a workspace, each exactly once.

Common loops over `page=1..pageCount` lose contacts: the default order has ties, pages move while
they are read, `pageCount` may be capped, deep pages are slow. The walk here goes by key instead:
filter `createdAt >= the last createdAt seen`, sorted by `createdAt, id`, always page 1. A
`createdAt` never changes, and what is inserted or deleted elsewhere moves nothing.

Several walkers share the time between the oldest and the newest contact. Each walks a slice of it;
one that comes to the end of its slice takes over the later half of another's, so that none works
alone at the end. Contacts that share one `createdAt` fill pages 2, 3, … of one key; they are read
by all who are free, and again until a reading is confirmed.

A server that ignores the sort or the filter is noticed by its answers and read by pages instead,
again and again until passes agree.
"""

import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from lib.chatbotx.client import Client, Query
from lib.chatbotx.errors import Cancelled, ChatbotXError
from lib.chatbotx.schema import Answer, Contact

Sink = Callable[[list[Contact]], None]
"""Takes contacts as they arrive; called by one thread at a time."""

READINGS = 6
"""How often a group of one `createdAt`, or a workspace read by pages, is read at most."""

REPEATED_PAGES = 3
"""A server that sends this many full pages without one new contact is going round in circles."""


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

    `began` is UTC. `pages` are answers that held contacts, `duplicates` contacts that came more
    than once (beyond the overlap that the walk itself asks for), `without_id` those that had to be
    left out. `by_key` is False for a server that had to be read by pages. `complete` says that
    every contact which existed throughout is there; otherwise `warnings` say why not and how many
    may be missing. `unreadable` counts values by field.
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
    """
    log = _Log(client, sink, on_progress)
    by_key = True
    try:
        _KeyWalk(client, log).run()
    except _NotInOrder:
        by_key = False
        log.start_over()
        _walk_by_pages(client, log)
    return log.verdict(began, by_key)


class _NotInOrder(Exception):
    """An answer is not sorted or filtered as it was asked for: no walk by key on this server."""


class _Log:
    """What all walkers report to: passes contacts on and counts. Safe to call from any thread."""

    def __init__(
        self, client: Client, sink: Sink, on_progress: Callable[[Progress], None]
    ) -> None:
        self._client = client
        self._sink = sink
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._unreadable: Counter[str] = Counter()
        self._warnings: list[str] = []
        self._contacts = self._duplicates = self._without_id = self._pages = 0
        self._expected: int | None = None

    def expect(self, contacts: int | None) -> None:
        self._expected = contacts

    def take(self, answer: Answer, contacts: list[Contact], new: int | None = None) -> None:
        """Passes on `contacts`, the part of `answer` to keep, of which `new` are seen first."""
        new = len(contacts) if new is None else new
        with self._lock:
            if self._client.cancelled.is_set():
                raise Cancelled("The refresh was stopped.")
            self._contacts += new
            self._duplicates += len(contacts) - new
            self._pages += answer.received > 0
            self._without_id += answer.received - len(answer.contacts)
            self._unreadable.update(answer.unreadable)
            if contacts:
                self._sink(contacts)
            self._on_progress(
                Progress(
                    self._contacts,
                    self._expected,
                    self._client.requests,
                    self._client.retries,
                    time.monotonic() - self._started,
                )
            )

    def warn(self, sentence: str) -> None:
        with self._lock:
            self._warnings.append(sentence)

    def start_over(self) -> None:
        """The same contacts are read once more: what was counted of them is not counted twice."""
        with self._lock:
            self._unreadable.clear()
            self._without_id = 0

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

Versions = dict[str | None, str | None]
"""The `updatedAt` of each contact by id: one that comes again unchanged is not news."""


def _instant(text: str | None) -> int:
    """Milliseconds since 1970 of a `createdAt`. Raises _NotInOrder: without it there is no key."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise _NotInOrder from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def _as_text(instant: int) -> str:
    text = (_EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass
class _Slice:
    """`start <= createdAt < end`, read up to `key`, and of those at `key` the `known` ones.

    Without `end`: and whatever comes later.
    """

    start: int
    end: int | None
    key: int
    known: Versions = field(default_factory=dict)
    contacts: int = 0

    def contacts_left(self, newest: int) -> float:
        """An estimate, by the density of what was read of this slice so far."""
        end = newest if self.end is None else self.end
        return self.contacts * (end - self.key) / max(1, self.key - self.start)


@dataclass
class _Tie:
    """One reading of a group of one `createdAt` that fills more than a page.

    Walkers take page after page until one of them sees the end of the group.
    """

    instant: int
    known: Versions
    next_page: int = 1
    being_read: int = 0
    end_seen: bool = False
    found: set[str | None] = field(default_factory=set)


class _KeyWalk:
    """The walk by key; `run` it once."""

    def __init__(self, client: Client, log: _Log) -> None:
        self._client = client
        self._log = log
        self._changed = threading.Condition()
        self._waiting: list[_Slice] = []
        self._walked: list[_Slice] = []
        self._ties: list[_Tie] = []
        self._busy = 0
        self._failure: BaseException | None = None
        self._newest = 0
        self._page_size = 1

    def run(self) -> None:
        """Reads the whole workspace. Raises ChatbotXError or _NotInOrder."""
        first, instants = self._ask(Query())
        self._page_size = first.received
        self._log.expect(_expected(first))
        self._log.take(first, first.contacts)
        if not instants:
            return
        _, latest = self._ask(Query(per_page=1, descending=True))
        self._newest = max([instants[-1], *latest])
        known = _versions(first.contacts, instants, instants[-1])
        self._waiting = self._slices(instants[-1], known)
        walkers = [
            threading.Thread(target=self._work, name=f"walker-{number}", daemon=True)
            for number in range(self._client.connections)
        ]
        for walker in walkers:
            walker.start()
        for walker in walkers:
            while walker.is_alive():
                walker.join(0.1)
                # A walker may hang in a read; nobody has to wait for it.
                if self._client.cancelled.is_set():
                    raise self._failure or Cancelled("The refresh was stopped.")
        if self._failure is not None:
            raise self._failure

    def _slices(self, oldest: int, known: Versions) -> list[_Slice]:
        """As many equal parts of the time as there are walkers; the last one is open."""
        count = max(1, min(self._client.connections, self._newest - oldest))
        starts = [oldest + (self._newest - oldest) * part // count for part in range(count)]
        ends: list[int | None] = [*starts[1:], None]
        slices = [_Slice(start, end, start) for start, end in zip(starts, ends, strict=True)]
        slices[0].known = known
        return slices

    def _ask(self, query: Query, since: int | None = None) -> tuple[Answer, list[int]]:
        """An answer and the instants of its contacts. Raises _NotInOrder if it is not what was
        asked for."""
        if self._failure is not None:
            raise Cancelled("Another walker failed.")
        if since is not None:
            query = replace(query, since=_as_text(since))
        answer = self._client.contacts(query)
        instants = [_instant(contact.created_at) for contact in answer.contacts]
        if instants != sorted(instants, reverse=query.descending):
            raise _NotInOrder
        if since is not None and instants and instants[0] < since:
            raise _NotInOrder
        if answer.received and not instants:
            raise _NotInOrder
        return answer, instants

    def _work(self) -> None:
        """One walker's life: does what there is to do until there is nothing more."""
        try:
            while (task := self._next_task()) is not None:
                if isinstance(task, _Tie):
                    self._read_tie_page(task)
                else:
                    self._walk(task)
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()
        except BaseException as failure:  # run() raises it in the thread that asked for the walk
            with self._changed:
                self._failure = self._failure or failure
                self._changed.notify_all()
            if isinstance(failure, ChatbotXError):
                self._client.cancelled.set()

    def _next_task(self) -> _Slice | _Tie | None:
        with self._changed:
            while self._failure is None:
                task = self._open_tie() or self._unwalked_slice()
                if task is not None:
                    self._busy += 1
                    return task
                if not self._busy:
                    break
                self._changed.wait()
            self._changed.notify_all()
            return None

    def _open_tie(self) -> _Tie | None:
        return next((tie for tie in self._ties if not tie.end_seen), None)

    def _unwalked_slice(self) -> _Slice | None:
        """A slice that waits, or the later half of the one with most left to read."""
        if self._waiting:
            part = self._waiting.pop(0)
            self._walked.append(part)
            return part
        fullest = max(
            self._walked, key=lambda walked: walked.contacts_left(self._newest), default=None
        )
        if fullest is None or fullest.contacts_left(self._newest) < 2 * self._page_size:
            return None
        end = self._newest if fullest.end is None else fullest.end
        middle = (fullest.key + end) // 2
        if middle <= fullest.key:
            return None
        part = _Slice(middle, fullest.end, middle)
        fullest.end = middle
        self._walked.append(part)
        return part

    def _walk(self, part: _Slice) -> None:
        """Walks a slice, whose end another walker may bring nearer meanwhile."""
        while part.end is None or part.key < part.end:
            answer, instants = self._ask(Query(), since=part.key)
            if not instants:
                break
            latest = instants[-1]
            if latest == part.key and answer.received >= self._page_size:
                self._read_tie(part.key, part.known)
                self._advance(part, part.key + 1, {})
                continue
            with self._changed:
                mine = bisect_left(instants, part.end) if part.end is not None else len(instants)
                contacts = [
                    contact
                    for contact in answer.contacts[:mine]
                    if part.known.get(contact.id, _NEVER) != contact.updated_at
                ]
                new = sum(contact.id not in part.known for contact in contacts)
                part.contacts += new
                self._page_size = max(self._page_size, answer.received)
            self._log.take(answer, contacts, new)
            if latest == part.key:  # and the page was short: there is nothing after it
                break
            self._advance(part, latest, _versions(answer.contacts, instants, latest))
        with self._changed:
            self._walked.remove(part)

    def _advance(self, part: _Slice, key: int, known: Versions) -> None:
        with self._changed:
            part.key, part.known = key, known
            self._changed.notify_all()

    def _read_tie(self, instant: int, known: Versions) -> None:
        """Reads a group of one `createdAt` until a reading is confirmed by the next.

        A contact slips from a page to one already read when another before it is deleted. That one
        was found by this reading and is missing from the next; so a reading whose contacts are all
        found again by the next has lost nothing.
        """
        confirmed = _Tie(instant, known)
        self._read_tie_once(confirmed)
        for _ in range(READINGS - 1):
            tie = _Tie(instant, known)
            self._read_tie_once(tie)
            if confirmed.found <= tie.found:
                return
            confirmed = tie
        self._log.warn(
            f"{len(confirmed.found):,} contacts were created at {_as_text(instant)} and some of "
            "them were deleted while they were read, each time anew: up to as many of them may be "
            f"missing as were deleted, {len(known.keys() - confirmed.found):,} so far."
        )

    def _read_tie_once(self, tie: _Tie) -> None:
        """All walkers that are free help; returns when the last page is in."""
        with self._changed:
            self._ties.append(tie)
            self._changed.notify_all()
        while not tie.end_seen:
            self._read_tie_page(tie)
        with self._changed:
            self._ties.remove(tie)
            while tie.being_read and self._failure is None:
                self._changed.wait()

    def _read_tie_page(self, tie: _Tie) -> None:
        with self._changed:
            page = tie.next_page
            tie.next_page += 1
            tie.being_read += 1
        answer, instants = self._ask(Query(page=page), since=tie.instant)
        group = answer.contacts[: bisect_right(instants, tie.instant)]
        with self._changed:
            contacts = [
                contact
                for contact in group
                if tie.known.get(contact.id, _NEVER) != contact.updated_at
            ]
            new = sum(contact.id not in tie.known for contact in contacts)
            tie.known.update((contact.id, contact.updated_at) for contact in contacts)
            tie.found.update(contact.id for contact in group)
            tie.end_seen = tie.end_seen or not group or len(group) < len(answer.contacts)
        self._log.take(answer, contacts, new)
        with self._changed:
            tie.being_read -= 1
            self._changed.notify_all()


_NEVER = object()


def _versions(contacts: list[Contact], instants: list[int], instant: int) -> Versions:
    """Of the contacts, sorted, those created at the last `instant`."""
    start = bisect_left(instants, instant)
    return {contact.id: contact.updated_at for contact in contacts[start:]}


def _expected(answer: Answer) -> int | None:
    if answer.total_count is not None:
        return answer.total_count
    return None if answer.page_count is None else answer.page_count * answer.received


def _walk_by_pages(client: Client, log: _Log) -> None:
    """For servers that cannot be walked by key: reads all pages, again until passes agree.

    Two passes that find the same have most likely found all: where the order is not stable, they
    would lose different contacts. Each contact found counts, whichever pass found it.
    """
    known: Versions = {}
    before: set[str | None] | None = None
    found_late = 0
    for _ in range(READINGS):
        found = _read_all_pages(client, log, known)
        if before is not None:
            found_late = len(found - before)
            if before == found:
                return
        before = found
        log.start_over()
    log.warn(
        "This server ignores the order it is asked for, so contacts can slip between two pages. "
        f"{READINGS} passes found {len(known):,} contacts and did not agree; about "
        f"{max(1, found_late):,} may be missing."
    )


def _read_all_pages(client: Client, log: _Log, known: Versions) -> set[str | None]:
    """One pass; returns the ids it found. The end is an empty page, never `pageCount`."""
    found: set[str | None] = set()
    repeated = 0
    page = 1
    while (answer := client.contacts(Query(page=page))).received:
        if page == 1:
            log.expect(_expected(answer))
        ids = {contact.id for contact in answer.contacts}
        repeated = 0 if ids - found else repeated + 1
        if repeated == REPEATED_PAGES:
            log.warn(
                "The server sends the same contacts again and again instead of the next ones: "
                f"only the {len(found):,} that it sent are counted, and more may be missing."
            )
            break
        contacts = [
            contact
            for contact in answer.contacts
            if known.get(contact.id, _NEVER) != contact.updated_at
        ]
        log.take(answer, contacts, len(ids - known.keys()))
        known.update((contact.id, contact.updated_at) for contact in contacts)
        found |= ids
        page += 1
    return found
