"""Printing: a page is complete, and Print waits for its charts."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from lib.ui.tables import MOST_ROWS
from tests.browser.conftest import Open, Serve

pytestmark = pytest.mark.browser

SHEET = 840
"""Maximum width of a chart, in pixels, within the margins of an A4 sheet."""


def printed(page: Page) -> list[str]:
    """Text of each sheet."""
    sheets = PdfReader(BytesIO(page.pdf(format="A4"))).pages
    return [" ".join(sheet.extract_text().split()) for sheet in sheets]


def test_all_heads_and_rows_of_a_page_are_on_paper_in_whole_words(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at(None)}/channels")
    heads = page.locator("table.data thead th").all_text_contents()
    names = page.locator("table.data tbody th").all_text_contents()
    headings = page.locator("main :is(h1, h2)").all_text_contents()
    sheets = printed(page)
    text = " ".join(sheets)
    # PDFs compose accented letters from parts, and digits use another font.
    plain = re.compile(r"[A-Za-z '?%-]+")
    wanted = {each for each in [*heads, *names, *headings] if plain.fullmatch(each)}
    assert len(wanted) > 20
    assert [each for each in sorted(wanted) if each not in text] == []
    assert not any(sheet.endswith(tuple(headings)) for sheet in sheets), "a heading stands alone"


def test_print_waits_for_all_rows_and_for_charts_as_wide_as_a_sheet(
    at: Serve, open_page: Open
) -> None:
    page = open_page(f"{at(None)}/workload")
    page.evaluate(
        """() => { window.print = () => {
          window.printed = {
            widths: [...document.querySelectorAll(".stPlotlyChart .main-svg")]
              .map((chart) => chart.clientWidth),
            rows: document.querySelectorAll("table[data-key=queue-waiting] tbody tr").length,
          };
        }; }"""
    )
    expect(page.locator("table[data-key=queue-waiting] tbody tr")).to_have_count(MOST_ROWS)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Print").click()
    check_printed(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+p")
    check_printed(page)


def check_printed(page: Page) -> None:
    page.wait_for_function("() => window.printed")
    printed = page.evaluate("window.printed")
    assert printed["widths"]
    assert max(printed["widths"]) <= SHEET
    assert printed["rows"] > MOST_ROWS
    expect(page.locator("html")).not_to_have_class(re.compile("prints"))
    page.evaluate("delete window.printed")
