import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from lib.engines.results import Results, size_of


class Owner:
    """An owner of results."""


def test_a_result_is_computed_once() -> None:
    results, owner, computed = Results(), Owner(), []

    def compute() -> str:
        computed.append("again")
        return "found"

    assert [results.get(owner, "key", compute) for _ in range(3)] == ["found"] * 3
    assert computed == ["again"]


def test_results_of_two_owners_are_not_mixed_up() -> None:
    results, one, other = Results(), Owner(), Owner()

    assert results.get(one, "key", lambda: 1) == 1
    assert results.get(other, "key", lambda: 2) == 2


def test_what_is_bounded_anew_keeps_no_more_than_that() -> None:
    results, owner = Results(), Owner()
    for key in range(10):
        results.get(owner, key, lambda: np.zeros(1_000))
    results.bound(20_000)
    for key in range(10):
        results.get(owner, key, lambda: np.zeros(1_000))
    assert 8_000 < results.bytes <= 20_000


def test_who_asks_meanwhile_waits_for_the_same_result() -> None:
    results, owner, computed = Results(), Owner(), []
    all_ask = threading.Semaphore(0)

    def compute() -> int:
        for _ in range(8):
            all_ask.acquire()
        computed.append("again")
        return 7

    def ask() -> int:
        all_ask.release()
        return results.get(owner, "key", compute)

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(ask) for _ in range(8)]

    assert [each.result() for each in found] == [7] * 8
    assert computed == ["again"]


def test_one_that_takes_long_does_not_keep_others_waiting() -> None:
    results, owner, go_on = Results(), Owner(), threading.Event()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(results.get, owner, "slow", lambda: go_on.wait(60))
        assert results.get(owner, "fast", lambda: "found") == "found"
        go_on.set()
        assert slow.result()


def test_after_a_failure_the_next_tries_again() -> None:
    results, owner = Results(), Owner()

    def fail() -> None:
        raise ValueError("this time")

    with pytest.raises(ValueError, match="this time"):
        results.get(owner, "key", fail)
    assert results.get(owner, "key", lambda: "found") == "found"


def test_results_go_with_what_they_are_about() -> None:
    results, owner = Results(), Owner()
    results.get(owner, "key", lambda: np.zeros(1000))
    gc.disable()
    try:
        del owner
        assert results.bytes == 0
    finally:
        gc.enable()


def test_all_results_together_are_bounded_by_size_and_those_used_longest_ago_go() -> None:
    results, owners = Results(10_000), [Owner(), Owner()]
    computed = []

    def get(number: int) -> None:
        def compute() -> np.ndarray:
            computed.append(number)
            return np.zeros(300)  # 2,400 bytes

        results.get(owners[number % 2], number, compute)

    for number in (0, 1, 2, 0, 3, 4, 0, 1):
        get(number)
        assert results.bytes <= 10_000

    assert computed == [0, 1, 2, 3, 4, 1]


def test_one_that_is_larger_than_all_may_be_is_given_and_not_kept() -> None:
    results, owner = Results(1_000), Owner()

    assert len(results.get(owner, "key", lambda: np.zeros(1000))) == 1000
    assert results.bytes == 0


@pytest.mark.parametrize(
    ("result", "least"),
    [
        (np.zeros(1000), 8_000),
        (pd.DataFrame({"a": np.zeros(1000)}), 8_000),
        (pd.Series(np.zeros(1000)), 8_000),
        ((np.zeros(1000), {"b": np.zeros(1000)}), 16_000),
        (["x" * 10_000], 10_000),
    ],
    ids=["array", "frame", "series", "nested", "text"],
)
def test_size_is_that_of_what_a_result_holds(result: object, least: int) -> None:
    assert least <= size_of(result) <= 1.2 * least
