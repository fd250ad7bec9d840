"""Clicks on marks and rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
import streamlit

from lib.charts.steps import Step, stepped
from lib.chatbotx.crawl import Verdict
from lib.metrics import audience
from lib.query.choice import Choice
from lib.query.url import PARAMETERS, parameters
from lib.query.view import View, view_of
from lib.settings import Settings
from lib.store.dimensions import DIMENSIONS, Dimension
from lib.store.snapshot import Snapshot
from lib.ui import clicks
from tests.workspaces import Json, choosing, contact, on, tables_of, tagged

JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(on("line", "sms"), createdAt="2026-05-10T12:00:00Z"),
    contact(createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)


def june_view(choice: Choice = JUNE, contacts: tuple[Json, ...] = CONTACTS) -> View:
    as_of = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    return view_of(Snapshot(tables_of(*contacts), Verdict(as_of)), choice, Settings())


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_on_a_key_limits_to_it_and_on_the_chosen_one_no_longer(
    dimension: Dimension,
) -> None:
    chosen = JUNE.limited_to(dimension, ("a",))
    assert clicks.on_keys(dimension, ["a", "b"], june_view(chosen)) == [
        JUNE,
        JUNE.limited_to(dimension, ("b",)),
    ]


def days_clicked(start: date, end: date, step: Step) -> list[tuple[str, str]]:
    """First and last day shown after a click on each bar, as month and day."""
    view = june_view(Choice("dates", start, end))
    bars = stepped(view.compute(audience.by_day, view.terms), step)
    clicked = [
        each
        for each in clicks.on_steps(bars.index, step, view.terms.period, view)
        if each is not None
    ]
    assert len(clicked) == len(bars)
    return [(f"{each.start:%m-%d}", f"{each.end:%m-%d}") for each in clicked]


def test_a_click_on_a_day_shows_that_day() -> None:
    assert days_clicked(date(2026, 6, 29), date(2026, 7, 1), "day") == [
        ("06-29", "06-29"),
        ("06-30", "06-30"),
        ("07-01", "07-01"),
    ]


def test_a_click_on_a_week_shows_its_days_within_the_period() -> None:
    # From a Wednesday to a Tuesday.
    assert days_clicked(date(2026, 6, 3), date(2026, 6, 16), "week") == [
        ("06-03", "06-07"),
        ("06-08", "06-14"),
        ("06-15", "06-16"),
    ]


def test_a_click_on_a_month_shows_its_days_within_the_period() -> None:
    assert days_clicked(date(2024, 1, 31), date(2024, 3, 15), "month") == [
        ("01-31", "01-31"),
        ("02-01", "02-29"),
        ("03-01", "03-15"),
    ]


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_the_days_of_all_bars_are_those_of_the_period_each_once(step: Step) -> None:
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
    view = june_view(chosen)
    assert clicks.on_steps(pd.DatetimeIndex([day]), "day", view.terms.period, view) == [
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
    """What the URL was set to, if it was."""
    address = state.get("address")
    return None if address is None else {name: address.get(name, []) for name in PARAMETERS}


def test_a_click_on_a_mark_makes_the_choice_of_its_trace_and_place(state: State) -> None:
    state["chart"] = {"selection": {"points": [{"curve_number": 1, "point_index": 2}]}}
    clicks.take_mark("growth", "chart", [[None], [None, None, FIRST]], was=Choice())
    assert chosen_in(state) == parameters(FIRST)


def test_after_a_click_the_chart_is_another_one_with_nothing_selected(state: State) -> None:
    state["chart"] = {"selection": {"points": [{"curve_number": 0, "point_index": 0}]}}
    assert clicks.times_clicked("tags") == 0
    clicks.take_mark("tags", "chart", [[FIRST]], was=Choice())
    assert clicks.times_clicked("tags") == 1


def test_a_click_where_nothing_can_be_chosen_chooses_nothing(state: State) -> None:
    state["chart"] = {"selection": {"points": [{"curve_number": 0, "point_index": 0}]}}
    clicks.take_mark("tags", "chart", [[None, FIRST]], was=Choice())
    assert chosen_in(state) is None
    assert clicks.times_clicked("tags") == 0


def test_a_click_on_the_bar_of_the_others_opens_the_list_and_chooses_nobody(state: State) -> None:
    # With 15 channels it once chose the thirteenth.
    state["chart"] = {"selection": {"points": [{"curve_number": 0, "point_index": 2}]}}
    clicks.take_mark("tags", "chart", [[FIRST, OTHER]], {2: "open-tags"}, was=Choice())
    assert state["open-tags"] is True
    assert chosen_in(state) is None


def test_a_click_leaves_what_was_set_since_the_chart_was_drawn(state: State) -> None:
    state["address"] = {"country": ["BR"]}
    state["chart"] = {"selection": {"points": [{"curve_number": 0, "point_index": 0}]}}
    clicks.take_mark("tags", "chart", [[FIRST]], was=Choice())
    assert state["address"] == {"channel": ["line"], "country": ["BR"]}


def test_a_selection_that_is_sent_again_is_no_click(state: State) -> None:
    state["chart"] = {"selection": {"points": [{"curve_number": 0, "point_index": 0}]}}
    for _ in range(2):
        clicks.take_mark("tags", "chart", [[FIRST]], was=Choice())
        state["address"] = state["address"] | {"channel": []}
    assert clicks.times_clicked("tags") == 1
    assert chosen_in(state) == parameters(Choice())


NO_PLACES: list[object] = [-1, 2, 10**30, True, False, "0", 0.0, 1.5, None, [0], {}]


@pytest.mark.parametrize("place", NO_PLACES, ids=repr)
@pytest.mark.parametrize("name", ["curve_number", "point_index"])
def test_what_is_no_place_in_a_chart_chooses_nothing(
    state: State, name: str, place: object
) -> None:
    point = {"curve_number": 0, "point_index": 0} | {name: place}
    state["chart"] = {"selection": {"points": [point]}}
    clicks.take_mark("growth", "chart", [[FIRST, OTHER], [OTHER, FIRST]], was=Choice())
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
    clicks.take_mark("growth", "widget", [[FIRST]], was=Choice())
    assert chosen_in(state) is None


def test_a_click_on_a_widget_that_is_gone_chooses_nothing(state: State) -> None:
    clicks.take_mark("growth", "gone", [[FIRST]], was=Choice())
    assert chosen_in(state) is None
