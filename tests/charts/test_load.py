from __future__ import annotations

from math import nan

from lib.charts.load import load
from tests.charts.reading import agents, bars, hovers


def test_load_is_split_by_what_was_answered() -> None:
    figure = load(agents(Ana=(5, 2), Bia=(0, 0)))
    shown = bars(figure)
    assert {name: shown[name] for name in shown if name} == {
        "Never answered": [1, 0],
        "Waiting again": [1, 0],
        "Answered": [3, 0],
    }
    assert list(figure.data[-1].text) == ["  5 · oldest 3 d 4 h<br>  median 2 h", "  0"]
    assert list(figure.layout.yaxis.ticktext) == ["Ana", "Bia"]


def test_load_says_beside_each_bar_its_number_and_where_somebody_waits_how_long() -> None:
    table = agents(Ana=(5, 2), Bia=(7, 0), Caio=(3, 1)).assign(
        oldest_wait_hours=[0.5, nan, 200.0], median_wait_hours=[0.25, nan, 200.0]
    )
    waits = load(table).data[-1]
    assert list(waits.text) == [
        "  5 · oldest 30 min<br>  median 15 min",
        "  7",
        "  3 · oldest 8 d 8 h<br>  median 8 d 8 h",
    ]
    assert list(waits.x) == [5, 7, 3]
    assert waits.mode == "text"


def test_load_reads_as_a_sentence() -> None:
    never, another, answered, _ = load(agents(Ana=(1500, 6))).data
    assert hovers(never) == ["Ana: 3 never answered"]
    assert hovers(another) == ["Ana: 3 waiting again"]
    assert hovers(answered) == ["Ana: 1,494 answered"]


def test_parts_of_a_load_add_up_to_what_is_open() -> None:
    parts = load(agents(Ana=(5, 3), Bia=(4, 4))).data[:-1]
    assert [sum(row) for row in zip(*(part.x for part in parts), strict=True)] == [5, 4]
