"""What is downloaded, and what a click means; what is drawn is tested with the pages."""

from __future__ import annotations

import csv as reader
import io
import math
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
import streamlit

from lib.charts.figures import stepped
from lib.chatbotx.crawl import Verdict
from lib.metrics import audience
from lib.query.choice import Choice
from lib.query.url import PARAMETERS, parameters
from lib.query.view import View, view_of
from lib.reference.rates import Rate
from lib.settings import Settings
from lib.store.dimensions import DIMENSIONS, Dimension
from lib.store.snapshot import Snapshot
from lib.ui import cards
from lib.ui.cards import (
    breakdown,
    clicks_on,
    clicks_on_steps,
    csv,
    file_name,
    rate_number,
)
from tests.workspaces import Json, choosing, contact, conversation, on, tables_of, tagged

JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(on("line", "sms"), createdAt="2026-05-10T12:00:00Z"),
    contact(createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)


def june_view(choice: Choice = JUNE, contacts: tuple[Json, ...] = CONTACTS) -> View:
    as_of = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    return view_of(Snapshot(tables_of(*contacts), Verdict(as_of)), choice, Settings())


def read(data: bytes) -> list[dict[str, str]]:
    return list(reader.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def cells(**columns: list[Any]) -> list[dict[str, str]]:
    return read(csv(pd.DataFrame(columns), june_view()))


# The file


def test_the_file_is_marked_as_utf_8_so_that_spreadsheets_read_it_as_such() -> None:
    data = csv(pd.DataFrame({"Tag": ["Trần 客户"]}), june_view())
    assert data[:3] == b"\xef\xbb\xbf"
    assert "Trần 客户" in data[3:].decode("utf-8")


def test_the_first_row_names_the_columns() -> None:
    first = csv(pd.DataFrame({"Tag": ["VIP"], "Contacts": [3]}), june_view()).splitlines()[0]
    assert first.decode("utf-8-sig") == ("Tag,Contacts,Period,Filters,Time zone,Data as of (UTC)")


def test_each_row_says_what_was_chosen_and_as_of_when() -> None:
    rows = read(csv(pd.DataFrame({"Tag": ["VIP", "lead"]}), june_view()))
    chosen = {
        "Period": "1 Jun 2026 to 30 Jun 2026",
        "Filters": "none",
        "Time zone": "America/Sao_Paulo",
        "Data as of (UTC)": "2026-07-01 12:30:00",
    }
    assert rows == [{"Tag": "VIP"} | chosen, {"Tag": "lead"} | chosen]


def test_the_filters_are_in_words() -> None:
    view = june_view(choosing(channel=("line", ""), recorded_only=True))
    row = read(csv(pd.DataFrame({"Tag": ["VIP"]}), view))[0]
    assert row["Filters"] == "line or no channel; with a recorded country"


def test_a_table_without_rows_still_names_its_columns() -> None:
    assert csv(pd.DataFrame({"Tag": []}), june_view()).count(b"\n") == 1


def test_the_table_that_is_shown_stays_as_it_is() -> None:
    frame = pd.DataFrame({"Tag": ["=1+1"], "Contacts": [3]})
    csv(frame, june_view())
    assert frame.to_dict("list") == {"Tag": ["=1+1"], "Contacts": [3]}


def test_the_name_of_the_file_says_the_period() -> None:
    assert file_name("tags", "csv", june_view()) == "tags_2026-06-01_2026-06-30.csv"


# The cells


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-1+1", "@SUM(A1)", " =1+1", "＝1+1"])
def test_a_name_that_would_run_as_a_formula_is_defused(text: str) -> None:
    assert cells(Tag=[text])[0]["Tag"] == f"'{text}"


def test_a_heading_that_would_run_as_a_formula_is_defused() -> None:
    assert "'=1+1" in cells(**{"=1+1": [1]})[0]


def test_a_filter_that_would_run_as_a_formula_is_defused() -> None:
    view = june_view(choosing(channel=("=1+1",)))
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


def test_waiting_times_stay_numbers_of_hours() -> None:
    row = cells(**{"Waiting (h)": [36.5], "Oldest wait (h)": [float("nan")]})[0]
    assert (row["Waiting (h)"], row["Oldest wait (h)"]) == ("36.5", "")


def test_a_trend_is_for_the_eye_and_not_in_the_file() -> None:
    row = cells(Channel=["line"], Trend=[[0, 1, 2]], New=[3])[0]
    assert "Trend" not in row
    assert (row["Channel"], row["New"]) == ("line", "3")


# What the tables of the pages hold


def test_a_breakdown_counts_shares_and_compares() -> None:
    view = june_view()
    counted = view.compute(audience.by_channel, view.terms)
    rows = breakdown(counted, "channel", "Channel", view).to_dict("records")
    assert [(row["Channel"], row["Contacts"], row["New"], row["New before"]) for row in rows] == [
        ("line", 2, 1, 1),
        ("No channel", 1, 1, 0),
        ("sms", 1, 0, 1),
    ]
    assert [row["Change"] for row in rows] == [0.0, pytest.approx(math.nan, nan_ok=True), -1.0]
    assert rows[0]["Share of contacts"] == pytest.approx(2 / 3)


def test_a_breakdown_without_comparison_has_no_columns_for_it() -> None:
    view = june_view(Choice("all"))
    counted = view.compute(audience.by_channel, view.terms)
    columns = set(breakdown(counted, "channel", "Channel", view))
    assert columns & {"New before", "Change"} == set()


def test_a_breakdown_of_a_selection_takes_shares_of_the_selection() -> None:
    view = june_view(choosing(channel=("sms",)))
    counted = view.compute(audience.by_channel, view.terms)
    shares = breakdown(counted, "channel", "Channel", view)
    assert shares.set_index("Channel")["Share of contacts"].to_dict() == {"line": 1.0, "sms": 1.0}


def channels_in(view: View) -> dict[str, dict[str, Any]]:
    """The rows of the table of channels, by name."""
    counted = view.compute(audience.by_channel, view.terms)
    rows = breakdown(counted, "channel", "Channel", view).to_dict("records")
    return {row["Channel"]: {str(name): value for name, value in row.items()} for row in rows}


def on_day(number: int, of: int = 30) -> list[int]:
    """One new contact on one of so many days or weeks, the first being 1."""
    return [int(place == number) for place in range(1, of + 1)]


def test_a_breakdown_has_the_new_contacts_of_each_day_as_a_trend() -> None:
    rows = channels_in(june_view())
    assert rows["line"]["Trend"] == on_day(10)
    assert rows["No channel"]["Trend"] == on_day(11)
    assert rows["sms"]["Trend"] == [0] * 30


def test_a_trend_over_a_long_period_is_by_week() -> None:
    # 101 days from Wednesday, 1 April 2026; 10 June is in their eleventh week.
    view = june_view(Choice("dates", date(2026, 4, 1), date(2026, 7, 10)))
    assert channels_in(view)["line"]["Trend"] == [
        one + other for one, other in zip(on_day(11, 15), on_day(6, 15), strict=True)
    ]


def test_one_day_makes_no_trend() -> None:
    day = date(2026, 6, 10)
    assert "Trend" not in channels_in(june_view(Choice("dates", day, day)))["line"]


@pytest.mark.parametrize(
    ("dimension", "waiting"),
    [
        ("channel", {"sms": 2, "line": 1, "No channel": 0}),
        ("country", {"Brazil": 1, "Unknown country": 1}),
        ("tag", {"name of 601": 1, "Untagged": 1}),
    ],
)
def test_a_breakdown_says_how_many_await_a_reply(
    dimension: audience.Key, waiting: dict[str, int]
) -> None:
    wrote = conversation(contactRepliedAt="2026-06-10T12:00:00Z", botEnabled=False)
    view = june_view(
        contacts=(
            contact(on("line", "sms"), tagged("601"), wrote, country="BR"),
            contact(on("sms"), wrote),
            contact(conversation()),
        )
    )
    counted = {
        "channel": audience.by_channel,
        "country": audience.by_country,
        "tag": audience.by_tag,
    }[dimension]
    table = breakdown(view.compute(counted, view.terms), dimension, "What", view)
    assert dict(zip(table["What"], table["Awaiting reply"], strict=True)) == waiting


def test_a_rate_on_a_card_says_what_it_is_of() -> None:
    card = rate_number("email", Rate(1234, 2468))
    assert (card.value, card.note) == ("50.0%", "1,234 of 2,468")


def test_a_rate_of_nobody_on_a_card_is_a_dash() -> None:
    card = rate_number("email", Rate(0, 0))
    assert (card.value, card.note) == ("–", "0 of 0")


def test_a_rate_on_a_card_says_by_how_much_it_changed_since_the_period_began() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([0.5, 0.6, 0.75]))
    assert (card.change, card.trend) == ("+25.0 points", [0.5, 0.6, 0.75])


