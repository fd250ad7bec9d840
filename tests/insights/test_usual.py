"""Bounds that chance seldom exceeds."""

from __future__ import annotations

import random

import pytest

from lib.insights.usual import bound, quantile


@pytest.mark.parametrize(
    ("chance", "degrees", "tabled"),
    [(0.001, 5, 5.893), (0.0005, 7, 5.408), (0.0005, 11, 4.437), (0.0001, 27, 4.283)],
)
def test_quantiles_are_those_of_the_tables(chance: float, degrees: int, tabled: float) -> None:
    assert quantile(chance, degrees) == pytest.approx(tabled, rel=0.01)


def test_of_five_values_nothing_is_said() -> None:
    assert bound([4, 5, 6, 5, 4], 0.01) is None


def test_a_past_without_anything_makes_no_alert_of_a_single_person() -> None:
    limit = bound([0] * 12, 0.001)
    assert limit is not None
    assert 3 < limit < 8


def test_poisson_counts_pass_the_bound_no_oftener_than_said() -> None:
    chance, trials = 0.01, 20_000
    source = random.Random(1)

    def poisson(mean: float) -> int:
        # Sums of waiting times, because the mean is small.
        count, time = 0, source.expovariate(mean)
        while time < 1:
            count, time = count + 1, time + source.expovariate(mean)
        return count

    passed = 0
    for _ in range(trials):
        limit = bound([poisson(4) for _ in range(12)], chance)
        assert limit is not None
        passed += poisson(4) > limit
    assert passed / trials <= chance
