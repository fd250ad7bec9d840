"""The dashboard when there is little to show, or something is wrong."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.chatbotx.client import Patience
from lib.refresh import refreshers
from tests.fake_chatbotx import (
    DATABASE_DOWN,
    Contact,
    FakeChatbotx,
)
from tests.pages.conftest import (
    PAGES,
    Connect,
    answer,
    changes,
    markup,
    numbers,
    open_page,
    table,
    text,
)
from tests.switching import PATHS


@pytest.mark.parametrize("name", PATHS)
def test_an_empty_workspace_says_so_on_every_page(connect: Connect, name: str) -> None:
    connect("empty")
    assert open_page(name).title[0].value == "There are no contacts yet"


@pytest.mark.parametrize("name", PATHS)
def test_a_workspace_of_one_contact_shows_every_page(
    connect: Connect, edge_server: FakeChatbotx, edge_contacts: list[Contact], name: str
) -> None:
    for contact in edge_contacts[1:]:
        edge_server.workspaces["edge"].delete(contact["id"])
    connect()
    page = open_page(name, period="all")
    assert "1 contact" in text(page)
    assert "1 contacts" not in text(page)


def test_a_period_without_contacts_shows_zeros_and_no_share(connect: Connect) -> None:
    connect()
    page = open_page("channels", **{"from": "2015-01-01", "to": "2015-01-01"})
    assert numbers(page)["New"] == "0"
    assert answer(page) == "No channel brought new contacts on 1 Jan 2015."


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("last", ["2130-01-01", "2130-01-31"])
def test_of_a_period_to_come_no_page_says_that_nobody_came(
    connect: Connect, name: str, last: str
) -> None:
    connect(bot_answers="no")
    page = open_page(name, **{"from": "2130-01-01", "to": last})
    told = text(page) + markup(page)
    assert "This period has not begun" in told
    assert [
        each for each in ("0 new", "0 wrote", "0 last", "No new", "% fewer") if each in told
    ] == []
    of_period = {"New", "Lost", "Net growth"} & numbers(page).keys()
    assert {numbers(page)[card] for card in of_period} <= {"–"}
    assert {changes(page)[card] for card in of_period} <= {"still to come"}
    if name in ("overview", "channels"):
        assert answer(page).startswith("This period is still to come.")
    for row in table(page, "Channel") if name == "channels" else []:
        assert row["New"] == "–"


def test_nobody_after_nobody_is_not_compared(connect: Connect) -> None:
    connect()
    page = open_page(**{"from": "2015-01-01", "to": "2015-01-31"})
    sentence = answer(page)
    assert sentence.startswith("**0 new contacts** from 1 Jan 2015 to 31 Jan 2015. Right now ")


def test_a_refused_token_says_what_to_do_and_never_the_token(connect: Connect) -> None:
    connect("not-the-token")
    page = open_page()
    assert "does not accept the access token" in page.error[0].value.replace("\\", "")
    assert "not-the-token" not in text(page)
    assert [button.label for button in page.button] == ["Try again"]


def test_a_base_url_without_api_is_told_apart(connect: Connect, edge_server: FakeChatbotx) -> None:
    connect(base_url=edge_server.base_url.removesuffix("/api"))
    assert "ends with /api" in open_page().error[0].value.replace("\\", "")


def test_plain_http_to_another_host_is_refused_before_anything_is_sent(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    connect(wait=False, base_url="http://chatbotx.example/api")
    page = open_page()
    assert page.title[0].value == "The dashboard is not set up correctly"
    assert "CHATBOTX_BASE_URL" in page.error[0].value.replace("\\", "")
    assert not edge_server.requests


def test_an_unknown_setting_is_pointed_out_and_the_page_is_shown(connect: Connect) -> None:
    connect(timezon="UTC")
    page = open_page()
    assert "CHATBOTX_TIMEZONE" in page.warning[0].value.replace("\\", "")
    assert numbers(page)["Contacts"] == "137"


def test_unreadable_fields_are_counted_and_the_rest_is_shown(
    connect: Connect, edge_server: FakeChatbotx, edge_contacts: list[Contact]
) -> None:
    edge_server.workspaces["edge"].update(edge_contacts[0]["id"], blockedAt=17, tags="none")
    connect()
    page = open_page("data")
    assert "2 values could not be read" in answer(page)


@pytest.mark.usefixtures("demo")
def test_without_a_token_the_demo_says_that_it_is_one() -> None:
    for name in PATHS:
        assert "Demo workspace" in open_page(name).info[0].value


def test_a_failed_refresh_keeps_the_numbers_and_says_since_when(
    connect: Connect, edge_server: FakeChatbotx, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    monkeypatch.setattr("lib.store.workspace.Patience", partial(Patience, attempts=1))
    edge_server.faults = lambda request: DATABASE_DOWN
    refresher = refreshers.refresher_of(settings.load())
    refresher.refresh()
    assert refresher.wait(60).failure is not None
    page = open_page()
    assert numbers(page)["Contacts"] == "137"
    assert "Refreshing has failed since" in page.warning[0].value


def test_before_the_first_snapshot_the_frame_and_the_progress_are_there(
    connect: Connect, edge_server: FakeChatbotx
) -> None:
    edge_server.latency = 0.4
    connect(wait=False)
    page = AppTest.from_file(PAGES / "frame.py", default_timeout=30).run()
    assert not page.exception
    assert page.header[0].value == "Fetching your contacts for the first time"
