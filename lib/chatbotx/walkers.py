"""The threads of a walk, which share their work until none is left."""

import threading
from collections.abc import Callable

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.keys import NotInOrder

GRACE = 1.0
"""Seconds that a stopped crawl waits for its threads; one may be busy connecting."""

Task = Callable[[], None]


class Walkers:
    """As many threads as the client has connections.

    `next_task` returns what a thread should do next; None if there is nothing at the moment. It is
    called with `changed` held, which guards the state of the walk and is to be notified when that
    state changes: idle threads then ask again.
    """

    def __init__(self, client: Client, next_task: Callable[[], Task | None]) -> None:
        self.changed = threading.Condition()
        self._client = client
        self._next_task = next_task
        self._alive = self._busy = 0
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Return when all work is done. Raises what the first task to fail has raised."""
        self._alive = self._client.connections
        for number in range(self._client.connections):
            threading.Thread(target=self._work, name=f"walker-{number}", daemon=True).start()
        with self.changed:
            self.changed.wait_for(lambda: not self._alive or self._has_failed)
            # A thread that is busy connecting cannot be interrupted, so it is not waited for.
            self.changed.wait_for(lambda: not self._alive, GRACE)
            if self._failure is not None:
                raise self._failure

    def check(self) -> None:
        """Raises Cancelled if another thread has failed."""
        if self._failure is not None:
            raise Cancelled("Another walker failed.")

    @property
    def _has_failed(self) -> bool:
        return self._failure is not None and not isinstance(self._failure, NotInOrder)

    def _work(self) -> None:
        """The body of a thread: run tasks until there are none left."""
        try:
            while (task := self._take_task()) is not None:
                task()
                with self.changed:
                    self._busy -= 1
                    self.changed.notify_all()
        except BaseException as failure:  # noqa: BLE001 - `run` raises it
            with self.changed:
                is_first = self._failure is None
                if is_first:
                    self._failure = failure
            if is_first and self._has_failed:
                self._client.abort()
        finally:
            with self.changed:
                self._alive -= 1
                self.changed.notify_all()

    def _take_task(self) -> Task | None:
        """Wait for a task; None once there are no more, as no thread is busy that could add one."""
        with self.changed:
            while self._failure is None:
                task = self._next_task()
                if task is not None:
                    self._busy += 1
                    return task
                if not self._busy:
                    break
                self.changed.wait()
            return None
