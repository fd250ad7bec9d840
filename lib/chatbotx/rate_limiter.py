"""The request rate limit that all walkers of a workspace share."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

_SLOWEST_PER_10S = 20
"""The rate never falls below this, even if other clients use up the server's limit."""


class RateLimiter:
    """A limit of `per_10s` requests in any 10 seconds over all threads; None for no limit.

    The server refuses requests if other clients use the same workspace, or if it allows less than
    the operator configured. The rate then drops, and recovers step by step once no more are
    refused. `clock` returns seconds. Thread-safe.
    """

    def __init__(self, per_10s: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._wanted = self._per_10s = math.inf if per_10s is None else float(per_10s)
        self._lock = threading.Lock()
        self._starts: deque[float] = deque()
        self._not_before = self._changed = -math.inf

    @property
    def per_10s(self) -> float:
        """The current limit, in requests per 10 seconds."""
        return self._per_10s

    def delay(self) -> float:
        """Seconds to wait before the next request; 0 if it may start now and was counted."""
        with self._lock:
            now = self.clock()
            self._forget_starts_before(now - 10)
            self._recover(now)
            wait = self._not_before - now
            if len(self._starts) + 1 > self._per_10s:
                wait = max(wait, self._starts[0] + 10 - now)
            if wait > 0:
                return wait
            self._starts.append(now)
            return 0.0

    def hold(self, seconds: float, asked_at: float) -> None:
        """Pause all requests for `seconds`, after the server refused the one sent at `asked_at`."""
        with self._lock:
            now = self.clock()
            self._not_before = max(self._not_before, now + seconds)
            # Concurrent requests are refused together, which counts as a single refusal.
            if self._wanted == math.inf or asked_at <= self._changed:
                return
            self._changed = now
            self._forget_starts_before(now - 10)
            # The recent rate was too high; but if only a few requests were sent, it says little.
            too_much = max(min(len(self._starts), self._per_10s), self._per_10s / 2)
            self._per_10s = max(too_much * 0.9, min(_SLOWEST_PER_10S, self._wanted))

    def _forget_starts_before(self, instant: float) -> None:
        while self._starts and self._starts[0] <= instant:
            self._starts.popleft()

    def _recover(self, now: float) -> None:
        while self._per_10s < self._wanted and now >= max(self._changed, self._not_before) + 10:
            self._changed = max(self._changed, self._not_before) + 10
            self._per_10s = min(self._wanted, self._per_10s + max(5, self._per_10s / 20))
