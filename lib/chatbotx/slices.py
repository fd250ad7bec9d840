"""The parts of the time that walkers share, each read from its beginning by one of them."""

import math
from dataclasses import dataclass, field

from lib.chatbotx.client import Query
from lib.chatbotx.keys import SECOND, as_text, floor
from lib.chatbotx.versions import Versions


@dataclass(eq=False)
class Slice:
    """A part of the time, in milliseconds, `start` and `last` included, read up to `key`.

    `density` is an estimate of how many contacts there are in a millisecond. `is_in_doubt` while it
    is not sure that nothing is older: then everything is asked for. `known` are contacts created
    from `key` to `known_until` that were passed on already, `nameless` how many without an id.
    `follows_in_its_second` says that others were created in the second of `key` and before it.
    What was created up to `held_until` is being read as a tie, and not given away.
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
        """What is left, from the beginning of the stretch that the server takes `key` for."""
        return Query() if self.is_in_doubt else Query(since=as_text(floor(self.key, grain)))

    @property
    def contacts_left(self) -> float:
        """An estimate, by what was read last and by all that was read."""
        overall = self.contacts / max(1, self.key - self.start)
        return max(self.density, overall) * (self.last - self.key)

    def advance(self, key: int, contacts: int) -> None:
        """All that was created before `key` is read, so many contacts since the key before."""
        if key > self.key:
            self.density = contacts / (key - self.key)
        self.contacts += contacts
        self.key = key
        self.is_in_doubt = False
        if key > self.known_until:
            self.known, self.nameless = {}, 0

    def cut(self, grain: int) -> "Slice | None":
        """Gives away the later half of what is left, if there are two stretches that the server
        can tell apart."""
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
    """As many equal parts of the time as there are walkers; fewer if there are fewer pages."""
    span = last - first + 1
    pages = span if counted is None else math.ceil(counted / page_size)
    count = max(1, min(walkers, (pages - 2) // 3, span))
    # On whole seconds, since many servers tell no finer times apart.
    count = max(1, min(count, span // (2 * SECOND)))
    starts = [first, *(floor(first + span * n // count, SECOND) for n in range(1, count))]
    ends = [start - 1 for start in starts[1:]] + [last]
    density = (counted or 0) / span
    return [Slice(start, end, density) for start, end in zip(starts, ends, strict=True)]
