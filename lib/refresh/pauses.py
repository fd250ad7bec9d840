"""Limit how often people can request a new snapshot."""

from collections import OrderedDict, deque
from datetime import timedelta

_MOST_PERSONS = 1000
"""How many people's token buckets are kept."""


class _TokenBucket:
    """A rate limit: holds `most` tokens at first and regains one every `every` seconds.

    `now` is in seconds of a monotonic clock.
    """

    def __init__(self, most: int, every: float) -> None:
        self._most, self._every = most, every
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> timedelta:
        """How long until there is a token; zero if there is one now."""
        if len(self._taken) < self._most:
            return timedelta(0)
        return timedelta(seconds=max(self._taken[0] + self._most * self._every - now, 0))

    def take(self, now: float) -> None:
        self._taken.append(now)


class Pauses:
    """The rate limits of one workspace, for each person and for everybody together.

    `now` is in seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._by_all = _TokenBucket(6, 15)
        self._by_persons: OrderedDict[str, _TokenBucket] = OrderedDict()

    def left(self, person: str, now: float) -> timedelta:
        """How long a person must wait before the next request; zero if it is allowed now."""
        return max(self._by_all.wait(now), self._of(person).wait(now))

    def take(self, person: str, now: float) -> bool:
        """Whether a request is allowed now; if so, it is counted."""
        if self.left(person, now):
            return False
        self._by_all.take(now)
        self._of(person).take(now)
        return True

    def _of(self, person: str) -> _TokenBucket:
        bucket = self._by_persons.setdefault(person, _TokenBucket(3, 30))
        self._by_persons.move_to_end(person)
        while len(self._by_persons) > _MOST_PERSONS:
            self._by_persons.popitem(last=False)
        return bucket
