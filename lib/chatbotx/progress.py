"""How a crawl goes and how it went: what is shown while it runs, and the verdict at its end."""

import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.schema import Answer, Contact
from lib.chatbotx.versions import fingerprint

Sink = Callable[[list[Contact]], None]
"""Takes contacts as they arrive; called by one thread at a time."""


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


Check = Literal["agrees", "differs", "not available"]


@dataclass(frozen=True)
class Range:
    """Times of creation in UTC, from `first` to `last`, to the millisecond, both included."""

    first: datetime
    last: datetime


@dataclass(frozen=True)
class Verdict:
    """How the crawl went, and what it may have missed.

    `began` is UTC. `pages` are answers that held contacts, `duplicates` contacts that were passed
    on again because they had changed meanwhile, `without_id` those that had to be left out.
    `by_key` is False for a server that had to be read by pages. `unreadable` counts values by
    field.

    `complete` says that every contact which existed throughout is there; otherwise `warnings` say
    why not and how many may be missing.

    `doubtful` are the ranges of creation time in which a contact that existed throughout may be
    missing, in order of time, without overlaps. It is empty if and only if the crawl is complete,
    and None where no range can be named: then any contact may be missing. A contact whose
    `createdAt` is missing or cannot be read may lie in any range, so it is in doubt as soon as
    there is one. What is not in C and was created outside of all ranges is gone. Contacts without
    an id, and contacts created after the crawl began, make nothing doubtful.

    `checked` says what came of comparing with the server's own count of what was created before
    the crawl: it agrees, it differs (`warnings` and `doubtful` tell where contacts are missing by
    it; a count that is too low makes nothing doubtful), or there is none.

    `repeated_differently` is how many ids came more than once with other contents.
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
    doubtful: tuple[Range, ...] | None = ()
    checked: Check = "not available"
    repeated_differently: int = 0


class CrawlLog:
    """What all walkers report to: passes contacts on and counts. Safe to call from any thread."""

    def __init__(self, client: Client, sink: Sink, on_progress: Callable[[Progress], None]) -> None:
        self._client = client
        self._sink = sink
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._closed = False
        self._retries_reported = 0
        self._pages = 0
        self._doubtful: list[Range] | None = []
        self._warnings: list[str] = []
        self.checked: Check = "not available"
        self.counted: int | None = None
        """How many contacts there were at first, by the server's count, or more."""
        self._known_ids: set[int] = set()
        self._forget_contacts()

    def _forget_contacts(self) -> None:
        self._contacts = self._changed = self._without_id = 0
        self._unreadable: Counter[str] = Counter()
        self._created: list[str] = []
        # Of each contact that was passed on, hashes of its id and of what it held.
        self._ids, self._prints = array("q"), array("q")

    @property
    def received(self) -> int:
        """How many contacts came so far, each counted once."""
        with self._lock:
            return self._contacts + self._without_id

    @property
    def pages(self) -> int:
        """How many answers held contacts so far."""
        return self._pages

    def created(self) -> list[str]:
        """When each of them was created, as the API writes times, in order."""
        with self._lock:
            return sorted(self._created)

    def has(self, contact: Contact) -> bool:
        """Whether a contact with this id was passed on."""
        with self._lock:
            if len(self._known_ids) != len(self._ids):
                self._known_ids = set(self._ids)
            return hash(contact.id) in self._known_ids

    def count_page(self, answer: Answer) -> None:
        with self._lock:
            self._pages += answer.received > 0

    def take(self, answer: Answer, created: Iterable[str] = (), changed: int = 0) -> None:
        """Passes on the contacts of an answer; the last `changed` of them were passed on before.

        `created` is when the others were created, by the place that the server gave them.
        """
        contacts = [contact for contact in answer.contacts if contact.id]
        prints = [fingerprint(contact) for contact in contacts]
        with self._lock:
            if self._closed:
                raise Cancelled("The crawl is over.")
            self._contacts += len(contacts) - changed
            self._changed += changed
            self._without_id += answer.received - len(contacts)
            self._created += created
            self._ids.extend(hash(contact.id) for contact in contacts)
            self._prints.extend(prints)
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

    def warn(self, sentence: str, doubtful: Sequence[Range] | None) -> None:
        """Contacts may be missing: of those created in the ranges, or of any if it is None."""
        with self._lock:
            self._warnings.append(sentence)
            if doubtful is None or self._doubtful is None:
                self._doubtful = None
            else:
                self._doubtful += doubtful

    def start_over(self) -> None:
        """All contacts will be passed on once more, and what was in doubt is to be found out."""
        with self._lock:
            self._forget_contacts()
            self._warnings, self._doubtful = [], []

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
            duplicates=self._changed,
            without_id=self._without_id,
            by_key=by_key,
            complete=not self._warnings,
            warnings=tuple(self._warnings),
            unreadable=dict(self._unreadable),
            doubtful=None if self._doubtful is None else _merged(self._doubtful),
            checked=self.checked,
            repeated_differently=self._repeated_differently(),
        )

    def _repeated_differently(self) -> int:
        times = Counter(self._ids)
        prints: dict[int, set[int]] = defaultdict(set)
        if len(times) < len(self._ids):
            for each, version in zip(self._ids, self._prints, strict=True):
                if times[each] > 1:
                    prints[each].add(version)
        return sum(len(versions) > 1 for versions in prints.values())


def _merged(ranges: list[Range]) -> tuple[Range, ...]:
    """The ranges in order of time, those that overlap or touch made one."""
    merged: list[Range] = []
    for each in sorted(ranges, key=attrgetter("first")):
        if merged and each.first <= merged[-1].last + timedelta(milliseconds=1):
            merged[-1] = Range(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    return tuple(merged)
