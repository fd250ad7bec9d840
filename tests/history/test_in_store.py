"""Stored history as an engine reads it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lib.chatbotx.crawl import Range, Verdict
from lib.engines.questions import Filter
from lib.history import levels
from lib.history.lazy import LazyHistory
from lib.history.reading import ALL, History, changes, daily_levels
from lib.history.recorder import Recorder
from lib.history.stored import span
from lib.reference.periods import Period
from lib.settings import ChosenEngine
from lib.store.place import Place, Unreadable
from lib.store.snapshot import Snapshot
from lib.store.storage import Change, Recording, Store
from tests.engines.test_agreement import plain
from tests.history.states import Json, at, contact, on, tables_of, tagged

FIRST = at("2026-10-01T06:00:00")
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31), "Europe/Berlin")


def snapshot(day: int, *contacts: Json, doubtful: tuple[Range, ...] = ()) -> Snapshot:
    began = FIRST + timedelta(days=day)
    return Snapshot(tables_of(contacts), Verdict(began, doubtful=doubtful), "299")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path / "São Paulo 1")))


def histories(store: Store) -> tuple[History, History]:
    """The stored history, read by memory and by DuckDB."""
    memory, duckdb = (
        Recorder(store, engine=ChosenEngine(each)).open().history for each in ("memory", "duckdb")
    )
    assert memory is not None
    assert isinstance(duckdb, LazyHistory)
    return memory, duckdb


FILTERS = {
    "all": ALL,
    "on Telegram": Filter.to({"channel": ("telegram",)}),
    "recorded": Filter.to({}, recorded_only=True),
}


@pytest.mark.parametrize("limits", FILTERS.values(), ids=FILTERS)
def test_is_what_memory_reads_with_the_contacts_that_a_crawl_missed(
    store: Store, limits: Filter
) -> None:
    one = contact(1, tags=tagged("601"), contactInboxes=[on("telegram")])
    other, third = contact(2, contactInboxes=[on("line")]), contact(3)
    everything = (Range(datetime(2020, 1, 1, tzinfo=UTC), FIRST),)
    recorder = Recorder(store)
    recorder.save(snapshot(0, one, other, third))
    recorder.save(snapshot(1, one, other | {"blockedAt": "2026-10-02T00:00:00.000Z"}))
    recorder.save(snapshot(2, other, doubtful=everything))

    memory, duckdb = histories(store)

    assert duckdb.active(limits) == memory.active(limits) >= 1
    assert plain(changes(duckdb, OCTOBER, limits)) == plain(changes(memory, OCTOBER, limits))


def test_baseline_alone_has_no_events(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1)))

    memory, duckdb = histories(store)

    assert plain(changes(duckdb, OCTOBER)) == plain(changes(memory, OCTOBER))


def test_levels_that_an_earlier_version_recorded_lack_what_it_did_not_know(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1)))
    head = store.head()
    assert head is not None
    (file,) = head.last.files["levels"]
    earlier = store.table("levels").get(file).drop_columns(["handed_over"])
    change = Change(earlier.schema, [("new", earlier)], frozenset([file]))
    recording = Recording(FIRST, {"levels": change})
    store.commit(head, snapshot(1, contact(1)), recording)

    memory, duckdb = histories(store)

    found, expected = (
        each.levels(levels.TOTAL, memory.recorded[0], memory.recorded[-1])
        for each in (duckdb, memory)
    )
    assert found["handed_over"].isna().all()
    assert plain(found) == plain(expected)
    assert plain(daily_levels(duckdb, OCTOBER)) == plain(daily_levels(memory, OCTOBER))


@pytest.mark.parametrize("table", ["events", "levels"])
def test_a_damaged_file_holds_up_its_own_time_only(store: Store, table: str) -> None:
    recorder = Recorder(store)
    for day in range(6):
        recorder.save(snapshot(day, *(contact(each) for each in range(day, day + 2))))
    head = store.head()
    assert head is not None
    damaged = min(head.last.files[table], key=span)
    Path(store.place.root, table, damaged).write_bytes(b"PAR1")

    memory, duckdb = histories(store)

    for _ in range(2):  # nor does a failure hold up what is asked afterwards
        for history in (memory, duckdb):
            with pytest.raises(Unreadable):
                changes(history, OCTOBER)
        late = Period(date(2026, 10, 5), date(2026, 10, 6), "Europe/Berlin")
        assert plain(changes(duckdb, late)) == plain(changes(memory, late))
