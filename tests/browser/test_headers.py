"""Every page works under our Content-Security-Policy, without complaints from Chromium."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import (
    QUESTIONS,
    Open,
    Serve,
    expect_soon,
    new_context,
    open_tables,
    settle,
    settle_with_history,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(at: Serve) -> str:
    """The dashboard on the demo workspace."""
    return at(None)


# Alternating: a theme changes the same things on every page.
@pytest.mark.parametrize(("path", "scheme"), list(zip(QUESTIONS, cycle(["light", "dark"]))))
def test_every_page_with_charts_tables_and_downloads_complies_with_the_policy(
    address: str, open_page: Open, path: str, scheme: str
) -> None:
    page = open_page(f"{address}/{path}", dark=scheme == "dark")
    if path == "changes":
        settle_with_history(page)
    open_tables(page)
    expect(page.locator("table.data thead button").first).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").first.click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"\xef\xbb\xbf")


def test_filters_menus_and_the_theme_keep_to_the_policy(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/workload")
    page.get_by_role("combobox", name="Channels").click()
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("channel="))
    page.get_by_role("button", name="Share").click()
    expect(page.locator("[data-testid=stCode]").first).to_contain_text("channel=")
    page.keyboard.press("Escape")
    background = page.locator("[data-testid=stApp]")
    expect(background).to_have_css("background-color", "rgb(255, 255, 255)")
    page.locator("[data-testid=stMainMenu] button").click()
    page.get_by_text("Dark").last.click()
    expect(background).to_have_css("background-color", "rgb(14, 22, 27)")


def test_an_injected_script_does_not_run_and_is_reported(browser: Browser, address: str) -> None:
    context = new_context(browser)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto(address)
    settle(page)
    assert not [text for text in heard if "violation" in text]
    page.evaluate(
        """async () => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            const image = '<img src="https://evil.example/" onerror="window.ran = true">';
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', image);
            await fetch('https://evil.example/').catch(() => null);
        }"""
    )
    for violated in (
        "script-src-elem inline",
        "script-src-attr inline",
        "img-src https://evil.example/",
        "connect-src https://evil.example/",
    ):
        _wait_to_hear(page, heard, f"violation of {violated}")
    assert not page.evaluate("window.ran")
    context.close()


def test_no_page_of_another_origin_shows_the_dashboard_in_a_frame(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe src="{address}"></iframe>')
    context = new_context(browser)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto(outer.as_uri())
    _wait_to_hear(page, heard, "frame-ancestors")
    expect(page.frames[1].locator("[data-testid=stApp]")).to_have_count(0)
    context.close()


def _wait_to_hear(page: Page, heard: list[str], text: str) -> None:
    expect_soon(page, lambda: [each for each in heard if text in each][:1] != [], True)
