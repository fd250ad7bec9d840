"""Progress of a running crawl, and the log that its walkers report to."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.received import Creations, Received
from lib.chatbotx.schema import Answer, Contact
from lib.chatbotx.verdict import Check, Range, Verdict, merged
from lib.chatbotx.versions import fingerprint

Sink = Callable[[list[Contact]], None]
"""Receives contacts as they arrive; called by one thread at a time."""


@dataclass(frozen=True)
class Progress:
    """How far a crawl is: contacts, requests and retries so far.

    `expected` is the server's count of contacts at the start; None if unknown.
    """

    contacts: int = 0
    expected: int | None = None
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float | None:
        """Fraction done, from 0 to 1; None if unknown."""
        return min(1.0, self.contacts / self.expected) if self.expected else None

    @property
    def seconds_left(self) -> float | None:
        if not self.expected or not self.contacts:
            return None
        return max(0.0, self.seconds * (self.expected - self.contacts) / self.contacts)


class CrawlLog:
    """Passes contacts from all walkers on to the sink, and keeps the statistics. Thread-safe."""

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
        """The server's count of contacts at the start, or a lower bound of it; None if unknown."""
        self._forget_contacts()

    def _forget_contacts(self) -> None:
        self._contacts = self._changed = self._without_id = 0
        self._unreadable: Counter[str] = Counter()
        self._created, self._seen = Creations(), Received()

    @property
    def received(self) -> int:
        """Number of contacts received so far, each counted once."""
        with self._lock:
            return self._contacts + self._without_id

    @property
    def pages(self) -> int:
        """Number of answers with contacts so far."""
        return self._pages

    def created(self) -> np.ndarray:
        """Sorted creation times of the contacts received, in minutes since 1970.

        Empty if any of them is unknown.
        """
        with self._lock:
            return self._created.minutes()

    def has(self, contact: Contact) -> bool:
        """Whether a contact with this id was passed on already."""
        with self._lock:
            return self._seen.has(contact.id)

    def count_page(self, answer: Answer) -> None:
        with self._lock:
            self._pages += answer.received > 0

    def take(self, answer: Answer, created: Iterable[str] = (), changed: int = 0) -> None:
        """Pass on the contacts of an answer; the last `changed` of them were passed on before.

        `created` are the creation times of the others, as the API writes times; for contacts
        without a readable one, that of their neighbour in the server's order. Raises Cancelled once
        the log is closed.
        """
        contacts = [contact for contact in answer.contacts if contact.id]
        prints = [fingerprint(contact) for contact in contacts]
        with self._lock:
            if self._closed:
                raise Cancelled("The crawl is over.")
            self._contacts += len(contacts) - changed
            self._changed += changed
            self._without_id += answer.received - len(contacts)
            self._created.add(created)
            self._seen.add([contact.id for contact in contacts], prints)
            for fields in answer.unreadable.values():
                self._unreadable.update(fields)
            if contacts:
                self._sink(contacts)
            self._report()

    def report_retries(self) -> None:
        """Report progress if there were retries: while nothing arrives, they are the only news."""
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

    def add_without_id(self, without_id: int) -> None:
        with self._lock:
            self._without_id += without_id

    def warn(self, sentence: str, doubtful: Sequence[Range] | None) -> None:
        """Note that contacts created in the `doubtful` ranges may be missing; None means any."""
        with self._lock:
            self._warnings.append(sentence)
            if doubtful is None or self._doubtful is None:
                self._doubtful = None
            else:
                self._doubtful += doubtful

    def start_over(self) -> None:
        """Forget what was received and noted: all contacts will be passed on again."""
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
            doubtful=None if self._doubtful is None else merged(self._doubtful),
            checked=self.checked,
            repeated_differently=self._seen.repeated_differently(),
        )
