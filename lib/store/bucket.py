"""Files of a bucket, through obstore: few can do without it, so nobody else installs it."""

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
    """What the other side or the library says of what went wrong; it may hold addresses."""


class NotUnderstood(Exception):
    """An option that nobody knows."""


Version = dict[str, str]
"""Of an object: its ETag, and its version where the bucket keeps several."""


class Bucket:
    """One that an address names, with a folder in it. Each of its methods raises BucketError, and
    FileNotFoundError for an object that is not there."""

    def __init__(self, root: str, options: Mapping[str, str]) -> None:
        """Raises NotUnderstood."""
        prefix = _PREFIXES[root.split("://")[0]]
        own: dict[str, Any] = {
            name: each for name, each in options.items() if name.startswith(prefix)
        }
        client = {name: each for name, each in options.items() if name in _OF_THE_CLIENT}
        if (allowed := own.pop(f"{prefix}allow_http", None)) is not None:
            client["allow_http"] = allowed
        own["client_options"] = {"timeout": "60s", "connect_timeout": "5s"} | client
        try:
            self._objects: ObjectStore = from_url(root, retry_config={"max_retries": 3}, **own)
        except (BaseError, ValueError, TypeError):
            raise NotUnderstood from None

    def list(self) -> list[tuple[str, datetime]]:
        """The names of what lies in the folder, not deeper, and when each was modified, UTC."""
        with _Telling():
            listed = obstore.list_with_delimiter(self._objects)["objects"]
        return [(each["path"].rpartition("/")[2], each["last_modified"]) for each in listed]

    def get(self, name: str) -> tuple[memoryview, Version]:
        with _Telling():
            found = obstore.get(self._objects, name)
            return memoryview(found.bytes()), _version(found.meta)

    def put(self, name: str, data: memoryview) -> None:
        with _Telling():
            obstore.put(self._objects, name, obstore.Bytes(data))

    def put_file(self, name: str, path: Path) -> None:
        """In parts, where it is large."""
        with _Telling():
            obstore.put(self._objects, name, path)

    def swap(self, name: str, data: bytes, version: Version | None) -> bool:
        """Puts it in place of that version, or as the first one for None; False, and nothing is
        changed, where there is another."""
        mode: Any = "create" if version is None else version
        with _Telling():
            try:
                obstore.put(self._objects, name, data, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def size(self, name: str) -> int:
        """Bytes."""
        with _Telling():
            return int(obstore.head(self._objects, name)["size"])

    def delete(self, name: str) -> None:
        with _Telling():
            obstore.delete(self._objects, name)

    def rename(self, name: str, other: str) -> None:
        with _Telling():
            obstore.rename(self._objects, name, other)


@lru_cache(64)
def bucket_of(root: str, options: tuple[tuple[str, str], ...]) -> Bucket:
    """The one of this process: it keeps its connections. Raises NotUnderstood."""
    return Bucket(root, dict(options))


class _Telling:
    """Makes errors of the library those of this module."""

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
_OF_THE_CLIENT = {"allow_http", "proxy_url", "timeout", "connect_timeout"}