@pytest.mark.parametrize(
    ("began", "change"), [(0.75, "0.0 points"), (1.0, "−25.0 points"), (0.0, "+75.0 points")]
)
def test_the_change_of_a_rate_has_its_sign(began: float, change: str) -> None:
    assert rate_number("email", Rate(3, 4), pd.Series([began, 0.75])).change == change


def test_a_rate_of_nobody_when_the_period_began_has_no_change() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([float("nan"), 0.5, 0.75]))
    assert (card.change, card.trend) == (None, [0.5, 0.75])


def test_a_rate_of_nobody_now_has_no_change() -> None:
    assert rate_number("email", Rate(0, 0), pd.Series([0.5, float("nan")])).change is None


def test_a_rate_has_no_change_where_nothing_is_to_be_compared() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([0.5, 0.75]), compares=False)
    assert (card.change, card.trend) == (None, [0.5, 0.75])


# What a click means


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_on_a_key_limits_to_it_and_on_the_chosen_one_no_longer(
    dimension: Dimension,
) -> None:
    chosen = JUNE.limited_to(dimension, ("a",))
    assert clicks_on(dimension, ["a", "b"], june_view(chosen)) == [
        JUNE,
        JUNE.limited_to(dimension, ("b",)),
    ]


def days_clicked(start: date, end: date, step: str) -> list[tuple[str, str]]:
    """The first and the last day of what a click on each bar shows, as month and day."""
    view = june_view(Choice("dates", start, end))
    bars = stepped(view.compute(audience.by_day, view.terms), step)
    clicked = [each for each in clicks_on_steps(bars.index, step, view) if each is not None]
    assert len(clicked) == len(bars)
    return [(f"{each.start:%m-%d}", f"{each.end:%m-%d}") for each in clicked]


