"""Where a workspace's data is stored: a folder, or a bucket of Amazon S3, Google Cloud Storage or
Azure. All offer the same few operations, with errors as sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.exceptions import DeltaError

if TYPE_CHECKING:
    from lib.store.bucket import Bucket


class StoreError(Exception):
    """Why the store cannot be used: the end of a sentence, without addresses, paths or keys."""


class StoreFull(StoreError):
    """No space left."""


class Unreadable(Exception):
    """A file of the store is missing or damaged: the end of a sentence."""


@dataclass(frozen=True)
class Entry:
    """A file; `modified` is UTC. `is_plain` is False for anything but a regular file (a folder, a
    pipe, a device), which must not be opened. `leads_nowhere`: a link to nothing, or to itself."""

    name: str
    modified: datetime
    is_plain: bool = True
    leads_nowhere: bool = False


@dataclass(frozen=True)
class Place:
    """A folder or a bucket. `root` is the folder's path, or the bucket's address with an optional
    folder in it; `options` are those of `[store]`, for buckets."""

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_folder(self) -> bool:
        return "://" not in self.root

    def below(self, name: str) -> Place:
        return Place(f"{self.root}/{name}", self.options)

    @property
    def above(self) -> Place:
        return Place(self.root.rpartition("/")[0], self.options)

    @property
    def name(self) -> str:
        return self.root.rpartition("/")[2]

    def path(self, name: str) -> Path:
        """Path of a file, if this is a folder."""
        return Path(self.root, name)

    @property
    def storage_options(self) -> dict[str, str] | None:
        """Options for deltalake."""
        if self.is_folder:
            return None
        # Without this, S3 lets two concurrent writers of a version both succeed.
        usual = {"conditional_put": "etag"} if self.root.startswith("s3://") else {}
        patience = {"timeout": "60s", "connect_timeout": "5s"}
        return patience | usual | dict(self.options)

    def entries(self) -> list[Entry]:
        """The entries directly in it; empty if it does not exist. Raises StoreError."""
        if self.is_folder:
            with store_errors(self):
                return _entries(Path(self.root))
        with store_errors(self):
            return [Entry(name, modified) for name, modified in self.bucket.list()]

    def open(self, name: str) -> pa.NativeFile:
        """Open a file for random access; from a bucket it is downloaded whole, in one request.
        Raises StoreError or FileNotFoundError."""
        with store_errors(self):
            if self.is_folder:
                path = self.path(name)
                if not stat.S_ISREG(path.stat().st_mode):
                    raise FileNotFoundError(name)
                return pa.OSFile(str(path))
            return pa.BufferReader(self.bucket.get(name)[0])

    def make(self) -> None:
        """Create the folder, accessible to this user only. Raises StoreError."""
        with store_errors(self, is_new=True):
            Path(self.root).mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, name: str, data: pa.Buffer) -> None:
        """Write a file, atomically as far as the place allows. Raises StoreError."""
        with store_errors(self, is_new=True):
            if not self.is_folder:
                self.bucket.put(name, memoryview(data).cast("B"))
                return
            Path(self.root).mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.path(name)
            try:
                with path.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise

    def take_in(self, name: str, path: Path) -> None:
        """Move or upload a local file to this place without reading it into memory. Raises
        StoreError, also where that file has been removed meanwhile."""
        try:
            self._take_in(name, path)
        except FileNotFoundError as error:
            if path.exists():
                raise store_error(error, self) from None
            raise StoreError("what was fetched was removed from the temporary folder") from None

    def _take_in(self, name: str, path: Path) -> None:
        with store_errors(self):
            if not self.is_folder:
                self.bucket.put_file(name, path)
                return
            Path(self.root).mkdir(mode=0o700, parents=True, exist_ok=True)
            target = self.path(name)
            try:
                target.hardlink_to(path)
            except FileExistsError:
                raise
            except OSError:  # on another disk, or a file system without links
                try:
                    shutil.copyfile(path, target)
                except OSError:
                    target.unlink(missing_ok=True)
                    raise
            with target.open("r+b") as file:  # Windows does not flush files opened for reading
                os.fsync(file.fileno())

    def copy_out(self, name: str, path: Path) -> None:
        """Download a file from a bucket without reading it into memory. Raises StoreError or
        FileNotFoundError."""
        with store_errors(self):
            self.bucket.get_file(name, path)

    def size(self, name: str) -> int:
        """Size of a file in bytes. Raises StoreError."""
        with store_errors(self):
            if self.is_folder:
                return self.path(name).stat().st_size
            return self.bucket.size(name)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists. Raises StoreError."""
        with store_errors(self), contextlib.suppress(FileNotFoundError):
            if self.is_folder:
                self.path(name).unlink()
            else:
                self.bucket.delete(name)

    def set_aside(self, name: str) -> None:
        """Rename a file or folder to a name that nothing reads. Raises StoreError."""
        plain = re.sub(r"[^\w.-]", "_", name[:100], flags=re.ASCII)
        aside = f"_unreadable-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{plain}.aside"
        with store_errors(self), contextlib.suppress(FileNotFoundError):
            if self.is_folder:
                self.path(name).rename(self.path(aside))
            else:
                self.bucket.rename(name, aside)

    @property
    def bucket(self) -> Bucket:
        """Access to the bucket through obstore, because deltalake's own file system holds the GIL
        while it waits. Raises StoreError if obstore is not installed, and for unknown options."""
        try:
            from lib.store import bucket
        except ImportError:
            raise StoreError(
                "a bucket needs what requirements-buckets.txt names, which is not installed"
            ) from None
        try:
            return bucket.bucket_of(self.root, tuple(sorted(self.options.items())))
        except bucket.NotUnderstood:
            names = ", ".join(sorted(self.options)) or "nothing"
            raise StoreError(f"[store] is not understood: it sets {names}") from None


