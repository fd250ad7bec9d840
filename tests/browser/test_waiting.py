"""The dashboard while an engine other than memory works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import JUNE, QUESTIONS, Open, card, settle
from tests.fake_chatbotx import FakeChatbotx
from tests.serving import dashboard

pytestmark = pytest.mark.browser

WAITING = """
import os
import time
from pathlib import Path

import streamlit as st

import app as ours
from lib.engines.duckdb import DuckDB

answer = DuckDB.collect


def held(source, frame):
    while Path(os.environ["HELD"]).exists():
        time.sleep(0.02)
    return answer(source, frame)


DuckDB.collect = held
app = st.App(ours.FRAME, lifespan=ours.lifespan, on_script_error=ours.last_resort)
"""
"""The dashboard, whose engine answers no question while a file exists."""


@pytest.fixture
def held(tmp_path: Path) -> Path:
    return tmp_path / "held"


@pytest.fixture
def address(tmp_path: Path, held: Path, recorded: FakeChatbotx) -> Iterator[str]:
    main = tmp_path / "main.py"
    main.write_text(WAITING)
    settings = {"TOKEN": "edge", "BASE_URL": recorded.base_url, "ENGINE": "duckdb"}
    environment: dict[str, Any] = {f"CHATBOTX_{name}": value for name, value in settings.items()}
    with dashboard(tmp_path, app=main, HELD=str(held), **environment) as found:
        yield found


def test_a_page_tells_how_long_its_engine_works_and_can_be_left_meanwhile(
    address: str, held: Path, open_page: Open
) -> None:
    page = open_page(f"{address}/?{JUNE}")
    expect(card(page, "Contacts")).to_have_text("137")
    counting, progress = page.get_by_text("DuckDB is counting"), page.get_by_role("progressbar")

    held.touch()
    page.get_by_role("link", name="Tags", exact=True).first.click()
    expect(progress).to_be_visible()
    expect(counting).to_contain_text("so far")
    told = counting.inner_text()
    expect(counting).not_to_have_text(told)  # the seconds go on: no frozen page
    page.get_by_role("link", name="Countries", exact=True).first.click()
    expect(page).to_have_url(re.compile("/countries"))
    expect(counting).to_be_visible()
    held.unlink()

    expect(page.locator("h1")).to_have_text(QUESTIONS["countries"])
    settle(page)
    expect(progress).to_have_count(0)
    expect(page.get_by_text("contacts as of")).to_be_visible()
