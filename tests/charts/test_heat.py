from __future__ import annotations

import re
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from lib.charts import heat
from lib.charts.heat import arrivals, filled
from tests.charts.reading import held, some, week


def test_hours_run_to_the_right_and_the_week_begins_on_top_with_monday() -> None:
    figure = arrivals(week())
    trace = figure.data[0]
    assert (trace.y[0], trace.y[-1]) == ("Mon", "Sun")
    assert (trace.x[0], trace.x[-1]) == ("00", "23")
    assert (trace.z[0][1], trace.z[6][23]) == (1, 167)
    assert figure.layout.yaxis.autorange == "reversed"


def test_a_week_without_anybody_is_pale() -> None:
    trace = arrivals(pd.DataFrame([[0] * 24] * 7)).data[0]
    assert (trace.zmin, trace.zmax) == (0, 1)


def grid(table: pd.DataFrame) -> go.Figure:
    return heat.grid(table, list(table.index), list(table.columns), "open")


def test_filled_are_the_places_of_what_is_not_0_row_by_row() -> None:
    assert filled(held(Ana=[0, 5, 1], Bia=[0, 0, 0], Caio=[2, 0, 0])) == [
        (0, 1),
        (0, 2),
        (2, 0),
    ]


def test_a_grid_has_a_cell_at_each_place_that_is_filled_in_their_order() -> None:
    table = held(Ana=[0, 5, 1], Bia=[0, 0, 0], Caio=[2, 0, 0])
    cells = grid(table).data[0]
    rows = [int(base) for base in cells.base]
    assert list(zip(rows, cells.x, strict=True)) == filled(table)
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
    # Slanted heads would run into each other on a phone.
    assert list(layout.xaxis.autotickangles) == [0, 90]
    assert layout.xaxis.side == "top"


def test_a_cell_lies_within_its_row_and_column() -> None:
    figure = grid(held(Ana=[1, 2], Bia=[3, 4]))
    cells = figure.data[0]
    for (row, column), x, base, height in zip(
        filled(held(Ana=[1, 2], Bia=[3, 4])), cells.x, cells.base, cells.y, strict=True
    ):
        assert row <= base < base + height <= row + 1
        assert column - 0.5 <= x - cells.width / 2 < x + cells.width / 2 <= column + 0.5


def strengths(cells: Any) -> list[int]:
    """Alpha of each cell's colour, out of 255."""
    return [int(colour[7:], 16) for colour in cells.marker.color]


def test_a_cell_is_the_darker_the_more_it_holds_and_the_largest_has_all_of_the_colour() -> None:
    few, more, most = strengths(grid(held(Ana=[1, 50, 100])).data[0])
    assert 0 < few < more < most == 255


def test_cells_of_the_same_number_look_the_same() -> None:
    assert len(set(strengths(grid(held(Ana=[3, 3], Bia=[3, 0])).data[0]))) == 1


@some
@given(st.lists(st.lists(st.integers(0, 5000), min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_grid_is_never_made_of_marks_that_are_seen_through(numbers: list[list[int]]) -> None:
    # With `marker.opacity`, Plotly reports no clicks on marks with text.
    cells = grid(held(**{f"agent {row}": values for row, values in enumerate(numbers)})).data[0]
    assert cells.marker.opacity is None
    assert cells.opacity is None
    assert all(re.fullmatch("#[0-9A-F]{8}", colour) for colour in cells.marker.color)
    assert sum(int(text.replace(",", "")) for text in cells.text) == sum(map(sum, numbers))
