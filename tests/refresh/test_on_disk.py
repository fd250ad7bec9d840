"""With an engine other than memory, a snapshot's tables are never loaded completely."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from lib.refresh.state import State
from lib.settings import Settings
from lib.store.place import Place
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import Store
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


@pytest.mark.skipif(os.name != "posix", reason="other systems say it in other words")
def test_a_store_that_cannot_be_written_is_a_failure(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(Place(str(tmp_path / "file" / "workspace")))
    state = make(DUCKDB, store=store).start().wait(LONG)
    assert state.snapshot is None
    assert state.failure is not None
    assert state.failure.reason == (
        "What was read could not be written to the store: a file stands where its folder should be."
    )
