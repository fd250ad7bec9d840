"""Small documents shared by processes: compare-and-swap, and nothing else.

SQLite provides it in a folder, conditional puts in a bucket, so that replicas can share documents.
Users of a document need not know where it is stored.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lib.settings import Settings
from lib.store.place import Place, StoreError, store_errors

Version = str


class Documents(Protocol):
    """Documents by key. Methods raise OSError if the storage is unavailable."""

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """The document and its version; None if there is none."""

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        """Store `body` if the document still has that version (None: does not exist). Returns
        False, without writing, if another writer was first. Durable on return."""


_WAIT = 10
"""Seconds to wait for another process to finish writing."""


class LocalDocuments:
    """Documents in an SQLite file, which survives a kill at any moment; locks of a killed process
    are released."""

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
        """A transaction on a connection of its own, so any thread may call."""
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
            raise OSError(f"{self._file.name} of the store cannot be used: {error}") from error


class BucketDocuments:
    """Documents as objects in a bucket, written by conditional puts.

    If the response to a put is lost, its retry fails because the first one succeeded, and the
    caller assumes that another writer was first. The write did happen, and nothing happens twice.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def get(self, key: str) -> tuple[bytes, Version] | None:
        with _as_os_error(), store_errors(self._place):
            try:
                body, version = self._place.bucket.get(_name(key))
            except FileNotFoundError:
                return None
            return bytes(body), json.dumps(version)

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        with _as_os_error(), store_errors(self._place):
            try:
                before = None if version is None else json.loads(version)
                return self._place.bucket.swap(_name(key), body, before)
            except FileNotFoundError:  # removed since it was read
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
    """The documents stored beside a workspace's snapshots."""
    folder = settings.store_folder
    if folder is not None:
        return LocalDocuments(folder)
    return BucketDocuments(Place(settings.store, dict(settings.store_options)))
