"""Snapshots on disk and in memory make the same history, whatever the size of batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.chatbotx.crawl import Range, Verdict
from lib.chatbotx.schema import Contact, Decoder
from lib.history import comparison_state, events, in_batches, levels, outline
from lib.history.compare import compare
from lib.history.in_batches import Before, Recording
from lib.history.reading import changes
from lib.history.recorded import Recorded, baseline
from lib.history.recorder import Kept, Recorder
from lib.settings.model import ChosenEngine
from lib.store import batches
from lib.store.batches import TableFiles
from lib.store.on_disk import Spool
from lib.store.packed import PackedTable
from lib.store.place import Place
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import Store
from tests.history.generated import workspaces
from tests.history.states import contact, tables_of
from tests.history.test_expected import DATA, MOMENTS, PERIODS, rounded

Json = dict[str, Any]
State = tuple[datetime, list[Json], tuple[Range, ...]]


def decoded(contacts: Sequence[Json]) -> list[Contact]:
    return Decoder()(json.dumps({"data": contacts}).encode()).contacts


def files_of(contacts: Sequence[Json], folder: Path) -> TableFiles:
    folder.mkdir()
    spool = Spool(folder)
    spool.add(decoded(contacts))
    return TableFiles({name: file.path for name, file in spool.finish().items()})


def on_disk(states: Sequence[State], folder: Path) -> list[Recording]:
    """What each state adds to the history."""
    found: list[Recording] = []
    before: Before | None = None
    for number, (as_of, contacts, doubtful) in enumerate(states):
        files = files_of(contacts, folder / str(number))
        found.append(in_batches.record(before, as_of, files, doubtful))
        before = Before(as_of, files, found[-1].state)
    return found


def in_memory(states: Sequence[State]) -> list[Recording]:
    found: list[Recording] = []
    before: Recorded | None = None
    for as_of, contacts, doubtful in states:
        tables, happened = tables_of(contacts), events.none()
        if before is None:
            before = baseline(as_of, tables)
        else:
            transition = compare(before, as_of, tables, doubtful)
            before, happened = transition.after, transition.events
        packed = PackedTable(events.SCHEMA)
        packed.append(happened)
        found.append(Recording(packed, levels.levels(before), comparison_state.to_table(before)))
    return found


def in_any_order(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


def assert_same(one: Sequence[Recording], other: Sequence[Recording]) -> None:
    for first, second in zip(one, other, strict=True):
        assert in_any_order(first.events.table()) == in_any_order(second.events.table())
        assert first.levels.to_pylist() == second.levels.to_pylist()
        assert in_any_order(first.state) == in_any_order(second.state)


@st.composite
def whose_creation_may_change(draw: st.DrawFn) -> list[State]:
    """States of a workspace in which a contact sometimes gets another creation time, none at all,
    or a text ID."""
    found = []
    for as_of, contacts, doubtful in draw(workspaces()):
        for each in contacts:
            if draw(st.integers(0, 5)) == 0:
                each["createdAt"] = draw(st.sampled_from([None, "2026-03-01T00:00:00.000Z"]))
        if draw(st.integers(0, 5)) == 0:
            contacts.append({"id": "x", "createdAt": "2026-03-02T00:00:00.000Z"})
        found.append((as_of, contacts, doubtful))
    return found


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(states=whose_creation_may_change(), rows=st.integers(2, 4))
def test_events_and_levels_are_those_of_memory(states: list[State], rows: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "ROWS", rows)
        patch.setattr(in_batches, "ROWS", rows)
        assert_same(on_disk(states, Path(folder)), in_memory(states))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The store after four states of the recorded workspace, each crawled to disk."""
    folder = tmp_path_factory.mktemp("history")
    store = Store(Place(str(folder / "workspace")))
    kept = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "ROWS", 50)
        patch.setattr(in_batches, "ROWS", 50)
        for state, moment in MOMENTS.items():
            contacts = json.loads((DATA / "history" / f"{state}.json").read_text("utf-8"))
            # A new one each time, as after a restart.
            kept = Recorder(store, engine=ChosenEngine("duckdb")).save(
                crawled(contacts, Verdict(moment), folder / state)
            )
            assert kept.notes == ()
    return kept


def crawled(contacts: Sequence[Json], verdict: Verdict, folder: Path) -> FiledSnapshot:
    """A snapshot on disk whose tables must not be loaded."""
    folder.mkdir()
    spool = Spool(folder)
    spool.add(decoded(contacts))
    files = spool.finish()
    number, workspace = files["contacts"].rows, spool.workspace_id
    return FiledSnapshot(_not_read, number, verdict, workspace, files=files)


def test_what_is_recorded_is_left_on_disk(kept: Kept) -> None:
    assert isinstance(kept.snapshot, FiledSnapshot)
    assert not kept.snapshot.is_loaded


@pytest.mark.parametrize("name", PERIODS)
def test_what_changed_is_what_is_to_be_said(kept: Kept, name: str) -> None:
    expected = json.loads((DATA / "expected" / f"{name}.json").read_text("utf-8"))
    assert kept.history is not None
    found = changes(kept.history, PERIODS[name])
    assert found is not None
    assert outline.of(found) == rounded(expected)


@pytest.mark.parametrize(
    ("hours", "doubtful", "said"),
    [(-1, (), "no newer"), (1, None, "may have missed contacts")],
    ids=["clock", "doubt"],
)
def test_what_cannot_be_compared_is_saved_and_not_recorded(
    tmp_path: Path, hours: int, doubtful: tuple[Range, ...] | None, said: str
) -> None:
    recorder = Recorder(Store(Place(str(tmp_path / "workspace"))), engine=ChosenEngine("duckdb"))
    first = datetime(2026, 3, 1, tzinfo=UTC)
    recorder.save(crawled([contact(1)], Verdict(first), tmp_path / "first"))
    verdict = Verdict(first + timedelta(hours=hours), doubtful=doubtful)
    second = crawled([contact(1)], verdict, tmp_path / "second")
    (note,) = recorder.save(second).notes
    assert said in note


def _not_read() -> Any:
    raise AssertionError("Nobody has to read the tables.")
