"""What is stored is read back unchanged or not at all, and damage is reported."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lib.chatbotx.crawl import Range, Verdict
from lib.chatbotx.schema import Decoder
from lib.settings import Settings
from lib.store import columns
from lib.store.builder import TableBuilder
from lib.store.delta import Overtaken
from lib.store.place import Place, StoreError, StoreFull
from lib.store.snapshot import Snapshot
from lib.store.snapshot_rows import Head
from lib.store.storage import Recording, Store, store_of
from lib.store.tables import Tables
from tests.fake_chatbotx import Contact
from tests.synthetic import synthetic_contacts
from tests.workspaces import AS_OF, Json, contact, conversation, on, tables_of, tagged

posix = pytest.mark.skipif(os.name != "posix", reason="makes pipes, or looks at permissions")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path / "cache" / "workspace é")))


def folder(store: Store) -> Path:
    return Path(store.place.root)


def snapshot_of(*contacts: Json, day: float = 0) -> Snapshot:
    """A snapshot of that many days after `AS_OF`."""
    return Snapshot(tables_of(*contacts), Verdict(AS_OF + timedelta(days=day)), "299")


def save(store: Store, snapshot: Snapshot) -> Head:
    """Commit as recorded; recording itself is not tested here."""
    return store.commit(store.head(), snapshot, Recording(None, {}))


def day(snapshot: Snapshot | None) -> int | None:
    """Which of the snapshots of `snapshot_of` it is."""
    return None if snapshot is None else (snapshot.as_of - AS_OF).days


def loaded(store: Store) -> Snapshot:
    """The latest snapshot, which must exist and load without notes."""
    snapshot, notes = store.load()
    assert notes == ()
    assert snapshot is not None
    return snapshot


def kept_days(store: Store) -> list[float]:
    head = store.head()
    assert head is not None
    return [(row.as_of - AS_OF) / timedelta(days=1) for row in head.rows]


def files(store: Store, table: str = "contacts") -> list[Path]:
    return sorted((folder(store) / table).glob("*.parquet"))


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
    save(store, Snapshot(tables, Verdict(AS_OF)))
    assert_same(tables, loaded(store).tables)


def test_an_invented_workspace_comes_back_as_it_was(store: Store) -> None:
    tables = built(list(synthetic_contacts(3000, seed=1)))
    save(store, Snapshot(tables, Verdict(AS_OF)))
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
        # Both have the same ID: the later one wins, and the other's country remains as a category
        # that no contact has.
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
    save(store, snapshot)
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
        doubtful=(Range(AS_OF, AS_OF + timedelta(days=1)),),
        checked="differs",
    )
    save(store, Snapshot(tables_of(contact()), verdict, "2990000000000000002"))
    snapshot = loaded(store)
    assert (snapshot.verdict, snapshot.workspace_id) == (verdict, "2990000000000000002")
    assert not snapshot.is_demo


def test_others_read_the_tables_as_plain_columns(store: Store) -> None:
    save(store, snapshot_of(contact(on("whatsapp"), tagged("601"), country="BR")))
    schema = pq.read_schema(files(store)[0])
    assert not any(pa.types.is_dictionary(kind) for kind in schema.types)
    assert not any(
        pa.types.is_dictionary(kind) for kind in pq.read_table(files(store)[0]).schema.types
    )
    fields = DeltaTable(folder(store) / "contacts").schema().fields
    types = {field.name: str(field.type) for field in fields}
    assert "string" in types["country"]
    assert "integer" in types["row"]
    assert "timestamp" in types["created"]


def test_the_row_of_a_snapshot_names_the_version_of_each_table(store: Store) -> None:
    for number in range(2):
        save(store, snapshot_of(contact(), day=number))
    head = store.head()
    assert head is not None
    assert [row.versions["contacts"] for row in head.rows] == [0, 1]
    first = pa.table(DeltaTable(folder(store) / "contacts", version=0).get_add_actions())
    assert tuple(first["path"].to_pylist()) == head.rows[0].files["contacts"]


def test_where_nothing_was_saved_nothing_is_loaded_and_nothing_made(store: Store) -> None:
    assert store.load() == (None, ())
    assert not folder(store).exists()


@posix
def test_nobody_else_on_the_machine_may_read_it(store: Store) -> None:
    save(store, snapshot_of())
    assert folder(store).stat().st_mode & 0o077 == 0


def test_files_of_others_are_left_alone(store: Store) -> None:
    save(store, snapshot_of())
    (folder(store) / "README").write_text("mine")
    (folder(store) / "notes").mkdir()
    store.tidy(save(store, snapshot_of(day=1)))
    assert {"README", "notes"} < {path.name for path in folder(store).iterdir()}


def test_the_one_saved_last_is_loaded_even_if_the_clock_was_set_back(store: Store) -> None:
    save(store, snapshot_of(day=5))
    save(store, snapshot_of(day=1))
    assert day(loaded(store)) == 1


def test_three_are_kept_and_the_last_of_each_of_seven_days(store: Store) -> None:
    for number in range(20):
        save(store, snapshot_of(day=number / 2))
    # AS_OF is midnight, so the second one of each day is at noon.
    assert kept_days(store) == [3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9, 9.5]
    head = store.head()
    assert head is not None
    assert len(head.past) == 12
    assert len(head.recorded) == 20


def record(store: Store, day: int, kept_for: timedelta) -> Head:
    """Commit as recorded and compared with the day before."""
    previous = AS_OF + timedelta(days=day - 1) if day else None
    forget = AS_OF + timedelta(days=day) - kept_for
    return store.commit(store.head(), snapshot_of(day=day), Recording(previous, {}, forget))


def recorded_days(store: Store) -> list[int]:
    head = Store(store.place).head()
    assert head is not None
    return [(moment - AS_OF).days for moment in head.recorded["as_of"].to_pylist()]


def test_a_commit_writes_few_rows_however_long_the_history_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.store.storage.MOST_OPEN", 5)
    closed = set[str]()
    for number in range(25):
        head = record(store, number, timedelta(days=400))
        open_rows = pq.read_table(files(store, "snapshots")[0].parent / head.version.files[0])
        assert len(open_rows) <= 5 + 7
        assert closed <= {*head.closed}  # they are not written again
        closed = {*head.closed}
    assert len(closed) == 3
    assert recorded_days(store) == [*range(25)]


def test_rows_before_what_is_remembered_go_and_the_first_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.store.storage.MOST_OPEN", 5)
    for number in range(24):
        record(store, number, timedelta(days=12))
        oldest = max(0, number - 12)
        assert recorded_days(store) == sorted({0, *range(oldest, number + 1)})


def test_where_a_file_of_closed_rows_is_broken_the_others_remain(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.store.storage.MOST_OPEN", 5)
    heads = [record(store, number, timedelta(days=400)) for number in range(20)]
    closed = heads[-1].closed
    spoiled = min(closed, key=lambda name: closed[name]["as_of"][0].as_py())
    cut(folder(store) / "snapshots" / spoiled)
    lost = {*range(1, 6)}
    assert recorded_days(store) == sorted({*range(20)} - lost)
    Store(store.place).commit(Store(store.place).head(), snapshot_of(day=20), Recording(None, {}))
    assert recorded_days(store) == sorted({*range(21)} - lost)


def test_what_is_kept_no_longer_is_removed_when_nobody_can_be_reading_it(store: Store) -> None:
    for number in range(6):
        save(store, snapshot_of(contact(), day=number / 24))
    head = store.head()
    assert head is not None
    store.tidy(head)
    assert len(files(store)) == 6
    an_hour_ago = datetime.now(UTC).timestamp() - 3601
    for file in files(store):
        os.utime(file, (an_hour_ago, an_hour_ago))
    store.tidy(head)
    assert len(files(store)) == 3
    assert [store.read(row).contacts for row in head.rows] == [1, 1, 1]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    """Flip a bit of the data, not of the metadata."""
    data = path.read_bytes()
    place = 40
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def with_other_columns(path: Path) -> None:
    pq.write_table(pa.table({"title": ["VIP"]}), path)


def as_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGED = "one of its files is damaged"
MISSING = "a file of it is missing"
BREAKAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "was cut": (cut, DAMAGED),
    "is empty": (empty, DAMAGED),
    "has a bit that flipped": (flip, DAMAGED),
    "is missing": (Path.unlink, MISSING),
    "is a folder": (as_a_folder, MISSING),
    "is of another version": (with_other_columns, "another version of this dashboard wrote it"),
}
if os.name == "posix":
    BREAKAGES["is a pipe"] = (as_a_pipe, MISSING)


@pytest.mark.parametrize(("spoil", "why"), BREAKAGES.values(), ids=BREAKAGES)
def test_where_a_file_is_broken_the_snapshot_before_is_loaded(
    store: Store, spoil: Callable[[Path], None], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(store, snapshot_of(contact(tagged("601")), day=1))
    head = save(store, snapshot_of(contact(tagged("601")), day=2))
    (file,) = head.last.files["contact_tags"]
    spoil(folder(store) / "contact_tags" / file)
    snapshot, notes = store.load()
    assert day(snapshot) == 1
    assert notes == (f"Data that was saved before could not be used: {why}.",)
    assert why in caplog.text
    save(store, snapshot_of(day=3))
    assert day(loaded(store)) == 3


@pytest.mark.parametrize("breakage", [each for each in BREAKAGES if "bit" not in each])
def test_where_the_list_of_snapshots_is_broken_the_one_before_is_used(
    store: Store, breakage: str
) -> None:
    save(store, snapshot_of(contact(), day=1))
    before = {*files(store, "snapshots")}
    save(store, snapshot_of(contact(), day=2))
    (newest,) = {*files(store, "snapshots")} - before
    spoil, _ = BREAKAGES[breakage]
    spoil(newest)
    assert day(loaded(store)) == 1
    save(store, snapshot_of(contact(), day=3))
    assert (day(loaded(store)), kept_days(store)) == (3, [1, 3])


def test_where_no_list_of_snapshots_is_left_saving_goes_on(store: Store) -> None:
    for number in range(2):
        save(store, snapshot_of(contact(), day=number))
    for file in files(store, "snapshots"):
        file.unlink()
    assert store.load() == (None, ())
    save(store, snapshot_of(contact(), day=3))
    assert (day(loaded(store)), kept_days(store)) == (3, [3])


def test_of_two_that_find_no_list_that_can_be_read_one_comes_first(store: Store) -> None:
    save(store, snapshot_of(contact()))
    files(store, "snapshots")[0].unlink()
    other = Store(store.place)
    assert (store.head(), other.head()) == (None, None)
    store.commit(None, snapshot_of(contact(), day=1))
    with pytest.raises(Overtaken):
        other.commit(None, snapshot_of(contact(), day=2))
    assert day(loaded(store)) == 1


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def not_json(path: Path) -> None:
    path.write_text("?")


LOGS: dict[str, Callable[[Path], None]] = {
    "was cut": half,
    "is empty": empty,
    "is not JSON": not_json,
    "is a folder": as_a_folder,
}
if os.name == "posix":
    LOGS["is a pipe"] = as_a_pipe


@pytest.mark.parametrize("table", ["snapshots", "contacts"])
@pytest.mark.parametrize("spoil", LOGS.values(), ids=LOGS)
def test_where_the_newest_part_of_a_log_is_broken_the_good_older_one_is_used(
    store: Store, spoil: Callable[[Path], None], table: str
) -> None:
    for number in range(3):
        save(store, snapshot_of(contact(), day=number))
    spoil(sorted((folder(store) / table / "_delta_log").glob("*.json"))[-1])
    # A snapshot's row names its files, so the log of contacts is not even read.
    assert day(loaded(store)) == (1 if table == "snapshots" else 2)
    save(store, snapshot_of(contact(), day=7))
    assert day(loaded(store)) == 7
    assert kept_days(store)[-1] == 7


@posix
def test_odd_names_in_the_folder_are_in_nobodys_way(store: Store) -> None:
    save(store, snapshot_of(contact(), day=1))
    log = folder(store) / "contacts" / "_delta_log"
    (log / ("9" * 250 + ".json")).write_text("{}")
    (log / "\n; rm -rf *.json").write_text("")
    (log / "not a number.json").write_text("")
    os.mkfifo(log / "00000000000000000001.json")
    os.mkfifo(folder(store) / "tags" / "00.parquet")
    (folder(store) / ("9" * 255)).mkdir()
    store.tidy(save(store, snapshot_of(contact(), day=2)))
    assert day(loaded(store)) == 2


@posix
@pytest.mark.parametrize("target", ["itself", "nothing"])
def test_a_link_to_itself_or_to_nothing_is_in_nobodys_way(store: Store, target: str) -> None:
    save(store, snapshot_of(contact(), day=1))
    log = folder(store) / "contacts" / "_delta_log"
    names = "loop", "loop.json", "loop.parquet", "00000000000000000001.json", "9" * 255
    for place in (folder(store), folder(store) / "contacts", log):
        for name in names:
            (place / name).symlink_to(place / name if target == "itself" else place / "nothing")
    (folder(store) / "tags").rename(folder(store) / "away")
    (folder(store) / "tags").symlink_to(folder(store) / ("tags" if target == "itself" else "none"))
    store.tidy(save(store, snapshot_of(contact(), day=2)))
    assert day(loaded(store)) == 2


@posix
def test_what_is_in_the_place_of_a_table_is_set_aside(store: Store) -> None:
    folder(store).mkdir(parents=True)
    os.mkfifo(folder(store) / "contacts")
    (folder(store) / "snapshots").write_text("?")
    save(store, snapshot_of(contact(), day=1))
    assert day(loaded(store)) == 1


def test_what_an_earlier_version_saved_is_set_aside_once(store: Store) -> None:
    (folder(store) / "000007").mkdir(parents=True)
    (folder(store) / "000007" / "manifest.json").write_text("{}")
    (note,) = store.load()[1]
    assert "an earlier version of this dashboard saved" in note
    assert store.load() == (None, ())
    assert save(store, snapshot_of(day=1)).last.number == 1


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_nothing_behind_and_the_one_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, snapshot_of(day=1))
    before = set(folder(store).rglob("*.parquet"))
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        with pytest.raises(StoreFull, match="the disk is full"):
            save(store, snapshot_of(day=2))
    assert set(folder(store).rglob("*.parquet")) == before
    assert day(loaded(store)) == 1


@pytest.mark.parametrize("room", [1, 2, 3, 4])
def test_on_a_full_disk_the_oldest_goes_first(
    store: Store, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """A disk with room for that many tables of contacts."""
    write = Place.write

    def bounded(place: Place, name: str, data: pa.Buffer) -> None:
        if place.root.endswith("/contacts") and len(files(store)) >= room:
            raise StoreFull("the disk is full")
        write(place, name, data)

    monkeypatch.setattr(Place, "write", bounded)
    saved = []
    for number in range(8):
        with contextlib.suppress(StoreFull):
            save(store, snapshot_of(contact(), day=number))
            saved.append(number)
    # The last one is never removed to make room for the next.
    assert saved == ([0] if room == 1 else list(range(8)))
    assert kept_days(store) == saved[-room:]
    assert day(loaded(store)) == saved[-1]
    assert len(files(store)) == room


def test_what_fails_when_it_is_done_is_done(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the disk filled up between a commit and its checkpoint."""
    save(store, snapshot_of(day=1))
    commit = DeltaTable.create_write_transaction

    def failing(table: DeltaTable, *given: object, **named: object) -> None:
        commit(table, *given, **named)  # type: ignore[arg-type]  # as they came
        if "/snapshots" in table.table_uri:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("lib.store.delta.DeltaTable.create_write_transaction", failing)
        assert day(store.read(save(store, snapshot_of(day=2)).last)) == 2
    assert day(loaded(store)) == 2
    save(store, snapshot_of(day=3))
    assert day(loaded(store)) == 3


