"""Process-wide cache of results, kept as long as the object they are about.

Each is computed once, by the first thread that asks, while others wait. The total size is bounded;
the least recently used go first.
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
    """Cache of results by `owner` (what they are about) and key.

    An owner's results are dropped when it is garbage-collected, so they must not refer to it.
    Thread-safe.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept: LRUCache[Hashable, Any] = LRUCache(most_bytes, getsizeof=size_of)
        self._flights: dict[Hashable, Flight] = {}
        self._keys: dict[int, set[Hashable]] = {}
        self._lock = threading.RLock()  # an owner may be collected while this thread holds it

    def get(self, owner: object, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The cached result, computed if needed. If `compute` raises, the next caller tries
        again."""
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
            # Holds a reference to the owner, so that its id is not reused meanwhile.
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
        """Drop the results of an owner."""
        self._forget(id(owner))

    def bound(self, most_bytes: int) -> None:
        """Set the size limit; drops everything cached."""
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
        if keys is None:
            return
        try:
            self._kept[place] = result
        except ValueError:  # larger than all that may be kept
            return
        keys.add(place)
        if len(keys) > 2 * len(self._kept) + 100:
            keys.intersection_update(self._kept)  # evicted results leave their keys behind

    def _forget(self, owner: int) -> None:
        with self._lock:
            for place in self._keys.pop(owner, ()):
                self._kept.pop(place, None)
                self._flights.pop(place, None)


def size_of(result: Any) -> int:
    """Approximate size of a result in bytes: its arrays, and a little for everything else."""
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
