"""Leases: one of several processes on a store does what only one should do at a time.

A lease is a small document that its holder rewrites every few seconds. A process that has seen it
unchanged for its whole term may take it, since the holder must have died. Each process measures the
term with its own monotonic clock; clocks are never compared.

A lease saves work but guarantees nothing: if two processes hold it, because one was suspended for a
minute, both fetch, and the store serializes their commits.
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
"""Seconds after which a lease that was not renewed is free."""


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """Contents of a lease. `holder` is None after release; `beat` makes each write different."""

    holder: str | None
    beat: int


class Lease:
    """A lease shared by processes with the same documents and the same name."""

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
        """Try to take the lease; returns whether we hold it. Raises OSError if the documents are
        unavailable."""
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
        """Renew a taken lease until the end of the block, then release it."""
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
        """Renew or release the lease, unless another process has taken it."""
        try:
            found = self._documents.get(self._key)
            if found is not None and _holder_of(found[0]) == self._holder:
                self._write(holder, found[1])
        except OSError as why:
            log.warning("A lease could not be renewed: %s", why)

    def _write(self, holder: str | None, version: Version | None) -> bool:
        self._beat += 1
        body = msgspec.json.encode(_Body(holder, self._beat))
        return self._documents.put(self._key, body, version)


def _holder_of(body: bytes) -> str | None:
    """The holder; None if the lease is free or unreadable."""
    try:
        return msgspec.json.decode(body, type=_Body).holder
    except msgspec.MsgspecError:
        return None
