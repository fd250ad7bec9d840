"""Saved views: choices kept under a name, for oneself or for everybody.

A view is stored by stable keys, as the parameters of a link, together with the names at that time,
so that a value that has since disappeared from the workspace can still be named. Owners are stored
as a keyed hash of the sign-in subject, never as an address. A saved view is shown only on request.
"""

import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from lib.query import presets, url
from lib.query.choice import Choice
from lib.query.options import Options, clean, skeleton
from lib.reference import formatting
from lib.reference.pages import PAGES
from lib.settings import Settings
from lib.store.dimensions import DIMENSIONS
from lib.store.documents import Documents, documents_of

EVERYBODY = ""
"""Owner of the views for everybody."""

LONGEST_NAME = 60
MOST_VIEWS = 50
"""Per owner."""

LONGEST_VIEW = 20_000
"""Characters of one stored view; with a hundred tags it has about ten thousand. Every page reads
all views, so one that selects all of 20,000 tags would slow everybody down."""


class SavedViewError(Exception):
    """A view could not be saved or read; the message is a sentence that says why and what to do."""


@dataclass(frozen=True)
class SavedView:
    """A saved choice. `page` is the path of a page, `parameters` are those of a link, `names` holds
    the names of values when it was saved, by dimension and key."""

    id: str
    name: str
    owner: str
    page: str
    parameters: Mapping[str, Sequence[str]]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    saved_at: str = ""

    @property
    def is_for_everybody(self) -> bool:
        return self.owner == EVERYBODY


class Storage(Protocol):
    """Storage for the saved views of one workspace."""

    def read(self) -> bytes | None:
        """The stored content; None if there is none. Raises OSError."""

    def change(self, change: Callable[[bytes | None], bytes]) -> None:
        """Atomically replace the content by what `change` makes of it; one writer at a time. Raises
        OSError, and whatever `change` raises."""


class JsonFile:
    """Storage in one file, which several processes may use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", timeout=10)

    def read(self) -> bytes | None:
        try:
            return _content_of(self._path)
        except FileNotFoundError:
            return None

    def change(self, change: Callable[[bytes | None], bytes]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            _replace(self._path, change(self.read()))


def _replace(path: Path, content: bytes) -> None:
    """Replace a file atomically; only this user may read it. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _content_of(path: Path) -> bytes:
    """Read the file. Raises OSError, also for anything but a regular file: reading a pipe would
    block."""
    # Windows has no O_NONBLOCK; elsewhere there is no O_BINARY.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    opened = os.open(path, flags)
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise OSError("this is not a file of saved views")
        return file.read()


MOST_BYTES = 20_000_000
"""Size limit of all views of a workspace: what is larger is neither written nor read."""


class SharedDocument:
    """Storage in a bucket, shared by replicas. Reads are cached for some seconds, so a view saved
    elsewhere appears with that delay."""

    def __init__(self, documents: Documents, key: str, seconds: float = 10) -> None:
        self._documents, self._key, self._seconds = documents, key, seconds
        self._cached: tuple[float, bytes | None] | None = None

    def read(self) -> bytes | None:
        cached = self._cached
        if cached is not None and time.monotonic() - cached[0] < self._seconds:
            return cached[1]
        found = self._documents.get(self._key)
        self._cached = time.monotonic(), found[0] if found is not None else None
        return self._cached[1]

    def change(self, change: Callable[[bytes | None], bytes]) -> None:
        for _ in range(_MOST_ATTEMPTS):
            body, version = self._documents.get(self._key) or (None, None)
            after = change(body)
            if self._documents.put(self._key, after, version):
                self._cached = time.monotonic(), after
                return
        raise OSError("concurrent writers kept changing it")


_MOST_ATTEMPTS = 20


def owner_of(subject: str, secret: bytes) -> str:
    """Owner ID of a person: stable for a sign-in subject, which cannot be recovered from it without
    the secret."""
    return hmac.new(secret, b"saved views\0" + subject.encode(), hashlib.sha256).hexdigest()[:32]


