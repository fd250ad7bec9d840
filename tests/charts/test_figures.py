from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import date
from math import inf, log10, nan
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.charts import figures
from lib.reference import formatting
from lib.reference.rates import Difference, Rate

some = settings(derandomize=True, deadline=None, max_examples=30)

HOSTILE = '<b>R&D</b> $x$ %{y}\n<a href="https://example.com">'
ESCAPED = "&lt;b&gt;R&amp;D&lt;/b&gt; &#36;x&#36; &#37;{y} &lt;a href="
"""The beginning of it."""


def daily(start: str, **columns: list[int]) -> pd.DataFrame:
    days = pd.date_range(start, periods=len(next(iter(columns.values()))), name="day")
    return pd.DataFrame(columns, index=days)


def bars(figure: go.Figure) -> dict[str, list[float]]:
    """The lengths of the bars of each trace, by its name."""
    return {
        trace.name: list(trace.x if trace.orientation == "h" else trace.y) for trace in figure.data
    }


def hovers(trace: Any) -> list[str]:
    """What is read over each mark of a trace, numbers with their thousands separated."""
    texts = []
    for x, y, custom in zip(trace.x, trace.y, trace.customdata, strict=True):
        values: dict[str, Any] = {"x": x, "y": y, "customdata": custom}
        if not isinstance(custom, str):
            values |= {f"customdata[{place}]": value for place, value in enumerate(custom)}
        text = trace.hovertemplate.removesuffix("<extra></extra>")
        for name, value in values.items():
            text = text.replace(f"%{{{name}}}", f"{value}")
            if f"%{{{name}:,}}" in text:
                text = text.replace(f"%{{{name}:,}}", formatting.number(value))
        texts.append(text)
    return texts


# Days, weeks, months


@pytest.mark.parametrize(
    ("days", "step"), [(1, "D"), (92, "D"), (93, "W"), (731, "W"), (732, "M"), (5000, "M")]
)
def test_bars_get_wider_with_the_period(days: int, step: str) -> None:
    assert figures.step_for(days) == step


def test_days_stay_as_they_are() -> None:
    table = daily("2026-06-03", new=[1, 2, 3])
    pd.testing.assert_frame_equal(figures.stepped(table, "D"), table)


def test_weeks_begin_on_monday() -> None:
    # 3 June 2026 is a Wednesday.
    weeks = figures.stepped(daily("2026-06-03", new=[1] * 12), "W")
    assert [f"{day:%a %d %b}" for day in weeks.index] == ["Mon 01 Jun", "Mon 08 Jun"]
    assert weeks["new"].tolist() == [5, 7]


def test_months_begin_on_the_first() -> None:
    months = figures.stepped(daily("2024-02-28", new=[1, 10, 100]), "M")
    assert [f"{day:%Y-%m-%d}" for day in months.index] == ["2024-02-01", "2024-03-01"]
    assert months["new"].tolist() == [11, 100]


@some
@given(
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    st.lists(st.integers(0, 1000), min_size=1, max_size=400),
    st.sampled_from("DWM"),
)
def test_no_step_loses_or_invents_a_contact(start: date, new: list[int], step: str) -> None:
    table = figures.stepped(daily(f"{start}", new=new, lost=new[::-1]), step)
    assert (table["new"].sum(), table["lost"].sum()) == (sum(new), sum(new))
    assert table.index.is_monotonic_increasing
    assert table.index.is_unique


@pytest.mark.parametrize(
    ("step", "name"), [("D", "1 Jun 2026"), ("W", "week of 1 Jun 2026"), ("M", "Jun 2026")]
)
def test_steps_are_named_as_people_name_them(step: str, name: str) -> None:
    assert figures.step_name(pd.Timestamp("2026-06-01"), step) == name


# Growth


def test_new_contacts_stand_above_the_axis_and_lost_ones_below() -> None:
    figure = figures.growth(daily("2026-06-01", new=[5, 0], lost=[1, 2]), "D", date(2026, 6, 9))
    assert bars(figure) == {"New": [5, 0], "Lost": [-1, -2]}


