"""Snapshots on disk: after a restart, the last one is on screen at once.

Each snapshot is a numbered folder of its workspace's: a Parquet file a table, and a manifest with
their checksums under a seal. It is written beside and renamed into place, so that a process may be
killed at any moment. What is not as it was written is set aside, never loaded.
"""

import contextlib
import hashlib
import hmac
import json
import logging
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lib.chatbotx.crawl import Verdict
from lib.settings import Settings
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

FORMAT = 2
"""To be counted up when what stands in a table or in the manifest changes its meaning."""

KEPT = 3
KEPT_ASIDE = 3

_MANIFEST = "manifest.json"
_LOCK = "lock"
_ASIDE = ".unreadable"
_BESIDE = "beside-"
"""Begins the name of a folder that is being written or removed."""


def store_of(settings: Settings) -> "Store | None":
    """Where snapshots of the configured workspace are kept; None for the demo workspace."""
    if settings.token is None:
        return None
    # The region is among them because countries are told by it before anything is kept.
    parts = (settings.base_url, settings.token, settings.default_region or "")
    identity = "\0".join(parts).encode()
    # Nothing of it can be told from the name.
    name = hashlib.sha256(b"chatbotx snapshots\0" + identity).hexdigest()[:16]
    key = hashlib.sha256(b"chatbotx seal\0" + identity).digest()
    return Store(Path(settings.store) / name, key)