def _entries(folder: Path) -> list[Entry]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # removed in the meantime
                    seen, leads_nowhere = entry.stat(follow_symlinks=False), False
                    if stat.S_ISLNK(seen.st_mode):
                        try:
                            seen = entry.stat()
                        except OSError as error:
                            leads_nowhere = error.errno in (errno.ENOENT, errno.ELOOP)
                    modified = datetime.fromtimestamp(seen.st_mtime, UTC)
                    is_plain = stat.S_ISREG(seen.st_mode)
                    found.append(Entry(entry.name, modified, is_plain, leads_nowhere))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return found


@contextlib.contextmanager
def store_errors(place: Place, *, is_new: bool = False) -> Iterator[None]:
    """Context that converts errors to StoreError; FileNotFoundError only for what `is_new`, where
    it is a folder that cannot be made, as on a Windows drive that is not connected."""
    try:
        yield
    except FileNotFoundError as error:
        if is_new:
            raise store_error(error, place) from None
        raise
    except (OSError, DeltaError, pa.ArrowException) as error:
        raise store_error(error, place) from None


def store_error(error: Exception, place: Place) -> StoreError:
    """The error in our own words: a library's message may contain addresses and keys."""
    number = getattr(error, "errno", None)
    text = _DURATION.sub("", str(error).lower())
    if number in (errno.ENOSPC, errno.EDQUOT) or "no space left" in text or "quota" in text:
        return StoreFull("the disk is full")
    if place.is_folder:
        if number in (errno.EACCES, errno.EPERM) or "permission denied" in text:
            return StoreError("this program may not read or write there")
        if number == errno.EROFS or "read-only" in text:
            return StoreError("the disk is read-only")
        if number in (errno.ENOTDIR, errno.EEXIST):
            return StoreError("a file stands where its folder should be")
        if "hard link" in text or number in (errno.EOPNOTSUPP, errno.ENOTSUP):
            return StoreError("its file system knows neither hard links nor an atomic rename")
        return StoreError(os.strerror(number) if number else "the disk does not say why")
    if _REFUSED.search(text):
        return StoreError(f"the keys were refused: check {_keys(place)} in [store]")
    if _NO_BUCKET.search(text):
        return StoreError("there is no such bucket: check CHATBOTX_STORE")
    if _NO_CONNECTION.search(text):
        return StoreError("the bucket cannot be reached: check the network and [store]")
    return StoreError("the bucket refused what was asked of it")


_DURATION = re.compile(r"\b\d[\d.]*\s?[nµm]?s\b")
"""Durations in messages: 403.2 ms is not a status code."""

_REFUSED = re.compile(
    r"\b40[13]\b|forbidden|unauthori[sz]ed|invalidaccesskeyid|signaturedoesnotmatch|accessdenied"
    r"|credential|unauthenticated|permission"
)
_NO_BUCKET = re.compile(r"nosuchbucket|bucket does not exist|containernotfound")
_NO_CONNECTION = re.compile(r"connect|timed out|timeout|dns|resolve|error sending request|retries")
_IS_A_KEY = re.compile(r"key|secret|token|account|credential|sas", re.IGNORECASE)


def _keys(place: Place) -> str:
    """Names of the options that may be wrong."""
    names = [name for name in place.options if _IS_A_KEY.search(name)]
    if names:
        return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return {
        "s3": "aws_access_key_id and aws_secret_access_key",
        "gs": "google_service_account_key",
        "az": "azure_storage_account_name and azure_storage_account_key",
    }.get(place.root.split("://")[0], "the keys")
