"""Recorded history is stored, and reads the same from the store as from memory."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lib.chatbotx.crawl import Range, Verdict
from lib.engines.questions import Filter
from lib.history import outline
from lib.history.compare import COMPARED, compare
from lib.history.reading import ALL, changes
from lib.history.recorded import baseline
from lib.history.recorder import Kept, Recorder
from lib.history.stored import StoredHistory, span
from lib.reference.periods import Period
from lib.store.place import Place, Unreadable
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.history.states import contact, on, tables_of, tagged, talk
from tests.history.test_expected import DATA, MOMENTS, PERIODS, rounded

Json = dict[str, Any]

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path / "cache" / "workspace")))


def snapshot(
    hours: float, *contacts: Json, doubtful: tuple[Range, ...] | None = (), workspace: str = "299"
) -> Snapshot:
    """Time of that many hours after `START`."""
    verdict = Verdict(START + timedelta(hours=hours), doubtful=doubtful)
    return Snapshot(tables_of(contacts), verdict, workspace)


def events(kept: Kept, days: int = 600) -> dict[str, int]:
    """Number of events of each kind that occurs."""
    assert kept.history is not None
    period = Period(START.date() - timedelta(days=1), START.date() + timedelta(days=days))
    found = changes(kept.history, period)
    assert found is not None
    return {kind: number for kind, number in found.events.items() if number}


def without(store: Store, table: str, column: str) -> None:
    """As if the version that wrote a table's last file did not have that column."""
    head = store.head()
    assert head is not None
    path = Path(store.place.root, table, head.last.files[table][-1])
    pq.write_table(pq.read_table(path).drop_columns([column]), path)


@pytest.mark.parametrize("column", ["agent_read", "followed", "sources", "bot_resume"])
def test_history_goes_on_after_an_upgrade_that_adds_a_column(store: Store, column: str) -> None:
    Recorder(store).save(snapshot(0, contact(1), contact(2)))
    everything = (Range(START - timedelta(days=900), START),)
    Recorder(store).save(snapshot(1, contact(1), doubtful=everything))  # 2 is carried over
    for table in ("contacts", "carried"):
        without(store, table, column)
    loaded = Recorder(store).load()
    assert loaded.snapshot is not None  # the previous one, which is intact
    kept = Recorder(store).save(snapshot(2, contact(2), contact(3)))
    assert kept.notes == ()
    assert events(kept) == {"joined": 1, "deleted": 1}
    assert kept.history is not None
    assert len(kept.history.recorded) == 3


def test_history_begins_anew_where_a_column_that_it_compares_is_new(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1)))
    without(store, "contacts", "broadcast")
    kept = Recorder(store).save(snapshot(1, contact(2)))
    (note,) = kept.notes
    assert "is not known: another version of this dashboard wrote it" in note
    assert events(kept) == {}


def test_no_event_is_found_by_a_column_that_may_be_new() -> None:
    states = [
        tables_of(json.loads((DATA / "history" / f"{state}.json").read_text("utf-8")))
        for state in MOMENTS
    ]
    moments = list(MOMENTS.values())
    before = baseline(moments[0], states[0])
    true = compare(before, moments[1], states[1]).events
    assert len(true) > 10
    for name in set(states[0].contacts.columns) - COMPARED:
        contacts = states[0].contacts.copy()
        column = contacts[name]
        if column.dtype.kind == "b" or column.dtype == "uint16":
            contacts[name] = np.zeros(len(column), dtype=column.dtype.name)
        else:
            contacts[name] = pd.Series(pd.NA, index=column.index, dtype=column.dtype)
        without_it = baseline(moments[0], replace(states[0], contacts=contacts))
        assert compare(without_it, moments[1], states[1]).events.equals(true), name


