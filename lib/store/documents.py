"""Small documents that several processes change: compare and swap, and nothing else.

In a folder SQLite does it, in a bucket a conditional put, so that replicas share them. What is
built on it need not know where it is kept.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lib.settings import Settings
from lib.store.place import Place, StoreError, saying

Version = str


class Documents(Protocol):
    """Documents by key. Raises OSError where they cannot be reached."""

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """What is kept, and its version; None if there is nothing."""

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        """Keeps `body` in place of that version, or as the first one for None. False, and nothing
        is kept, if another was faster. When it returns, what is kept outlasts a kill."""


_WAIT = 10
"""Seconds for another process to finish its write."""


class LocalDocuments:
    """In one file of a folder, by SQLite: it holds the lock, survives a kill at any moment and
    frees what a killed process held."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "notify.sqlite3"

    def get(self, key: str) -> tuple[bytes, Version] | None:
        if not self._file.exists():
            return None
        with self._open() as database:
            row = database.execute(
                "SELECT body, version FROM documents WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else (bytes(row[0]), str(row[1]))

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._open() as database:
            if version is None:
                done = database.execute(
                    "INSERT OR IGNORE INTO documents (key, body, version) VALUES (?, ?, 1)",
                    (key, body),
                )
            else:
                done = database.execute(
                    "UPDATE documents SET body = ?, version = version + 1 "
                    "WHERE key = ? AND version = ?",
                    (body, key, int(version)),
                )
            return done.rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction. A connection of its own each time: any thread may ask."""
        try:
            database = sqlite3.connect(self._file, timeout=_WAIT)
            try:
                with database:
                    database.execute("PRAGMA synchronous = FULL")
                    database.execute(
                        "CREATE TABLE IF NOT EXISTS documents "
                        "(key TEXT PRIMARY KEY, body BLOB NOT NULL, version INTEGER NOT NULL)"
                    )
                    yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise OSError(f"the file of deliveries cannot be used: {error}") from error


class BucketDocuments:
    """Objects of a bucket, each put only in place of the one that was read.

    A put whose answer was lost is tried again and then seems to have come second: whoever asked
    takes it for another's. It happened, and nothing happens twice.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def get(self, key: str) -> tuple[bytes, Version] | None:
        with _as_os_error(), saying(self._place):
            try:
                body, version = self._place.bucket.get(_name(key))
            except FileNotFoundError:
                return None
            return bytes(body), json.dumps(version)

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        with _as_os_error(), saying(self._place):
            try:
                before = None if version is None else json.loads(version)
                return self._place.bucket.swap(_name(key), body, before)
            except FileNotFoundError:  # it was removed since it was read
                return False


def _name(key: str) -> str:
    return f"documents/{key}.json"


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except StoreError as why:
        raise OSError(str(why)) from None


def documents_of(settings: Settings) -> Documents:
    """Beside the snapshots of a workspace, wherever those are."""
    folder = settings.store_folder
    if folder is not None:
        return LocalDocuments(folder)
    return BucketDocuments(Place(settings.store, dict(settings.store_options)))
