"""A view asks the configured engine, which gives the same numbers as memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lib.engines.duckdb
from lib.chatbotx.crawl import Verdict
from lib.engines.errors import EngineError
from lib.engines.where import in_memory
from lib.history.recorder import recorder_of
from lib.insights.findings import findings
from lib.insights.past import NothingRecorded
from lib.metrics.audience import audience, by_channel
from lib.outputs import archive
from lib.outputs.digest import digest, message
from lib.outputs.report import report
from lib.outputs.views import Named
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.settings import Settings
from lib.store.dimensions import CHANNEL
from lib.store.snapshot import FiledSnapshot, Snapshot
from tests.engines.test_agreement import plain
from tests.workspaces import AS_OF, choosing, contact, on, tables_of

CHOICES = {
    "everybody": Choice(),
    "some": choosing(country=("BR", "VN"), tag=("601",)),
}


def view(snapshot: Snapshot, tmp_path: Path, choice: Choice = CHOICES["everybody"]) -> View:
    configured = Settings(token="t", store=str(tmp_path), engine="duckdb")
    return view_of(snapshot, choice, configured)


def small() -> Snapshot:
    return Snapshot(tables_of(contact(on("line")), contact(on("sms"))), Verdict(AS_OF))


@pytest.mark.parametrize("chosen", CHOICES)
def test_every_number_is_that_of_memory(
    november_contacts: list[dict[str, Any]], tmp_path: Path, chosen: str
) -> None:
    tables, choice = tables_of(*november_contacts), CHOICES[chosen]
    memory, other = (
        view_of(
            Snapshot(tables, Verdict(AS_OF)),
            choice,
            Settings(token="t", store=str(tmp_path), engine=engine),
        )
        for engine in ("memory", "duckdb")
    )

    assert other.terms == memory.terms
    assert other.is_empty == memory.is_empty
    assert report(other.snapshot, other.terms, other.asked) == report(
        memory.snapshot, memory.terms, memory.asked
    )
    assert other.kept(findings) == memory.kept(findings)
    lifted = (each.without(CHANNEL) for each in (other, memory))
    assert plain(next(lifted).compute(by_channel, other.terms)) == plain(
        next(lifted).compute(by_channel, memory.terms)
    )
    assert memory.source is None
    assert other.source is not None
    assert other.source.questions > 0


@pytest.mark.parametrize("chosen", CHOICES)
def test_nothing_that_is_said_of_a_kept_snapshot_loads_its_tables(
    november_contacts: list[dict[str, Any]], tmp_path: Path, chosen: str
) -> None:
    configured = Settings(token="t", store=str(tmp_path), engine="duckdb")
    whole = Snapshot(tables_of(*november_contacts), Verdict(AS_OF))
    recorder = recorder_of(configured)
    assert recorder is not None
    recorder.save(whole)
    loaded, choice = recorder.load(), CHOICES[chosen]
    seen = view_of(expected_unloaded(loaded.snapshot), choice, configured, loaded.history)
    memory = view_of(whole, choice, replace(configured, engine="memory"))

    assert seen.options == memory.options
    assert seen.counts == memory.counts
    assert seen.first == memory.first
    assert seen.kept(findings) == memory.kept(findings)
    assert archive.numbers_json(seen) == archive.numbers_json(memory)
    for name, table in seen.asked.tables().frames().items():
        pd.testing.assert_frame_equal(
            table.sort_values([*table.columns], ignore_index=True),
            memory.asked.tables().frames()[name].sort_values([*table], ignore_index=True),
            check_categorical=False,
        )
    written, expected = (
        digest(Named(each, ()), configured, now=AS_OF, past=NothingRecorded(), dashboard=None)
        for each in (seen, memory)
    )
    assert message(written).plain == message(expected).plain
    expected_unloaded(loaded.snapshot)


def expected_unloaded(snapshot: Snapshot | None) -> FiledSnapshot:
    assert isinstance(snapshot, FiledSnapshot)
    assert not snapshot.is_loaded
    return snapshot


def test_snapshot_that_is_not_kept_is_read_from_memory(tmp_path: Path) -> None:
    seen = view(small(), tmp_path)

    assert seen.compute(audience, seen.terms).contacts == 2
    assert seen.source is not None
    assert not seen.source.reads_store


def test_snapshot_that_is_kept_is_read_from_the_store(tmp_path: Path) -> None:
    snapshot = small()
    recorder = recorder_of(Settings(token="t", store=str(tmp_path)))
    assert recorder is not None
    recorder.save(snapshot)
    recorder.save(Snapshot(tables_of(contact()), Verdict(AS_OF.replace(day=2))))

    seen = view(snapshot, tmp_path)

    assert seen.compute(audience, seen.terms).contacts == 2
    assert seen.source is not None
    assert seen.source.reads_store


def test_snapshot_that_is_kept_after_it_was_shown_is_read_from_the_store_then(
    tmp_path: Path,
) -> None:
    snapshot = small()
    configured = Settings(token="t", store=str(tmp_path), engine="duckdb")
    before = view_of(snapshot, Choice(), configured)
    assert not before.is_empty
    recorder = recorder_of(configured)
    assert recorder is not None

    seen = view_of(snapshot, Choice(), configured, recorder.save(snapshot).history)

    assert seen.compute(audience, seen.terms).contacts == 2
    assert seen.source is not None
    assert seen.source is before.source
    assert seen.source.reads_store


def test_question_without_an_answer_can_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EngineError("DuckDB had no answer within 60 seconds.")

    seen = view(small(), tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(lib.engines.duckdb.DuckDB, "collect", fail)
        with pytest.raises(EngineError, match="60 seconds"):
            seen.compute(audience, seen.terms)

    assert seen.compute(audience, seen.terms).contacts == 2


def test_engine_that_finds_other_contacts_than_the_snapshot_has_gives_no_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may find nothing in a folder that it does not have, and not say so."""
    recorder = recorder_of(Settings(token="t", store=str(tmp_path)))
    assert recorder is not None
    snapshot = small()
    recorder.save(snapshot)
    other = small().tables.select(np.array([True, False]))
    monkeypatch.setattr("lib.engines.where.in_store", lambda *_: in_memory(other))

    with pytest.raises(
        EngineError, match=r"^DuckDB finds 1 contacts where this data has 2, so none of its numbers"
    ):
        view(snapshot, tmp_path)


