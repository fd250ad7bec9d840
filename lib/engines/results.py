"""Results that are kept as long as what they are about: one cache for the whole process.

Each is computed once, by the first who asks, while the others wait. All together they are bounded
by size; those used longest ago go first.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from cachetools import LRUCache

from lib.engines.errors import EngineError
from lib.engines.flights import Flight, is_watched, wait_for

Result = TypeVar("Result")

MOST_BYTES = 200_000_000


class Results:
    """Keeps results by what they are about, their `owner`, and a key.

    The results of an owner go when it goes, so none may refer to it. Safe to use from several
    threads.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept: LRUCache[Hashable, Any] = LRUCache(most_bytes, getsizeof=size_of)
        self._flights: dict[Hashable, Flight] = {}
        self._keys: dict[int, set[Hashable]] = {}
        self._lock = threading.RLock()  # an owner may go while this thread holds it

    def get(self, owner: object, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result, computed if need be. If `compute` raises, the next who asks tries again; so
        does who was waiting, unless an engine gave no answer: it would give them none either."""
        place = id(owner), key
        while True:
            with self._lock:
                if place in self._kept:
                    return cast("Result", self._kept[place])
                self._register(owner)
                flight = self._flights.get(place)
                is_first = flight is None or flight.is_cancelled
                if flight is None or is_first:
                    flight = self._flights[place] = Flight()
            # It holds the owner: nothing else may be found under its number meanwhile.
            land = partial(self._land, owner, key, flight, compute)
            if is_first and not is_watched():
                with flight.waited_for():
                    flight.compute(land)
            else:
                if is_first:
                    flight.begin(land)
                wait_for(flight)
            if flight.error is None:
                return cast("Result", flight.result)
            if is_first or isinstance(flight.error, EngineError):
                raise flight.error

    def _land(
        self, owner: object, key: Hashable, flight: Flight, compute: Callable[[], Result]
    ) -> Result:
        place = id(owner), key
        try:
            found = compute()
            with self._lock:
                self._keep(place, found)
            return found
        finally:
            with self._lock:
                if self._flights.get(place) is flight:
                    del self._flights[place]

    def forget(self, owner: object) -> None:
        """Drops the results of an owner."""
        self._forget(id(owner))

    def bound(self, most_bytes: int) -> None:
        """Keeps no more than that from now on; drops what was kept."""
        with self._lock:
            self._kept = LRUCache(most_bytes, getsizeof=size_of)

    @property
    def bytes(self) -> int:
        with self._lock:
            return int(self._kept.currsize)

    def _register(self, owner: object) -> None:
        if id(owner) not in self._keys:
            self._keys[id(owner)] = set()
            weakref.finalize(owner, self._forget, id(owner)).atexit = False

    def _keep(self, place: tuple[int, Hashable], result: object) -> None:
        keys = self._keys.get(place[0])
        if keys is None or size_of(result) > self._kept.maxsize:
            return
        self._kept[place] = result
        keys.add(place)
        if len(keys) > 2 * len(self._kept) + 100:
            keys.intersection_update(self._kept)  # what was evicted leaves its key behind

    def _forget(self, owner: int) -> None:
        with self._lock:
            for place in self._keys.pop(owner, ()):
                self._kept.pop(place, None)
                self._flights.pop(place, None)


def size_of(result: Any) -> int:
    """Bytes that a result holds, coarsely: its arrays, and a little for everything else."""
    if isinstance(size := getattr(result, "nbytes", None), int) and not isinstance(
        result, pd.Series | pd.Index
    ):
        return size + 100
    if isinstance(result, pd.DataFrame):
        return int(result.memory_usage(deep=True).sum())
    if isinstance(result, pd.Series | pd.Index):
        return int(np.sum(result.memory_usage(deep=True)))
    if isinstance(result, Mapping):
        return 100 + sum(size_of(key) + size_of(value) for key, value in result.items())
    if isinstance(result, tuple | list | set | frozenset):
        return 100 + sum(map(size_of, result))
    if hasattr(result, "__dict__") and not isinstance(result, type):
        return 100 + size_of(vars(result))
    return sys.getsizeof(result)


RESULTS = Results()