def test_growth_reads_as_a_sentence() -> None:
    table = daily("2026-06-01", new=[1234], lost=[5])
    new, lost = figures.growth(table, "D", date(2026, 6, 9)).data
    assert hovers(new) == ["1 Jun 2026: 1,234 new"]
    assert hovers(lost) == ["1 Jun 2026: 5 lost"]


@pytest.mark.parametrize(
    ("step", "today", "opacities"),
    [
        ("D", date(2026, 6, 14), [1.0] * 13 + [figures.UNFINISHED]),
        ("D", date(2026, 7, 1), [1.0] * 14),
        ("W", date(2026, 6, 10), [1.0, figures.UNFINISHED]),
        ("W", date(2026, 6, 14), [1.0, figures.UNFINISHED]),
        ("W", date(2026, 6, 15), [1.0, 1.0]),
        ("M", date(2026, 6, 30), [figures.UNFINISHED]),
        ("M", date(2026, 7, 1), [1.0]),
    ],
)
def test_what_is_not_over_is_lighter(step: str, today: date, opacities: list[float]) -> None:
    table = daily("2026-06-01", new=[1] * 14, lost=[0] * 14)
    for trace in figures.growth(table, step, today).data:
        assert list(trace.marker.opacity) == opacities


# By channel


def test_channels_are_stacked_by_size_the_largest_first() -> None:
    table = daily("2026-06-01", line=[1, 1], whatsapp=[5, 5], telegram=[0, 3])
    figure = figures.new_by_channel(table, "D", date(2026, 7, 1))
    assert list(bars(figure)) == ["WhatsApp", "Telegram", "line"]
    assert figure.layout.barmode == "stack"


def test_channels_of_one_size_keep_their_order() -> None:
    table = daily("2026-06-01", telegram=[2], line=[2], whatsapp=[2])
    figure = figures.new_by_channel(table, "D", date(2026, 7, 1))
    assert list(bars(figure)) == ["Telegram", "line", "WhatsApp"]


def test_the_size_of_a_column_is_its_sum_and_equal_ones_keep_their_order() -> None:
    table = daily("2026-06-01", b=[3, 0], a=[0, 3], c=[2, 2], d=[0, 0])
    assert list(figures.by_size(table).columns) == ["c", "b", "a", "d"]


@pytest.mark.parametrize("step", ["D", "W", "M"])
def test_bars_are_in_the_order_of_the_table_that_clicks_are_read_from(step: str) -> None:
    table = daily("2026-06-01", line=[9] + [0] * 39, zalo=[1] * 40, sms=[1] * 40)
    figure = figures.new_by_channel(table, step, date(2026, 8, 1))
    drawn = figures.stepped(figures.by_size(table), step)
    assert [trace.name for trace in figure.data] == ["Zalo", "sms", "line"]
    assert [list(trace.y) for trace in figure.data] == [drawn[key].tolist() for key in drawn]


def test_a_channel_has_its_colour_whatever_else_is_shown() -> None:
    alone = figures.new_by_channel(daily("2026-06-01", zalo=[1]), "D", date(2026, 7, 1))
    among = figures.new_by_channel(
        daily("2026-06-01", whatsapp=[9], zalo=[1], none=[4]), "D", date(2026, 7, 1)
    )
    colours = {trace.name: trace.marker.color for trace in among.data}
    assert colours["Zalo"] == alone.data[0].marker.color == figures.channel_colour("zalo")
    assert len(set(colours.values())) == 3


def test_known_channels_can_be_told_apart_by_colour() -> None:
    colours = [figures.channel_colour(key) for key in formatting.CHANNEL_NAMES]
    assert len(set(colours)) == len(colours)


def test_a_channel_that_is_new_to_us_has_the_same_colour_after_every_start() -> None:
    # The sum of its letters, 424, leaves 1 when divided by three.
    assert figures.channel_colour("line") == figures.MOSS


def test_new_contacts_by_channel_read_as_a_sentence() -> None:
    figure = figures.new_by_channel(daily("2026-06-01", smtp=[7]), "W", date(2026, 7, 1))
    assert hovers(figure.data[0]) == ["week of 1 Jun 2026: 7 new on E-mail"]


# Rankings


