"""Slices of the timeline of creation times, each read from its start by one walker."""

import math
from dataclasses import dataclass, field

from lib.chatbotx.client import Query
from lib.chatbotx.keys import SECOND, as_text, floor
from lib.chatbotx.versions import Versions


@dataclass(eq=False)
class Slice:
    """A range of creation times in ms since 1970, `start` and `last` included, read up to `key`.

    `density` is an estimate of contacts per millisecond. `is_in_doubt` while there may be older
    contacts: then the request has no lower bound. `known` are the contacts created from `key` to
    `known_until` that were already passed on, and `nameless` is how many more without an id.
    `follows_in_its_second` says that others were created before `key` in the same second. Contacts
    created up to `held_until` are being read as a tie, so that part is never split off.
    """

    start: int
    last: int
    density: float = 0.0
    is_in_doubt: bool = False
    is_done: bool = False
    contacts: int = 0
    known: Versions = field(default_factory=dict)
    known_until: int = 0
    follows_in_its_second: bool = False
    nameless: int = 0
    held_until: int = -1

    def __post_init__(self) -> None:
        self.key = self.start

    def query(self, grain: int) -> Query:
        """The request for the rest of the slice, from `key` rounded down to `grain` ms."""
        return Query() if self.is_in_doubt else Query(since=as_text(floor(self.key, grain)))

    @property
    def contacts_left(self) -> float:
        """Estimated from the density of the last page and of the whole slice so far."""
        overall = self.contacts / max(1, self.key - self.start)
        return max(self.density, overall) * (self.last - self.key)

    def advance(self, key: int, contacts: int) -> None:
        """Note that all contacts created before `key` were read, `contacts` since the last key."""
        if key > self.key:
            self.density = contacts / (key - self.key)
        self.contacts += contacts
        self.key = key
        self.is_in_doubt = False
        if key > self.known_until:
            self.known, self.nameless = {}, 0

    def split(self, grain: int) -> "Slice | None":
        """Cut off and return the later half of what is left.

        None if what is left is too short for a server whose filter resolves `grain` milliseconds.
        """
        begin = max(self.key, self.held_until)
        middle = -floor(-(begin + self.last + 1) // 2, grain)
        if not begin < middle <= self.last:
            return None
        half = Slice(middle, self.last, self.contacts_left / (self.last - self.key))
        self.last = middle - 1
        return half


def slices_between(
    first: int, last: int, walkers: int, counted: int | None, page_size: int
) -> list[Slice]:
    """Divide `first` to `last` (ms) into equal slices, one a walker, or fewer for few pages.

    `counted` is the server's count of contacts, None if it gives none.
    """
    span = last - first + 1
    pages = span if counted is None else math.ceil(counted / page_size)
    count = max(1, min(walkers, (pages - 2) // 3, span))
    # Cut at whole seconds, since many servers' filters resolve nothing finer.
    count = max(1, min(count, span // (2 * SECOND)))
    starts = [first, *(floor(first + span * n // count, SECOND) for n in range(1, count))]
    ends = [start - 1 for start in starts[1:]] + [last]
    density = (counted or 0) / span
    return [Slice(start, end, density) for start, end in zip(starts, ends, strict=True)]
