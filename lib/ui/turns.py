"""How many pages are computed at once.

Each viewer's script runs in a thread of its own, and all of them share one interpreter. Thirty that
compute at once take as long as thirty in turn, but keep the server from sending what is done.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_AT_ONCE = 3

_turns = threading.Semaphore(MOST_AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """Waits until few enough other pages are computed, and counts as one of them."""
    with _turns:
        yield