def test_a_ranking_keeps_the_given_order_the_first_on_top() -> None:
    figure = figures.ranking({"Brazil": 5, "Angola": 7}, "contacts")
    assert list(figure.layout.yaxis.ticktext) == ["Brazil", "Angola"]
    assert list(figure.data[0].x) == [5, 7]
    assert figure.layout.yaxis.autorange == "reversed"


def test_a_long_tail_ends_in_other_with_its_sum() -> None:
    figure = figures.ranking({f"tag {n}": 10 - n for n in range(10)}, "contacts", most=4)
    assert list(figure.layout.yaxis.ticktext) == ["tag 0", "tag 1", "tag 2", "tag 3", "other (6)"]
    assert list(figure.data[0].x) == [10, 9, 8, 7, 6 + 5 + 4 + 3 + 2 + 1]


def test_as_many_as_may_be_shown_have_no_other() -> None:
    figure = figures.ranking({f"tag {n}": 1 for n in range(4)}, "contacts", most=4)
    assert list(figure.layout.yaxis.ticktext) == ["tag 0", "tag 1", "tag 2", "tag 3"]


def test_a_name_that_reads_like_the_other_ones_is_not_lost_among_them() -> None:
    figure = figures.ranking({"other (1)": 5, "VIP": 1}, "contacts", most=1)
    assert list(figure.data[0].x) == [5, 1]


@some
@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 10**6), max_size=30),
    st.integers(1, 12),
)
def test_no_ranking_loses_or_invents_anybody(values: dict[str, int], most: int) -> None:
    figure = figures.ranking(values, "contacts", most=most)
    assert sum(figure.data[0].x) == sum(values.values())
    assert len(figure.data[0].x) == min(len(values), most + 1)


def test_bars_begin_at_zero_and_leave_room_for_their_number() -> None:
    figure = figures.ranking({"Brazil": 1000}, "contacts")
    assert tuple(figure.layout.xaxis.range) == (0, 1300)
    assert list(figure.data[0].text) == ["1,000"]


def test_a_ranking_has_the_colours_that_are_given() -> None:
    figure = figures.ranking({"WhatsApp": 2, "line": 1}, "new", {"WhatsApp": figures.JADE})
    assert list(figure.data[0].marker.color) == [figures.JADE, figures.PETROL]


def test_a_ranking_reads_as_a_sentence() -> None:
    figure = figures.ranking({"Brazil": 1234}, "contacts")
    assert hovers(figure.data[0]) == ["Brazil: 1,234 contacts"]


# Rates


def test_a_rate_is_a_dot_with_its_interval() -> None:
    rate = Rate(50, 100)
    trace = figures.rates([("VIP", rate)], "opted in").data[0]
    assert rate.interval is not None
    low, high = rate.interval
    assert list(trace.x) == [0.5]
    assert trace.error_x.array[0] == pytest.approx(high - 0.5)
    assert trace.error_x.arrayminus[0] == pytest.approx(0.5 - low)


def test_rates_over_fewer_than_30_are_muted() -> None:
    rates = [("many", Rate(15, 30)), ("few", Rate(15, 29))]
    marker = figures.rates(rates, "opted in").data[0].marker
    assert list(marker.symbol) == ["circle", "circle-open"]
    assert marker.color[0] != marker.color[1]


def test_a_rate_of_nobody_is_left_out() -> None:
    figure = figures.rates([("nobody", Rate(0, 0)), ("some", Rate(1, 2))], "opted in")
    assert list(figure.layout.yaxis.ticktext) == ["some"]


@pytest.mark.parametrize("rate", [Rate(0, 5), Rate(5, 5), Rate(0, 40), Rate(40, 40)])
def test_whiskers_lie_within_0_and_1(rate: Rate) -> None:
    trace = figures.rates([("all or none", rate)], "opted in").data[0]
    assert trace.x[0] - trace.error_x.arrayminus[0] >= 0
    assert trace.x[0] + trace.error_x.array[0] <= 1


def test_a_rate_reads_as_a_sentence() -> None:
    trace = figures.rates([("VIP", Rate(1, 2))], "opted in").data[0]
    assert hovers(trace) == ["VIP:<br>50.0% (1 of 2) opted in,<br>likely 9.5% to 90.5%"]