def test_a_click_on_a_day_shows_that_day() -> None:
    assert days_clicked(date(2026, 6, 29), date(2026, 7, 1), "D") == [
        ("06-29", "06-29"),
        ("06-30", "06-30"),
        ("07-01", "07-01"),
    ]


def test_a_click_on_a_week_shows_its_days_within_the_period() -> None:
    # From a Wednesday to a Tuesday.
    assert days_clicked(date(2026, 6, 3), date(2026, 6, 16), "W") == [
        ("06-03", "06-07"),
        ("06-08", "06-14"),
        ("06-15", "06-16"),
    ]


def test_a_click_on_a_month_shows_its_days_within_the_period() -> None:
    assert days_clicked(date(2024, 1, 31), date(2024, 3, 15), "M") == [
        ("01-31", "01-31"),
        ("02-01", "02-29"),
        ("03-01", "03-15"),
    ]


@pytest.mark.parametrize("step", ["D", "W", "M"])
def test_the_days_of_all_bars_are_those_of_the_period_each_once(step: str) -> None:
    start, end = date(2026, 6, 3), date(2026, 8, 4)
    clicked = [
        (date.fromisoformat(f"2026-{first}"), date.fromisoformat(f"2026-{last}"))
        for first, last in days_clicked(start, end, step)
    ]
    assert (clicked[0][0], clicked[-1][1]) == (start, end)
    assert all((following - last).days == 1 for (_, last), (following, _) in pairwise(clicked))