class SavedViews:
    """The saved views of one workspace."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def of(self, owner: str | None) -> list[SavedView]:
        """The views for everybody and those of this person, by name. Raises SavedViewError."""
        mine = {EVERYBODY, owner} if owner else {EVERYBODY}
        try:
            content = self._storage.read()
        except OSError as error:
            raise SavedViewError("Saved views could not be read from the store.") from error
        found = [view for view in _decoded(content) if view.owner in mine]
        return sorted(found, key=lambda view: (view.name.casefold(), not view.is_for_everybody))

    def save(
        self,
        name: str,
        choice: Choice,
        options: Options,
        *,
        page: str,
        owner: str,
        now: datetime,
    ) -> SavedView:
        """Save a choice under a name, replacing the owner's view of that name. Raises
        SavedViewError."""
        named = clean(name)
        if not skeleton(named):
            raise SavedViewError("A saved view needs a name.")
        if len(named) > LONGEST_NAME:
            raise SavedViewError(f"A name has at most {LONGEST_NAME} characters.")
        given = {key: values for key, values in url.parameters(choice).items() if values}
        names = {
            dimension.key: {key: options.name(dimension, key) for key in choice.keys(dimension)}
            for dimension in DIMENSIONS
            if choice.keys(dimension)
        }
        view = SavedView(secrets.token_hex(8), named, owner, page, given, names, now.isoformat())
        if len(_encoded([view])) > LONGEST_VIEW:
            raise SavedViewError("These are too many filters to save; select fewer values.")

        def add(content: bytes | None) -> bytes:
            others = [
                each
                for each in _decoded(content)
                if (each.owner, each.name.casefold()) != (owner, named.casefold())
            ]
            if sum(each.owner == owner for each in others) >= MOST_VIEWS:
                raise SavedViewError(
                    f"There are {MOST_VIEWS} saved views already; delete one to save another."
                )
            after = _encoded([*others, view])
            if len(after) > MOST_BYTES:
                raise SavedViewError("There is no room for another view; delete one to save this.")
            return after

        self._change(add)
        return view

    def delete(self, view_id: str, *, owners: Sequence[str]) -> None:
        """Delete a view if it belongs to one of the `owners`. Raises SavedViewError."""
        self._change(
            lambda content: _encoded(
                [
                    each
                    for each in _decoded(content)
                    if each.id != view_id or each.owner not in owners
                ]
            )
        )

    def _change(self, change: Callable[[bytes | None], bytes]) -> None:
        try:
            self._storage.change(change)
        except (OSError, TimeoutError) as error:
            raise SavedViewError(
                "The view could not be saved: the store cannot be written to."
            ) from error


def suggested_name(choice: Choice, options: Options, page: str, taken: Collection[str]) -> str:
    """A name for a view that is saved without one, which is none of the `taken`: "In Brazil · Last
    30 days · Workload"."""
    if choice.preset == "dates" and choice.start and choice.end:
        days = formatting.span(choice.start, choice.end)
    else:
        days = presets.LABELS[choice.preset]
    words = choice.in_words(options)
    titles = [entry.title for path, entry in PAGES.items() if path == page]
    # The sidebar is narrow: what tells views apart comes first.
    whole = clean(" · ".join(filter(None, (words[:1].upper() + words[1:], days, *titles))))
    names = {each.casefold() for each in taken}
    numbered = (_shortened(whole, f" ({number})" if number > 1 else "") for number in count(1))
    return next(name for name in numbered if name.casefold() not in names)


def _shortened(name: str, end: str) -> str:
    """The name with this end, cut to the length that a name may have."""
    room = LONGEST_NAME - len(end)
    return (name if len(name) <= room else f"{name[: room - 1].rstrip()}…") + end


def opened(view: SavedView, options: Options) -> tuple[Choice, list[str]]:
    """The choice of a saved view, and a sentence for each part that the workspace no longer has."""
    gone, given = [], {name: list(values) for name, values in view.parameters.items()}
    for dimension in DIMENSIONS:
        named = view.names.get(dimension.key, {})
        known = {option.key for option in options.of(dimension)} if named else set()
        kept = []
        for key, name in named.items():
            if key in known:
                kept.append(url.spelled(key))
            else:
                gone.append(
                    f"The {dimension.noun} “{name}” is no longer in this workspace; the saved view "
                    f"“{view.name}” opens without it."
                )
        given[dimension.key] = kept
    choice, notes = url.parse(given, options)
    return choice, [*gone, *notes]


def _encoded(views: Sequence[SavedView]) -> bytes:
    content = {"version": 1, "views": [asdict(view) for view in views]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


@lru_cache(4)
def _decoded(content: bytes | None) -> tuple[SavedView, ...]:
    """The stored views; cached, since every page asks for the same. Raises SavedViewError for
    foreign or damaged content, so that it is not overwritten."""
    if content is None:
        return ()
    try:
        return tuple(_view(each) for each in json.loads(content)["views"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SavedViewError(
            "The file of saved views is damaged; whoever runs this dashboard can repair or move it."
        ) from error


def _view(given: Any) -> SavedView:
    texts = {name: given[name] for name in ("id", "name", "owner", "page", "saved_at")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("not a saved view")
    parameters = {
        str(name): [str(value) for value in values] for name, values in given["parameters"].items()
    }
    names = {
        str(dimension): {str(key): str(name) for key, name in keys.items()}
        for dimension, keys in given["names"].items()
    }
    return SavedView(**texts, parameters=parameters, names=names)


def of_workspace(settings: Settings) -> SavedViews | None:
    """The saved views of the configured workspace; None for the demo workspace, which keeps
    none."""
    if settings.is_demo:
        return None
    identity = f"{settings.base_url}\0{settings.token}".encode()
    name = hashlib.sha256(b"saved views\0" + identity).hexdigest()[:16]
    return SavedViews(_storage(settings, f"saved-views-{name}"))


@lru_cache(1000)
def _storage(settings: Settings, name: str) -> Storage:
    if (folder := settings.store_folder) is not None:
        return JsonFile(folder / f"{name}.json")
    return SharedDocument(documents_of(settings), name)


def secret_of(settings: Settings) -> bytes:
    """The store's secret, created on first use. Raises OSError."""
    if (folder := settings.store_folder) is not None:
        return _secret_in(folder / "saved-views.key")
    return _secret_shared(settings)


def _secret_in(path: Path) -> bytes:
    if kept := _kept_secret(path):
        return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=10):
        if kept := _kept_secret(path):  # another process was faster
            return kept
        made = secrets.token_bytes(32)
        _replace(path, made)
        return made


def _kept_secret(path: Path) -> bytes | None:
    """The stored secret; None if there is none, or an empty one, which would protect nobody."""
    try:
        return _content_of(path) or None
    except FileNotFoundError:
        return None


@lru_cache(1000)
def _secret_shared(settings: Settings) -> bytes:
    documents = documents_of(settings)
    made = secrets.token_bytes(32)
    if documents.put("saved-views-key", made, None):
        return made
    found = documents.get("saved-views-key")
    if found is None:
        raise OSError("the store has lost its secret")
    return found[0]
