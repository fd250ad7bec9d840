"""What the chosen engine reads: of a snapshot that is not in the store, and once it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lib.chatbotx.client import Client
from lib.engines.chosen import ChosenSource, not_kept
from lib.engines.lazy import LazyEngine
from lib.engines.where import Files, Where, in_memory
from lib.settings import ChosenEngine, Settings
from lib.store.on_disk import fetch_to_disk
from lib.store.place import Place
from lib.store.snapshot import FiledSnapshot
from lib.store.storage import store_of
from tests.fake_chatbotx import FakeChatbotx
from tests.workspaces import contact, tables_of, tagged


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engine."""


def crawled(server: FakeChatbotx, place: Place) -> FiledSnapshot:
    with Client(server.base_url, "edge") as client:
        return fetch_to_disk(client, place, began=datetime(2026, 7, 1, tzinfo=UTC))


def place_of(settings: Settings) -> Place:
    store = store_of(settings)
    assert store is not None
    return store.place


@pytest.mark.parametrize("named", ["duckdb", "sc://localhost:15002"], ids=["DuckDB", "Spark"])
def test_files_of_a_crawl_in_the_store_s_folder_are_read(
    edge_server: FakeChatbotx, tmp_path: Path, named: str
) -> None:
    configured = Settings(token="t", store=str(tmp_path), engine=named)
    snapshot = crawled(edge_server, place_of(configured))
    assert isinstance(not_kept(configured, snapshot)("contacts"), Files)
    assert not snapshot.is_loaded


def test_files_of_a_crawl_elsewhere_are_sent_to_a_server_which_may_not_reach_them(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    snapshot = crawled(edge_server, Place(str(tmp_path / "elsewhere")))
    duckdb, spark = (
        Settings(token="t", store=str(tmp_path / "store"), engine=engine)
        for engine in ("duckdb", "sc://localhost:15002")
    )
    assert isinstance(not_kept(duckdb, snapshot)("contacts"), Files)
    sent = not_kept(spark, snapshot)("contacts")
    assert isinstance(sent, pa.Table)
    assert len(sent) == snapshot.contacts == 137


def test_a_question_is_asked_of_one_connection_although_the_snapshot_is_stored_meanwhile() -> None:
    tables = in_memory(tables_of(contact(tagged("601", "602")), contact()))
    stored: list[Where] = []
    source = ChosenSource(
        ChosenEngine("duckdb"), lambda: tables, lambda: stored[-1] if stored else None, 2
    )
    with source.lock:
        contacts = source.table("contacts")
        stored.append(tables)
        source.look_again("recorded")
        with source.lock:  # a question within the question
            links = source.table("contact_tags")
        joined = contacts.join(links, left_on="row", right_on="contact")
        assert len(source.collect(joined)) == 2
        assert not source.reads_store

    assert len(LazyEngine(source).tables().contacts) == 2
    assert source.reads_store
