"""Contents of CSV files, and what they cannot do to people who open them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from lib.chatbotx.crawl import Verdict
from lib.outputs import columns as of
from lib.outputs.columns import Format, Raw, Table, column
from lib.outputs.csv_file import context, csv_archive, csv_file
from lib.query.choice import Choice
from lib.query.view import view_of
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from tests.workspaces import choosing, contact, on, tables_of

JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
SAO_PAULO = of.time_in("America/Sao_Paulo")


def chosen(choice: Choice = JUNE) -> dict[str, Raw]:
    as_of = datetime(2026, 7, 1, 12, 30, 5, 678, tzinfo=UTC)
    return context(
        view_of(Snapshot(tables_of(contact(on("line"))), Verdict(as_of)), choice, Settings())
    )


def read(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(
        csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    )


def row(format: Format, value: Any, delimiter: str = ",") -> dict[str, str]:
    return read(csv_file(Table((column("x", [value], format),)), {}), delimiter)[0]


def text(value: str) -> str:
    return row(of.TEXT, value)["x"]


def test_the_file_is_marked_as_utf_8_so_that_spreadsheets_read_it_as_such() -> None:
    data = csv_file(Table((column("Tag", ["Trần 客户"], of.TEXT),)), {})
    assert data[:3] == b"\xef\xbb\xbf"
    assert "Trần 客户" in data[3:].decode("utf-8")


def test_a_head_named_by_a_stranger_neither_runs_nor_turns_what_follows() -> None:
    data = csv_file(Table((column("=1+1", [1], of.COUNT), column("\u202egnp", [2], of.COUNT))), {})
    assert list(read(data)[0]) == ["'=1+1", "gnp"]


def test_a_table_with_filters_of_its_own_says_those() -> None:
    filtered = choosing("all", channel=("line",))
    tables = [Table((column("Tag", ["VIP"], of.TEXT),), filters) for filters in (None, "none")]
    said = [read(csv_file(table, chosen(filtered)))[0]["Filters"] for table in tables]
    assert said == ["line", "none"]


def test_each_row_says_what_was_chosen_and_as_of_when() -> None:
    rows = read(csv_file(Table((column("Tag", ["VIP", "Lead"], of.TEXT),)), chosen()))
    said = {
        "Period from": "2026-06-01",
        "Period to": "2026-06-30",
        "Filters": "none",
        "Time zone": "America/Sao_Paulo",
        "Data as of": "2026-07-01T12:30:05Z",
    }
    assert rows == [{"Tag": "VIP"} | said, {"Tag": "Lead"} | said]


def test_the_filters_are_in_words() -> None:
    assert chosen(choosing(channel=("line",), recorded_only=True))["Filters"] == (
        "line; with a recorded country"
    )


def test_a_table_without_rows_still_names_its_columns() -> None:
    assert csv_file(Table((column("Tag", [], of.TEXT),)), {}).count(b"\n") == 1


@pytest.mark.parametrize(
    ("format", "value", "expected"),
    [
        (of.COUNT, 1234567, {"x": "1234567"}),
        (of.SIGNED, -5, {"x": "-5"}),
        (of.SHARE, 1 / 3, {"x": "0.333333"}),
        (of.SHARE, 0.0, {"x": "0"}),
        (of.SHARE, float("nan"), {"x": ""}),
        (of.SHARE, 0.000001, {"x": "0.000001"}),
        (of.POINTS, -0.25, {"x": "-0.25"}),
        (of.HOURS, 480.0000002183333, {"x (hours)": "480"}),
        (of.HOURS, 36.5, {"x (hours)": "36.5"}),
        (of.SHARES, (0.097, 0.7), {"x from": "0.097", "x to": "0.7"}),
        (of.SHARES, None, {"x from": "", "x to": ""}),
        (of.DAY, pd.Timestamp("2026-06-01"), {"x": "2026-06-01"}),
        (SAO_PAULO, datetime(2026, 6, 1, tzinfo=UTC), {"x": "2026-05-31T21:00:00-03:00"}),
        (SAO_PAULO, datetime.min.replace(tzinfo=UTC), {"x": "0001-01-01T00:00:00Z"}),
        (SAO_PAULO, pd.NaT, {"x": ""}),
        (of.TEXT, None, {"x": ""}),
        (of.TEXT, "\u202eevil\u202c", {"x": "evil"}),
    ],
    ids=lambda value: value.name if isinstance(value, Format) else repr(value),
)  # fmt: skip
def test_a_cell_holds_the_raw_value(format: Format, value: Any, expected: dict[str, str]) -> None:
    assert row(format, value) == expected


def test_a_locale_with_a_decimal_comma_has_semicolons_between_its_cells(
    set_locale: Callable[[str], None],
) -> None:
    set_locale("pt_BR")
    table = Table((column("Tag", ["a; b"], of.TEXT), column("Rate", [1 / 3], of.SHARE)))
    (found,) = read(csv_file(table, {}), ";")
    assert found == {"Tag": "a; b", "Rate": "0,333333"}


def test_a_trend_is_for_the_eye_and_not_in_the_file() -> None:
    table = Table((column("Channel", ["line"], of.TEXT), column("Trend", [[0, 1]], of.TREND)))
    assert read(csv_file(table, {})) == [{"Channel": "line"}]


@pytest.mark.parametrize("name", ["=1+1", "+SUM(A1)", "-1+1", "@SUM(A1)", " =1+1", "＝1+1"])
def test_a_name_that_would_run_as_a_formula_is_defused(name: str) -> None:
    assert text(name) == f"'{name}"


@pytest.mark.parametrize(
    ("locale", "delimiter", "elsewhere"), [("en", ",", ";"), ("de", ";", ",")], ids=["en", "de"]
)
def test_nor_does_it_run_where_spreadsheets_separate_cells_otherwise(
    set_locale: Callable[[str], None], locale: str, delimiter: str, elsewhere: str
) -> None:
    set_locale(locale)
    ours, theirs = f"VIP{delimiter}=1+1", f"VIP{elsewhere} =2+2"
    table = Table((column("Tag", ["a", ours, theirs], of.TEXT), column("New", [1] * 3, of.COUNT)))
    lines = csv_file(table, {"Filters": theirs}).decode("utf-8-sig").splitlines()
    cells = [cell for line in csv.reader(lines, delimiter=elsewhere) for cell in line]
    assert "a" in "".join(cells)
    assert not [cell for cell in cells if cell.strip().startswith("=")]
    assert read(csv_file(table, {}), delimiter)[1]["Tag"] == ours


def test_a_heading_and_a_filter_that_would_run_are_defused() -> None:
    data = csv_file(Table((column("=1+1", ["a"], of.TEXT),)), {"Filters": "=2+2"})
    assert read(data) == [{"'=1+1": "a", "Filters": "'=2+2"}]


def test_a_name_of_several_lines_with_quotes_and_commas_is_one_cell() -> None:
    assert text('say "hi",\nyou') == 'say "hi",\nyou'


def test_all_tables_of_a_page_are_files_of_their_titles_in_one_archive() -> None:
    table = Table((column("Tag", ["VIP"], of.TEXT),))
    packed = csv_archive([("New contacts by tag", table), ("new contacts: by tag", table)], {})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["new-contacts-by-tag.csv", "new-contacts-by-tag-2.csv"]
        assert archive.read("new-contacts-by-tag.csv") == csv_file(table, {})
