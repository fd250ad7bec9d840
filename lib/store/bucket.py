"""Files in a bucket, through obstore (an optional dependency)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PreconditionError,
)
from obstore.store import ObjectStore, from_url


class BucketError(OSError):
    """Error reported by the bucket or the library; its text may contain addresses."""


class NotUnderstood(Exception):
    """An option is not understood."""


Version = dict[str, str]
"""Version of an object: its ETag, and its version ID if the bucket keeps versions."""


class Bucket:
    """A bucket, optionally a folder in it. All methods raise BucketError, and FileNotFoundError if
    an object does not exist."""

    def __init__(self, root: str, options: Mapping[str, str]) -> None:
        """Raises NotUnderstood."""
        prefix = _PREFIXES[root.split("://")[0]]
        own: dict[str, Any] = {
            name: each for name, each in options.items() if name.startswith(prefix)
        }
        client = {name: each for name, each in options.items() if name in _CLIENT_OPTIONS}
        if (allowed := own.pop(f"{prefix}allow_http", None)) is not None:
            client["allow_http"] = allowed
        own["client_options"] = {"timeout": "60s", "connect_timeout": "5s"} | client
        try:
            self._objects: ObjectStore = from_url(root, retry_config={"max_retries": 3}, **own)
        except (BaseError, ValueError, TypeError):
            raise NotUnderstood from None

    def list(self) -> list[tuple[str, datetime]]:
        """Names of the objects directly in the folder, and when each was modified (UTC)."""
        with _TranslatedErrors():
            listed = obstore.list_with_delimiter(self._objects)["objects"]
        return [(each["path"].rpartition("/")[2], each["last_modified"]) for each in listed]

    def get(self, name: str) -> tuple[memoryview, Version]:
        with _TranslatedErrors():
            found = obstore.get(self._objects, name)
            return memoryview(found.bytes()), _version(found.meta)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`."""
        with _TranslatedErrors():
            return bytes(obstore.get_range(self._objects, name, start=start, end=end))

    def put(self, name: str, data: memoryview) -> None:
        with _TranslatedErrors():
            obstore.put(self._objects, name, obstore.Bytes(data))

    def put_file(self, name: str, path: Path) -> None:
        """Upload a file, in parts if it is large."""
        with _TranslatedErrors():
            obstore.put(self._objects, name, path)

    def get_file(self, name: str, path: Path) -> None:
        """Download a file in parts."""
        with _TranslatedErrors(), path.open("wb") as file:
            for part in obstore.get(self._objects, name).stream():
                file.write(part)

    def swap(self, name: str, data: bytes, version: Version | None) -> bool:
        """Write `data` if the object still has that version (None: does not exist). Returns False,
        without writing, if it has another."""
        mode: Any = "create" if version is None else version
        with _TranslatedErrors():
            try:
                obstore.put(self._objects, name, data, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def size(self, name: str) -> int:
        """Size in bytes."""
        with _TranslatedErrors():
            return int(obstore.head(self._objects, name)["size"])

    def delete(self, name: str) -> None:
        with _TranslatedErrors():
            obstore.delete(self._objects, name)

    def rename(self, name: str, other: str) -> None:
        with _TranslatedErrors():
            obstore.rename(self._objects, name, other)


@lru_cache(64)
def bucket_of(root: str, options: tuple[tuple[str, str], ...]) -> Bucket:
    """The process-wide instance, which keeps its connections. Raises NotUnderstood."""
    return Bucket(root, dict(options))


class _TranslatedErrors:
    """Translates the library's errors to those of this module."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, (FileNotFoundError, NotFoundError)):
            raise FileNotFoundError from None
        if isinstance(error, (BaseError, OSError)):
            raise BucketError(str(error)) from None


def _version(meta: Any) -> Version:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}


_PREFIXES = {"s3": "aws_", "gs": "google_", "az": "azure_"}
_CLIENT_OPTIONS = {"allow_http", "proxy_url", "timeout", "connect_timeout"}
