"""With an engine other than memory, a snapshot's tables are never loaded completely."""

from __future__ import annotations

import errno
import gc
import logging
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lib.history.recorder import Recorder
from lib.metrics.audience import audience
from lib.query.choice import Choice
from lib.query.view import view_of
from lib.refresh.state import State
from lib.settings import Settings
from lib.store.place import Place
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import Store, store_of
from tests.refresh.conftest import LONG, NOON, Clock, Make, Source

DUCKDB = Settings(token="secret", engine="duckdb")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path / "cache" / "workspace")))


def shown(state: State) -> FiledSnapshot:
    """The snapshot being shown, after checking that it was not loaded."""
    assert isinstance(state.snapshot, FiledSnapshot)
    assert not state.snapshot.is_loaded
    return state.snapshot


def test_a_crawl_is_stored_and_recorded_without_being_loaded(make: Make, store: Store) -> None:
    state = make(DUCKDB, store=store).start().wait(LONG)
    snapshot = shown(state)
    assert (snapshot.as_of, snapshot.contacts, state.notes) == (NOON, 20, ())
    assert state.history is not None
    assert len(state.history.recorded) == 1
    assert len(snapshot.tables.contacts) == 20  # for those who need them nevertheless


def test_nothing_of_the_crawl_stays_beside_the_store(make: Make, store: Store) -> None:
    make(DUCKDB, store=store).start().wait(LONG)
    assert not [each.name for each in store.place.entries() if each.name.startswith("_")]


def test_a_stored_snapshot_is_shown_without_being_loaded(
    make: Make, source: Source, store: Store, clock: Clock
) -> None:
    make(DUCKDB, store=store).start().wait(LONG)
    clock.now += timedelta(hours=1)
    source.is_asked.clear()
    source.is_open.clear()
    refresher = make(DUCKDB, store=store).start()
    assert source.is_asked.wait(LONG)
    assert shown(refresher.state).contacts == 20
    source.is_open.set()
    assert shown(refresher.wait(LONG)).as_of == clock.now


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_a_store_that_cannot_be_written_leaves_the_numbers_and_is_a_note(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # captured records hold errors, and these the snapshot
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (tmp_path / "file").write_text("")
    configured = replace(DUCKDB, store=str(tmp_path / "file"))
    refresher = make(configured, store=store_of(configured)).start()
    state = refresher.wait(LONG)
    assert state.failure is None
    (note,) = state.notes
    assert note.startswith(
        "This data could not be saved: a file stands where its folder should be. "
    )

    seen = view_of(shown(state), Choice(), configured)
    assert seen.compute(audience, seen.terms).contacts == 20
    shown(state)

    (crawled,) = temporary.glob("_crawl-*")
    assert crawled.stat().st_mode & 0o777 == 0o700
    refresher.refresh()
    refresher.wait(LONG)
    del state, seen
    gc.collect()
    (crawled_later,) = temporary.glob("_crawl-*")
    assert crawled_later != crawled


def test_a_disk_that_is_full_is_a_failure_and_leaves_the_last_numbers(
    make: Make, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    refresher = make(DUCKDB, store=store).start()
    refresher.wait(LONG)
    monkeypatch.setattr("lib.store.on_disk.Spool.add", fill_up)
    clock.now += timedelta(hours=1)
    refresher.refresh()
    state = refresher.wait(LONG)
    assert state.failure is not None
    assert state.failure.reason == "What was read could not be written to disk: the disk is full."
    assert shown(state).as_of == NOON
    kept = Recorder(store).load()
    assert kept.history is not None
    assert len(kept.history.recorded) == 1


@pytest.mark.skipif(os.name != "posix", reason="other systems say it in other words")
def test_nowhere_to_write_is_a_failure(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    store = Store(Place(str(tmp_path / "file" / "workspace")))
    state = make(DUCKDB, store=store).start().wait(LONG)
    assert state.snapshot is None
    assert state.failure is not None
    assert state.failure.reason == (
        "What was read could not be written to disk: there is no folder for temporary files."
    )
