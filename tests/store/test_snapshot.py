from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from lib.chatbotx.client import Client, Patience
from lib.chatbotx.crawl import Progress
from lib.chatbotx.errors import TokenRefused
from lib.engines.memory import MemoryEngine
from lib.metrics import audience
from lib.metrics.terms import Terms
from lib.reference.periods import Period
from lib.store.snapshot import fetch, save_tables
from tests.fake_chatbotx import JULY, Contact, FakeChatbotx
from tests.workspaces import came_by, contact, conversation, on, tables_of, tagged

BEGAN = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)


def test_the_recorded_workspace_is_fetched(edge_server: FakeChatbotx) -> None:
    with Client(edge_server.base_url, "edge") as client:
        snapshot = fetch(client, began=BEGAN)
    assert snapshot.contacts == 137
    assert snapshot.tables.contacts["id"].is_unique
    assert snapshot.as_of == BEGAN
    assert snapshot.verdict.complete
    assert snapshot.workspace_id == "2990000000000000002"


def test_an_empty_workspace_is_a_snapshot_too(edge_server: FakeChatbotx) -> None:
    with Client(edge_server.base_url, "empty") as client:
        snapshot = fetch(client, began=BEGAN)
    assert (snapshot.contacts, snapshot.workspace_id) == (0, None)
    assert snapshot.verdict.complete


def test_an_empty_workspace_has_the_id_that_its_token_begins_with() -> None:
    token = "2990000000000000002.secret"
    with FakeChatbotx({token: []}) as server, Client(server.base_url, token) as client:
        assert fetch(client, began=BEGAN).workspace_id == "2990000000000000002"


def test_now_is_when_the_crawl_begins_unless_it_is_said(edge_server: FakeChatbotx) -> None:
    before = datetime.now(UTC)
    with Client(edge_server.base_url, "empty") as client:
        as_of = fetch(client).as_of
    assert before <= as_of <= datetime.now(UTC)


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)], ids=["slow", "fast"])
def test_a_clock_an_hour_off_costs_no_contact(off: timedelta) -> None:
    """Either our clock or the server's: contacts created in between are counted where they fall."""
    created = [BEGAN - timedelta(minutes=minutes) for minutes in range(-90, 90, 5)]
    contacts = [
        {"id": str(number), "createdAt": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"}
        for number, moment in enumerate(created, 1)
    ]
    with (
        FakeChatbotx({"edge": contacts}, replace(JULY, per_page_cap=10)) as server,
        Client(server.base_url, "edge", connections=2) as client,
    ):
        snapshot = fetch(client, began=BEGAN + off)
    assert snapshot.contacts == len(contacts)
    assert snapshot.verdict.complete
    terms = Terms(snapshot.as_of, Period.last(1, snapshot.as_of, "UTC"))
    today = sum(moment.date() == snapshot.as_of.date() for moment in created)
    assert audience.audience(MemoryEngine(snapshot.tables), terms).new == today == len(contacts)


def test_a_contact_on_two_pages_is_one_row_in_its_later_version(
    edge_contacts: list[Contact],
) -> None:
    """The 25 contacts of one time fill pages that are read twice; one changes in between."""
    changed = edge_contacts[60]["id"]

    def change(server: FakeChatbotx, request: object) -> None:
        if len(server.requests) == 8:
            server.workspaces["edge"].update(
                changed, updatedAt="2026-12-01T00:00:00.000Z", country="Iceland"
            )

    with (
        FakeChatbotx(
            {"edge": edge_contacts}, replace(JULY, per_page_cap=10), between_requests=change
        ) as server,
        Client(server.base_url, "edge", connections=1) as client,
    ):
        snapshot = fetch(client, began=BEGAN)
    assert snapshot.contacts == 137
    assert snapshot.tables.contacts.set_index("id").loc[int(changed), "country"] == "IS"


def test_what_could_not_be_read_is_counted_wherever_it_was_noticed() -> None:
    """A wrong type is found when decoding, a text that is not a time later."""
    contacts: list[Contact] = [
        {"id": "1", "createdAt": "2026-05-10T00:00:00.000Z", "blockedAt": 7.5},
        {"id": "2", "createdAt": "2026-05-11T00:00:00.000Z", "blockedAt": "never"},
        {"id": "3", "createdAt": "2026-05-12T00:00:00.000Z", "emailOptIn": "yes"},
    ]
    with FakeChatbotx({"odd": contacts}) as server, Client(server.base_url, "odd") as client:
        snapshot = fetch(client, began=BEGAN)
    assert snapshot.verdict.unreadable == {"blockedAt": 2, "emailOptIn": 1}
    assert snapshot.unreadable == 3
    assert snapshot.contacts == 3


def test_progress_is_told(edge_server: FakeChatbotx) -> None:
    seen: list[Progress] = []
    with Client(edge_server.base_url, "edge") as client:
        fetch(client, began=BEGAN, on_progress=seen.append)
    assert seen[-1].contacts == 137


def test_a_workspace_that_cannot_be_read_is_no_snapshot(edge_server: FakeChatbotx) -> None:
    with (
        Client(edge_server.base_url, "wrong", patience=Patience(first_pause=0.001)) as client,
        pytest.raises(TokenRefused),
    ):
        fetch(client, began=BEGAN)


def test_tables_are_saved_as_one_file_each(tmp_path: Path) -> None:
    assigned = conversation(assignedUserId="101", assignedInboxTeamId="201")
    tables = tables_of(
        contact(on("zalo"), tagged("601"), assigned), contact(came_by("ads")), contact()
    )
    folder = tmp_path / "new" / "folder"
    save_tables(tables, folder)
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.parquet" for name in tables.frames()
    }
    for name, frame in tables.frames().items():
        pd.testing.assert_frame_equal(pd.read_parquet(folder / f"{name}.parquet"), frame)


def test_saved_ids_are_whole(tmp_path: Path) -> None:
    save_tables(tables_of(contact(id=str(2**63 - 1)), contact(id=str(2**53 + 1))), tmp_path)
    assert set(pd.read_parquet(tmp_path / "contacts.parquet")["id"]) == {2**63 - 1, 2**53 + 1}


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        save_tables(tables_of(contact()), tmp_path / "file" / "folder")
