from __future__ import annotations

from datetime import date
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.charts.steps import Step, by_size, step_for, step_name, stepped, stepped_alongside
from tests.charts.reading import daily, some


@pytest.mark.parametrize(
    ("days", "step"),
    [(1, "day"), (92, "day"), (93, "week"), (731, "week"), (732, "month"), (5000, "month")],
)
def test_bars_get_wider_with_the_period(days: int, step: Step) -> None:
    assert step_for(days) == step


def test_days_stay_as_they_are() -> None:
    table = daily("2026-06-03", new=[1, 2, 3])
    pd.testing.assert_frame_equal(stepped(table, "day"), table)


def test_weeks_begin_on_monday() -> None:
    # 3 June 2026 is a Wednesday.
    weeks = stepped(daily("2026-06-03", new=[1] * 12), "week")
    assert [f"{day:%a %d %b}" for day in weeks.index] == ["Mon 01 Jun", "Mon 08 Jun"]
    assert weeks["new"].tolist() == [5, 7]


def test_months_begin_on_the_first() -> None:
    months = stepped(daily("2024-02-28", new=[1, 10, 100]), "month")
    assert [f"{day:%Y-%m-%d}" for day in months.index] == ["2024-02-01", "2024-03-01"]
    assert months["new"].tolist() == [11, 100]


@some
@given(
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    st.lists(st.integers(0, 1000), min_size=1, max_size=400),
    st.sampled_from(get_args(Step)),
)
def test_no_step_loses_or_invents_a_contact(start: date, new: list[int], step: Step) -> None:
    table = stepped(daily(f"{start}", new=new, lost=new[::-1]), step)
    assert (table["new"].sum(), table["lost"].sum()) == (sum(new), sum(new))
    assert table.index.is_monotonic_increasing
    assert table.index.is_unique


def test_another_period_is_summed_by_the_days_that_its_own_stand_beside() -> None:
    """Ten days from Thursday, 4 June, over ten from Monday, 25 May: a week of four days, one of
    six."""
    days = daily("2026-06-04", new=[0] * 10).index
    before = daily("2026-05-25", new=[1, 1, 1, 1, 10, 10, 10, 10, 10, 10, 99])
    alongside = stepped_alongside(before, days, "week")
    assert [f"{day:%a %d %b}" for day in alongside.index] == ["Mon 01 Jun", "Mon 08 Jun"]
    assert alongside["new"].tolist() == [4, 60]


def test_months_are_drawn_over_their_like() -> None:
    """February has fewer days than January; its last three are not counted for March."""
    days = pd.date_range("2026-01-01", "2026-02-28", name="day")
    before = daily("2024-01-01", new=[1] * 31 + [1] * 29)
    assert stepped_alongside(before, days, "month")["new"].tolist() == [31, 29]


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("day", "Wed 1 Jul 2026"),
        ("week", "week of 1 Jul 2026"),
        ("month", "Jul 2026"),
        ("quarter", "quarter of Jul 2026"),
        ("year", "2026"),
    ],
)
def test_steps_are_named_as_people_name_them(step: Step, name: str) -> None:
    assert step_name(pd.Timestamp("2026-07-01"), step) == name


def test_the_size_of_a_column_is_its_sum_and_equal_ones_keep_their_order() -> None:
    table = daily("2026-06-01", b=[3, 0], a=[0, 3], c=[2, 2], d=[0, 0])
    assert list(by_size(table).columns) == ["c", "b", "a", "d"]