class Store:
    """The snapshots of one workspace, in `folder`; `key` seals them.

    Several processes may use one folder.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self._key = key

    def load(self) -> tuple[Snapshot | None, tuple[str, ...]]:
        """The latest snapshot that can be read, and a sentence for each that could not be."""
        notes: list[str] = []
        for folder in reversed(self._snapshots()):
            try:
                return self._read(folder), tuple(notes)
            except _Unreadable as why:
                if not folder.exists():  # another process has just removed it
                    continue
                log.warning("The snapshot in %s cannot be used: %s.", folder, why)
                notes.append(f"Data that was saved before could not be used: {why}.")
                self._set_aside(folder)
            except OSError as error:
                log.warning("The snapshot in %s cannot be read: %s.", folder, error)
                notes.append(f"Data that was saved before cannot be read: {reason(error)}.")
        return None, tuple(notes)

    def save(self, snapshot: Snapshot) -> None:
        """Keeps a snapshot, the latest three in all. Does nothing while another process saves one.
        Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone() as is_alone:
            if not is_alone:
                log.info("Another process is saving a snapshot of this workspace.")
                return
            self._clear()
            beside = self._beside()
            try:
                beside.mkdir()
                self._write(snapshot, beside)
                # An empty folder may be replaced, so the rename needs a name that is free.
                beside.rename(self.folder / f"{self._next_number():06}")
            except OSError:
                shutil.rmtree(beside, ignore_errors=True)
                raise
            self._forget(self._snapshots()[:-KEPT])

    def _write(self, snapshot: Snapshot, folder: Path) -> None:
        checksums = {}
        for name, frame in snapshot.tables.frames().items():
            data = _encoded(frame)
            checksums[name] = hashlib.sha256(data).hexdigest()
            _write_file(folder / f"{name}.parquet", data)
        manifest = _Manifest(FORMAT, snapshot.workspace_id, snapshot.verdict, checksums)
        _write_file(folder / _MANIFEST, _sealed(msgspec.json.encode(manifest), self._key))

    def _read(self, folder: Path) -> Snapshot:
        """Raises _Unreadable, or OSError."""
        manifest = _opened(_read_file(folder / _MANIFEST), self._key)
        frames = {}
        for name, columns in _columns().items():
            data = _read_file(folder / f"{name}.parquet")
            if hashlib.sha256(data).hexdigest() != manifest.tables.get(name):
                raise _Unreadable(f"{name}.parquet is not as it was written")
            frames[name] = _decoded(data)
            if frames[name].columns.to_list() != columns:
                raise _Unreadable(_OTHER_VERSION)
        pa.default_memory_pool().release_unused()
        return Snapshot(Tables(**frames), manifest.verdict, manifest.workspace_id)

    def _snapshots(self) -> list[Path]:
        """The folders of snapshots, the latest last."""
        return sorted((path for path in self._entries() if path.name.isdecimal()), key=_number)

    def _entries(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except OSError:
            return []

    def _next_number(self) -> int:
        """Numbers go on, whatever the clock says, and are not used twice."""
        names = (path.name.removesuffix(_ASIDE) for path in self._entries())
        return 1 + max((int(name) for name in names if name.isdecimal()), default=0)

    def _set_aside(self, folder: Path) -> None:
        """For somebody to look at; the latest three are kept."""
        with contextlib.suppress(OSError):
            folder.rename(folder.with_name(folder.name + _ASIDE))
        aside = [path for path in self._entries() if path.name.endswith(_ASIDE)]
        self._forget(sorted(aside, key=_number)[:-KEPT_ASIDE])

    def _forget(self, folders: list[Path]) -> None:
        """Renamed first, so that nobody comes upon one that is half removed."""
        for folder in folders:
            beside = self._beside()
            with contextlib.suppress(OSError):
                folder.rename(beside)
            shutil.rmtree(beside, ignore_errors=True)

    def _clear(self) -> None:
        """Removes what processes that were killed have left."""
        for path in self._entries():
            if path.name.startswith(_BESIDE):
                shutil.rmtree(path, ignore_errors=True)

    def _beside(self) -> Path:
        return self.folder / f"{_BESIDE}{uuid.uuid4().hex}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process writes here; none begins to while the block lasts. The system
        lifts the lock of a process that dies. Raises OSError."""
        with (self.folder / _LOCK).open("a") as file:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                yield False
                return
            yield True


class _Unreadable(Exception):
    """Why a snapshot cannot be used, as the end of a sentence."""


_OTHER_VERSION = "another version of this dashboard wrote it"


@dataclass(frozen=True)
class _Manifest:
    """`tables` holds the SHA-256 of each table's file."""

    format: int
    workspace_id: str | None
    verdict: Verdict
    tables: dict[str, str]


class _Sealed(msgspec.Struct):
    """As a file: the manifest, and a code for it that only who holds the key can make."""

    seal: str
    manifest: msgspec.Raw


class _Format(msgspec.Struct):
    format: int


def _sealed(manifest: bytes, key: bytes) -> bytes:
    seal = hmac.new(key, manifest, "sha256").hexdigest()
    return msgspec.json.encode(_Sealed(seal, msgspec.Raw(manifest)))


def _opened(data: bytes, key: bytes) -> _Manifest:
    """Raises _Unreadable."""
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        manifest = bytes(sealed.manifest)
        if not hmac.compare_digest(
            sealed.seal.encode(), hmac.new(key, manifest, "sha256").hexdigest().encode()
        ):
            raise _Unreadable("its manifest is not as this dashboard wrote it for this workspace")
        if msgspec.json.decode(manifest, type=_Format).format != FORMAT:
            raise _Unreadable(_OTHER_VERSION)
    except msgspec.MsgspecError:
        raise _Unreadable("its manifest is not as it was written") from None
    try:
        return msgspec.json.decode(manifest, type=_Manifest)
    except msgspec.MsgspecError:
        raise _Unreadable(_OTHER_VERSION) from None


_CATEGORIES = b"categories"


def _encoded(frame: pd.DataFrame) -> pa.Buffer:
    """As Parquet. Of a categorical column its codes, and its categories beside: so they come back
    as they were, those that do not occur too, and in half the time."""
    columns = dict(frame.items())
    categories: dict[str, list[str]] = {}
    for name, column in frame.select_dtypes("category").items():
        columns[name] = column.cat.codes
        categories[str(name)] = column.cat.categories.to_list()
    table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    table = table.replace_schema_metadata(
        {**table.schema.metadata, _CATEGORIES: json.dumps(categories).encode()}
    )
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="lz4", write_statistics=False)
    return buffer.getvalue()


def _decoded(data: bytes) -> pd.DataFrame:
    """Raises _Unreadable for what `_encoded` did not make."""
    try:
        table = pq.read_table(pa.BufferReader(data))
        all_categories = json.loads(table.schema.metadata[_CATEGORIES])
        # Each column is given up as soon as it is copied, or not copied at all.
        frame = table.to_pandas(split_blocks=True, self_destruct=True)
        for name, categories in all_categories.items():
            frame[name] = pd.Categorical.from_codes(
                frame[name].to_numpy(), categories=pd.Index(categories, dtype="str")
            )
    except (pa.ArrowException, ValueError, KeyError, TypeError):
        raise _Unreadable(_OTHER_VERSION) from None
    return frame


def _write_file(path: Path, data: bytes | pa.Buffer) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_file(path: Path) -> bytes:
    """Raises _Unreadable if there is none, or OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _Unreadable(f"{path.name} is missing") from None


def _number(folder: Path) -> int:
    return int(folder.name.removesuffix(_ASIDE))


def reason(error: OSError) -> str:
    """What the system says, without the path."""
    return error.strerror or "the disk does not say why"


@cache
def _columns() -> dict[str, list[str]]:
    """The columns of each table."""
    empty = TableBuilder().build()
    return {name: frame.columns.to_list() for name, frame in empty.frames().items()}
