from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from lib.charts.growth import growth, new_by_channel, new_by_hour
from lib.charts.steps import UNFINISHED, Step, by_size, stepped
from lib.charts.style import FADED, channel_colour
from tests.charts.reading import bars, daily, hovers


def test_new_contacts_stand_above_the_axis_and_lost_ones_below() -> None:
    figure = growth(daily("2026-06-01", new=[5, 0], lost=[1, 2]), "day", date(2026, 6, 9))
    assert bars(figure) == {"New": [5, 0], "Lost": [-1, -2]}


def test_the_axis_of_many_has_thousands_separated() -> None:
    days = pd.date_range("2026-06-01", periods=10)
    many = pd.DataFrame({"new": [1200] * 10, "lost": [0] * 10}, days)
    assert growth(many, "day", date(2026, 7, 1)).layout.yaxis.tickformat == ",d"


def test_growth_reads_as_a_sentence() -> None:
    table = daily("2026-06-01", new=[1234], lost=[5])
    new, lost = growth(table, "day", date(2026, 6, 9)).data
    assert hovers(new) == ["Mon 1 Jun 2026: 1,234 new"]
    assert hovers(lost) == ["Mon 1 Jun 2026: 5 lost"]


@pytest.mark.parametrize(
    ("step", "today", "opacities"),
    [
        ("day", date(2026, 6, 14), [1.0] * 13 + [UNFINISHED]),
        ("day", date(2026, 7, 1), [1.0] * 14),
        ("week", date(2026, 6, 10), [1.0, UNFINISHED]),
        ("week", date(2026, 6, 14), [1.0, UNFINISHED]),
        ("week", date(2026, 6, 15), [1.0, 1.0]),
        ("month", date(2026, 6, 30), [UNFINISHED]),
        ("month", date(2026, 7, 1), [1.0]),
    ],
)
def test_what_is_not_over_is_lighter(step: Step, today: date, opacities: list[float]) -> None:
    table = daily("2026-06-01", new=[1] * 14, lost=[0] * 14)
    for trace in growth(table, step, today).data:
        assert list(trace.marker.opacity) == opacities


def test_channels_are_stacked_by_size_the_largest_first() -> None:
    table = daily("2026-06-01", line=[1, 1], whatsapp=[5, 5], telegram=[0, 3])
    figure = new_by_channel(table, "day", date(2026, 7, 1))
    assert list(bars(figure)) == ["WhatsApp", "Telegram", "line"]
    assert figure.layout.barmode == "stack"
    # The first trace is at the bottom; the legend is read from the top.
    assert figure.layout.legend.traceorder == "reversed"


def test_channels_of_one_size_keep_their_order() -> None:
    table = daily("2026-06-01", telegram=[2], line=[2], whatsapp=[2])
    figure = new_by_channel(table, "day", date(2026, 7, 1))
    assert list(bars(figure)) == ["Telegram", "line", "WhatsApp"]


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_bars_are_in_the_order_of_the_table_that_clicks_are_read_from(step: Step) -> None:
    table = daily("2026-06-01", line=[9] + [0] * 39, zalo=[1] * 40, sms=[1] * 40)
    figure = new_by_channel(table, step, date(2026, 8, 1))
    drawn = stepped(by_size(table), step)
    assert [trace.name for trace in figure.data] == ["Zalo", "sms", "line"]
    assert [list(trace.y) for trace in figure.data] == [drawn[key].tolist() for key in drawn]


def test_a_channel_has_its_colour_whatever_else_is_shown() -> None:
    alone = new_by_channel(daily("2026-06-01", zalo=[1]), "day", date(2026, 7, 1))
    among = new_by_channel(
        daily("2026-06-01", whatsapp=[9], zalo=[1], other=[4]), "day", date(2026, 7, 1)
    )
    colours = {trace.name: trace.marker.color for trace in among.data}
    assert colours["Zalo"] == alone.data[0].marker.color == channel_colour("zalo")
    assert len(set(colours.values())) == 3


def test_new_contacts_by_channel_read_as_a_sentence() -> None:
    figure = new_by_channel(daily("2026-06-01", smtp=[7]), "week", date(2026, 7, 1))
    assert hovers(figure.data[0]) == ["week of 1 Jun 2026: 7 new on E-mail"]


def test_the_unfinished_day_says_so() -> None:
    table = daily("2026-06-08", new=[3, 2], lost=[0, 0])
    new, _ = growth(table, "day", date(2026, 6, 9)).data
    assert hovers(new) == ["Mon 8 Jun 2026: 3 new", "Tue 9 Jun 2026, so far: 2 new"]


def test_the_period_compared_with_is_a_dotted_line_over_the_same_places() -> None:
    table = daily("2026-06-01", new=[1, 2], lost=[0, 0])
    ghost = growth(table, "day", date(2026, 7, 1), [5, 4, 3]).data[-1]
    assert (list(ghost.y), ghost.line.dash) == ([5, 4], "dot")
    # Without hover, the line leaves the pointer to the bars behind it.
    assert ghost.hoverinfo == "skip"


def test_a_period_before_without_anybody_is_not_drawn() -> None:
    table = daily("2026-06-01", new=[1], lost=[0])
    assert len(growth(table, "day", date(2026, 7, 1), [0]).data) == 2


def test_one_day_is_drawn_by_its_hours() -> None:
    figure = new_by_hour([0] * 23 + [1234])
    (trace,) = figure.data
    assert hovers(trace)[-1] == "23:00: 1,234 new"
    # An axis of times has as many labels as there is room for.
    assert (figure.layout.xaxis.type, figure.layout.xaxis.dtick) == ("date", None)


def test_the_current_hour_is_marked_and_the_day_before_is_a_dotted_line() -> None:
    trace, before = new_by_hour([2] * 24, current=8, before=[3] * 24).data
    assert [hour for hour, shade in enumerate(trace.marker.opacity) if shade == UNFINISHED] == [8]
    assert hovers(trace)[8] == "08:00, so far: 2 new"
    assert (before.name, before.line.dash, list(before.y)) == ("Before", "dot", [3] * 24)
    assert len(new_by_hour([2] * 24, before=[0] * 24).data) == 1


@pytest.mark.parametrize(("most", "tick"), [(1, 1), (400, None)])
def test_an_hour_of_few_has_no_ticks_at_fractions(most: int, tick: int | None) -> None:
    assert new_by_hour([most] + [0] * 23).layout.yaxis.dtick == tick


def test_totals_stand_above_the_stack_and_are_no_part_of_it() -> None:
    table = daily("2026-06-01", whatsapp=[2, 0], zalo=[1, 0])
    *_, totals = new_by_channel(table, "day", date(2026, 7, 1), [2, 0]).data
    assert (list(totals.y), list(totals.text)) == ([0, 0], ["2", ""])
    assert (totals.textposition, totals.showlegend) == ("outside", False)


def test_chosen_channels_stand_at_the_bottom_and_the_others_are_faded() -> None:
    table = daily("2026-06-01", whatsapp=[9], zalo=[1])
    below, above = new_by_channel(table, "day", date(2026, 7, 1), chosen=["zalo"]).data
    assert (below.name, above.name) == ("Zalo", "WhatsApp")
    assert (below.marker.opacity, above.marker.opacity) == ((1.0,), (FADED,))
