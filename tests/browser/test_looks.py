"""On a phone and at night, and with the names that strangers give themselves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    JUNE,
    MADE_OF_NAMES,
    QUESTIONS,
    Open,
    Serve,
    darken,
    settle,
)

pytestmark = pytest.mark.browser


def overhang(page: Page) -> list[str]:
    """What can be scrolled sideways: the page, or the part of it that scrolls up and down."""
    told: list[str] = page.evaluate(
        """() => {
          const wide = [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .filter((element) => element.scrollWidth > element.clientWidth);
          return wide.map((element) => `${element.tagName} is ${element.scrollWidth} wide`);
        }"""
    )
    return told


@pytest.mark.parametrize("path", QUESTIONS)
def test_nothing_scrolls_sideways_on_a_phone_by_day_or_night(
    at: Serve, open_page: Open, path: str
) -> None:
    page = open_page(f"{at()}/{path}?channel=whatsapp&{JUNE}", width=390)
    assert not overhang(page)
    darken(page)
    settle(page)
    assert not overhang(page)


def test_text_in_figures_takes_the_colour_of_another_theme_at_once(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    label = page.locator("[class*='st-key-chart-overview-channels-'] .ytick text").first
    expect(label).to_have_css("fill", re.compile(r"rgb\((\d{1,2}), (\d{1,2}), (\d{1,2})\)"))
    darken(page)
    expect(label).to_have_css("fill", re.compile(r"rgb\((1|2)\d\d, (1|2)\d\d, (1|2)\d\d\)"))


def test_names_of_strangers_are_shown_as_text(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/tags?{JUNE}")
    page.get_by_role("combobox", name="Tags").click()
    option = page.get_by_role("option").filter(has_text="<b>bold</b>")
    name = option.inner_text().split(" · ")[0]
    option.click()
    page.keyboard.press("Escape")
    settle(page)
    expect(page.locator(".st-key-chips")).to_contain_text(name)
    expect(page.locator("main")).to_contain_text("only tagged <b>bold</b><script>alert(1)</script>")
    expect(page.locator("[class*='st-key-chart-tag-ranking-'] .ytick").first).to_be_attached()
    page.locator(".st-key-chips button").filter(visible=True).first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("<b>bold</b><script>alert(1)</script>")
    assert not page.locator(MADE_OF_NAMES).count()
    assert not page.locator("[role=tooltip] :is(b, script)").count()
