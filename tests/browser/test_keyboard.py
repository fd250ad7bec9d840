"""Keyboard-only use."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import JUNE, Open, Serve, settle

pytestmark = pytest.mark.browser

_FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const box = element.getBoundingClientRect();
  const icon = element.querySelector("[data-testid=stIconMaterial]");
  const text = element.innerText?.replace(icon?.innerText ?? "", "");
  return {
    name: (element.ariaLabel || text || element.dataset.testid || "").trim().split("\\n")[0],
    x: box.x, y: box.y, width: box.width, height: box.height,
  };
}"""


def walk(page: Page) -> list[str]:
    """Names of all elements that Tab reaches, in order."""
    names: list[str] = []
    for _ in range(150):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            return names
        names.append(focused["name"])
    pytest.fail("Tab does not reach the end of the page")


def test_tab_reaches_all_controls_from_the_filters_to_the_foot(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/channels?country=BR&{JUNE}")
    names = walk(page)
    order = [
        "Skip to main content",
        "Period",
        "Compare with",
        "Channels",
        "Agents",
        "Reset",
        "Overview",
        "Data",
        "Refresh",
        "Share",
        "Brazil",
        "1 Jun 2026 to 30 Jun 2026",
        "Show table",
        "Download CSV",
    ]
    assert not [name for name in order if name not in names]
    places = [names.index(name) for name in order]
    assert all(before < after for before, after in pairwise(places)), names


STOPS = [
    "[data-testid=stSkipToContent]",
    ".st-key-pick-preset input",
    ".st-key-pick-against input",
    ".st-key-pick-channel input",
    "[data-testid=stTopNavLink] >> nth=1",
    ".chips a >> visible=true >> nth=0",
    ".findings a >> nth=0",
    "main [data-testid=stExpander] summary >> visible=true >> nth=0",
    ".st-key-share button >> visible=true",
    ".help summary >> nth=0",
]


def test_where_the_focus_is_can_be_seen(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/?{JUNE}")
    page.keyboard.press("Tab")  # otherwise the browser assumes a pointer
    unseen = []
    for stop in STOPS:
        element = page.locator(stop)
        element.focus()
        expect(element).to_be_focused()
        expect(element).to_be_in_viewport()
        settle(page)
        place = around(element)
        seen = picture(page, place)
        page.evaluate("document.activeElement.blur()")
        settle(page)
        if picture(page, place) == seen:
            unseen.append(stop)
    assert not unseen


def around(element: Locator) -> FloatRect:
    """Its place on the page, and what is drawn around it."""
    box = element.bounding_box()
    assert box is not None
    margin = 12
    return {
        "x": max(0, box["x"] - margin),
        "y": max(0, box["y"] - margin),
        "width": box["width"] + 2 * margin,
        "height": box["height"] + 2 * margin,
    }


def picture(page: Page, place: FloatRect) -> bytes:
    """Without a cursor, and of what fades only how it ends."""
    return page.screenshot(clip=place, animations="disabled")


def test_the_keyboard_chooses_and_takes_off_a_filter(at: Serve, open_page: Open) -> None:
    page = open_page(f"{at()}/tags?{JUNE}")
    page.get_by_role("combobox", name="Channels").focus()
    page.keyboard.type("whatsapp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("channel=whatsapp"))
    page.keyboard.press("Escape")
    chip = page.locator(".chips a").filter(visible=True, has_text="WhatsApp")
    chip.focus()
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("channel="))
