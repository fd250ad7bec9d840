"""Back and forward in the browser: each click is one entry, and Back restores the previous
state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import JUNE, QUESTIONS, Open, Serve, settle
from tests.browser.test_narrowing import BAR, chips, click_mark, parameters

pytestmark = pytest.mark.browser


def entries(page: Page) -> int:
    length = page.evaluate("history.length")
    assert isinstance(length, int)
    return length


def go_to(page: Page, name: str, path: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", name=QUESTIONS[path])).to_be_visible()
    settle(page)


def test_a_click_on_a_day_is_one_entry_and_back_takes_it_back(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    before, there = entries(page), parameters(page.url)
    click_mark(page, "growth", BAR)
    expect(page).to_have_url(re.compile("from=2026-06-(?!01&)"))
    settle(page)
    assert entries(page) == before + 1
    page.go_back()
    expect(page).to_have_url(re.compile("from=2026-06-01&to=2026-06-30"))
    settle(page)
    assert parameters(page.url) == there
    expect(chips(page)).to_have_count(1)


def test_another_page_is_one_entry_with_the_same_choice(at: Serve, open_page: Open) -> None:
    tz = "tz=America%2FSao_Paulo"  # canonical form: other spellings are rewritten
    page = open_page(f"{at()}/?from=2026-06-01&to=2026-06-30&channel=whatsapp&{tz}")
    before, there = entries(page), parameters(page.url)
    go_to(page, "Channels", "channels")
    assert entries(page) == before + 1
    assert parameters(page.url) == there
    expect(chips(page)).to_have_count(2)
    page.go_back()
    expect(page.get_by_role("heading", name=QUESTIONS[""])).to_be_visible()
    settle(page)
    assert parameters(page.url) == there
    expect(chips(page)).to_have_count(2)


def test_back_after_the_link_of_a_finding_shows_the_page_without_its_filter(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    before, there = entries(page), parameters(page.url)
    page.locator(".findings a").first.click()
    expect(page.get_by_role("heading", name=QUESTIONS[""])).to_be_hidden()
    settle(page)
    assert entries(page) == before + 1
    page.go_back()
    expect(page.get_by_role("heading", name=QUESTIONS[""])).to_be_visible()
    settle(page)
    assert parameters(page.url) == there
    expect(chips(page)).to_have_count(1)


def test_a_page_chosen_right_after_a_filter_shows_the_filter(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    click_mark(page, "overview-channels", BAR)
    page.get_by_role("link", name="Channels", exact=True).first.click()
    expect(page.get_by_role("heading", name=QUESTIONS["channels"])).to_be_visible()
    expect(chips(page)).to_have_count(2)
    expect(page).to_have_url(re.compile("/channels[?].*channel="))