def test_a_difference_is_a_dot_with_its_interval_around_zero() -> None:
    difference = Difference(Rate(30, 50), Rate(20, 50))
    figure = figures.differences([("VIP", difference)])
    trace = figure.data[0]
    assert difference.interval is not None
    low, high = difference.interval
    assert trace.x[0] == pytest.approx(0.2)
    assert (trace.x[0] - trace.error_x.arrayminus[0], trace.x[0] + trace.error_x.array[0]) == (
        pytest.approx((low, high))
    )
    assert figure.layout.xaxis.zeroline


def test_a_difference_from_nobody_is_left_out() -> None:
    assert len(figures.differences([("all", Difference(Rate(1, 2), Rate(0, 0)))]).data[0].x) == 0


# The world, the hours, the load, the cohorts


def test_the_world_is_shaded_by_orders_of_magnitude() -> None:
    trace = figures.world({"BR": 999, "VN": 9, "unknown": 50}, "contacts").data[0]
    assert list(trace.locations) == ["BRA", "VNM"]
    assert list(trace.z) == pytest.approx([3, 1])
    assert list(trace.z) == pytest.approx([log10(1000), log10(10)])


def test_the_world_says_the_number_and_not_its_order() -> None:
    trace = figures.world({"BR": 1234}, "contacts").data[0]
    assert tuple(trace.customdata[0]) == ("Brazil", "1,234")


def test_the_world_asks_for_no_fit_which_would_need_outlines_from_elsewhere() -> None:
    assert figures.world({"BR": 1}, "contacts").layout.geo.fitbounds is False


def week() -> pd.DataFrame:
    return pd.DataFrame([[24 * day + hour for hour in range(24)] for day in range(7)])


def test_hours_run_to_the_right_and_the_week_begins_on_top_with_monday() -> None:
    figure = figures.arrivals(week())
    trace = figure.data[0]
    assert (trace.y[0], trace.y[-1]) == ("Mon", "Sun")
    assert (trace.x[0], trace.x[-1]) == ("00", "23")
    assert (trace.z[0][1], trace.z[6][23]) == (1, 167)
    assert figure.layout.yaxis.autorange == "reversed"


