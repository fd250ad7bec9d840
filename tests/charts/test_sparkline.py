from __future__ import annotations

import re
from base64 import b64decode
from math import inf, nan
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.charts.sparkline import sparkline
from lib.reference import formatting
from tests.charts.reading import some


def drawn(image: str) -> ElementTree.Element:
    """The SVG in the image of a sparkline."""
    source = re.search('src="data:image/svg\\+xml;base64,([^"]+)"', image)
    assert source is not None
    return ElementTree.fromstring(b64decode(source[1]))


def line(values: list[float], *, from_zero: bool = False) -> list[tuple[float, float]]:
    """The points of a sparkline; y goes from 22 (lowest) to 2 (highest)."""
    drawing = drawn(sparkline(values, from_zero=from_zero))
    (element,) = drawing.iter("{http://www.w3.org/2000/svg}polyline")
    pairs = [pair.split(",") for pair in element.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def told(values: list[float]) -> str:
    """Alt text of a sparkline."""
    text = re.search('alt="([^"]*)"', sparkline(values))
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
    assert sparkline(values) == ""


def test_what_is_missing_at_the_side_of_a_small_line_is_left_free() -> None:
    assert line([nan, 10, 30]) == [(50, 22), (100, 2)]


def test_what_is_missing_within_a_small_line_is_a_gap() -> None:
    drawing = drawn(sparkline([10, 20, nan, 30, nan, 20, 10]))
    lines = drawing.findall(".//{http://www.w3.org/2000/svg}polyline")
    # A day between two gaps is a short dash.
    assert [len(each.attrib["points"].split()) for each in lines] == [2, 2, 2]


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
    line = sparkline([0, 1], say=formatting.percent)
    assert "Trend: from 0.0% to 100.0%, at least 0.0%, at most 100.0%" in line


@some
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.booleans())
def test_a_small_line_stays_in_its_box(values: list[float], from_zero: bool) -> None:
    points = line(values, from_zero=from_zero)
    assert all(0 <= x <= 100 and 2 <= y <= 22 for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
