"""The dashboard while it fetches, after failures, and with little to show."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import JUNE, QUESTIONS, Open, Serve, card, settle
from tests.fake_chatbotx import Contact, Dropped, FakeChatbotx, Fault, RecordedRequest

pytestmark = pytest.mark.browser


class Gate:
    """Lets the first requests to a server through, and holds the next until opened."""

    def __init__(self, server: FakeChatbotx) -> None:
        self._server = server
        self._opened = threading.Event()

    def close(self, *, after: int) -> None:
        self._opened.clear()
        last = len(self._server.requests) + after

        def hold(_: FakeChatbotx, request: RecordedRequest) -> None:
            if request.number > last:
                self._opened.wait(120)

        self._server.between_requests = hold

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate(edge_server: FakeChatbotx) -> Iterator[Gate]:
    gate = Gate(edge_server)
    yield gate
    gate.open()


def test_the_first_fetch_tells_how_far_it_is_and_the_page_fills_by_itself(
    serve: Serve, open_page: Open, gate: Gate
) -> None:
    gate.close(after=2)
    page = open_page(f"{serve()}/?{JUNE}", fetched=False)
    expect(page.get_by_text("Fetching your contacts for the first time")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("link", name="Channels")).to_be_visible()
    gate.open()
    expect(page.locator("h1")).to_have_text(QUESTIONS[""])
    expect(card(page, "Contacts")).to_have_text("137")


@pytest.mark.parametrize("scrolled", [0, 200], ids=["at the top", "further down"])
def test_new_contacts_show_themselves_to_a_reader_at_the_top_and_wait_for_others(
    serve: Serve, open_page: Open, gate: Gate, edge_server: FakeChatbotx, scrolled: int
) -> None:
    page = open_page(f"{serve()}/?{JUNE}")
    contacts = card(page, "Contacts")
    expect(contacts).to_have_text("137")
    for contact in more(edge_server, 3):
        edge_server.workspaces["edge"].insert(contact)
    gate.close(after=2)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("button", name="Refresh")).to_have_count(0)
    page.get_by_test_id("stMain").evaluate("(main, y) => { main.scrollTop = y; }", scrolled)
    gate.open()
    show = page.get_by_role("button", name="Show the new data")
    if scrolled:
        expect(show).to_be_attached()
        expect(page.get_by_role("progressbar")).to_have_count(0)
        expect(contacts).to_have_text("137")
        show.click()
    expect(contacts).to_have_text("140")
    expect(show).to_have_count(0)
    expect(page.locator(".st-key-freshness")).to_contain_text("Updated just now")


def more(server: FakeChatbotx, many: int) -> list[Contact]:
    """Copies of recorded contacts with their own IDs."""
    recorded = server.workspaces["edge"].contacts[-many:]
    return [contact | {"id": f"{10**18 + place}"} for place, contact in enumerate(recorded)]


def test_a_failed_refresh_says_since_when_and_why_and_ends_when_the_server_is_back(
    serve: Serve, open_page: Open, edge_server: FakeChatbotx
) -> None:
    page = open_page(f"{serve(max_minutes='0.15')}/?{JUNE}")
    last = len(edge_server.requests) + 2

    def stopped(request: RecordedRequest) -> Fault | None:
        return Dropped() if request.number > last else None

    edge_server.faults = stopped
    page.get_by_role("button", name="Refresh").click()
    failure = page.get_by_text("Refreshing has failed since")
    expect(failure).to_be_visible()
    expect(failure).to_contain_text("The numbers are those of the last good fetch.")
    expect(failure).to_contain_text("could not be read within the time allowed")
    expect(card(page, "Contacts")).to_have_text("137")
    edge_server.faults = None
    page.get_by_role("button", name="Refresh").click()
    expect(failure).to_have_count(0)
    expect(card(page, "Contacts")).to_have_text("137")


def test_a_refused_token_is_reported_without_the_token(serve: Serve, open_page: Open) -> None:
    page = open_page(serve(token="not-the-token"), fetched=False)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("does not accept the access token")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert "not-the-token" not in page.content()


def test_an_empty_workspace_says_so(at: Serve, open_page: Open) -> None:
    page = open_page(at("empty"))
    expect(page.locator("h1")).to_have_text("There are no contacts yet")
    expect(page.get_by_text("0 contacts as of")).to_be_visible()


def test_one_contact_is_enough_for_every_page(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at('one')}/?{JUNE}")
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(len(QUESTIONS))
    for place, question in enumerate(QUESTIONS.values()):
        links.nth(place).click()
        expect(page.locator("h1")).to_have_text(question)
        expect(page.get_by_text("1 contact as of")).to_be_visible()
        settle(page)


def test_filters_that_nobody_passes_are_named_and_can_be_taken_off(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/tags?channel=zalo&country=TW&{JUNE}")
    expect(page.locator("h1")).to_have_text("No contact passes these filters")
    expect(page.locator("main")).to_contain_text("Chosen is: Zalo; in Taiwan.")
    page.get_by_role("button", name="Show all contacts").click()
    expect(page.locator("h1")).to_have_text(QUESTIONS["tags"])
    expect(card(page, "Contacts")).to_have_text("137")
    settle(page)
