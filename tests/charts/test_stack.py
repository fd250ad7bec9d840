"""Stacked bars in table rows."""

from __future__ import annotations

from lib.charts.stack import Part, Stack, stack
from tests.charts.test_sparkline import drawn

LATE, DONE = "#BF350E", "#12759A"


def bar(late: int, done: int, longest: int) -> str:
    return stack(Stack((Part("late", late, LATE), Part("done", done, DONE)), longest))


def rectangles(image: str) -> list[tuple[float, float, str]]:
    """Start, width (out of 100) and colour of each part."""
    found = drawn(image).iter("{http://www.w3.org/2000/svg}rect")
    return [
        (float(each.attrib["x"]), float(each.attrib["width"]), each.attrib["fill"])
        for each in found
    ]


def test_parts_stand_side_by_side_from_zero_and_the_longest_bar_fills_the_cell() -> None:
    assert rectangles(bar(1, 3, longest=4)) == [(0, 25, LATE), (25, 75, DONE)]


def test_bars_of_a_table_share_one_scale() -> None:
    assert rectangles(bar(1, 1, longest=4)) == [(0, 25, LATE), (25, 25, DONE)]


def test_what_is_nothing_is_not_drawn_and_still_told() -> None:
    image = bar(0, 3, longest=4)
    assert rectangles(image) == [(0, 75, DONE)]
    assert 'alt="0 late, 3 done"' in image


def test_a_table_of_nothing_has_no_bars() -> None:
    assert rectangles(bar(0, 0, longest=0)) == []


def test_the_words_of_a_bar_cannot_become_markup() -> None:
    assert "<b>" not in stack(Stack((Part('"><b>', 1, DONE),), 1))
