"""How fast to ask: a pace that all walkers keep together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

_SLOWEST_PER_10S = 20
"""Others may use up what the server allows; that is no reason to stand still."""


class Pace:
    """At most `per_10s` requests in any 10 seconds, over all threads; None for no limit.

    Where others use the same workspace, or its server allows less than the operator thought, some
    are refused. The pace then falls, and comes back step by step when no more are.
    """

    def __init__(self, per_10s: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._wanted = self._per_10s = math.inf if per_10s is None else float(per_10s)
        self._lock = threading.Lock()
        self._starts: deque[float] = deque()
        self._not_before = self._changed = -math.inf

    @property
    def per_10s(self) -> float:
        """The pace that is kept now."""
        return self._per_10s

    def delay(self) -> float:
        """Seconds to wait before asking again; 0 if a request may start, which is then counted."""
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
        """The server refused a request of `asked_at` and wants a pause: nobody starts another one
        before it is over."""
        with self._lock:
            now = self.clock()
            self._not_before = max(self._not_before, now + seconds)
            # Requests under way together are refused together, and that is one refusal.
            if self._wanted == math.inf or asked_at <= self._changed:
                return
            self._changed = now
            self._forget_starts_before(now - 10)
            # What was sent was too much; but a few that were sent first say little.
            too_much = max(min(len(self._starts), self._per_10s), self._per_10s / 2)
            self._per_10s = max(too_much * 0.9, min(_SLOWEST_PER_10S, self._wanted))

    def _forget_starts_before(self, instant: float) -> None:
        while self._starts and self._starts[0] <= instant:
            self._starts.popleft()

    def _recover(self, now: float) -> None:
        while self._per_10s < self._wanted and now >= max(self._changed, self._not_before) + 10:
            self._changed = max(self._changed, self._not_before) + 10
            self._per_10s = min(self._wanted, self._per_10s + max(5, self._per_10s / 20))
