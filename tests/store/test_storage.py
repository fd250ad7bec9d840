from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from lib.chatbotx.crawl import Verdict
from lib.chatbotx.schema import Decoder
from lib.settings import Settings
from lib.store import storage
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.storage import Store, store_of
from lib.store.tables import Tables
from tests.fake_chatbotx import Contact
from tests.synthetic import synthetic_contacts
from tests.workspaces import AS_OF, Json, contact, conversation, on, tables_of, tagged

ROOT = Path(__file__).parents[2]
KEY = b"of this workspace"

posix = pytest.mark.skipif(os.name != "posix", reason="forks, kills, or looks at permissions")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache" / "workspace", KEY)


def snapshot_of(*contacts: Json, day: int = 0) -> Snapshot:
    """Of that many days after `AS_OF`."""
    return Snapshot(tables_of(*contacts), Verdict(AS_OF + timedelta(days=day)), "299")


def day(snapshot: Snapshot | None) -> int | None:
    """Which one it is of those that `snapshot_of` made."""
    return None if snapshot is None else (snapshot.as_of - AS_OF).days


def loaded(store: Store) -> Snapshot:
    """The latest, which must be there and without a note."""
    snapshot, notes = store.load()
    assert notes == ()
    assert snapshot is not None
    return snapshot


def names(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


# What was saved is what is loaded


def assert_same(tables: Tables, others: Tables) -> None:
    for name, frame in tables.frames().items():
        other = others.frames()[name]
        pd.testing.assert_frame_equal(frame, other, check_exact=True)
        assert [str(kind) for kind in frame.dtypes] == [str(kind) for kind in other.dtypes]
        for column in frame.select_dtypes("category"):
            categories = frame[column].cat.categories
            pd.testing.assert_index_equal(categories, other[column].cat.categories, exact=True)
            assert frame[column].cat.codes.dtype == other[column].cat.codes.dtype


def built(contacts: list[Contact]) -> Tables:
    builder = TableBuilder()
    builder.add(Decoder()(json.dumps({"data": contacts}).encode()).contacts)
    return builder.build()


def test_the_recorded_workspace_comes_back_as_it_was(
    store: Store, edge_contacts: list[Contact]
) -> None:
    tables = built(edge_contacts)
    store.save(Snapshot(tables, Verdict(AS_OF)))
    assert_same(tables, loaded(store).tables)


def test_an_invented_workspace_comes_back_as_it_was(store: Store) -> None:
    tables = built(list(synthetic_contacts(3000, seed=1)))
    store.save(Snapshot(tables, Verdict(AS_OF)))
    assert_same(tables, loaded(store).tables)


@pytest.mark.parametrize(
    "contacts",
    [
        [],
        [contact()],
        [contact(id="a-7"), contact(id="007"), contact(conversation(id="c-1"))],
        [contact(conversation(assignedUserId="Zoë", assignedInboxTeamId="客户"), on("ｌｉｎｅ"))],
        [contact({"tags": [{"id": "601", "name": None}]}), contact(tagged("\u202e", "'; --"))],
        [contact(on(*(f"channel {number}" for number in range(300))))],
        # Both carry one id: the later wins, and the country of the other is a category that no
        # contact has.
        [
            contact(id="1", country="BR", updatedAt="2026-01-01T00:00:00Z"),
            contact(id="1", country="VN", updatedAt="2026-01-02T00:00:00Z"),
        ],
        [contact(createdAt="0001-01-01T00:00:00Z", blockedAt="9999-12-31T23:59:59.999Z")],
    ],
    ids=["none", "one", "text ids", "names", "tags", "300 channels", "unused category", "times"],
)
def test_awkward_workspaces_come_back_as_they_were(store: Store, contacts: list[Json]) -> None:
    snapshot = snapshot_of(*contacts)
    store.save(snapshot)
    assert_same(snapshot.tables, loaded(store).tables)


def test_how_it_came_to_be_comes_back(store: Store) -> None:
    verdict = Verdict(
        datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC),
        seconds=1.25,
        requests=12,
        retries=3,
        pages=11,
        duplicates=2,
        without_id=1,
        by_key=False,
        complete=False,
        warnings=("Up to 3 “VIP” contacts may be missing.", "…"),
        unreadable={"createdAt": 4},
    )
    store.save(Snapshot(tables_of(contact()), verdict, "2990000000000000002"))
    snapshot = loaded(store)
    assert (snapshot.verdict, snapshot.workspace_id) == (verdict, "2990000000000000002")
    assert not snapshot.is_demo


