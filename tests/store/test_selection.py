from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.engines.memory import MemoryEngine
from lib.metrics.audience import audience
from lib.store.snapshot import save_tables
from lib.store.tables import Tables
from tests.workspaces import contact, conversation, in_inboxes, on, tables_of, tagged, terms


@pytest.fixture
def tables() -> Tables:
    """Contacts 1 to 4; the third has no links."""
    return tables_of(
        contact(on("sms"), tagged("601")),
        contact(on("sms", "zalo"), tagged("601", "602"), conversation(assignedUserId="101")),
        contact(),
        contact(in_inboxes(a="connected"), tagged("602")),
    )


def pick(tables: Tables, *ids: int) -> Tables:
    return tables.select(tables.contacts["id"].isin(ids).to_numpy())


def links(table: pd.DataFrame) -> list[tuple[int, str]]:
    return [(int(contact), str(value)) for contact, value in table.to_numpy()]


def test_holds_the_chosen_contacts_in_their_order(tables: Tables) -> None:
    chosen = pick(tables, 4, 2)

    assert chosen.contacts["id"].to_list() == [2, 4]
    assert chosen.contacts.index.to_list() == [0, 1]


def test_numbers_their_links_by_their_new_rows(tables: Tables) -> None:
    chosen = pick(tables, 2, 4)

    assert links(chosen.contact_channels) == [(0, "sms"), (0, "zalo"), (1, "whatsapp")]
    assert links(chosen.contact_tags) == [(0, "601"), (0, "602"), (1, "602")]
    assert links(chosen.contact_inboxes) == [(0, "inbox of sms"), (0, "inbox of zalo"), (1, "a")]


def test_keeps_tags_inboxes_agents_and_teams_of_the_whole(tables: Tables) -> None:
    chosen = pick(tables, 3)

    assert chosen.tags["id"].to_list() == ["601", "602"]
    assert chosen.agents["id"].to_list() == ["101"]
    assert len(chosen.inboxes) == 3
    assert chosen.teams.empty


def test_of_nobody_is_empty(tables: Tables) -> None:
    nobody = pick(tables)

    assert nobody.contacts.empty
    assert nobody.contact_channels.empty
    assert audience(MemoryEngine(nobody), terms()).contacts == 0


def test_of_all_is_the_same(tables: Tables) -> None:
    everybody = pick(tables, 1, 2, 3, 4)

    for name, frame in everybody.frames().items():
        pd.testing.assert_frame_equal(frame, tables.frames()[name])


def test_can_be_selected_from_again(tables: Tables) -> None:
    last = pick(pick(tables, 2, 3, 4), 2, 4).select(np.array([False, True]))

    assert last.contacts["id"].to_list() == [4]
    assert links(last.contact_tags) == [(0, "602")]
    assert audience(MemoryEngine(last), terms()).contacts == 1


def test_leaves_the_whole_as_it_was(tables: Tables) -> None:
    _ = pick(tables, 2).contact_tags

    assert tables.contacts["id"].to_list() == [1, 2, 3, 4]
    assert links(tables.contact_tags) == [(0, "601"), (1, "601"), (1, "602"), (3, "602")]


def test_does_not_follow_a_mask_that_changes_later(tables: Tables) -> None:
    mask = np.array([True, False, False, False])
    chosen = tables.select(mask)

    mask[:] = False

    assert chosen.contacts["id"].to_list() == [1]


def test_can_be_saved(tables: Tables, tmp_path: Path) -> None:
    save_tables(pick(tables, 2, 4), tmp_path)

    assert pd.read_parquet(tmp_path / "contacts.parquet")["id"].to_list() == [2, 4]
