"""One attempt to send: bounded in time, and honest about what is not known."""

import threading
from collections.abc import Callable

from lib.outputs.deliveries import Outcome

SECONDS = 60
"""For all of an attempt, whatever the other side does in between."""


class Abandoned(Exception):
    """The time was over before anything that counts was sent."""


class Attempt:
    """Knows whether the message may already have been taken: from `commit` on it may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._committed = False
        self._abandoned = False

    def commit(self) -> None:
        """To be called before what makes the other side take the message. Raises Abandoned if it
        must not any more."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._committed = True

    def abandon(self) -> bool:
        """Whether the message can still be kept from being sent; it is, then."""
        with self._lock:
            self._abandoned = not self._committed
            return self._abandoned

    @property
    def committed(self) -> bool:
        with self._lock:
            return self._committed


def within_time(send: Callable[[Attempt], Outcome], what: str, seconds: float = SECONDS) -> Outcome:
    """What `send` says, or what can be said when it takes too long: a server that gives a byte now
    and then passes every time-out of its own. `what` is named in the sentence."""
    attempt, said = Attempt(), list[Outcome]()

    def run() -> None:
        try:
            said.append(send(attempt))
        except Abandoned:
            pass
        except Exception as error:  # noqa: BLE001 - its text may hold the address
            said.append(_unexpected(attempt, what, error))

    thread = threading.Thread(target=run, name="sending", daemon=True)
    thread.start()
    thread.join(seconds)
    if said:
        return said[0]
    if attempt.abandon():
        return Outcome("failed", f"{what} was too slow: nothing was sent within {seconds:g} s.")
    return Outcome(
        "unclear",
        f"{what} did not say within {seconds:g} s whether it took the message. It is not sent "
        "again.",
    )


def _unexpected(attempt: Attempt, what: str, error: Exception) -> Outcome:
    name = type(error).__name__
    if attempt.committed:
        return Outcome(
            "unclear",
            f"Sending to {what} broke off ({name}). It may have arrived, and is not sent again.",
        )
    return Outcome("failed", f"Sending to {what} did not work ({name}).")
