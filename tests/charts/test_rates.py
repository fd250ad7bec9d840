from __future__ import annotations

import pandas as pd
import pytest

from lib.charts.rates import cohort_shares, differences
from lib.charts.rates import rates as rates_figure
from lib.reference.rates import Difference, Rate
from tests.charts.reading import cohorts, hovers


def test_a_rate_is_a_dot_with_its_interval() -> None:
    rate = Rate(50, 100)
    trace = rates_figure([("VIP", rate)], "opted in").data[0]
    assert rate.interval is not None
    low, high = rate.interval
    assert list(trace.x) == [0.5]
    assert trace.error_x.array[0] == pytest.approx(high - 0.5)
    assert trace.error_x.arrayminus[0] == pytest.approx(0.5 - low)


def test_rates_over_fewer_than_30_are_muted() -> None:
    rates = [("many", Rate(15, 30)), ("few", Rate(15, 29))]
    marker = rates_figure(rates, "opted in").data[0].marker
    assert list(marker.symbol) == ["circle", "circle-open"]
    assert marker.color[0] != marker.color[1]


def test_a_rate_is_written_beside_its_dot_unless_it_rests_on_few() -> None:
    rates = [("many", Rate(15, 30)), ("few", Rate(15, 29))]
    assert list(rates_figure(rates, "opted in").data[1].text) == ["50.0%", ""]


def test_a_rate_of_nobody_is_left_out() -> None:
    figure = rates_figure([("nobody", Rate(0, 0)), ("some", Rate(1, 2))], "opted in")
    assert list(figure.layout.yaxis.ticktext) == ["some"]


@pytest.mark.parametrize("rate", [Rate(0, 5), Rate(5, 5), Rate(0, 40), Rate(40, 40)])
def test_whiskers_lie_within_0_and_1(rate: Rate) -> None:
    trace = rates_figure([("all or none", rate)], "opted in").data[0]
    assert trace.x[0] - trace.error_x.arrayminus[0] >= 0
    assert trace.x[0] + trace.error_x.array[0] <= 1


def test_a_rate_reads_as_a_sentence() -> None:
    trace = rates_figure([("VIP", Rate(1, 2))], "opted in").data[0]
    assert hovers(trace) == ["VIP:<br>50.0% (1 of 2) opted in,<br>likely 9.5% to 90.5%"]


def test_the_hover_text_of_a_rate_adds_others_of_the_same_row_unless_they_are_of_nobody() -> None:
    rows = [("nobody", Rate(0, 0)), ("VIP", Rate(1, 2)), ("Lead", Rate(1, 2))]
    mail = {"E-mail opt-in": [Rate(9, 9), Rate(3, 4), Rate(0, 0)]}
    vip, lead = hovers(rates_figure(rows, "opted in", mail).data[0])
    assert vip.endswith("likely 9.5% to 90.5%<br>E-mail opt-in: 75.0% (3 of 4)")
    assert lead.endswith("likely 9.5% to 90.5%")


def test_a_difference_is_a_dot_with_its_interval_around_zero() -> None:
    difference = Difference(Rate(30, 50), Rate(20, 50))
    figure = differences([("VIP", difference)])
    trace = figure.data[0]
    assert difference.interval is not None
    low, high = difference.interval
    assert trace.x[0] == pytest.approx(20)
    assert (trace.x[0] - trace.error_x.arrayminus[0], trace.x[0] + trace.error_x.array[0]) == (
        pytest.approx((100 * low, 100 * high))
    )
    assert figure.layout.xaxis.zeroline
    assert figure.layout.xaxis.title.text == "points"


def test_a_difference_from_nobody_is_left_out() -> None:
    assert len(differences([("all", Difference(Rate(1, 2), Rate(0, 0)))]).data[0].x) == 0


def large_cohorts() -> pd.DataFrame:
    """Cohorts of May and July, without anybody in June; July is too small for the line."""
    return pd.DataFrame(
        {
            "contacts": [100, 20],
            "still_active": [80, 0],
            "broadcast": [20, 0],
            "active_30d": [40, 0],
        },
        index=pd.DatetimeIndex(["2026-05-01", "2026-07-01"], name="month"),
    )


def test_shares_of_a_cohort_are_of_all_and_of_those_still_active() -> None:
    lines = [trace for trace in cohort_shares(large_cohorts()).data if "lines" in trace.mode]
    assert {trace.name: trace.y[0] for trace in lines} == {
        "Still active": 0.8,
        "Opted in to broadcasts": 0.25,
        "Active in 30 days": 0.5,
    }


def test_a_month_without_anybody_leaves_a_gap() -> None:
    line = cohort_shares(large_cohorts()).data[0]
    assert len(line.y) == 3
    assert pd.isna(line.y[1])
    assert not line.connectgaps


def test_a_month_of_fewer_than_30_is_a_hollow_dot_on_no_line() -> None:
    line, dots = cohort_shares(large_cohorts()).data[:2]
    assert pd.isna(line.y[2])
    assert (dots.y[2], dots.marker.symbol) == (0, "circle-open")


def test_a_share_of_nobody_is_missing_and_not_0() -> None:
    broadcast = [trace for trace in cohort_shares(cohorts()).data if "broadcasts" in trace.name]
    assert all(pd.isna(trace.y[1]) for trace in broadcast)
