"""How a crawl goes and how it went: what is shown while it runs, and the verdict at its end."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.schema import Answer, Contact

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
    checked: Literal["agrees", "differs", "not available"] = "not available"
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