@pytest.mark.parametrize("name", PERIODS)
def test_what_changed_comes_back_from_the_store(store: Store, name: str) -> None:
    kept = Kept()
    for state, moment in MOMENTS.items():
        contacts = json.loads((DATA / "history" / f"{state}.json").read_text("utf-8"))
        # Each is saved by another process.
        kept = Recorder(store).save(Snapshot(tables_of(contacts), Verdict(moment), "299"))
        assert kept.notes == ()
    expected = json.loads((DATA / "expected" / f"{name}.json").read_text("utf-8"))
    loaded = Recorder(store).load()
    for each in (kept, loaded):
        assert each.history is not None
        found = changes(each.history, PERIODS[name])
        assert found is not None
        assert outline.of(found) == rounded(expected)


def test_the_first_snapshot_is_where_history_begins(store: Store) -> None:
    kept = Recorder(store).save(snapshot(0, contact(1)))
    assert kept.history is not None
    assert kept.history.since == START
    assert events(kept) == {}


def test_what_the_crawl_may_have_missed_is_carried_over_and_compared_when_it_is_seen_again(
    store: Store,
) -> None:
    one = contact(1, tags=tagged("601"), contactInboxes=[on("whatsapp", source="ads")])
    waits = contact(
        2, conversation=talk(contactRepliedAt="2026-02-28T00:00:00Z", assignedUserId="101")
    )
    Recorder(store).save(snapshot(0, one, waits))
    everything = (Range(datetime(2020, 1, 1, tzinfo=UTC), START),)
    kept = Recorder(store).save(snapshot(1, doubtful=everything))
    assert events(kept) == {}
    assert kept.snapshot is not None
    assert kept.snapshot.contacts == 0
    assert kept.history is not None
    assert kept.history.active(ALL) == 2
    answered = waits["conversation"] | {"adminRepliedAt": "2026-03-01T02:00:00Z"}
    kept = Recorder(store).save(
        snapshot(2, one | {"tags": tagged("602")}, waits | {"conversation": answered})
    )
    assert events(kept) == {"tag_added": 1, "tag_removed": 1, "answered": 1}
    found = changes(kept.history, Period(date(2026, 3, 1), date(2026, 3, 1)))  # type: ignore[arg-type]  # there is one
    assert found is not None
    assert found.response.median_hours == 26


def test_how_long_somebody_has_waited_survives_a_restart(store: Store) -> None:
    def wrote(hours: int) -> Json:
        moment = START + timedelta(hours=hours)
        return contact(1, conversation=talk(contactRepliedAt=moment.isoformat()))

    Recorder(store).save(snapshot(1, wrote(0)))
    Recorder(store).save(snapshot(3, wrote(2)))
    Recorder(store).save(snapshot(5, wrote(4)))
    each = wrote(4)
    each["conversation"]["adminRepliedAt"] = (START + timedelta(hours=6)).isoformat()
    kept = Recorder(store).save(snapshot(7, each))
    assert kept.history is not None
    found = changes(kept.history, Period(START.date(), START.date()))
    assert found is not None
    assert found.response.median_hours == 6


def test_where_no_range_can_be_named_the_snapshot_is_kept_and_not_recorded(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1), contact(2)))
    kept = Recorder(store).save(snapshot(1, contact(1), doubtful=None))
    assert kept.notes == (
        "This data was saved, but what changed is not recorded: the crawl may have missed contacts,"
        " and it is not known where.",
    )
    assert events(kept) == {}
    loaded = Recorder(store).load()
    assert loaded.snapshot is not None
    assert loaded.snapshot.contacts == 1
    # The next snapshot is compared with the last recorded one.
    assert events(Recorder(store).save(snapshot(2, contact(2)))) == {"deleted": 1}


def test_a_clock_that_was_set_back_leaves_history_as_it_was(store: Store) -> None:
    recorder = Recorder(store)
    recorder.save(snapshot(24, contact(1)))
    kept = recorder.save(snapshot(0, contact(1), contact(2)))
    (note,) = kept.notes
    assert "no newer than what was recorded as of 2 Mar 2026, 00:00 (UTC)" in note
    assert events(kept) == {}
    assert events(recorder.save(snapshot(25, contact(1), contact(2)))) == {"joined": 1}


