"""What is downloaded; what is drawn is tested with the pages."""

from __future__ import annotations

import csv as reader
import io
import math
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from lib.cards import breakdown, csv, file_name, rate_number
from lib.chatbotx.crawl import Verdict
from lib.choice import Choice
from lib.metrics import audience
from lib.metrics.rates import Rate
from lib.settings import Settings
from lib.snapshot import Snapshot
from lib.view import View, look
from tests.workspaces import contact, on, tables_of, tagged

JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(on("line", "sms"), createdAt="2026-05-10T12:00:00Z"),
    contact(createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)


def view_of(choice: Choice = JUNE) -> View:
    as_of = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    return look(Snapshot(tables_of(*CONTACTS), Verdict(as_of)), choice, Settings())


def read(data: bytes) -> list[dict[str, str]]:
    return list(reader.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def cells(**columns: list[Any]) -> list[dict[str, str]]:
    return read(csv(pd.DataFrame(columns), view_of()))


# The file


def test_the_file_is_marked_as_utf_8_so_that_spreadsheets_read_it_as_such() -> None:
    data = csv(pd.DataFrame({"Tag": ["Trần 客户"]}), view_of())
    assert data[:3] == b"\xef\xbb\xbf"
    assert "Trần 客户" in data[3:].decode("utf-8")


def test_the_first_row_names_the_columns() -> None:
    first = csv(pd.DataFrame({"Tag": ["VIP"], "Contacts": [3]}), view_of()).splitlines()[0]
    assert first.decode("utf-8-sig") == ("Tag,Contacts,Period,Filters,Time zone,Data as of (UTC)")


def test_each_row_says_what_was_chosen_and_as_of_when() -> None:
    rows = read(csv(pd.DataFrame({"Tag": ["VIP", "lead"]}), view_of()))
    chosen = {
        "Period": "1 Jun 2026 to 30 Jun 2026",
        "Filters": "none",
        "Time zone": "America/Sao_Paulo",
        "Data as of (UTC)": "2026-07-01 12:30:00",
    }
    assert rows == [{"Tag": "VIP"} | chosen, {"Tag": "lead"} | chosen]


def test_the_filters_are_in_words() -> None:
    view = view_of(Choice(channel=("line", "none"), recorded_only=True))
    row = read(csv(pd.DataFrame({"Tag": ["VIP"]}), view))[0]
    assert row["Filters"] == "line or no channel; with a recorded country"


def test_a_table_without_rows_still_names_its_columns() -> None:
    assert csv(pd.DataFrame({"Tag": []}), view_of()).count(b"\n") == 1


def test_the_table_that_is_shown_stays_as_it_is() -> None:
    frame = pd.DataFrame({"Tag": ["=1+1"], "Contacts": [3]})
    csv(frame, view_of())
    assert frame.to_dict("list") == {"Tag": ["=1+1"], "Contacts": [3]}


def test_the_name_of_the_file_says_the_period() -> None:
    assert file_name("tags", "csv", view_of()) == "tags_2026-06-01_2026-06-30.csv"


# The cells


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-1+1", "@SUM(A1)", " =1+1", "＝1+1"])
def test_a_name_that_would_run_as_a_formula_is_defused(text: str) -> None:
    assert cells(Tag=[text])[0]["Tag"] == f"'{text}"


def test_a_heading_that_would_run_as_a_formula_is_defused() -> None:
    assert "'=1+1" in cells(**{"=1+1": [1]})[0]


def test_a_filter_that_would_run_as_a_formula_is_defused() -> None:
    view = view_of(Choice(channel=("=1+1",)))
    assert read(csv(pd.DataFrame({"Tag": ["VIP"]}), view))[0]["Filters"] == "'=1+1"


def test_a_name_of_several_lines_with_quotes_and_commas_is_one_cell() -> None:
    assert cells(Tag=['say "hi",\nyou'])[0]["Tag"] == 'say "hi",\nyou'


def test_numbers_stay_numbers() -> None:
    row = cells(New=[-5], Share=[0.125], Hours=[1234567.5])[0]
    assert (row["New"], row["Share"], row["Hours"]) == ("-5", "0.125", "1234567.5")


def test_a_missing_number_and_a_missing_name_are_empty() -> None:
    row = cells(Rate=[float("nan")], Tag=[None])[0]
    assert (row["Rate"], row["Tag"]) == ("", "")


def test_a_change_is_readable_as_it_is() -> None:
    assert cells(Change=["+18.0%"])[0]["Change"] == "+18.0%"


def test_a_day_is_a_day() -> None:
    assert cells(From=[pd.Timestamp("2026-06-01")])[0]["From"] == "2026-06-01"


# What the tables of the pages hold


def test_a_breakdown_counts_shares_and_compares() -> None:
    view = view_of()
    counted = view.see(audience.by_channel, view.terms)
    rows = breakdown(counted, "channel", "Channel", view).to_dict("records")
    assert [(row["Channel"], row["Contacts"], row["New"], row["New before"]) for row in rows] == [
        ("line", 2, 1, 1),
        ("No channel", 1, 1, 0),
        ("sms", 1, 0, 1),
    ]
    assert [row["Change"] for row in rows] == [0.0, pytest.approx(math.nan, nan_ok=True), -1.0]
    assert rows[0]["Share of contacts"] == pytest.approx(2 / 3)


def test_a_breakdown_without_comparison_has_no_columns_for_it() -> None:
    view = view_of(Choice("all"))
    counted = view.see(audience.by_channel, view.terms)
    columns = set(breakdown(counted, "channel", "Channel", view))
    assert columns & {"New before", "Change"} == set()


def test_a_breakdown_of_a_selection_takes_shares_of_the_selection() -> None:
    view = view_of(Choice(channel=("sms",)))
    counted = view.see(audience.by_channel, view.terms)
    shares = breakdown(counted, "channel", "Channel", view)
    assert shares.set_index("Channel")["Share of contacts"].to_dict() == {"line": 1.0, "sms": 1.0}


def test_a_rate_on_a_card_says_what_it_is_of() -> None:
    card = rate_number("email", Rate(1234, 2468))
    assert (card.value, card.note) == ("50.0%", "1,234 of 2,468")


def test_a_rate_of_nobody_on_a_card_is_a_dash() -> None:
    card = rate_number("email", Rate(0, 0))
    assert (card.value, card.note) == ("–", "0 of 0")
