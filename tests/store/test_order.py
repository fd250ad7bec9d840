from __future__ import annotations

from lib.store.order import ranks_of


def test_ranks_sort_like_the_texts_and_equal_texts_share_one() -> None:
    assert ranks_of(["b", "é", "10", "9", "b", "\U0001f600", "\uffff"]).tolist() == [
        *(2, 3, 0, 1, 2, 5, 4)
    ]
    assert ranks_of([]).tolist() == []


def test_long_ids_in_sorted_runs_are_ranked() -> None:
    """As pages of two walkers bring them. NumPy's default sort ends the process on these."""
    runs = [[f"{10**18 + 2 * number + run:020}" for number in range(30_000)] for run in (0, 1)]
    found = ranks_of([*runs[0], *runs[1]])
    assert found[:3].tolist() == [0, 2, 4]
    assert found[30_000:30_003].tolist() == [1, 3, 5]
