"""How often people may ask for a new snapshot."""

from collections import OrderedDict, deque
from datetime import timedelta

_MOST_PERSONS = 1000


class _Bucket:
    """Holds `most` permissions at first, and gets one back `every` so many seconds. What is `now`,
    in seconds, comes from a clock that nobody sets."""

    def __init__(self, most: int, every: float) -> None:
        self._most, self._every = most, every
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> timedelta:
        """Until there is one; zero if there is."""
        if len(self._taken) < self._most:
            return timedelta(0)
        return timedelta(seconds=max(self._taken[0] + self._most * self._every - now, 0))

    def take(self, now: float) -> None:
        self._taken.append(now)


class Pauses:
    """Of one workspace: a few times in a row each person, and all together. `now` is in seconds."""

    def __init__(self) -> None:
        self._by_all = _Bucket(6, 15)
        self._by_persons: OrderedDict[str, _Bucket] = OrderedDict()

    def left(self, person: str, now: float) -> timedelta:
        """How long somebody has to wait until they may ask; zero if they may."""
        return max(self._by_all.wait(now), self._of(person).wait(now))

    def take(self, person: str, now: float) -> bool:
        """Whether they may ask now. If so, it counts."""
        if self.left(person, now):
            return False
        self._by_all.take(now)
        self._of(person).take(now)
        return True

    def _of(self, person: str) -> _Bucket:
        bucket = self._by_persons.setdefault(person, _Bucket(3, 30))
        self._by_persons.move_to_end(person)
        while len(self._by_persons) > _MOST_PERSONS:
            self._by_persons.popitem(last=False)
        return bucket