def test_the_same_snapshot_twice_is_recorded_once(store: Store) -> None:
    recorder = Recorder(store)
    recorder.save(snapshot(0, contact(1)))
    recorder.save(snapshot(1, contact(2)))
    kept = Recorder(store).save(snapshot(1, contact(2)))
    assert kept.notes == ()
    assert events(kept) == {"joined": 1, "deleted": 1}
    assert kept.history is not None
    assert len(kept.history.recorded) == 2


def test_what_is_committed_while_a_snapshot_is_loaded_is_news(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recorder(store).save(snapshot(0, contact(1)))
    whole = Store.read

    def read_slowly(self: Store, *given: Any) -> Snapshot:
        monkeypatch.setattr(Store, "read", whole)
        found = whole(self, *given)
        Recorder(store).save(snapshot(1, contact(1), contact(2)))
        return found

    monkeypatch.setattr(Store, "read", read_slowly)
    recorder = Recorder(store)
    loaded = recorder.load()
    assert loaded.snapshot is not None
    assert (loaded.snapshot.as_of, recorder.has_news()) == (START, True)


def test_a_store_of_another_workspace_is_left_alone(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1)))
    kept = Recorder(store).save(snapshot(1, contact(2), workspace="300"))
    assert "another workspace's data is kept there" in kept.notes[0]
    loaded = Recorder(store).load()
    assert loaded.snapshot is not None
    assert loaded.snapshot.workspace_id == "299"


def test_a_store_that_was_emptied_begins_anew_and_says_so(store: Store) -> None:
    recorder = Recorder(store)
    recorder.save(snapshot(0, contact(1)))
    shutil.rmtree(store.place.root)
    kept = recorder.save(snapshot(1, contact(2)))
    assert kept.notes == (
        "Data that was saved before has disappeared from the store: history starts over.",
    )
    assert events(kept) == {}
    assert events(recorder.save(snapshot(2))) == {"deleted": 1}


def test_a_store_of_a_newer_version_is_left_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("lib.store.storage.FORMAT", 3)
        Recorder(store).save(snapshot(0, contact(1)))
    assert Recorder(store).load().notes == (
        "Data that was saved before cannot be read: a newer version of this dashboard keeps its "
        "data there.",
    )
    (note,) = Recorder(store).save(snapshot(1, contact(2))).notes
    assert "a newer version of this dashboard keeps its data there" in note


def test_where_the_snapshot_recorded_last_cannot_be_read_history_begins_anew(store: Store) -> None:
    Recorder(store).save(snapshot(0, contact(1)))
    Recorder(store).save(snapshot(1, contact(1), contact(2)))
    head = store.head()
    assert head is not None
    store.place.below("contacts").path(head.last.files["contacts"][0]).unlink()
    kept = Recorder(store).save(snapshot(2, contact(3)))
    (note,) = kept.notes
    assert note == (
        "What changed since 1 Mar 2026, 01:00 (UTC) is not known: a file of it is missing."
    )
    # Nothing before the gap is reported, since it would not add up.
    assert events(kept) == {}
    assert kept.history is not None
    assert kept.history.since == START
    assert len(kept.history.recorded) == 1


def evolve(store: Store, times: int, hours: int, kept_for: int = 400) -> Kept:
    """Save so many snapshots, so many hours apart, each with one contact joining and one deleted.

    History is kept for `kept_for` days.
    """
    recorder = Recorder(store, "America/Sao_Paulo", kept_for)
    kept = Kept()
    for number in range(times):
        there = [contact(each) for each in range(number, number + 3)]
        kept = recorder.save(snapshot(number * hours, *there))
        assert kept.notes == ()
    return kept


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Kept]:
    """Thirty snapshots, six hours apart."""
    store = Store(Place(str(tmp_path_factory.mktemp("cache"))))
    return store, evolve(store, 30, 6)