def agents(**opened: tuple[int, int]) -> pd.DataFrame:
    """By name: open conversations, and how many of them await a reply, half of these their first;
    the oldest for 76 hours."""
    return pd.DataFrame(
        {
            "name": list(opened),
            "open": [both[0] for both in opened.values()],
            "awaiting_reply": [both[1] for both in opened.values()],
            "never_answered": [both[1] // 2 for both in opened.values()],
            "oldest_wait_hours": [76.0 if both[1] else float("nan") for both in opened.values()],
            "median_wait_hours": [2.0 if both[1] else float("nan") for both in opened.values()],
        }
    )


def test_load_is_split_by_what_was_answered() -> None:
    figure = figures.load(agents(Ana=(5, 2), Bia=(0, 0)))
    shown = bars(figure)
    assert {name: shown[name] for name in shown if name} == {
        "Never answered": [1, 0],
        "Awaiting another reply": [1, 0],
        "Answered": [3, 0],
    }
    assert list(figure.data[-1].text) == ["  oldest 3 d 4 h<br>  median 2 h", ""]
    assert list(figure.layout.yaxis.ticktext) == ["Ana", "Bia"]


def test_load_says_the_waits_beside_the_bars_of_those_for_whom_somebody_waits() -> None:
    table = agents(Ana=(5, 2), Bia=(7, 0), Caio=(3, 1)).assign(
        oldest_wait_hours=[0.5, nan, 200.0], median_wait_hours=[0.25, nan, 200.0]
    )
    waits = figures.load(table).data[-1]
    assert list(waits.text) == [
        "  oldest 30 min<br>  median 15 min",
        "",
        "  oldest 8 d 8 h<br>  median 8 d 8 h",
    ]
    assert list(waits.x) == [5, 7, 3]
    assert waits.mode == "text"


def test_load_reads_as_a_sentence() -> None:
    never, another, answered, _ = figures.load(agents(Ana=(1500, 6))).data
    assert hovers(never) == ["Ana: 3 never answered"]
    assert hovers(another) == ["Ana: 3 awaiting another reply"]
    assert hovers(answered) == ["Ana: 1,494 answered"]


def test_parts_of_a_load_add_up_to_what_is_open() -> None:
    parts = figures.load(agents(Ana=(5, 3), Bia=(4, 4))).data[:-1]
    assert [sum(row) for row in zip(*(part.x for part in parts), strict=True)] == [5, 4]


# Cells


def held(**by_agent: list[int]) -> pd.DataFrame:
    """Numbers by agent (rows) and the channels a, b, … (columns)."""
    heads = list("abcdef")[: len(next(iter(by_agent.values())))]
    return pd.DataFrame(by_agent.values(), index=list(by_agent), columns=heads)


def grid(table: pd.DataFrame) -> go.Figure:
    return figures.grid(table, list(table.index), list(table.columns), "open")


def test_filled_are_the_places_of_what_is_not_0_row_by_row() -> None:
    assert figures.filled(held(Ana=[0, 5, 1], Bia=[0, 0, 0], Caio=[2, 0, 0])) == [
        (0, 1),
        (0, 2),
        (2, 0),
    ]


def test_a_grid_has_a_cell_at_each_place_that_is_filled_in_their_order() -> None:
    table = held(Ana=[0, 5, 1], Bia=[0, 0, 0], Caio=[2, 0, 0])
    cells = grid(table).data[0]
    rows = [int(base) for base in cells.base]
    assert list(zip(rows, cells.x, strict=True)) == figures.filled(table)
    assert list(cells.text) == ["5", "1", "2"]


def test_a_grid_reads_as_a_sentence() -> None:
    cells = grid(held(Ana=[0, 1234])).data[0]
    assert (cells.customdata[0], cells.text[0]) == ("Ana, b", "1,234")
    assert cells.hovertemplate == "%{customdata}: %{text} open<extra></extra>"


def test_a_grid_names_its_rows_from_top_to_bottom_and_its_columns_on_top() -> None:
    layout = grid(held(Ana=[1, 0], Bia=[0, 0])).layout
    assert list(layout.yaxis.ticktext) == ["Ana", "Bia"]
    assert layout.yaxis.range[0] > layout.yaxis.range[1]
    assert list(layout.xaxis.ticktext) == ["a", "b"]
    assert layout.xaxis.side == "top"


def test_a_cell_lies_within_its_row_and_column() -> None:
    figure = grid(held(Ana=[1, 2], Bia=[3, 4]))
    cells = figure.data[0]
    for (row, column), x, base, height in zip(
        figures.filled(held(Ana=[1, 2], Bia=[3, 4])), cells.x, cells.base, cells.y, strict=True
    ):
        assert row <= base < base + height <= row + 1
        assert column - 0.5 <= x - cells.width / 2 < x + cells.width / 2 <= column + 0.5


def strengths(cells: Any) -> list[int]:
    """How much of the colour each cell has, of 255."""
    return [int(colour[7:], 16) for colour in cells.marker.color]


def test_a_cell_is_the_darker_the_more_it_holds_and_the_largest_has_all_of_the_colour() -> None:
    few, more, most = strengths(grid(held(Ana=[1, 50, 100])).data[0])
    assert 0 < few < more < most == 255


def test_cells_of_the_same_number_look_the_same() -> None:
    assert len(set(strengths(grid(held(Ana=[3, 3], Bia=[3, 0])).data[0]))) == 1


@some
@given(st.lists(st.lists(st.integers(0, 5000), min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_grid_is_never_made_of_marks_that_are_seen_through(numbers: list[list[int]]) -> None:
    # Where such marks bear text, Plotly knows of no click.
    cells = grid(held(**{f"agent {row}": values for row, values in enumerate(numbers)})).data[0]
    assert cells.marker.opacity is None
    assert cells.opacity is None
    assert all(re.fullmatch("#[0-9A-F]{8}", colour) for colour in cells.marker.color)
    assert sum(int(text.replace(",", "")) for text in cells.text) == sum(map(sum, numbers))


def cohorts() -> pd.DataFrame:
    return pd.DataFrame(
        {"contacts": [10, 4], "still_active": [8, 0], "broadcast": [2, 0], "active_30d": [4, 0]},
        index=pd.DatetimeIndex(["2026-05-01", "2026-06-01"], name="month"),
    )


def test_shares_of_a_cohort_are_of_all_and_of_those_still_active() -> None:
    traces = {trace.name: trace for trace in figures.cohort_shares(cohorts()).data}
    assert {name: trace.y[0] for name, trace in traces.items()} == {
        "Still active": 0.8,
        "Opted in to broadcasts": 0.25,
        "Active in 30 days": 0.5,
    }


def test_a_share_of_nobody_is_missing_and_not_0() -> None:
    traces = {trace.name: trace for trace in figures.cohort_shares(cohorts()).data}
    assert traces["Still active"].y[1] == 0
    assert pd.isna(traces["Opted in to broadcasts"].y[1])


# Small lines


def drawn(image: str) -> ElementTree.Element:
    """The drawing in an image of a small line."""
    source = re.search('src="data:image/svg\\+xml;base64,([^"]+)"', image)
    assert source is not None
    return ElementTree.fromstring(b64decode(source[1]))


def line(values: list[float], *, from_zero: bool = False) -> list[tuple[float, float]]:
    """The points of a small line; y runs from 22, the lowest, to 2, the highest."""
    drawing = drawn(figures.sparkline(values, from_zero=from_zero))
    (element,) = drawing.iter("{http://www.w3.org/2000/svg}polyline")
    pairs = [pair.split(",") for pair in element.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def told(values: list[float]) -> str:
    """What a small line says to those who do not see it."""
    text = re.search('alt="([^"]*)"', figures.sparkline(values))
    assert text is not None
    return text[1]


def test_a_small_line_runs_from_side_to_side_between_the_lowest_and_the_highest() -> None:
    assert line([10, 30, 20]) == [(0, 22), (50, 2), (100, 12)]


def test_a_small_line_may_begin_at_zero() -> None:
    assert line([10, 20], from_zero=True) == [(0, 12), (100, 2)]
    assert line([-10, 10], from_zero=True) == [(0, 22), (100, 2)]


@pytest.mark.parametrize("values", [[5], [5, 5], [0, 0]], ids=str)
def test_what_does_not_change_is_a_level_line(values: list[float]) -> None:
    (left, y), (right, same) = line(values)
    assert (left, right) == (0, 100)
    assert y == same


@pytest.mark.parametrize("values", [[], [nan], [nan, inf, -inf]], ids=str)
def test_of_nothing_there_is_no_line(values: list[float]) -> None:
    assert figures.sparkline(values) == ""


def test_what_is_missing_is_left_out_of_a_small_line() -> None:
    assert line([nan, 10, 30]) == line([10, 30])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1234, 5, 2000, 7], "Trend: from 1,234 to 7, at least 5, at most 2,000"),
        ([0, 1], "Trend: from 0 to 1, at least 0, at most 1"),
        ([-3, 4], "Trend: from -3 to 4, at least -3, at most 4"),
    ],
    ids=str,
)
def test_a_small_line_says_where_it_goes(values: list[float], text: str) -> None:
    assert told(values) == text


def test_a_small_line_of_rates_says_percentages() -> None:
    line = figures.sparkline([0, 1], say=formatting.percent)
    assert "Trend: from 0.0% to 100.0%, at least 0.0%, at most 100.0%" in line


@some
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.booleans())
def test_a_small_line_stays_in_its_box(values: list[float], from_zero: bool) -> None:
    points = line(values, from_zero=from_zero)
    assert all(0 <= x <= 100 and 2 <= y <= 22 for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)


