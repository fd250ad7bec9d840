"""The Changes page, on a workspace that changes between two fetches."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lib import settings
from lib.reference import formatting
from lib.reference.periods import Period
from lib.reference.rates import Rate
from lib.refresh import refreshers
from tests.fake_chatbotx import Contact, FakeChatbotx
from tests.pages.conftest import Connect, changes, numbers, open_page, question, text

TODAY = {"period": "today"}


def fetch_again() -> None:
    refresher = refreshers.refresher_of(settings.load())
    refresher.refresh()
    refresher.wait(60)


@pytest.fixture
def active(edge_contacts: list[Contact]) -> list[Contact]:
    """Contacts that are not blocked and opted in to broadcasts."""
    return [
        contact
        for contact in edge_contacts
        if contact.get("blockedAt") is None and contact.get("broadcastSubscribedAt")
    ]


def test_after_the_first_snapshot_it_says_since_when_and_what_will_stand_here(
    connect: Connect,
) -> None:
    connect()
    page = open_page("changes", **TODAY)
    assert question(page) == "What changed?"
    assert "Recorded since" in text(page)
    assert "Compared:" not in text(page)
    assert "opted out of broadcasts" not in text(open_page("opt_in", **TODAY))
    assert "What this page shows from the second snapshot on" in text(page)


def test_deletions_blocks_and_opt_outs_are_told_after_a_refresh(
    connect: Connect, edge_server: FakeChatbotx, active: list[Contact]
) -> None:
    connect()
    workspace = edge_server.workspaces["edge"]
    deleted, blocked, opted_out, *_ = active
    workspace.delete(deleted["id"])
    workspace.update(blocked["id"], blockedAt="2026-06-01T00:00:00.000Z")
    workspace.update(opted_out["id"], broadcastSubscribedAt=None)
    fetch_again()
    page = open_page("changes", **TODAY)
    assert "2 contacts fewer" in text(page)
    assert numbers(page)["Left"] == "2"
    assert "1 blocked, 1 deleted" in changes(page)["Left"]
    assert numbers(page)["Opted out"] == "1"
    could = [contact for contact in active if contact["contactInboxes"]]
    told = text(open_page("opt_in", **TODAY))
    assert "**1** opted out of broadcasts since" in told
    assert f"{formatting.per_thousand(Rate(1, len(could)))} who could" in told


def test_a_filter_holds_for_contacts_that_are_gone(
    connect: Connect, edge_server: FakeChatbotx, active: list[Contact]
) -> None:
    connect()
    gone = next(contact for contact in active if _channels(contact) == {"whatsapp"})
    edge_server.workspaces["edge"].delete(gone["id"])
    fetch_again()
    assert numbers(open_page("changes", channel="whatsapp", **TODAY))["Left"] == "1"
    assert numbers(open_page("changes", channel="messenger", **TODAY))["Left"] == "0"


def test_whoever_moves_between_filters_is_in_the_sentence_so_that_it_adds_up(
    connect: Connect, edge_server: FakeChatbotx, active: list[Contact]
) -> None:
    connect()
    mover = next(contact for contact in active if _channels(contact) == {"whatsapp"})
    there = next(contact for contact in active if _channels(contact) == {"messenger"})
    edge_server.workspaces["edge"].update(mover["id"], contactInboxes=there["contactInboxes"])
    fetch_again()
    into = text(open_page("changes", channel="messenger", **TODAY))
    assert "1 contact more** since " in into
    assert ": 0 joined and 1 moved into these filters." in into
    out = text(open_page("changes", channel="whatsapp", **TODAY))
    assert "1 contact fewer** since " in out
    assert ": 0 joined and 1 moved out of these filters." in out


def _channels(contact: Contact) -> set[str]:
    return {inbox["channel"] for inbox in contact["contactInboxes"]}


def test_a_period_before_recording_began_says_since_when_there_is_something(
    connect: Connect,
) -> None:
    connect()
    page = open_page("changes", **{"from": "2026-01-01", "to": "2026-01-31"})
    assert "recording began" in text(page)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("workload", "Backlog at the end of each day"),
        ("opt_in", "Opt-in at the end of each day"),
    ],
)
def test_levels_are_drawn_once_they_are_recorded(connect: Connect, name: str, title: str) -> None:
    connect()
    assert title in text(open_page(name, **TODAY))
    before = open_page(name, **{"from": "2026-01-01", "to": "2026-01-31"})
    assert "None of this was recorded from 1 Jan 2026 to 31 Jan 2026" in text(before)


def test_answer_times_are_drawn_beside_the_backlog_too(
    connect: Connect, edge_server: FakeChatbotx, active: list[Contact]
) -> None:
    connect()
    assert "No answer could be timed" in text(open_page("workload", **TODAY))


@pytest.mark.parametrize(
    "title",
    ["Who came, left and opted out per day", "How quickly people were answered, per day"],
)
def test_one_day_is_drawn_with_the_two_weeks_up_to_it(
    connect: Connect, edge_server: FakeChatbotx, active: list[Contact], title: str
) -> None:
    connect()
    edge_server.workspaces["edge"].delete(active[0]["id"])
    fetch_again()
    days = formatting.days(Period.last(14, datetime.now(UTC), "UTC"))
    assert f"{title}, {days}" in text(open_page("changes", tz="UTC", **TODAY))
