"""Every kind of download, taken in the browser and read."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import JUNE, Open, Serve, Trouble

pytestmark = pytest.mark.browser

WHATSAPP = f"channel=whatsapp&{JUNE}"


def download(button: Locator, folder: Path) -> Path:
    """Path of the file that a button downloads, under its suggested name."""
    with button.page.expect_download() as downloading:
        button.click()
    file = folder / downloading.value.suggested_filename
    downloading.value.save_as(file)
    return file


def test_a_table_as_csv(at: Serve, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{at()}/tags?{WHATSAPP}")
    file = download(page.locator(".st-key-csv-tags button").filter(visible=True), tmp_path)
    assert file.name == "tags_2026-06-01_2026-06-30.csv"
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    contacts = {row["Tag"]: row["Contacts"] for row in rows}
    assert contacts["vip"] == "13"
    assert contacts['\'=HYPERLINK("http://example.com","x")'] == "2"
    assert not [name for name in contacts if name.startswith(("=", "+", "-", "@"))]
    assert {
        (row["Period from"], row["Period to"], row["Filters"], row["Time zone"]) for row in rows
    } == {("2026-06-01", "2026-06-30", "WhatsApp", "America/Sao_Paulo")}
    assert {row["Data as of"][:2] for row in rows} == {"20"}


def test_a_page_as_a_file(at: Serve, open_page: Open, browser: Browser, tmp_path: Path) -> None:
    page = open_page(f"{at()}/countries?{WHATSAPP}")
    sentence = page.locator(".head p").inner_text()
    numbers = page.locator(".numbers .value").all_inner_texts()
    assert numbers[1] == "35"
    figures = page.locator("[data-testid=stPlotlyChart]").count()
    assert figures == 3
    page.locator(".st-key-share button").first.click()
    file = download(page.get_by_role("button", name="Page as a file"), tmp_path)
    assert file.name == "countries_2026-06-01_2026-06-30.html"
    for _ in range(6):  # more than a browser has connections to a server
        assert download(page.get_by_role("button", name="Page as a file"), tmp_path) == file
    trouble = Trouble()
    with browser.new_context(offline=True) as context:
        opened = context.new_page()
        trouble.watch(opened)
        opened.goto(file.as_uri())
        expect(opened.locator("h1")).to_have_text("Where are our contacts?")
        expect(opened.locator(".answer")).to_have_text(sentence)
        expect(opened.locator(".context")).to_contain_text("WhatsApp")
        expect(opened.locator(".numbers .value")).to_have_text(numbers)
        expect(opened.locator(".drawing .main-svg:first-child")).to_have_count(figures)
        expect(opened.locator(".drawing .bars .point")).not_to_have_count(0)
    assert not trouble.errors
    assert trouble.foreign == [file.as_uri()]


def test_all_tables_as_parquet(at: Serve, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{at()}/data?{WHATSAPP}")
    file = download(page.get_by_role("button", name="All tables (Parquet)"), tmp_path)
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read("about.json"))
        tables = {
            name: pd.read_parquet(io.BytesIO(archive.read(f"{name}.parquet")))
            for name in about["rows"]
        }
    assert about["filters"]["channel"] == ["whatsapp"]
    assert about["period"] == {"start": "2026-06-01", "end": "2026-06-30"}
    assert {name: len(table) for name, table in tables.items()} == about["rows"]
    assert len(tables["contacts"]) == 35


def test_all_numbers_as_json(at: Serve, open_page: Open, tmp_path: Path) -> None:
    page = open_page(f"{at()}/data?{WHATSAPP}")
    file = download(page.get_by_role("button", name="All numbers (JSON)"), tmp_path)
    numbers = json.loads(file.read_bytes())
    assert numbers["audience"]["contacts"] == 35
    assert numbers["audience"]["new"] == 5
    assert numbers["filters"]["channel"] == ["whatsapp"]
    assert numbers["timezone"] == "America/Sao_Paulo"
