"""A mailed page, opened from disk without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from lib.charts.heat import arrivals
from lib.charts.ranking import Ranking
from lib.charts.world import world
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.outputs.page_file import page_html
from lib.outputs.shown import FigureShown, NumberShown, NumbersShown, Page, TableShown
from tests.browser.conftest import WIDEST, Trouble, expect_soon
from tests.outputs.test_page_file import HOSTILE, WEEK

pytestmark = pytest.mark.browser

CONTACTS = {"BR": 300, "PT": 20, "MX": 1}
NAMES = Ranking.of(HOSTILE, HOSTILE, list(range(1, len(HOSTILE) + 1)))
TABLE = Table(
    (
        column("Tag", HOSTILE, of.TEXT),
        *(column(f"Column {n}", [n / 9] * len(HOSTILE), of.SHARE) for n in range(9)),
    )
)
CONTENT = page_html(
    Page(
        "Where are they?",
        "**Most** are in Brazil.",
        (("Period", "1 Jun 2026 to 30 Jun 2026"), ("Filters", HOSTILE[0])),
        (
            NumbersShown((NumberShown(HOSTILE[0], "321", "+3.8%", "vs 309", HOSTILE[1]),)),
            FigureShown("Tags", NAMES.figure(), HOSTILE[1]),
            FigureShown("Map", world(CONTACTS, "contacts"), "Most are in Brazil."),
            FigureShown(
                "Arrivals", arrivals(WEEK), "Late.", None, lambda: TABLE.at(range(len(TABLE))[::-1])
            ),
            TableShown("Tags in full", TABLE),
        ),
    )
)
NARROWER_OR_WIDER = """[...document.querySelectorAll(".drawing")]
  .map((drawing) => [drawing, drawing.querySelector(".main-svg")])
  .map((both) => both.map((each) => each.getBoundingClientRect().width))
  .filter(([place, drawn]) => Math.abs(place - drawn) > 1)"""
"""The widths of places and of what is drawn in them, where they differ."""

OpenFile = Callable[..., Tab]


@pytest.fixture
def open_file(browser: Browser, tmp_path: Path) -> Iterator[OpenFile]:
    """`open_file(width=…)` opens the page in a tab. At the end, the test fails on any error in the
    console, any dialogue, and any request other than for the file."""
    file = tmp_path / "countries.html"
    file.write_bytes(CONTENT)
    trouble = Trouble()
    contexts = []

    def open_file(width: int = 1440, **others: Any) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, **others)
        contexts.append(context)
        tab = context.new_page()
        trouble.watch(tab)
        tab.on("dialog", lambda dialogue: trouble.errors.append(dialogue.message))
        tab.goto(file.as_uri())
        return tab

    yield open_file
    for context in contexts:
        context.close()
    assert not trouble.errors
    assert set(trouble.foreign) == {file.as_uri()}


def test_every_figure_is_drawn_without_a_network(open_file: OpenFile) -> None:
    tab = open_file()
    expect(tab.locator(".drawing .bars .point")).to_have_count(len(HOSTILE))
    expect(tab.locator(".drawing .hm image")).to_have_count(1)
    countries = tab.locator(".choroplethlayer path")
    expect(countries).to_have_count(len(CONTACTS))
    brazil = f"{WIDEST} > 20"
    expect_soon(tab, lambda: countries.evaluate_all(brazil), True)


def test_the_names_of_strangers_are_text(open_file: OpenFile) -> None:
    tab = open_file()
    expect(tab.locator(".drawing .bars .point")).to_have_count(len(HOSTILE))
    assert tab.locator("tbody th").all_inner_texts()[-len(HOSTILE) :] == HOSTILE
    assert tab.locator(".ytick text").all_text_contents()[:2] == [
        "<script>alert(1)</script>"[:23] + "…",
        "</script><script>alert(1)</script>"[:23] + "…",
    ]
    assert tab.locator("script").count() == 5
    assert not tab.locator("body [onload], body [onerror], img:not(.logo)").count()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_its_window(open_file: OpenFile, width: int) -> None:
    tab = open_file(width)
    expect(tab.locator(".choroplethlayer path")).to_have_count(len(CONTACTS))
    tab.locator("summary").click()
    expect_soon(tab, lambda: tab.evaluate("document.documentElement.scrollWidth"), width)
    assert tab.locator(".drawing").count() == 3
    expect_soon(tab, lambda: tab.evaluate(NARROWER_OR_WIDER), [])


def test_figures_fit_the_sheet_they_are_printed_on(open_file: OpenFile) -> None:
    tab = open_file()
    expect(tab.locator(".choroplethlayer path")).to_have_count(len(CONTACTS))
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    drawings = tab.locator(".drawing .svg-container")
    expect(drawings).to_have_count(3)
    for place in range(3):
        expect(drawings.nth(place)).to_have_css("width", "640px")
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    for place in range(3):
        expect(drawings.nth(place)).not_to_have_css("width", "640px")


def test_without_scripts_the_figures_are_told_in_words(open_file: OpenFile) -> None:
    tab = open_file(java_script_enabled=False)
    expect(tab.locator(".drawing")).to_have_text([HOSTILE[1], "Most are in Brazil.", "Late."])
