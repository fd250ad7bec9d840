"""The dashboard in Chromium, as a first visitor sees it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    JUNE,
    MADE_OF_NAMES,
    QUESTIONS,
    WIDEST,
    Open,
    Serve,
    card,
    expect_soon,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", QUESTIONS)
def test_each_page_opens_by_deep_link_on_a_cold_server(
    serve: Serve, open_page: Open, path: str
) -> None:
    page = open_page(f"{serve()}/{path}?{JUNE}")
    expect(page.locator("h1")).to_have_text(QUESTIONS[path])
    expect(page.locator("[data-testid=stAppViewContainer]")).to_contain_text("137 contacts as of")
    assert not page.locator(MADE_OF_NAMES).count()


def test_the_map_is_drawn_without_a_network(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/countries?{JUNE}")
    countries = page.locator(".choroplethlocation")
    expect(countries).to_have_count(8)  # those with new contacts, all but unknown
    brazil = f"{WIDEST} > 20"
    expect_soon(page, lambda: countries.evaluate_all(brazil), True)


def test_a_channel_in_the_link_is_chosen_on_a_cold_server(serve: Serve, open_page: Open) -> None:
    page = open_page(f"{serve()}/channels?channel=whatsapp&{JUNE}")
    expect(card(page, "Contacts")).to_have_text("35")
    expect(page.locator("[data-testid=stSidebar]")).to_contain_text("WhatsApp · 35")


def test_a_filter_goes_into_the_url_and_back_takes_it_out(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    contacts = card(page, "Contacts")
    expect(contacts).to_have_text("137")
    page.get_by_role("combobox", name="Channels").click()
    page.get_by_role("option", name="WhatsApp").click()
    expect(contacts).to_have_text("35")
    expect(page).to_have_url(re.compile("channel=whatsapp"))
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Tags").first.click()
    expect(page.locator("h1")).to_have_text(QUESTIONS["tags"])
    expect(page).to_have_url(re.compile(r"/tags\?.*channel=whatsapp"))
    page.go_back()
    page.go_back()
    expect(page).not_to_have_url(re.compile("channel=whatsapp"))
    expect(contacts).to_have_text("137")


def test_without_a_token_every_visitor_is_told_that_it_is_a_demo(
    at: Serve, open_page: Open
) -> None:
    page = open_page(at(None))
    expect(page.locator("h1")).to_have_text(QUESTIONS[""])
    expect(page.locator("[data-testid=stAlert]").first).to_contain_text("Demo workspace")