# All of them

EVERY: dict[str, Callable[[str], go.Figure]] = {
    "growth": lambda name: figures.growth(
        daily("2026-06-01", new=[1], lost=[1]), "D", date(2026, 6, 1)
    ),
    "by channel": lambda name: figures.new_by_channel(
        daily("2026-06-01", **{name: [1]}), "D", date(2026, 6, 1)
    ),
    "ranking": lambda name: figures.ranking({name: 1}, "contacts"),
    "world": lambda name: figures.world({"BR": 1}, "contacts"),
    "arrivals": lambda name: figures.arrivals(week()),
    "rates": lambda name: figures.rates([(name, Rate(1, 2))], "opted in"),
    "differences": lambda name: figures.differences([(name, Difference(Rate(1, 2), Rate(1, 3)))]),
    "load": lambda name: figures.load(agents(**{name: (1, 1)})),
    "grid": lambda name: figures.grid(held(Ana=[1]), [name], [name], "open"),
    "cohorts": lambda name: figures.cohort_shares(cohorts()),
}
EMPTY: dict[str, Callable[[], go.Figure]] = {
    "growth": lambda: figures.growth(daily("2026-06-01", new=[], lost=[]), "D", date(2026, 6, 1)),
    "by channel": lambda: figures.new_by_channel(
        pd.DataFrame(index=pd.DatetimeIndex([], name="day")), "W", date(2026, 6, 1)
    ),
    "nothing new by channel": lambda: figures.new_by_channel(
        daily("2026-06-01", none=[0]).drop(columns="none"), "D", date(2026, 6, 1)
    ),
    "ranking": lambda: figures.ranking({}, "contacts"),
    "world": lambda: figures.world({}, "contacts"),
    "arrivals": lambda: figures.arrivals(week() * 0),
    "rates": lambda: figures.rates([], "opted in"),
    "differences": lambda: figures.differences([]),
    "load": lambda: figures.load(agents()),
    "grid": lambda: figures.grid(pd.DataFrame(), [], [], "open"),
    "grid of zeros": lambda: figures.grid(held(Ana=[0]), ["Ana"], ["a"], "open"),
    "cohorts": lambda: figures.cohort_shares(cohorts().iloc[:0]),
}


