"""Published values: R. G. Newcombe, Statistics in Medicine 17 (1998), pages 857–872 and 873–890."""

import pytest

from lib.reference.rates import Difference, Rate, wilson


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_is_the_published_wilson_interval(
    numerator: int, denominator: int, low: float, high: float
) -> None:
    assert Rate(numerator, denominator).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("of", "to", "low", "high"),
    [
        (Rate(56, 70), Rate(48, 80), 0.0524, 0.3339),
        (Rate(9, 10), Rate(3, 10), 0.1705, 0.8090),
        (Rate(6, 7), Rate(2, 7), 0.0582, 0.8062),
        (Rate(5, 56), Rate(0, 29), -0.0381, 0.1926),
        (Rate(0, 10), Rate(0, 20), -0.1611, 0.2775),
        (Rate(0, 10), Rate(0, 10), -0.2775, 0.2775),
        (Rate(10, 10), Rate(0, 20), 0.6791, 1.0000),
        (Rate(10, 10), Rate(0, 10), 0.6075, 1.0000),
    ],
    ids=lambda value: (
        f"{value.numerator} of {value.denominator}" if isinstance(value, Rate) else None
    ),
)
def test_interval_of_a_difference_is_the_published_one(
    of: Rate, to: Rate, low: float, high: float
) -> None:
    assert Difference(of, to).interval == pytest.approx((low, high), abs=5e-5)


def test_rate_is_the_share() -> None:
    assert Rate(3, 4).rate == 0.75


def test_low_and_high_are_the_ends_of_the_interval() -> None:
    rate = Rate(3, 4)

    assert (rate.low, rate.high) == rate.interval


def test_nothing_to_take_a_share_of_has_no_rate() -> None:
    rate = Rate(0, 0)

    assert (rate.rate, rate.low, rate.high, rate.interval) == (None, None, None, None)


@pytest.mark.parametrize("denominator", [1, 7, 30, 1_000_003])
def test_none_begins_at_zero_exactly(denominator: int) -> None:
    assert Rate(0, denominator).low == 0.0


@pytest.mark.parametrize("denominator", [1, 7, 30, 1_000_003])
def test_all_ends_at_one_exactly(denominator: int) -> None:
    assert Rate(denominator, denominator).high == 1.0


@pytest.mark.parametrize(("denominator", "is_small"), [(0, True), (29, True), (30, False)])
def test_below_thirty_is_small(denominator: int, is_small: bool) -> None:
    assert Rate(0, denominator).is_small is is_small


def test_difference_is_how_much_higher_the_first_rate_is() -> None:
    assert Difference(Rate(3, 4), Rate(1, 2)).value == 0.25


def test_reversed_difference_has_the_opposite_interval() -> None:
    low, high = Difference(Rate(3, 10), Rate(9, 10)).interval or (0, 0)

    assert (-high, -low) == pytest.approx(Difference(Rate(9, 10), Rate(3, 10)).interval)


@pytest.mark.parametrize(
    "difference", [Difference(Rate(0, 0), Rate(1, 2)), Difference(Rate(1, 2), Rate(0, 0))]
)
def test_difference_to_nothing_is_absent(difference: Difference) -> None:
    assert (difference.value, difference.interval) == (None, None)


def test_an_interval_for_more_certainty_is_wider() -> None:
    """81 of 263, z = 2.576 (99 %): the roots of 269.636 p² − 168.636 p + 24.947, solved by hand."""
    low, high = wilson(Rate(81, 263), 2.576)
    assert (round(low, 4), round(high, 4)) == (0.2401, 0.3853)
