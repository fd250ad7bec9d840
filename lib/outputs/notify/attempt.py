"""A single attempt to send, limited in time, that keeps apart "failed" and "unknown"."""

import threading
from collections.abc import Callable

from lib.outputs.deliveries import Outcome

SECONDS = 60
"""Limit for the whole attempt, whatever the timeouts of its parts."""


class Abandoned(Exception):
    """The time limit passed before anything irrevocable was sent."""


class Attempt:
    """Tracks whether the message may have been accepted: from `commit` on it may have been."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._committed = False
        self._abandoned = False

    def commit(self) -> None:
        """Call before the step that makes the other side accept the message. Raises Abandoned if it
        is too late for that."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._committed = True

    def abandon(self) -> bool:
        """Prevent the message from being sent, if that is still possible; returns whether it
        was."""
        with self._lock:
            self._abandoned = not self._committed
            return self._abandoned

    @property
    def committed(self) -> bool:
        with self._lock:
            return self._committed


def within_time(send: Callable[[Attempt], Outcome], what: str, seconds: float = SECONDS) -> Outcome:
    """The outcome of `send`, or of its timing out: a server that sends a byte now and then passes
    every socket timeout. `what` names the service in the sentence."""
    attempt, said = Attempt(), list[Outcome]()

    def run() -> None:
        try:
            said.append(send(attempt))
        except Abandoned:
            pass
        except Exception as error:  # noqa: BLE001 - its text may contain the address
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
