"""Pages read by number overlap, so that no row slips through between two of them."""

from __future__ import annotations

from random import Random

import pytest

from lib.chatbotx.chain import Chain, Window, window_from
from tests.effort import SEEDS


@pytest.mark.parametrize("largest", [1, 2, 7, 50])
def test_a_window_contains_its_row_and_reaches_farthest(largest: int) -> None:
    for row in range(300):
        window = window_from(row, largest)
        assert window.skipped <= row < window.end
        assert window.size <= largest
        assert window.end == max((row // n + 1) * n for n in range(1, largest + 1))


def test_pages_of_fifty_take_a_quarter_more_than_without_overlap() -> None:
    rows = windows = 0
    while rows < 6000:
        rows = window_from(max(0, rows - 1), 50).end
        windows += 1
    assert windows <= 1.25 * 6000 / 50


def read(
    rows: list[str | None], chain: Chain, largest: int, change: Random | None = None
) -> list[str | None]:
    """All rows that the chain finds. With `change`, rows are deleted and inserted at random between
    pages."""
    found: list[str | None] = []
    for number in range(20 * len(rows) + 50):
        if chain.is_at_end and chain.is_joined:
            return found
        window = chain.next_window(largest)
        page = rows[window.skipped : window.end]
        found += [page[place] for place in chain.add(window, page, False)]
        while change is not None and change.random() < 0.6:
            if rows and change.random() < 0.6:
                rows.pop(change.randrange(len(rows)))
            else:
                rows.insert(change.randint(0, len(rows)), f"new {number} {change.random()}")
    pytest.fail("without end")


@pytest.mark.parametrize("largest", [1, 2, 3, 5, 7, 50])
@pytest.mark.parametrize("count", [0, 1, 2, 6, 7, 60, 121, 420])
def test_rows_that_stay_are_found_once(count: int, largest: int) -> None:
    rows: list[str | None] = [f"{n}" for n in range(count)]
    chain = Chain()
    assert read(rows, chain, largest) == rows
    assert chain.is_sound


@pytest.mark.parametrize("largest", [7, 20])  # with at most 3 rows, some pages cannot overlap
def test_rows_that_existed_throughout_are_found_whatever_changes(largest: int) -> None:
    for seed in range(SEEDS):
        random = Random(seed)
        rows: list[str | None] = [f"{n}" for n in range(random.randrange(90))]
        before, chain = set(rows), Chain()
        found = read(rows, chain, largest, random)
        throughout = before & set(rows)
        assert throughout <= set(found) or chain.is_given_up, seed
        assert not chain.is_out_of_order, seed


@pytest.mark.parametrize("largest", [1, 4, 7])
def test_rows_without_id_are_counted_once(largest: int) -> None:
    rows = [None if n % 5 else f"{n}" for n in range(60)] + [None] * 20
    chain = Chain()
    assert read(rows, chain, largest) == rows


def test_a_page_that_does_not_join_is_tried_again_from_earlier_on() -> None:
    chain = Chain()
    chain.add(Window(1, 6), list("abcdef"), False)
    window = chain.next_window(6)
    assert (window.skipped, window.end) == (5, 10)
    assert chain.add(window, list("hijkl"), False) == []  # two were deleted, so g may be missing
    assert not chain.is_joined
    window = chain.next_window(6)
    assert window.skipped < 5
    assert [
        "cdefghijkl"[window.skipped :][place]
        for place in chain.add(window, list("cdefghijkl"[window.skipped : window.end]), False)
    ] == list("ghijkl")[: window.end - 4]
    assert chain.is_sound


def test_a_different_order_each_time_is_noticed() -> None:
    random, chain = Random(1), Chain()
    rows = [f"{n}" for n in range(60)]
    for _ in range(8):
        random.shuffle(rows)
        window = chain.next_window(20)
        chain.add(window, rows[window.skipped : window.end], False)
    assert chain.is_out_of_order
    assert not chain.is_sound


@pytest.mark.parametrize(("is_past_the_end", "is_cycling"), [(False, True), (True, False)])
def test_the_same_page_over_and_over_ends_the_chain(
    is_past_the_end: bool, is_cycling: bool
) -> None:
    chain = Chain()
    for _ in range(9):
        if chain.is_at_end:
            break
        window = chain.next_window(6)
        chain.add(window, list("abcdef")[: window.size], is_past_the_end)
    assert chain.is_at_end
    assert chain.is_cycling is is_cycling
