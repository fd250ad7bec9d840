"""What a crawl remembers of each contact, in few bytes."""

from __future__ import annotations

from random import Random

import pytest

from lib.chatbotx import received
from lib.chatbotx.keys import AFTER_ALL, BEFORE_ALL
from lib.chatbotx.received import Creations, Received


@pytest.fixture(autouse=True, params=[1, 3, 1000])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "_BLOCK", request.param)


def test_only_those_that_came_are_known() -> None:
    seen = Received()
    for number in range(50):
        seen.add([str(number)], [number])
        assert seen.has(str(number))
        assert seen.has("0")
        assert not seen.has(str(number + 1))


def test_ids_that_came_with_other_contents_count_once_each() -> None:
    seen = Received()
    rows = [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 1), ("c", 7), ("d", -4), ("d", 5)]
    Random(1).shuffle(rows)
    seen.add([contact for contact, _ in rows], [version for _, version in rows])
    assert seen.repeated_differently() == 2  # a and d


def test_nothing_came_twice_where_nothing_came() -> None:
    assert Received().repeated_differently() == 0


def test_times_of_creation_are_minutes_in_order() -> None:
    created = Creations()
    created.add(["1970-01-01T00:02:59.999Z", "1970-01-01T00:01:00.000Z"])
    created.add(["1969-12-31T23:59:59.999Z", "9999-12-31T23:59:00.000Z"])
    assert created.minutes().tolist() == [-1, 1, 2, 4_223_371_679]


@pytest.mark.parametrize("odd", [BEFORE_ALL, AFTER_ALL, "2026-99-99T00:00:00.000Z"])
def test_there_are_no_times_where_one_is_not_known(odd: str) -> None:
    created = Creations()
    created.add(["2026-01-01T00:00:00.000Z", odd])
    assert len(created.minutes()) == 0
