"""How many pages are computed at once.

Each viewer's script runs in a thread of its own, and all of them share one interpreter. Thirty that
compute at once take as long as thirty in turn, but keep the server from sending what is done.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_AT_ONCE = 3

_turns = threading.Semaphore(MOST_AT_ONCE)
_own = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Waits until few enough other pages are computed, and counts as one of them."""
    with _turns:
        _own.has_turn = True
        try:
            yield
        finally:
            _own.has_turn = False


@contextmanager
def given_back() -> Iterator[None]:
    """Lets another page go on while this one waits for something. Does nothing in a thread that has
    no turn, as that of a fragment."""
    if not getattr(_own, "has_turn", False):
        yield
        return
    _turns.release()
    try:
        yield
    finally:
        _turns.acquire()
