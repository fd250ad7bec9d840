"""Engines read the store's files themselves."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from lib.chatbotx.crawl import Verdict
from lib.engines.duckdb import DuckDB
from lib.engines.errors import EngineError
from lib.engines.lazy import LazyEngine
from lib.engines.where import in_store
from lib.outputs.report import report
from lib.store.place import Place
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.bucket import place_in
from tests.engines.answering import OTHERS, Kind, source_in
from tests.workspaces import AS_OF, tables_of, terms


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engine."""


@pytest.mark.parametrize("kind", OTHERS)
def test_report_from_the_store_is_that_of_memory(
    kind: Kind, november_contacts: list[dict[str, Any]], tmp_path: Path
) -> None:
    snapshot = Snapshot(tables_of(*november_contacts), Verdict(AS_OF))
    store = Store(Place(str(tmp_path / "São Paulo 1")))
    where = in_store(store, store.commit(None, snapshot).last)

    found = report(snapshot, terms(), LazyEngine(source_in(where, kind)))

    assert found == report(snapshot, terms())
    assert found["audience"]["contacts"] == len(snapshot.tables.contacts) > 100


def test_earlier_snapshot_is_read_as_it_was(tmp_path: Path) -> None:
    store = Store(Place(str(tmp_path)))
    before, after = (Snapshot(tables_of(*[{}] * contacts), Verdict(AS_OF)) for contacts in (1, 3))
    first = store.commit(None, before)
    second = store.commit(first, after)

    counted = [
        int(LazyEngine(DuckDB(in_store(store, row))).count()["contacts"].iloc[0])
        for row in (first.last, second.last)
    ]

    assert counted == [1, 3]


@pytest.fixture
def in_bucket(endpoint: str) -> Place:
    return place_in(endpoint, f"{uuid.uuid4().hex}/São Paulo 1")


def test_report_from_a_bucket_is_that_of_memory(
    november_contacts: list[dict[str, Any]], in_bucket: Place
) -> None:
    snapshot = Snapshot(tables_of(*november_contacts), Verdict(AS_OF))
    store = Store(in_bucket)
    where = in_store(store, store.commit(None, snapshot).last)

    found = report(snapshot, terms(), LazyEngine(DuckDB(where)))

    assert found == report(snapshot, terms())
    assert found["audience"]["contacts"] == len(snapshot.tables.contacts) > 100


def test_object_that_is_gone_is_a_sentence(in_bucket: Place) -> None:
    store = Store(in_bucket)
    row = store.commit(None, Snapshot(tables_of({}), Verdict(AS_OF))).last
    in_bucket.below("contacts").remove(row.files["contacts"][0])

    with pytest.raises(EngineError, match=r"^DuckDB cannot read the files of the store: "):
        LazyEngine(DuckDB(in_store(store, row))).count()