class TestCompaction:
    def test_files_do_not_grow_with_time(self, evolved: tuple[Store, Kept]) -> None:
        store, kept = evolved
        head = store.head()
        assert head is not None
        assert len(head.last.files["events"]) <= 8 + 4
        assert len(head.last.files["levels"]) <= 8 + 4
        assert events(kept) == {"joined": 29, "deleted": 29}

    def test_a_deleted_contact_loses_its_id_within_a_day_and_its_events_stay(
        self, evolved: tuple[Store, Kept]
    ) -> None:
        _, kept = evolved
        assert isinstance(kept.history, StoredHistory)
        moments = kept.history.recorded
        found = kept.history.events(moments[0], moments[-1], ["contact", "kind", "seen"])
        seen = np.asarray(found["seen"], dtype="datetime64[us]")
        old = found.filter(seen < moments[-1] - np.timedelta64(24, "h"))
        assert len(old) > 20
        gone = {str(each) for each in range(30 - 24 // 6 - 1)}
        assert not gone & set(old["contact"].to_pylist())

    def test_events_go_when_they_are_old_and_levels_of_days_stay(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lib.history.compaction.LEVELS_IN_FULL", timedelta(days=4))
        kept = evolve(store, 24, 12, kept_for=3)
        assert kept.history is not None
        recorded = kept.history.recorded
        assert recorded[-1] - recorded[0] <= np.timedelta64(4, "D")
        assert kept.history.since == START
        first = np.datetime64(START.replace(tzinfo=None), "us")
        seen = kept.history.levels("", first, recorded[-1])["seen"]
        seen = seen.dt.tz_convert("America/Sao_Paulo")
        of_days = seen.groupby(seen.dt.date).agg(["size", "max"])
        old = of_days[of_days.index < recorded[-1].item().date() - timedelta(days=6)]
        assert len(old) >= 4
        assert set(old["size"]) == {1}
        assert {moment.hour for moment in old["max"]} == {21}  # 00:00 UTC, the last of its day
        assert 6 <= events(kept)["joined"] <= 8

    @pytest.mark.parametrize("saved_before", [1, 5], ids=["as recorded", "of a whole day"])
    @pytest.mark.parametrize("table", ["events", "levels"])
    def test_a_damaged_file_holds_up_neither_recording_nor_other_periods(
        self, store: Store, table: str, saved_before: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lib.history.compaction.LEVELS_IN_FULL", timedelta(days=4))
        evolve(store, saved_before + 1, 12)
        head = store.head()
        assert head is not None
        damaged = min(head.last.files[table], key=lambda name: span(name)[0])
        Path(store.place.root, table, damaged).write_bytes(b"PAR1")
        recorder, kept = Recorder(store), Kept()
        for number in range(saved_before + 1, 17):
            there = [contact(each) for each in range(number, number + 3)]
            kept = recorder.save(snapshot(number * 12, *there))
            assert (kept.is_saved, kept.notes) == (True, ())
        assert kept.history is not None
        found = changes(kept.history, Period(date(2026, 3, 6), date(2026, 3, 7)))
        assert found is not None
        assert found.levels is not None
        assert (found.events["joined"], found.events["deleted"], len(found.levels)) == (4, 4, 2)
        with pytest.raises(Unreadable):
            changes(kept.history, Period(date(2026, 3, 1), date(2026, 3, 7)))

    def test_a_day_without_deletions_reads_as_many_files_however_long_the_history_is(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lib.history.compaction.LEVELS_IN_FULL", timedelta(days=4))
        monkeypatch.setattr("lib.store.storage.MOST_OPEN", 6)
        opened: list[str] = []
        whole = Place.open

        def open_counted(place: Place, name: str) -> pa.NativeFile:
            opened.append(place.root.rpartition("/")[2])
            return whole(place, name)

        monkeypatch.setattr(Place, "open", open_counted)
        recorder = Recorder(store, "America/Sao_Paulo")
        days, kept = [], Kept()
        for day in range(17):
            opened.clear()
            for hour, tag in ((0, "602"), (12, "601")):
                kept = recorder.save(snapshot(24 * day + hour, contact(1, tags=tagged(tag))))
            days.append({name: opened.count(name) for name in ("events", "levels", "snapshots")})
        assert events(kept) == {"tag_added": 33, "tag_removed": 33}
        assert days[16] == days[10]  # both late in March


@pytest.mark.parametrize("table", ["events", "levels"])
def test_a_table_that_was_removed_holds_up_neither_saving_nor_later_periods(
    store: Store, table: str
) -> None:
    recorder, kept = Recorder(store), Kept()
    for day in range(4):
        if day == 2:
            shutil.rmtree(Path(store.place.root, table))
        kept = recorder.save(snapshot(24 * day, contact(day)))
        assert (kept.is_saved, kept.notes) == (True, ())
    assert kept.history is not None
    found = changes(kept.history, Period(date(2026, 3, 4), date(2026, 3, 4)))
    assert found is not None
    assert found.events["joined"] == 1


def test_what_was_lost_is_said_and_history_goes_on_from_what_was_saved_before(
    store: Store,
) -> None:
    recorder = Recorder(store)
    recorder.save(snapshot(0, contact(1)))
    there = {*Path(store.place.root, "snapshots").glob("*.parquet")}
    recorder.save(snapshot(1, contact(1), contact(2)))
    (lost,) = {*Path(store.place.root, "snapshots").glob("*.parquet")} - there
    lost.write_bytes(b"")
    kept = recorder.save(snapshot(2, contact(1), contact(3)))
    assert kept.notes == ("Data that was saved before has disappeared from the store.",)
    assert events(kept) == {"joined": 1}


def test_after_a_loss_nothing_is_compared_with_what_was_lost(store: Store) -> None:
    """Two servers: what the second had recorded was lost, and the first recorded in its place."""
    one, other = Recorder(store), Recorder(Store(store.place))
    one.save(snapshot(0, contact(1)))
    there = {*Path(store.place.root, "snapshots").glob("*.parquet")}
    other.save(snapshot(1, contact(1), contact(2)))
    (lost,) = {*Path(store.place.root, "snapshots").glob("*.parquet")} - there
    lost.unlink()
    one.save(snapshot(2, contact(1), contact(2), contact(3)))
    kept = other.save(snapshot(3, contact(1), contact(2), contact(3)))
    assert kept.history is not None
    assert kept.notes == ()
    assert (len(kept.history.recorded), events(kept)) == (3, {"joined": 2})


def test_a_verdict_without_doubt_and_one_with_a_range_are_recorded_alike(store: Store) -> None:
    first = snapshot(0, contact(1))
    recorder = Recorder(store)
    recorder.save(first)
    later = Range(START, START + timedelta(hours=1))
    verdict = replace(first.verdict, began=START + timedelta(hours=1), doubtful=(later,))
    kept = recorder.save(Snapshot(tables_of([]), verdict, "299"))
    # Created outside the range, so it is gone.
    assert events(kept) == {"deleted": 1}


def without_sources(store: Store, tmp_path: Path) -> None:
    """Leave the recorded events as a version without sources would have written them."""
    for file in (tmp_path / "cache" / "workspace" / "events").glob("*.parquet"):
        table = pq.read_table(file)
        names = [name for name in table.column_names if not name.startswith("sources_")]
        pq.write_table(table.select(names), file, write_page_checksum=True)


def test_events_of_a_version_that_knew_fewer_dimensions_are_read_and_put_together(
    store: Store, tmp_path: Path
) -> None:
    people = [contact(1), contact(2), contact(3), contact(4)]
    for hours in range(4):
        Recorder(store).save(snapshot(hours, *people[hours:]))
    without_sources(store, tmp_path)
    assert events(Recorder(store).load()) == {"deleted": 3}
    for hours in range(30, 40):
        kept = Recorder(store).save(snapshot(hours, contact(4), contact(100 + hours)))
        assert kept.notes == ()
    period = Period(START.date(), START.date() + timedelta(days=9))
    loaded = Recorder(store).load()
    assert loaded.history is not None
    found = changes(loaded.history, period, Filter.to({"source": ("ads",)}))
    assert found is not None
    assert found.bridge.closing == 0
