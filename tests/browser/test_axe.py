"""What the accessibility checker axe-core finds on each page. It is part of the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import JUNE, QUESTIONS, Open, Serve, darken, settle, settle_with_history
from tests.serving import dashboard

pytestmark = pytest.mark.browser

AXE = Path(__file__).with_name("axe.min.js")

Found = dict[tuple[str, str], str]
"""Violations by rule and place in the page."""


@pytest.fixture(scope="module")
def of_the_framework(
    context: Callable[..., BrowserContext], tmp_path_factory: pytest.TempPathFactory
) -> Found:
    """Violations on a Streamlit page without any of our content."""
    folder = tmp_path_factory.mktemp("empty")
    script = folder / "empty.py"
    script.write_text('import streamlit as st\n\nst.title("Empty")\n')
    with dashboard(folder, app=script) as address:
        page = context(1440, False).new_page()
        page.goto(address)
        settle(page)
        found = check_by_day_and_night(page)
        page.close()
    return found


def check_by_day_and_night(page: Page) -> Found:
    """Run the checker on the page as it is, in the light and in the dark theme."""
    page.evaluate(AXE.read_text("utf-8"))
    by_day = _check(page)
    darken(page)
    return by_day | _check(page)


def _check(page: Page) -> Found:
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return {
        (violation["id"], f"{node['target']}"): f"{violation['help']} ({violation['id']})\n"
        f"  {node['target']} {node['html']}\n  {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    }


def ours(found: Found, of_the_framework: Found) -> str:
    return "\n".join(told for place, told in found.items() if place not in of_the_framework)


@pytest.mark.parametrize("path", QUESTIONS)
def test_nothing_on_a_page_bars_anyone(
    at: Serve, open_page: Open, of_the_framework: Found, path: str
) -> None:
    page = open_page(f"{at(None)}/{path}")
    if path == "changes":
        settle_with_history(page)
    assert not ours(check_by_day_and_night(page), of_the_framework)


def test_nothing_that_opens_or_appears_under_filters_bars_anyone(
    at: Serve, open_page: Open, of_the_framework: Found
) -> None:
    page = open_page(f"{at()}/?channel=whatsapp&country=XX&{JUNE}")
    page.get_by_text("Show table").first.click()
    page.get_by_text("Settings", exact=True).click()
    page.get_by_text("Download CSV").first.wait_for()
    page.get_by_role("button", name="Share").click()
    page.get_by_text("This link shows the same to a colleague.").wait_for()
    settle(page)
    assert not ours(check_by_day_and_night(page), of_the_framework)