def test_engine_that_cannot_read_the_store_is_a_sentence_and_reads_it_once_it_can(
    tmp_path: Path,
) -> None:
    recorder = recorder_of(Settings(token="t", store=str(tmp_path)))
    assert recorder is not None
    snapshot = small()
    recorder.save(snapshot)
    (file,) = tmp_path.glob("*/contacts/*.parquet")
    contents = file.read_bytes()
    file.write_bytes(b"PAR1 and nothing more")

    with pytest.raises(EngineError, match=r"^DuckDB cannot read the files of the store: "):
        view(snapshot, tmp_path)

    file.write_bytes(contents)
    assert view(snapshot, tmp_path).contacts == 2


def test_store_of_a_newer_version_leaves_the_numbers_and_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = Settings(token="t", store=str(tmp_path), engine="duckdb")
    recorder, newer = recorder_of(configured), recorder_of(configured)
    assert recorder is not None
    assert newer is not None
    shown = small()
    recorder.save(shown)
    with monkeypatch.context() as version:
        version.setattr("lib.store.storage.FORMAT", 3)
        newer.save(Snapshot(tables_of(contact()), Verdict(AS_OF.replace(day=2))))

    (note,) = recorder.save(Snapshot(tables_of(contact()), Verdict(AS_OF.replace(day=3)))).notes

    assert "a newer version of this dashboard keeps its data there" in note
    seen = view(shown, tmp_path)
    assert seen.contacts == 2
    assert seen.source is not None
    assert not seen.source.reads_store
