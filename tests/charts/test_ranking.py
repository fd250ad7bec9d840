from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.charts.ranking import Ranking
from lib.charts.style import JADE, PETROL
from tests.charts.reading import hovers, some


def ranking(values: dict[str, int], most: int = 12, chosen: tuple[str, ...] = ()) -> Ranking:
    """Groups without overlap, whose keys are their names in lower case."""
    names = list(values)
    keys = [name.lower() for name in names]
    return Ranking.of(keys, names, list(values.values()), most=most, chosen=chosen)


def test_a_ranking_keeps_the_given_order_the_first_on_top() -> None:
    figure = ranking({"Brazil": 5, "Angola": 7}).figure()
    assert list(figure.layout.yaxis.ticktext) == ["Brazil", "Angola"]
    assert list(figure.data[0].x) == [5, 7]
    assert figure.layout.yaxis.autorange == "reversed"


def test_a_long_tail_ends_in_other_with_its_sum_where_groups_do_not_overlap() -> None:
    figure = ranking({f"tag {n}": 10 - n for n in range(10)}, most=4).figure()
    assert list(figure.layout.yaxis.ticktext) == ["tag 0", "tag 1", "tag 2", "tag 3", "other (6)"]
    assert list(figure.data[0].x) == [10, 9, 8, 7, 6 + 5 + 4 + 3 + 2 + 1]


def test_the_tail_is_counted_by_who_is_asked_about_the_groups_that_are_shown() -> None:
    # The same three people are in each of three groups.
    def outside(shown: tuple[str, ...]) -> int:
        assert shown == ("a",)
        return 3

    found = Ranking.of(["a", "b", "c"], ["A", "B", "C"], [3, 3, 3], most=1, outside=outside)
    assert found.bars == [("A", 3), ("other (2)", 3)]


def test_as_many_as_may_be_shown_have_no_other() -> None:
    assert ranking({f"tag {n}": 1 for n in range(4)}, most=4).tail is None


def test_a_name_that_reads_like_the_other_ones_is_not_lost_among_them() -> None:
    bars = ranking({"other (2)": 5, "VIP": 1, "Lead": 1}, most=1).bars
    assert bars == [("other (2)", 5), ("other (2)", 2)]


def test_a_single_group_more_is_shown_and_not_called_other() -> None:
    assert ranking({"VIP": 5, "Lead": 1}, most=1).bars == [("VIP", 5), ("Lead", 1)]


@some
@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 10**6), max_size=30),
    st.integers(1, 12),
)
def test_no_ranking_loses_or_invents_anybody(values: dict[str, int], most: int) -> None:
    found = ranking(values, most)
    assert sum(value for _, value in found.bars) == sum(values.values())
    assert len(found.bars) == min(len(values), most + 1)


def test_bars_begin_at_zero_and_leave_room_for_their_number() -> None:
    figure = ranking({"Brazil": 1000}).figure()
    assert tuple(figure.layout.xaxis.range) == (0, 1300)
    assert list(figure.data[0].text) == ["1,000"]


def test_a_ranking_has_the_colours_that_are_given() -> None:
    figure = ranking({"WhatsApp": 2, "line": 1}).figure({"whatsapp": JADE})
    assert list(figure.data[0].marker.color) == [JADE, PETROL]


def test_a_ranking_reads_as_a_sentence() -> None:
    assert hovers(ranking({"Brazil": 1234}).figure().data[0]) == ["Brazil: 1,234 contacts"]


def test_what_is_not_chosen_fades_beside_what_is() -> None:
    figure = ranking({"VIP": 3, "Lead": 2, "Old": 1}, most=2, chosen=("lead",)).figure()
    assert list(figure.data[0].marker.color) == [f"{PETROL}4C", PETROL, f"{PETROL}4C"]


def test_bars_are_never_seen_through_by_opacity_where_plotly_then_knows_of_no_click() -> None:
    (trace,) = ranking({"VIP": 3, "Lead": 2}, chosen=("lead",)).figure().data
    assert (trace.opacity, trace.marker.opacity) == (None, None)


def test_what_is_chosen_is_shown_even_if_it_is_far_down() -> None:
    found = ranking({"VIP": 3, "Lead": 2, "New": 2, "Old": 1}, most=2, chosen=("old",))
    assert found.bars == [("VIP", 3), ("Old", 1), ("other (2)", 4)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"VIP": 3, "Lead": 1234}, "Tags: VIP 3 and Lead 1,234."),
        ({}, "Tags: none."),
        (
            {f"t{n}": n for n in range(8)},
            "Tags: t0 0, t1 1, t2 2, t3 3, t4 4, t5 5 and 2 others.",
        ),
    ],
    ids=["two", "none", "many"],
)
def test_a_ranking_is_told_in_words(values: dict[str, int], told: str) -> None:
    assert ranking(values).alt("Tags") == told
