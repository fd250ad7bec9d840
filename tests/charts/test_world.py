from __future__ import annotations

from math import log10

import pytest

from lib.charts.style import FADED
from lib.charts.world import round_above, world
from tests.charts.reading import hovers


def test_the_world_is_shaded_by_orders_of_magnitude() -> None:
    trace = world({"BR": 999, "VN": 9, "unknown": 50}, "contacts").data[0]
    assert list(trace.locations) == ["BRA", "VNM"]
    assert list(trace.z) == pytest.approx([3, 1])
    assert list(trace.z) == pytest.approx([log10(1000), log10(10)])


def test_the_world_says_the_number_and_not_its_order() -> None:
    assert hovers(world({"BR": 1234}, "contacts").data[0]) == ["Brazil: 1,234 contacts"]


def test_a_country_keeps_its_shade_whatever_is_filtered() -> None:
    whole = world({"BR": 999, "VN": 9}, "contacts", 1000).data[0]
    filtered = world({"VN": 9}, "contacts", 1000).data[0]
    assert (whole.zmin, whole.zmax, whole.z[1]) == (filtered.zmin, filtered.zmax, filtered.z[0])


def test_countries_that_are_not_chosen_fade() -> None:
    contacts = {"BR": 999, "VN": 9, "MX": 5}
    drawn = world(contacts, "contacts", chosen=["VN"]).data
    assert [list(trace.locations) for trace in drawn] == [["VNM"], ["BRA", "MEX"]]
    assert [trace.marker.opacity for trace in drawn] == [1, FADED]
    assert [trace.marker.opacity for trace in world(contacts, "contacts").data] == [1]


def test_a_chosen_country_has_the_shade_that_it_had_among_all() -> None:
    contacts = {"BR": 999, "VN": 9}
    assert {trace.zmax for trace in world(contacts, "contacts", chosen=["VN"]).data} == {3}


def test_the_world_asks_for_no_fit_which_would_need_outlines_from_elsewhere() -> None:
    assert world({"BR": 1}, "contacts").layout.geo.fitbounds is False


@pytest.mark.parametrize(
    ("largest", "end"),
    [(0, 10), (7, 10), (10, 10), (62, 70), (791, 800), (800, 800), (13_512, 14_000)],
)
def test_a_scale_ends_at_a_round_number_just_above_the_largest(largest: int, end: int) -> None:
    assert round_above(largest) == end