@pytest.mark.parametrize("draw", EMPTY.values(), ids=EMPTY)
def test_nothing_makes_a_figure_too(draw: Callable[[], go.Figure]) -> None:
    assert json.loads(draw().to_json())["data"] is not None


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_a_figure_can_be_sent(draw: Callable[[str], go.Figure]) -> None:
    assert "NaN" not in draw("VIP").to_json()


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_no_name_is_taken_for_a_mark(draw: Callable[[str], go.Figure]) -> None:
    sent = json.dumps(json.loads(draw(HOSTILE).to_json()), ensure_ascii=False)
    for mark in ("<b>", "<a ", "R&D<", "$x$", "%{y}\\n", "%{y} <"):
        assert mark not in sent


@pytest.mark.parametrize("kind", ["by channel", "ranking", "rates", "differences", "load", "grid"])
def test_a_name_is_shown_as_it_is(kind: str) -> None:
    sent = json.dumps(json.loads(EVERY[kind]("R&D <3").to_json()), ensure_ascii=False)
    assert "R&amp;D &lt;3" in sent


@pytest.mark.parametrize("kind", ["by channel", "ranking", "rates", "differences", "load", "grid"])
def test_an_overlong_name_is_cut(kind: str) -> None:
    assert "x" * 30 not in EVERY[kind]("x" * 1000).to_json()


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_a_finger_that_scrolls_past_drags_nothing_along(
    draw: Callable[[str], go.Figure],
) -> None:
    layout = draw("VIP").layout
    assert layout.dragmode is False
    assert layout.xaxis.fixedrange is not False


@pytest.mark.parametrize("kind", ["ranking", "rates", "differences", "load"])
def test_two_names_that_look_the_same_keep_their_own_rows(kind: str) -> None:
    long = "x" * 40
    two: dict[str, go.Figure] = {
        "ranking": figures.ranking({long + "1": 1, long + "2": 2}, "contacts"),
        "rates": figures.rates([(long + "1", Rate(1, 2)), (long + "2", Rate(1, 3))], "opted in"),
        "differences": figures.differences(
            [(long + end, Difference(Rate(1, 2), Rate(1, 3))) for end in "12"]
        ),
        "load": figures.load(agents(**{long + "1": (1, 0), long + "2": (2, 0)})),
    }
    assert len(set(two[kind].data[0].y)) == 2
