"""The store in a bucket: works as in a folder, and errors reveal no secrets."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

import lib.store
from lib.chatbotx.crawl import Verdict
from lib.history.reading import ALL, changes
from lib.history.recorder import Kept, Recorder
from lib.reference.periods import Period
from lib.store.delta import Overtaken
from lib.store.place import Place, StoreError, store_error
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.bucket import SECRET, place_in
from tests.history.states import contact, tables_of
from tests.workspaces import AS_OF


@pytest.fixture
def place(endpoint: str) -> Place:
    return place_in(endpoint, f"{uuid.uuid4().hex}/workspace")


def snapshot(hours: int, contacts: range) -> Snapshot:
    verdict = Verdict(AS_OF + timedelta(hours=hours))
    return Snapshot(tables_of([contact(each) for each in contacts]), verdict, "299")


def joined_and_deleted(kept: Kept) -> tuple[int, int]:
    assert kept.history is not None
    found = changes(kept.history, Period.last(9, AS_OF + timedelta(days=2), "UTC"))
    assert found is not None
    return found.events["joined"], found.events["deleted"]


def test_what_was_saved_and_recorded_comes_back(place: Place) -> None:
    assert Recorder(Store(place)).load() == Kept()
    kept = Kept()
    for hours in range(3):
        kept = Recorder(Store(place)).save(snapshot(hours, range(hours, hours + 4)))
        assert kept.notes == ()
    loaded = Recorder(Store(place)).load()
    assert loaded.snapshot is not None
    assert loaded.snapshot.as_of == AS_OF + timedelta(hours=2)
    assert loaded.snapshot.contacts == 4
    assert joined_and_deleted(loaded) == joined_and_deleted(kept) == (2, 2)


def test_file_in_several_parts_comes_back_as_it_was(place: Place, tmp_path: Path) -> None:
    """Amazon takes parts of at least 5 MB."""
    sent, got = tmp_path / "sent", tmp_path / "got"
    sent.write_bytes(Random(1).randbytes(11_000_001))
    place.take_in("large.parquet", sent)
    place.copy_out("large.parquet", got)
    assert place.size("large.parquet") == 11_000_001
    assert got.read_bytes() == sent.read_bytes()


def test_file_that_is_not_there_is_not_found(place: Place, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place.copy_out("gone.parquet", tmp_path / "got")


def test_file_for_which_there_is_no_space_is_a_sentence(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "sent").write_bytes(b"contacts")
    place.take_in("small.parquet", tmp_path / "sent")
    monkeypatch.setattr(Path, "open", fill_up)
    with pytest.raises(StoreError, match=r"^the disk is full$"):
        place.copy_out("small.parquet", tmp_path / "got")


@pytest.mark.parametrize("method", ["take_in", "copy_out"])
def test_file_of_a_bucket_that_cannot_be_reached_is_a_sentence(
    place: Place, tmp_path: Path, method: str
) -> None:
    (tmp_path / "file").write_bytes(b"contacts")
    gone = Place(place.root, {**place.options, "aws_endpoint_url": "http://127.0.0.1:9"})
    with pytest.raises(StoreError, match=r"^the bucket cannot be reached: "):
        getattr(gone, method)("small.parquet", tmp_path / "file")


def test_of_two_that_looked_at_once_the_second_has_to_look_again(place: Place) -> None:
    store = Store(place)
    head = store.commit(None, snapshot(0, range(1)))
    with pytest.raises(Overtaken):
        store.commit(None, snapshot(1, range(1)))
    store.commit(head, snapshot(2, range(1)))
    with pytest.raises(Overtaken):
        store.commit(head, snapshot(3, range(1)))


def test_two_writers_and_a_reader_see_whole_snapshots(place: Place) -> None:
    Recorder(Store(place)).save(snapshot(0, range(3)))
    saved: list[Kept] = []

    def write(first: int) -> None:
        recorder = Recorder(Store(place))
        saved.extend(
            recorder.save(snapshot(hours, range(hours, hours + 3))) for hours in range(first, 4, 2)
        )

    writers = [threading.Thread(target=write, args=(first,)) for first in (1, 2)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        loaded = Recorder(Store(place)).load()
        assert loaded.notes == ()
        assert loaded.snapshot is not None
        assert loaded.snapshot.contacts == 3
        joined, deleted = joined_and_deleted(loaded)
        assert joined == deleted
        seen += 1
        writers[0].join(1)  # otherwise the reader keeps the server from the writers
    assert seen
    # Whichever came first, the record leads from the first state to the last.
    kept = Recorder(Store(place)).save(snapshot(8, range(8, 11)))
    assert kept.notes == ()
    assert joined_and_deleted(kept)[0] >= 3
    assert kept.history is not None
    assert kept.history.active(ALL) == 3


def test_wrong_keys_are_named_and_their_values_are_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(
            f"Generic S3 error: 403 Forbidden: SignatureDoesNotMatch {SECRET} at {place.root}"
        )

    monkeypatch.setattr("lib.store.delta.DeltaTable", refuse)
    kept = Recorder(Store(place)).save(snapshot(0, range(1)))
    (note,) = kept.notes
    assert note == (
        "This data could not be saved: the keys were refused: check aws_access_key_id and "
        "aws_secret_access_key in [store]. After a restart it has to be fetched again, and what "
        "changes meanwhile is not recorded."
    )


def test_a_bucket_that_is_not_there_is_said(place: Place) -> None:
    other = Place(place.root.replace("ours", "theirs"), place.options)
    (note,) = Recorder(Store(other)).save(snapshot(0, range(1))).notes
    assert "there is no such bucket: check CHATBOTX_STORE" in note


def test_a_bucket_that_cannot_be_reached_is_said(place: Place) -> None:
    options = {**place.options, "aws_endpoint_url": "http://127.0.0.1:9"}
    (note,) = Recorder(Store(Place(place.root, options))).save(snapshot(0, range(1))).notes
    assert "the bucket cannot be reached: check the network and [store]" in note
    (note,) = Recorder(Store(Place(place.root, options))).load().notes
    assert "the bucket cannot be reached" in note


@pytest.mark.parametrize("took", ["403.21ms", "401s", "1.403s"])
def test_how_long_a_request_took_is_no_status(place: Place, took: str) -> None:
    why = store_error(
        OSError(f"Error performing PUT in {took}, after 3 retries: tcp connect error"), place
    )
    assert str(why) == "the bucket cannot be reached: check the network and [store]"


def test_neither_secrets_nor_addresses_are_in_what_is_shown(place: Place) -> None:
    assert SECRET not in repr(Store(place).place)


def test_who_has_not_installed_what_it_needs_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(lib.store, "bucket", raising=False)
    monkeypatch.setitem(sys.modules, "lib.store.bucket", None)
    (note,) = Recorder(Store(place)).save(snapshot(0, range(1))).notes
    assert note.startswith(
        "This data could not be saved: a bucket needs what requirements-buckets.txt names, which "
        "is not installed."
    )


def test_who_has_no_bucket_pays_for_none() -> None:
    program = "import lib.refresh.refreshers, sys; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