# Which is loaded, which are kept


def test_where_nothing_was_saved_nothing_is_loaded_and_nothing_made(store: Store) -> None:
    assert store.load() == (None, ())
    assert not store.folder.exists()


def test_the_one_saved_last_is_loaded(store: Store) -> None:
    for number in range(2):
        store.save(snapshot_of(day=number))
    assert day(loaded(store)) == 1


def test_the_one_saved_last_is_loaded_even_if_the_clock_was_set_back(store: Store) -> None:
    store.save(snapshot_of(day=900))
    store.save(snapshot_of(day=1))
    assert day(loaded(store)) == 1


def test_the_latest_three_are_kept(store: Store) -> None:
    for number in range(5):
        store.save(snapshot_of(day=number))
    assert names(store) == ["000003", "000004", "000005", "lock"]


def test_the_tenth_is_later_than_the_ninth_however_many_digits(store: Store) -> None:
    store.save(snapshot_of(day=1))
    (store.folder / "000001").rename(store.folder / "999999")
    store.save(snapshot_of(day=2))
    assert day(loaded(store)) == 2


@posix
def test_nobody_else_on_the_machine_may_read_it(store: Store) -> None:
    store.save(snapshot_of())
    assert store.folder.stat().st_mode & 0o077 == 0


def test_files_of_others_are_left_alone(store: Store) -> None:
    store.save(snapshot_of())
    (store.folder / "README").write_text("mine")
    (store.folder / "notes").mkdir()
    for number in range(4):
        store.save(snapshot_of(day=number))
    assert {"README", "notes"} < set(names(store))


# Nothing broken is loaded


def change(file: str, how: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / file).write_bytes(how((folder / file).read_bytes()))

    return spoil


def foreign(folder: Path) -> None:
    """A whole snapshot of another workspace takes its place."""
    other = Store(folder.parent.parent / "other", b"of another workspace")
    other.save(snapshot_of(day=77))
    shutil.rmtree(folder)
    (other.folder / "000001").rename(folder)


def older(folder: Path) -> None:
    """Rightly sealed, by a version that wrote another format."""
    manifest = json.loads((folder / "manifest.json").read_bytes())["manifest"] | {"format": 0}
    sealed = storage._sealed(json.dumps(manifest).encode(), KEY)
    (folder / "manifest.json").write_bytes(sealed)


def with_other_columns(folder: Path) -> None:
    """Rightly sealed, by a version whose tables had another column."""
    frame = pd.DataFrame({"id": ["601"], "title": ["VIP"]})
    data = storage._encoded(frame)
    (folder / "tags.parquet").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_bytes())["manifest"]
    manifest["tables"]["tags"] = hashlib.sha256(data).hexdigest()
    sealed = storage._sealed(json.dumps(manifest).encode(), KEY)
    (folder / "manifest.json").write_bytes(sealed)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


BREAKAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a table was cut": (
        change("contacts.parquet", lambda data: data[:-9]),
        "contacts.parquet is not as it was written",
    ),
    "a table is empty": (
        change("tags.parquet", lambda data: b""),
        "tags.parquet is not as it was written",
    ),
    "a bit of a table flipped": (
        change("contact_tags.parquet", flipped),
        "contact_tags.parquet is not as it was written",
    ),
    "a table is missing": (
        lambda folder: (folder / "teams.parquet").unlink(),
        "teams.parquet is missing",
    ),
    "the manifest was cut": (
        change("manifest.json", lambda data: data[:-9]),
        "its manifest is not as it was written",
    ),
    "the manifest is empty": (
        change("manifest.json", lambda data: b""),
        "its manifest is not as it was written",
    ),
    "the manifest is missing": (
        lambda folder: (folder / "manifest.json").unlink(),
        "manifest.json is missing",
    ),
    "the manifest was tampered with": (
        change("manifest.json", lambda data: data.replace(b'"complete":true', b'"complete":false')),
        "its manifest is not as this dashboard wrote it for this workspace",
    ),
    "a folder of another workspace": (
        foreign,
        "its manifest is not as this dashboard wrote it for this workspace",
    ),
    "a folder of an older version": (older, "another version of this dashboard wrote it"),
    "tables with other columns": (with_other_columns, "another version of this dashboard wrote it"),
}


