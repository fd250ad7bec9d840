"""The URL in the browser and the session's choice agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from lib.web import streamlit_internals
from tests.pages.conftest import JUNE, Connect, chips, numbers, open_page, remove
from tests.switching import switch_page

Entries = Callable[[], int]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs that the browser was told of, each a history entry."""
    told: list[str] = []
    send = QueryParams._send_query_param_msg

    def sent(self: QueryParams) -> None:
        told.append(str(self))
        send(self)

    monkeypatch.setattr(QueryParams, "_send_query_param_msg", sent)
    return told


def go_back(monkeypatch: pytest.MonkeyPatch, page: AppTest, **parameters: str) -> AppTest:
    """Act like the browser's Back button, to a URL with these parameters."""
    with monkeypatch.context() as patched:
        patched.setattr(streamlit_internals, "is_history_navigation", lambda: True)
        page.query_params = dict(parameters)
        return page.run()


def address(page: AppTest) -> dict[str, object]:
    return dict(page.query_params)


def test_a_click_that_changes_several_parameters_is_one_entry(
    connect: Connect, entries: list[str]
) -> None:
    connect()
    page = open_page(period="7d")
    assert entries == []
    page.selectbox(key="pick-preset").set_value("dates").run()
    assert len(entries) == 1
    assert {"from", "to"} <= set(address(page))
    assert "period" not in address(page)


def test_back_shows_what_was_there_before_a_click(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    page = open_page(**JUNE)
    before = numbers(page)
    page.multiselect(key="pick-channel").set_value(["whatsapp"]).run()
    assert chips(page)[:-1] == ["WhatsApp"]
    assert numbers(page) != before
    go_back(monkeypatch, page, **JUNE)
    assert (len(chips(page)), numbers(page)) == (1, before)
    assert address(page) == JUNE


def test_back_to_an_address_without_parameters_is_everything(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    page = open_page(channel="whatsapp", period="all")
    go_back(monkeypatch, page)
    assert (chips(page), address(page)) == ([], {})


def test_a_message_that_was_sent_before_the_last_click_was_answered_does_not_swallow_it(
    connect: Connect,
) -> None:
    connect()
    page = open_page(**JUNE)
    page.multiselect(key="pick-channel").set_value(["whatsapp"]).run()
    page.query_params = dict(JUNE)
    page.run()
    assert chips(page)[:-1] == ["WhatsApp"]
    assert address(page) == {**JUNE, "channel": "whatsapp"}


@pytest.mark.parametrize(("first", "second"), [("channel", "country"), ("country", "channel")])
def test_a_filter_set_before_the_last_click_was_answered_does_not_undo_it(
    connect: Connect, first: str, second: str
) -> None:
    """The message of the second still carries the value and the URL of before the click."""
    connect()
    keys = {"channel": "whatsapp", "country": "BR"}
    page = open_page(**JUNE, **{first: keys[first]})
    remove(page, {"channel": "WhatsApp", "country": "Brazil"}[first])
    assert address(page) == JUNE
    page.multiselect(key=f"pick-{first}").set_value([keys[first]])
    page.multiselect(key=f"pick-{second}").set_value([keys[second]])
    page.query_params = JUNE | {first: keys[first]}
    page.run()
    assert address(page) == JUNE | {second: keys[second]}


def test_a_filter_that_a_click_took_away_can_be_set_again(connect: Connect) -> None:
    connect()
    page = open_page("channels", **JUNE, channel="whatsapp")
    remove(page, "WhatsApp")
    page.multiselect(key="pick-channel").set_value(["whatsapp"]).run()
    assert address(page) == JUNE | {"channel": "whatsapp"}


def test_a_filter_can_be_taken_back_before_it_was_answered(connect: Connect) -> None:
    """The widget itself had set it: its value is no old one."""
    connect()
    page = open_page("channels", **JUNE)
    page.multiselect(key="pick-channel").set_value(["whatsapp"]).run()
    page.multiselect(key="pick-channel").set_value([])
    page.query_params = dict(JUNE)
    page.run()
    assert address(page) == JUNE


def test_a_filter_taken_back_before_the_last_page_was_answered_is_taken_back(
    connect: Connect,
) -> None:
    """The click on the page's name has dropped the parameters from the browser's URL."""
    connect()
    page = open_page(**JUNE, channel="whatsapp")
    page.query_params = {}
    switch_page(page, "channels").run()
    page.multiselect(key="pick-channel").set_value([])
    page.query_params = {}
    page.run()
    assert address(page) == JUNE


def test_a_page_chosen_before_the_last_click_was_answered_does_not_swallow_it(
    connect: Connect,
) -> None:
    """The message that asks for the page still carries the widget's value of before."""
    connect()
    page = open_page(**JUNE, channel="whatsapp")
    remove(page, "WhatsApp")
    assert address(page) == JUNE
    page.multiselect(key="pick-channel").set_value(["whatsapp"])
    page.query_params = {}
    switch_page(page, "channels").run()
    assert len(chips(page)) == 1
    assert address(page) == JUNE


def test_a_filter_set_in_the_message_that_asks_for_a_page_holds(connect: Connect) -> None:
    """Streamlit merges the messages of two clicks while a run is in progress."""
    connect()
    page = open_page(**JUNE)
    page.multiselect(key="pick-channel").set_value(["whatsapp"])
    page.query_params = {}
    switch_page(page, "channels").run()
    assert chips(page)[:-1] == ["WhatsApp"]


def test_another_page_shows_the_same_choice_in_one_entry(
    connect: Connect, entries: list[str]
) -> None:
    connect()
    page = open_page(**JUNE, channel="whatsapp")
    page.query_params = {}  # a click on a page's name drops them
    switch_page(page, "channels").run()
    assert chips(page)[:-1] == ["WhatsApp"]
    assert address(page) == {**JUNE, "channel": "whatsapp"}
    assert len(entries) == 1


def test_a_link_to_another_page_shows_what_it_says_alone(
    connect: Connect, entries: list[str]
) -> None:
    connect()
    page = open_page(**JUNE, channel="whatsapp")
    page.query_params = {"country": "BR", "period": "all"}
    switch_page(page, "countries").run()
    assert chips(page) == ["Brazil"]
    assert address(page) == {"country": "BR", "period": "all"}
    assert entries == []


def test_parameters_that_are_not_ours_stay_in_the_address(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE, utm_source="mail")
    page.multiselect(key="pick-channel").set_value(["whatsapp"]).run()
    assert address(page)["utm_source"] == "mail"
