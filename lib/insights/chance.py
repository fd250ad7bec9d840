"""Significance of findings: how wide intervals have to be, and the pace of new contacts."""

from math import inf
from statistics import NormalDist

from lib.reference.rates import Rate, wilson

ERROR = 0.01
"""Family-wise error: the probability that a rule reports a difference where there is none, over all
of its comparisons. Lower than the 5 % of the intervals on screen, because the page is opened daily
and would otherwise raise a false alarm every month."""


def z_of(comparisons: int = 1) -> float:
    """Two-sided normal quantile for `ERROR` over all comparisons (Bonferroni)."""
    return NormalDist().inv_cdf(1 - tail(comparisons))


def tail(comparisons: int = 1) -> float:
    """Share of `ERROR` left to one side of each comparison."""
    return ERROR / (2 * max(1, comparisons))


def pace(new: int, previous: int, z: float, elapsed: float = 1) -> tuple[float, float]:
    """Confidence interval of the daily pace of new contacts, as a multiple of the previous pace.

    Conditional on their sum, one of two Poisson counts is binomial (Przyborowski and Wilenski
    1940). If a share s of the sum falls into the current period, of which `elapsed` is over (as a
    multiple of the previous one), the pace is s / (1 - s) / elapsed.
    """
    if not elapsed:
        return 0.0, inf
    low, high = wilson(Rate(new, new + previous), z)
    return low / (1 - low) / elapsed, high / (1 - high) / elapsed if high < 1 else inf
