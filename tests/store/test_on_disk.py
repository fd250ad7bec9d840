"""A crawl to disk makes the same tables as one in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.chatbotx.client import Client
from lib.chatbotx.schema import Contact, Decoder
from lib.engines.duckdb import DuckDB
from lib.engines.lazy import LazyEngine
from lib.engines.questions import Filter
from lib.engines.where import in_files
from lib.store import columns, on_disk, parts
from lib.store.builder import TableBuilder
from lib.store.dimensions import TAG
from lib.store.on_disk import Spool, fetch_to_disk
from lib.store.place import Place
from lib.store.snapshot import fetch
from lib.store.storage import Store
from lib.store.tables import Tables
from tests import effort
from tests.fake_chatbotx import FakeChatbotx
from tests.store.test_storage import assert_same
from tests.synthetic import synthetic_contacts

Json = dict[str, Any]

BEGAN = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)


def decoded(contacts: Sequence[Json]) -> list[Contact]:
    sent = [{key: value for key, value in each.items() if key[0] != "_"} for each in contacts]
    return Decoder()(json.dumps({"data": sent}).encode()).contacts


def in_memory(contacts: Sequence[Json]) -> Tables:
    builder = TableBuilder()
    builder.add(decoded(contacts))
    return builder.build()


def on_disk_of(contacts: Sequence[Json], page: int = 7) -> Tables:
    """The tables of a spool fed page by page, read from its files."""
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        for start in range(0, len(contacts), page):
            spool.add(decoded(contacts[start : start + page]))
        files = spool.finish()
        frames = {}
        for name, file in files.items():
            assert file.rows == pq.read_metadata(file.path).num_rows
            found = pq.read_table(file.path, read_dictionary=columns.categorical(name))
            assert file.schema.names == found.column_names
            frames[name] = columns.from_columns(name, found)
    return Tables(**frames)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    make_parts_small(monkeypatch)


def make_parts_small(patch: pytest.MonkeyPatch) -> None:
    """Many parts and stretches with few contacts each."""
    patch.setattr(on_disk, "PART", 20)
    patch.setattr(parts, "STRETCH", 16)
    patch.setattr(parts, "GROUP", 8)
    patch.setattr(parts, "STEP", 4)


def test_the_recorded_workspace_is_the_same(edge_contacts: list[Json]) -> None:
    assert_same(in_memory(edge_contacts), on_disk_of(edge_contacts))


def test_an_empty_workspace_is_the_same() -> None:
    assert_same(in_memory([]), on_disk_of([]))


@pytest.mark.usefixtures("small_parts")
def test_an_invented_workspace_is_the_same() -> None:
    contacts = list(synthetic_contacts(500, seed=1))
    assert_same(in_memory(contacts), on_disk_of(contacts, page=50))


@pytest.mark.usefixtures("small_parts")
def test_of_versions_far_apart_the_one_updated_last_remains() -> None:
    contacts = list(synthetic_contacts(100, seed=2))
    first, second = dict(contacts[3]), dict(contacts[40])
    first |= {"updatedAt": "2026-12-01T00:00:00.000Z", "tags": [{"id": "9", "name": "Late"}]}
    second |= {"updatedAt": "2001-01-01T00:00:00.000Z", "createdAt": "2020-01-01T00:00:00.000Z"}
    found = on_disk_of([*contacts, first, second])
    assert_same(in_memory([*contacts, first, second]), found)
    assert len(found.contacts) == 100
    assert "9" in set(found.contact_tags["tag"])
    assert found.contacts["created"].min().year > 2020


@pytest.mark.usefixtures("small_parts")
def test_a_text_that_comes_late_makes_all_ids_text() -> None:
    contacts = [{"id": str(number), "createdAt": "2026-01-01T00:00:00Z"} for number in range(90)]
    contacts += [{"id": "x"}, {"id": "007", "createdAt": "2026-01-01T00:00:00Z"}, {"id": "5"}]
    found = on_disk_of(contacts)
    assert_same(in_memory(contacts), found)
    assert found.contacts["id"].iloc[:3].tolist() == ["0", "007", "1"]


@pytest.mark.usefixtures("small_parts")
def test_many_created_at_once_come_by_id() -> None:
    contacts = [{"id": str(number), "createdAt": "2026-01-01T00:00:00Z"} for number in range(300)]
    Random(5).shuffle(contacts)
    assert on_disk_of(contacts).contacts["id"].tolist() == list(range(300))


@settings(max_examples=effort.of(15))
@given(seed=st.integers(0, 2**32), page=st.integers(1, 40), text=st.booleans())
def test_whatever_arrives_in_whatever_order_is_the_same(seed: int, page: int, text: bool) -> None:
    random = Random(seed)
    contacts = list(synthetic_contacts(random.randrange(80), seed=seed))
    again = (
        [each | random.choice(CHANGES) for each in random.choices(contacts, k=20) if contacts]
        if contacts
        else []
    )
    contacts += again
    if text:
        contacts.append({"id": random.choice(["a", "01", "ü"])})
    random.shuffle(contacts)
    with pytest.MonkeyPatch.context() as patch:
        make_parts_small(patch)
        assert_same(in_memory(contacts), on_disk_of(contacts, page))


CHANGES: list[Json] = [
    {},
    {"updatedAt": None},
    {"updatedAt": "2027-01-01T00:00:00.000Z", "tags": [], "contactInboxes": []},
    {"createdAt": None},
    {"createdAt": "2026-01-01T00:00:00.000Z", "conversation": None},
    {"country": "VN", "contactInboxes": [{"inboxId": "7", "channel": "sms", "source": "qr"}]},
    {"conversation": {"id": "c-1", "assignedUserId": "5"}},
]


def test_a_crawl_on_disk_is_kept_like_one_in_memory(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    store = Store(Place(str(tmp_path / "workspace")))
    with Client(edge_server.base_url, "edge") as client:
        in_memory = fetch(client, began=BEGAN)
    with Client(edge_server.base_url, "edge") as client:
        filed = fetch_to_disk(client, store.place, began=BEGAN)
    assert (filed.contacts, filed.workspace_id) == (137, in_memory.workspace_id)
    assert filed.verdict.unreadable == in_memory.verdict.unreadable
    head = store.commit(None, filed)
    kept = store.refer(head.last)
    assert not filed.is_loaded
    assert kept.contacts == 137
    assert_same(kept.tables, in_memory.tables)
    assert_same(filed.tables, in_memory.tables)


def test_what_a_killed_crawl_left_goes_after_a_day(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    old, new = tmp_path / "_crawl-old", tmp_path / "_crawl-new"
    for folder in (old, new):
        folder.mkdir()
    yesterday = datetime.now(UTC).timestamp() - 100_000
    os.utime(old, (yesterday, yesterday))
    with Client(edge_server.base_url, "empty") as client:
        fetch_to_disk(client, Place(str(tmp_path)), began=BEGAN)
    assert (old.exists(), new.exists()) == (False, True)


def test_what_is_shown_from_its_own_folder_remains_for_longer_than_a_day(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    """As if it could not be stored, and nothing newer be fetched."""
    place = Place(str(tmp_path))
    with Client(edge_server.base_url, "edge") as client:
        shown = fetch_to_disk(client, place, began=BEGAN)
    yesterday = datetime.now(UTC).timestamp() - 100_000
    (folder,) = tmp_path.iterdir()
    os.utime(folder, (yesterday, yesterday))
    with Client(edge_server.base_url, "empty") as client:
        fetch_to_disk(client, place, began=BEGAN)
    assert len(shown.tables.contacts) == 137


def test_links_are_also_joined_in_one_text_per_contact(tmp_path: Path) -> None:
    tags = [{"id": "602", "name": "b"}, {"id": "601", "name": "a"}]
    spool = Spool(tmp_path)
    spool.add(decoded([{"id": "1", "tags": tags}, {"id": "2", "tags": tags[:1]}, {"id": "3"}]))
    found = pq.read_table(spool.finish()["contacts"].path)
    assert found["tag_values"].to_pylist() == ["\x1f601\x1f602\x1f", "\x1f602\x1f", ""]


def test_values_that_contain_the_separator_are_not_joined(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(decoded([{"id": "1", "tags": [{"id": "6\x1f1", "name": "a"}]}]))
    files = spool.finish()
    assert {*pq.read_schema(files["contacts"].path).names} & {*columns.JOINED} == {
        "channel_values",
        "inbox_values",
        "source_values",
    }
    assert files["contacts"].schema.names == pq.read_schema(files["contacts"].path).names
    found = LazyEngine(DuckDB(in_files(files)))
    assert found.count(by=TAG)["contacts"].to_dict() == {"6\x1f1": 1}
    assert found.under(Filter.to({"tag": ["6\x1f1"]})).count()["contacts"].tolist() == [1]


def test_no_value_is_found_across_the_separator(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(decoded([{"id": "1", "tags": [{"id": "6", "name": "a"}, {"id": "7", "name": "b"}]}]))
    found = LazyEngine(DuckDB(in_files(spool.finish())))
    asked = {key: found.under(Filter.to({"tag": [key]})) for key in ("6", "7", "6\x1f7", "67")}
    assert [each.count()["contacts"][0] for each in asked.values()] == [1, 1, 0, 0]


def test_lists_of_links_that_earlier_versions_wrote_are_ignored(tmp_path: Path) -> None:
    contacts: list[Json] = [{"id": "1", "tags": [{"id": "601", "name": "a"}]}, {"id": "2"}]
    spool = Spool(tmp_path)
    spool.add(decoded(contacts))
    files = spool.finish()
    path = files["contacts"].path
    earlier = pq.read_table(path).drop_columns([*columns.JOINED])
    lists = [[["601"], [None]] if name == "tag" else [[None], [None]] for name in _SEVERAL]
    for name, values in zip(_SEVERAL, lists, strict=True):
        earlier = earlier.append_column(f"{name}_list", pa.array(values, pa.list_(pa.string())))
    pq.write_table(earlier, path)
    assert_same(in_memory(contacts), on_disk.read_files(files))
    found = LazyEngine(DuckDB(in_files(files)))
    assert found.under(Filter.to({"tag": ["601"]})).count()["contacts"].tolist() == [1]
    assert_same(in_memory(contacts), found.tables())


_SEVERAL = ("channel", "inbox", "source", "tag")
