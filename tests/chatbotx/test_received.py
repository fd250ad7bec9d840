"""What a crawl remembers of each contact, in few bytes."""

from __future__ import annotations

from random import Random

import pytest

from lib.chatbotx.keys import AFTER_ALL, BEFORE_ALL
from lib.chatbotx.received import Creations, Received

by_blocks = pytest.mark.parametrize("block", [1, 3, 1000])


@by_blocks
def test_only_those_that_came_are_known(block: int) -> None:
    seen = Received(block)
    for number in range(50):
        seen.add([str(number)], [number])
        assert seen.has(str(number))
        assert seen.has("0")
        assert not seen.has(str(number + 1))


@by_blocks
def test_ids_that_came_with_other_contents_count_once_each(block: int) -> None:
    seen = Received(block)
    rows = [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 1), ("c", 7), ("d", -4), ("d", 5)]
    Random(1).shuffle(rows)
    seen.add([contact for contact, _ in rows], [version for _, version in rows])
    assert seen.repeated_differently() == 2  # a and d


@by_blocks
def test_nothing_came_twice_where_nothing_came(block: int) -> None:
    assert Received(block).repeated_differently() == 0


@by_blocks
def test_times_of_creation_are_minutes_in_order(block: int) -> None:
    created = Creations(block)
    created.add(["1970-01-01T00:02:59.999Z", "1970-01-01T00:01:00.000Z"])
    created.add(["1969-12-31T23:59:59.999Z", "9999-12-31T23:59:00.000Z"])
    assert created.minutes().tolist() == [-1, 1, 2, 4_223_371_679]


@by_blocks
@pytest.mark.parametrize("odd", [BEFORE_ALL, AFTER_ALL, "2026-99-99T00:00:00.000Z"])
def test_there_are_no_times_where_one_is_not_known(odd: str, block: int) -> None:
    created = Creations(block)
    created.add(["2026-01-01T00:00:00.000Z", odd])
    assert len(created.minutes()) == 0
