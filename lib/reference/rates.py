"""Rates and their confidence intervals (metrics.md, "Opt-in" and "Tags together")."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959964
"""Quantile of the normal distribution for a two-sided 95 % interval."""

SMALL_SAMPLE = 30
"""A rate with a smaller denominator is shown muted and left out of rankings."""

FEW_ANSWERS = 5
"""A median response time of fewer answers is shown muted and not compared."""


@dataclass(frozen=True)
class Rate:
    """`numerator` out of `denominator`, the first a subset of the second.

    Fractions range from 0 to 1, and are None if the denominator is 0.
    """

    numerator: int
    denominator: int

    @property
    def rate(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson score interval."""
        return wilson(self, Z) if self.denominator else None

    @property
    def low(self) -> float | None:
        return self.interval[0] if self.interval else None

    @property
    def high(self) -> float | None:
        return self.interval[1] if self.interval else None

    @property
    def is_small(self) -> bool:
        return self.denominator < SMALL_SAMPLE


@dataclass(frozen=True)
class Difference:
    """The rate `of` minus the rate `to`, as a fraction from -1 to 1; None if either is None."""

    of: Rate
    to: Rate

    @property
    def value(self) -> float | None:
        if self.of.rate is None or self.to.rate is None:
            return None
        return self.of.rate - self.to.rate

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval by Newcombe's method 10 (1998), from the two Wilson intervals."""
        return newcombe(self.of, self.to, Z) if self.value is not None else None


def wilson(share: Rate, z: float) -> tuple[float, float]:
    """The Wilson score interval for the quantile `z`; (0, 1) if the denominator is 0."""
    n = share.denominator
    if share.rate is None:
        return 0.0, 1.0
    middle = (share.rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share.rate * (1 - share.rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 % and 100 % the bound is exact; the formula would miss it by a rounding error.
    low = 0.0 if share.numerator == 0 else middle - half
    high = 1.0 if share.numerator == n else middle + half
    return low, high


def newcombe(of: Rate, to: Rate, z: float) -> tuple[float, float]:
    """Newcombe's interval of `of` minus `to` for the quantile `z`.

    (-1, 1) if either denominator is 0.
    """
    if of.rate is None or to.rate is None:
        return -1.0, 1.0
    (of_low, of_high), (to_low, to_high) = wilson(of, z), wilson(to, z)
    value = of.rate - to.rate
    return (
        value - sqrt((of.rate - of_low) ** 2 + (to_high - to.rate) ** 2),
        value + sqrt((of_high - of.rate) ** 2 + (to.rate - to_low) ** 2),
    )