def test_a_click_keeps_the_other_filters_and_one_on_the_day_that_is_shown_goes_back() -> None:
    day = date(2026, 6, 10)
    chosen = choosing("dates", day, day, channel=("line",))
    assert clicks_on_steps(pd.DatetimeIndex([day]), "D", june_view(chosen)) == [
        choosing("30d", channel=("line",))
    ]


FIRST, OTHER = choosing(channel=("line",)), choosing(tag=("601",))
State = dict[str, Any]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> State:
    """What the session holds."""
    held: State = {}
    monkeypatch.setattr(streamlit, "session_state", held)
    return held


def chosen_in(state: State) -> dict[str, list[str]] | None:
    """What the address was set to, if it was."""
    address = state.get("address")
    return None if address is None else {name: address.get(name, []) for name in PARAMETERS}


def test_a_click_on_a_mark_makes_the_choice_of_its_trace_and_place(state: State) -> None:
    state["chart"] = {"selection": {"points": [{"curve_number": 1, "point_index": 2}]}}
    cards._take_mark("growth", "chart", [[None], [None, None, FIRST]])
    assert chosen_in(state) == parameters(FIRST)


def test_a_click_on_a_row_makes_its_choice(state: State) -> None:
    state["table"] = {"selection": {"rows": [1]}}
    cards._take_row("tags", "table", [FIRST, OTHER])
    assert chosen_in(state) == parameters(OTHER)


def test_after_a_click_the_widget_is_another_one_with_nothing_selected(state: State) -> None:
    state["table"] = {"selection": {"rows": [0]}}
    assert cards._times_clicked("tags") == 0
    cards._take_row("tags", "table", [FIRST])
    assert cards._times_clicked("tags") == 1


def test_a_click_where_nothing_can_be_chosen_chooses_nothing(state: State) -> None:
    state["table"] = {"selection": {"rows": [0]}}
    cards._take_row("tags", "table", [None, FIRST])
    assert chosen_in(state) is None
    assert cards._times_clicked("tags") == 0


NO_PLACES: list[object] = [-1, 2, 10**30, True, False, "0", 0.0, 1.5, None, [0], {}]


@pytest.mark.parametrize("place", NO_PLACES, ids=repr)
def test_what_is_no_place_in_a_table_chooses_nothing(state: State, place: object) -> None:
    state["table"] = {"selection": {"rows": [place]}}
    cards._take_row("tags", "table", [FIRST, OTHER])
    assert chosen_in(state) is None


@pytest.mark.parametrize("place", NO_PLACES, ids=repr)
@pytest.mark.parametrize("name", ["curve_number", "point_index"])
def test_what_is_no_place_in_a_chart_chooses_nothing(
    state: State, name: str, place: object
) -> None:
    point = {"curve_number": 0, "point_index": 0} | {name: place}
    state["chart"] = {"selection": {"points": [point]}}
    cards._take_mark("growth", "chart", [[FIRST, OTHER], [OTHER, FIRST]])
    assert chosen_in(state) is None


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"selection": {}},
        {"selection": None},
        {"selection": []},
        {"selection": {"points": [], "rows": []}},
        {"selection": {"points": None, "rows": None}},
        {"selection": {"points": 0, "rows": 0}},
        {"selection": {"points": "0", "rows": "0"}},
        {"selection": {"points": {"0": 0}, "rows": {"0": 0}}},
        {"selection": {"points": [{}], "rows": [{}]}},
        {"selection": {"points": [0], "rows": [[0]]}},
        {"selection": {"points": [{"curve_number": 0}], "rows": [None]}},
        {"selection": {"points": [{"point_index": 0}], "rows": [None]}},
        None,
        "selection",
        7,
    ],
    ids=repr,
)
def test_a_selection_of_another_shape_chooses_nothing(state: State, sent: object) -> None:
    state["widget"] = sent
    cards._take_mark("growth", "widget", [[FIRST]])
    cards._take_row("tags", "widget", [FIRST])
    assert chosen_in(state) is None


def test_a_click_on_a_widget_that_is_gone_chooses_nothing(state: State) -> None:
    cards._take_mark("growth", "gone", [[FIRST]])
    cards._take_row("tags", "gone", [FIRST])
    assert chosen_in(state) is None
