"""Limit how often people can request a new snapshot."""

from collections import OrderedDict, deque
from datetime import timedelta

_MOST_PERSONS = 1000
"""How many people's limits are kept."""


class _SlidingWindow:
    """A rate limit: at most `most` requests within any `seconds`.

    `now` is in seconds of a monotonic clock.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> timedelta:
        """How long until a request is allowed; zero if it is now."""
        if len(self._taken) < self._most:
            return timedelta(0)
        return timedelta(seconds=max(self._taken[0] + self._seconds - now, 0))

    def take(self, now: float) -> None:
        """Count a request."""
        self._taken.append(now)


class Pauses:
    """The rate limits of one workspace: 3 requests a person and 6 in all within 90 seconds.

    `now` is in seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._by_all = _SlidingWindow(6, 90)
        self._by_persons: OrderedDict[str, _SlidingWindow] = OrderedDict()

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

    def _of(self, person: str) -> _SlidingWindow:
        window = self._by_persons.setdefault(person, _SlidingWindow(3, 90))
        self._by_persons.move_to_end(person)
        while len(self._by_persons) > _MOST_PERSONS:
            self._by_persons.popitem(last=False)
        return window