def test_what_others_have_committed_upon_is_not_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that succeeded looks like a failed one, and another process commits meanwhile."""
    save(store, snapshot_of(day=1))
    commit = DeltaTable.create_write_transaction
    is_first = True

    def failing(table: DeltaTable, *given: object, **named: object) -> None:
        nonlocal is_first
        commit(table, *given, **named)  # type: ignore[arg-type]  # as they came
        if "/snapshots" in table.table_uri and is_first:
            is_first = False
            save(Store(store.place), snapshot_of(day=3))
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("lib.store.delta.DeltaTable.create_write_transaction", failing)
    with pytest.raises(StoreError):
        save(store, snapshot_of(day=2))
    head = store.head()
    assert head is not None
    assert [day(store.read(row)) for row in head.rows] == [1, 2, 3]


@posix
def test_a_file_that_was_removed_before_it_is_taken_in_is_a_sentence(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "store"))
    with pytest.raises(
        StoreError, match=r"^what was fetched was removed from the temporary folder$"
    ):
        place.take_in("kept", tmp_path / "removed")
    assert place.entries() == []


def test_a_file_that_is_taken_in_is_flushed_as_windows_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def flush(file: int) -> None:
        if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fsync", flush)
    (tmp_path / "made").write_bytes(b"7")
    Place(str(tmp_path / "store")).take_in("kept", tmp_path / "made")
    assert (tmp_path / "store" / "kept").read_bytes() == b"7"


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write anywhere, so drop to another user meanwhile."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(_NOBODY)
    yield
    os.seteuid(was)


_NOBODY = 65534


@posix
def test_a_folder_that_may_not_be_written_is_said(
    store: Store, request: pytest.FixtureRequest
) -> None:
    folder(store).mkdir(parents=True)
    folder(store).chmod(0o500)
    request.getfixturevalue("unprivileged")
    with pytest.raises(StoreError, match="may not read or write there"):
        save(store, snapshot_of())


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a file stands where its folder should be"):
        save(Store(Place(str(tmp_path / "file" / "workspace"))), snapshot_of())


@pytest.mark.parametrize("name", ["my%20files", pytest.param("my\\files", marks=posix)])
def test_a_path_that_would_be_taken_for_another_is_said_and_that_one_left_alone(
    tmp_path: Path, name: str
) -> None:
    store = Store(Place(str(tmp_path / name / "workspace")))
    with pytest.raises(StoreError, match="the path of its folder holds a % before two digits"):
        save(store, snapshot_of(contact()))
    assert {path.name for path in tmp_path.iterdir()} <= {name}


@pytest.mark.parametrize("name", ["100%", "a %zz", "50%-off"])
def test_any_other_percent_sign_is_part_of_a_path(tmp_path: Path, name: str) -> None:
    store = Store(Place(str(tmp_path / name / "workspace")))
    save(store, snapshot_of(contact()))
    assert loaded(store).contacts == 1


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder without folders")
def test_a_place_where_no_folder_can_be_is_said() -> None:
    store = Store(Place("/proc/self/cache/workspace"))
    with pytest.raises(StoreError, match="No such file or directory"):
        save(store, snapshot_of(contact()))


def test_of_two_that_looked_at_once_the_second_has_to_look_again(store: Store) -> None:
    head = save(store, snapshot_of(day=1))
    store.commit(head, snapshot_of(day=2))
    with pytest.raises(Overtaken):
        store.commit(head, snapshot_of(day=3))
    assert day(loaded(store)) == 2
    save(store, snapshot_of(day=3))
    assert day(loaded(store)) == 3


def test_of_two_that_begin_at_once_one_comes_first(store: Store) -> None:
    store.commit(None, snapshot_of(day=1))
    with pytest.raises(Overtaken):
        store.commit(None, snapshot_of(day=2))
    assert day(loaded(store)) == 1


def test_every_table_of_a_snapshot_is_kept(store: Store) -> None:
    save(store, snapshot_of())
    assert {path.name for path in folder(store).iterdir()} == {*columns.names(), "snapshots"}


def test_the_demo_workspace_is_not_kept() -> None:
    assert store_of(Settings(token=None)) is None


def place(**settings: str) -> Path:
    store = store_of(Settings(**{"token": "a-secret-token", **settings}))  # type: ignore[arg-type]  # all text
    assert store is not None
    return folder(store)


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
    save(store, Snapshot(built(edge_contacts), Verdict(AS_OF)))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = " ".join(str(path) for path in tmp_path.rglob("*"))
    for path in files:
        # The tables are compressed, so they have to be read.
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
    assert len(files) == 20  # a file and a log of each of ten tables
    assert len(private) > 100
    assert [text for text in ("a-secret-token", *private) if text in written] == []