@pytest.mark.parametrize(("spoil", "why"), BREAKAGES.values(), ids=BREAKAGES)
def test_what_is_not_as_it_was_written_is_set_aside_and_the_one_before_is_loaded(
    store: Store, spoil: Callable[[Path], None], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(snapshot_of(day=1))
    store.save(snapshot_of(day=2))
    spoil(store.folder / "000002")

    snapshot, notes = store.load()

    assert day(snapshot) == 1
    assert notes == (f"Data that was saved before could not be used: {why}.",)
    assert why in caplog.text
    assert names(store) == ["000001", "000002.unreadable", "lock"]


def test_what_was_set_aside_is_not_tried_again(store: Store) -> None:
    store.save(snapshot_of(day=1))
    (store.folder / "000001" / "manifest.json").unlink()
    store.load()
    assert store.load() == (None, ())


def test_a_number_that_was_set_aside_is_not_used_again(store: Store) -> None:
    store.save(snapshot_of(day=1))
    (store.folder / "000001" / "manifest.json").unlink()
    store.load()
    store.save(snapshot_of(day=2))
    assert names(store) == ["000001.unreadable", "000002", "lock"]


def test_at_most_three_are_kept_aside(store: Store) -> None:
    for number in range(5):
        store.save(snapshot_of(day=number))
        (store.folder / f"{number + 1:06}" / "manifest.json").unlink()
        store.load()
    aside = ["000003.unreadable", "000004.unreadable", "000005.unreadable"]
    assert names(store) == [*aside, "lock"]


def test_a_file_in_place_of_a_folder_is_no_snapshot(store: Store) -> None:
    store.save(snapshot_of(day=1))
    (store.folder / "000002").write_text("?")
    assert day(store.load()[0]) == 1


# The disk does not want


def test_a_disk_that_cannot_be_read_is_noted_and_nothing_set_aside(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(snapshot_of(day=1))

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert store.load() == (
        None,
        ("Data that was saved before cannot be read: Permission denied.",),
    )
    assert names(store) == ["000001", "lock"]


@posix
def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        Store(tmp_path / "file" / "workspace", KEY).save(snapshot_of())


def test_a_full_disk_leaves_nothing_behind_and_the_one_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(snapshot_of(day=1))

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        store.save(snapshot_of(day=2))
    assert names(store) == ["000001", "lock"]
    assert day(loaded(store)) == 1


# Several processes


def test_while_another_saves_nothing_is_saved_and_loading_goes_on(store: Store) -> None:
    store.save(snapshot_of(day=1))
    other = Store(store.folder, KEY)
    with other._alone() as is_alone:
        assert is_alone
        store.save(snapshot_of(day=2))
        assert day(loaded(store)) == 1
    store.save(snapshot_of(day=3))
    assert day(loaded(store)) == 3


NURSERY = """
import json, os, signal, sys, time
from datetime import timedelta
from pathlib import Path
from lib.store import storage
from lib.chatbotx.crawl import Verdict
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.workspaces import AS_OF, tables_of

signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def say(word):
    os.write(1, f"{os.getpid()} {word}\\n".encode())

def hang(*_, **__):
    say("hangs")
    time.sleep(600)

def save(day):
    store.save(Snapshot(tables_of(), Verdict(AS_OF + timedelta(days=day))))

for line in sys.stdin:
    folder, key, code = json.loads(line)
    if not os.fork():
        store = Store(Path(folder), key.encode())
        exec(code)
        say("is done")
        os._exit(0)
"""
"""A process that has loaded everything already, and has children that share its start-up time."""


class Nursery:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, store: Store, code: str) -> None:
        """A new process does what `code` says with a store in the same folder."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(store.folder), KEY.decode(), code]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> tuple[int, str]:
        """Which process says what next."""
        assert self._process.stdout is not None
        process, _, word = self._process.stdout.readline().strip().partition(" ")
        return int(process), word

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(process, 0)
            time.sleep(0.001)


@posix
def test_processes_that_save_and_load_together_never_see_anything_broken(
    store: Store, nursery: Nursery
) -> None:
    for _ in range(2):
        nursery.begin(store, "for number in range(15): save(number)")
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(nursery.hear()[1] for _ in range(2)))
    listener.start()
    while listener.is_alive():
        assert store.load()[1] == ()
    assert said == ["is done", "is done"]
    assert loaded(store).contacts == 0
    assert [name for name in names(store) if not re.fullmatch(r"\d{6}|lock", name)] == []
    assert len(names(store)) == 4


IN_THE_MIDDLE_OF_FILE = """
def write(path, data, number=[0]):
    number[0] += 1
    if number[0] == {}:
        path.write_bytes(memoryview(data)[:len(data) // 2])
        hang()
    path.write_bytes(data)

storage._write_file = write
"""
MOMENTS: dict[str, tuple[str, int]] = {
    "the first file is half written": (IN_THE_MIDDLE_OF_FILE.format(1), 1),
    "another file is half written": (IN_THE_MIDDLE_OF_FILE.format(5), 1),
    "the manifest is half written": (IN_THE_MIDDLE_OF_FILE.format(9), 1),
    "it is written but not in place": ("Path.rename = hang", 1),
    "it is in place and the oldest not removed": ("Store._forget = hang", 2),
    "the oldest is being removed": ("storage.shutil.rmtree = hang", 2),
}


@posix
@pytest.mark.parametrize(("code", "latest"), MOMENTS.values(), ids=MOMENTS)
def test_a_process_killed_while_it_saves_leaves_a_whole_snapshot(
    store: Store, nursery: Nursery, code: str, latest: int
) -> None:
    for number in (-1, 0, 1):
        store.save(snapshot_of(contact(tagged("601")), day=number))
    nursery.begin(store, f"{code}\nsave(2)")
    process, said = nursery.hear()
    assert said == "hangs"
    kill(process)

    assert day(loaded(store)) == latest
    store.save(snapshot_of(day=3))
    assert day(loaded(store)) == 3
    assert len(names(store)) == 4
    assert [name for name in names(store) if not re.fullmatch(r"\d{6}|lock", name)] == []


# Whose it is


def test_the_demo_workspace_is_not_kept() -> None:
    assert store_of(Settings(token=None)) is None


def place(**settings: str) -> Path:
    store = store_of(Settings(**{"token": "a-secret-token", **settings}))  # type: ignore[arg-type]  # all text
    assert store is not None
    return store.folder


def test_a_workspace_has_its_own_folder_after_every_start() -> None:
    assert place() == place()
    assert re.fullmatch("[0-9a-f]{16}", place().name)


@pytest.mark.parametrize(
    "other",
    [{"token": "another"}, {"base_url": "https://chat.example.com/api"}, {"default_region": "BR"}],
    ids=str,
)
def test_what_makes_other_data_makes_another_folder(other: dict[str, str]) -> None:
    assert place(**other) != place()


def test_address_and_token_are_not_run_together() -> None:
    first = place(base_url="https://example.com/api", token="x")
    assert first != place(base_url="https://example.com/ap", token="ix")


def test_neither_the_token_nor_personal_data_is_on_disk(
    tmp_path: Path, edge_contacts: list[Contact]
) -> None:
    store = store_of(Settings(token="a-secret-token", store=str(tmp_path)))
    assert store is not None
    store.save(Snapshot(built(edge_contacts), Verdict(AS_OF)))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = " ".join(str(path) for path in tmp_path.rglob("*"))
    for path in files:
        # The tables are compressed, so they are looked into.
        is_table = path.suffix == ".parquet"
        written += str(pq.read_table(path).to_pydict()) if is_table else path.read_text()
    # In this workspace, a tag's name holds the name of a contact.
    for name in loaded(store).tables.tags["name"]:
        written = written.replace(name, "")
    private = {
        contact[field]
        for contact in edge_contacts
        for field in ("firstName", "lastName", "email", "phoneNumber", "avatar")
        if contact.get(field) and len(contact[field]) > 4
    }
    assert len(files) == 11
    assert len(private) > 100
    assert [text for text in ("a-secret-token", *private) if text in written] == []
