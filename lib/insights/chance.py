"""What chance allows for: how wide an interval has to be, and how fast new contacts come."""

from math import inf
from statistics import NormalDist

from lib.reference.rates import Rate, wilson

ERROR = 0.01
"""The chance that a rule which compares finds something where there is nothing, all keys together.
The page is opened daily: at the 5 % of the intervals on screen it would cry wolf every month."""


def z_of(comparisons: int = 1) -> float:
    """Of the normal distribution, two-sided, for `ERROR` in all of the comparisons together
    (Bonferroni)."""
    return NormalDist().inv_cdf(1 - tail(comparisons))


def tail(comparisons: int = 1) -> float:
    """The part of `ERROR` that is left to one side of each of the comparisons."""
    return ERROR / (2 * max(1, comparisons))


def pace(new: int, previous: int, z: float, elapsed: float = 1) -> tuple[float, float]:
    """The interval of how many come per day, as a multiple of the days before.

    Given their sum, one of two Poisson counts is binomial (Przyborowski and Wilenski 1940); a share
    s of it in the period, of which `elapsed` is over, means a pace of s / (1 - s) / elapsed.
    """
    if not elapsed:
        return 0.0, inf
    low, high = wilson(Rate(new, new + previous), z)
    return low / (1 - low) / elapsed, high / (1 - high) / elapsed if high < 1 else inf
