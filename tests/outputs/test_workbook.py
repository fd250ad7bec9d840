"""The workbook as a spreadsheet reads it."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime

from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.outputs.shown import NumberShown, NumbersShown, Page, TableShown
from lib.outputs.workbook import workbook


def parts(*tables: tuple[str, Table]) -> dict[str, str]:
    page = Page(
        "Which tags?",
        "**3** of them.",
        (("Period", "June"), ("Filters", "=none")),
        (
            NumbersShown(
                (NumberShown("New", "1,272", "+3.8%", "vs 1,226", "", raw=1272),), "Right now"
            ),
            *(TableShown(title, table) for title, table in tables),
        ),
    )
    with zipfile.ZipFile(io.BytesIO(workbook(page))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def sheet_of(table: Table) -> str:
    return parts(("Tags", table))["xl/worksheets/sheet2.xml"]


def names(found: dict[str, str]) -> list[str]:
    return re.findall(r'<sheet name="([^"]*)"', found["xl/workbook.xml"])


ONE = Table((column("Tag", ["VIP"], of.TEXT),))


def test_a_cover_says_what_was_chosen_and_each_table_has_a_sheet() -> None:
    found = parts(("Tags", ONE), ("Countries", ONE))
    assert names(found) == ["Cover", "Tags", "Countries"]
    for said in ("Which tags?", "3 of them.", "Period", "June", "Right now"):
        assert said in found["xl/sharedStrings.xml"]
    assert re.search(r'<c r="B\d+" s="\d+"><v>1272</v></c>', found["xl/worksheets/sheet1.xml"])


def test_a_table_of_what_was_not_recorded_has_no_sheet() -> None:
    assert names(parts(("Backlog", Table(())), ("Tags", ONE))) == ["Cover", "Tags"]


def test_a_cover_says_which_tables_have_other_filters() -> None:
    other = Table(ONE.columns, "in Brazil")
    same = Table(ONE.columns, "=none")
    said = parts(("Tags", ONE), ("Countries", same), ("Channels", other))["xl/sharedStrings.xml"]
    assert re.findall("Filters of “(.*?)”", said) == ["Channels"]
    assert "in Brazil" in said


def test_names_of_sheets_are_made_to_fit_and_told_apart() -> None:
    long = "Broadcast opt-in with the tag, against without it"
    assert names(parts((long, ONE), (f"{long}!", ONE), ("a/b:c?", ONE), ("cover", ONE))) == [
        "Cover",
        "Broadcast opt-in with the tag,",
        "Broadcast opt-in with the tag 2",
        "a b c",
        "cover 2",
    ]


def test_numbers_are_numbers_and_what_is_missing_is_empty() -> None:
    sheet = sheet_of(Table((column("Rate", [0.25, None], of.SHARE),)))
    assert re.findall(r'<c r="A2"[^>]*><v>0.25</v></c>', sheet)
    assert 'r="A3"' not in sheet


def test_a_time_is_a_time_in_the_reporting_zone() -> None:
    # Noon in UTC is nine in São Paulo: 0.375 of the day 46174, counted from 1900.
    moment = datetime(2026, 6, 1, 12, tzinfo=UTC)
    sheet = sheet_of(Table((column("Since", [moment], of.time_in("America/Sao_Paulo")),)))
    assert "<v>46174.375</v>" in sheet


def test_text_is_never_a_formula_nor_a_link() -> None:
    sheet = sheet_of(Table((column("Tag", ["=1+1", "https://example.com", "{=2}"], of.TEXT),)))
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert sheet.count('t="s"') == 4


def test_heads_stay_in_view() -> None:
    assert 'state="frozen"' in sheet_of(ONE)
