"""Who of several processes on one store does what one should do at a time.

A lease is a small document. Its holder writes it anew every few seconds; whoever has seen it
unchanged for its whole term may take it, for its holder has died. Each process measures that by a
clock of its own which nobody sets: no two clocks are compared.

It saves work, and nothing is true because of it: two that hold it at once, since one was held up
for a minute, both fetch, and the store orders their commits.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from lib.store.documents import Documents, Version

log = logging.getLogger(__name__)

TERM = 20.0
"""Seconds after which a lease that nobody wrote anew is free."""


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """`holder` is None where the lease was given back; `beat` makes each writing another one."""

    holder: str | None
    beat: int


class Lease:
    """One that processes with the same documents and the same name take from each other."""

    def __init__(
        self,
        documents: Documents,
        name: str,
        *,
        term: float = TERM,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._documents = documents
        self._key = f"lease-{name}"
        self._term = term
        self._timer = timer
        self._holder = uuid.uuid4().hex
        self._beat = 0
        self._seen: Version | None = None
        self._since = timer()

    def take(self) -> bool:
        """Whether it is ours now. Raises OSError where the documents cannot be reached."""
        found = self._documents.get(self._key)
        if found is None:
            return self._write(self._holder, None)
        body, version = found
        if _holder_of(body) in (None, self._holder):
            return self._write(self._holder, version)
        if version != self._seen:
            self._seen, self._since = version, self._timer()
            return False
        if self._timer() - self._since < self._term:
            return False
        log.info(
            "Another process has not been heard of for %.0f s: its lease is taken.", self._term
        )
        return self._write(self._holder, version)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps what was taken until the end of the block, and gives it back then."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(over,), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
            self._renew(None)

    def _keep(self, over: threading.Event) -> None:
        while not over.wait(self._term / 4):
            self._renew(self._holder)

    def _renew(self, holder: str | None) -> None:
        """Writes it anew, or gives it back, unless another has taken it."""
        try:
            found = self._documents.get(self._key)
            if found is not None and _holder_of(found[0]) == self._holder:
                self._write(holder, found[1])
        except OSError as why:
            log.warning("A lease could not be written anew: %s", why)

    def _write(self, holder: str | None, version: Version | None) -> bool:
        self._beat += 1
        body = msgspec.json.encode(_Said(holder, self._beat))
        return self._documents.put(self._key, body, version)


def _holder_of(body: bytes) -> str | None:
    """None where nobody holds it, or nobody can tell who does."""
    try:
        return msgspec.json.decode(body, type=_Said).holder
    except msgspec.MsgspecError:
        return None
