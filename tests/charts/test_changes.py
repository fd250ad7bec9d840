"""Figures of what changed."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from lib.charts.changes import bridge, came_and_left, grew_and_shrank, per_thousand, response_times
from lib.charts.style import PETROL, RUST, SLATE, room_for
from lib.reference.rates import Rate

DAYS = pd.DatetimeIndex(["2026-11-01", "2026-11-02", "2026-11-03"], name="day")


def test_each_step_of_the_bridge_begins_where_the_one_before_ended() -> None:
    figure = bridge(("On 1 Nov", 1000), [("Joined", 30), ("Blocked", -10)], "On 3 Nov")
    bars = figure.data[0]
    assert list(bars.base) == [0, 0, 30, 0]
    assert list(bars.x) == [0, 30, -10, 20]


def test_the_bridge_names_both_ends_by_their_contacts() -> None:
    figure = bridge(("On 1 Nov", 1000), [("Joined", 30), ("Blocked", -10)], "On 3 Nov")
    assert [text.strip() for text in figure.data[1].text] == [
        "1,000, where the bars begin",
        "+30",
        "−10",
        "1,020 (+20)",
    ]


def test_only_what_is_lost_is_red() -> None:
    figure = bridge(("On 1 Nov", 1000), [("Joined", 30), ("Blocked", -10)], "On 3 Nov")
    assert list(figure.data[0].marker.color) == [SLATE, PETROL, RUST, SLATE]


def test_who_left_lies_below_the_axis() -> None:
    daily = pd.DataFrame({"came": [3, 0, 1], "left": [1, 2, 0], "opted_out": [0, 1, 0]}, DAYS)
    came, left, out = came_and_left(daily, "day", date(2026, 11, 1), date(2026, 11, 3)).data
    assert list(came.y) == [3, 0, 1]
    assert list(left.y) == [-1, -2, 0]
    assert list(out.y) == [0, 1, 0]
    assert left.customdata[1] == "Mon 2 Nov 2026: 2 left"
    assert came.customdata[2] == "Tue 3 Nov 2026, so far: 1 came"


def test_days_before_the_first_recorded_one_are_a_gap_and_not_zero() -> None:
    daily = pd.DataFrame({"came": [0, 0, 1], "left": [0, 2, 0], "opted_out": [0, 1, 0]}, DAYS)
    figure = came_and_left(daily, "day", date(2026, 11, 2), date(2026, 11, 3))
    for trace in figure.data:
        assert list(pd.isna(trace.y)) == [True, False, False]


def test_a_month_that_was_recorded_in_part_is_drawn() -> None:
    days = pd.date_range("2026-09-30", "2026-11-01", name="day")
    daily = pd.DataFrame({"came": 1, "left": 0, "opted_out": 0}, days)
    came, *_ = came_and_left(daily, "month", date(2026, 10, 31), date(2026, 11, 1)).data
    assert list(pd.isna(came.y)) == [True, False, False]


def test_opt_outs_stand_per_thousand() -> None:
    figure = per_thousand([("WhatsApp", Rate(5, 1000)), ("SMS", Rate(1, 10))], "opted out")
    (dots,) = figure.data
    assert figure.layout.xaxis.title.text == "per 1,000"
    assert list(dots.x) == [5, 100]
    assert list(dots.marker.symbol) == ["circle", "circle-open"]


def test_tags_grow_to_the_right_and_shrink_to_the_left() -> None:
    added, removed = grew_and_shrank([("VIP", 5, 2)]).data
    assert (list(added.x), list(removed.x)) == ([5], [-2])
    assert removed.customdata[0] == "VIP: 2 removed"


def test_the_closing_number_of_the_bridge_has_room_on_a_phone() -> None:
    figure = bridge(("On 1 March", 3_204), [("Joined", 336), ("Unblocked", 4)], "On 31 March")
    assert figure.data[1].text[-1] == " 3,544 (+340)"
    assert figure.layout.margin.r >= room_for(["3,544 (+340)"])


@pytest.mark.parametrize(("most", "tick"), [(2, 1), (400, None)])
def test_an_axis_of_few_does_not_repeat_its_numbers(most: int, tick: int | None) -> None:
    assert grew_and_shrank([("VIP", most, 0)]).layout.xaxis.dtick == tick


@pytest.mark.parametrize(("timed", "symbol"), [(4, "circle-open"), (5, "circle")])
def test_a_median_of_few_answers_is_hollow(timed: int, symbol: str) -> None:
    by_day = pd.DataFrame({"timed": [timed], "median_hours": [2.5]}, DAYS[:1])
    (line,) = response_times(by_day).data
    assert list(line.marker.symbol) == [symbol]


def test_a_day_without_answers_is_a_gap() -> None:
    by_day = pd.DataFrame({"timed": [6, 0, 6], "median_hours": [2.0, None, 1.0]}, DAYS)
    figure = response_times(by_day)
    assert figure.layout.yaxis.title.text == "hours"
    (line,) = figure.data
    assert pd.isna(line.y[1])
    assert line.connectgaps is False
