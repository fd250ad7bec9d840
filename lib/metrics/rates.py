"""Rates with their uncertainty: "Opt-in" and "Tags together" of the metrics."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959964
"""Of the normal distribution, for 95 %."""

SMALL_SAMPLE = 30
"""A rate over fewer is shown muted and left out of rankings."""


@dataclass(frozen=True)
class Rate:
    """`numerator` of `denominator`, the one counted inside the other. All fractions are None when
    there is nothing to take a share of."""

    numerator: int
    denominator: int

    @property
    def rate(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson score interval."""
        n = self.denominator
        if not n:
            return None
        share = self.numerator / n
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        # At none and at all, the bound is exact; the formula misses it by a rounding error.
        low = 0.0 if self.numerator == 0 else middle - half
        high = 1.0 if self.numerator == n else middle + half
        return low, high

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
    """How much higher the rate `of` is than the rate `to`, a fraction from -1 to 1."""

    of: Rate
    to: Rate

    @property
    def value(self) -> float | None:
        if self.of.rate is None or self.to.rate is None:
            return None
        return self.of.rate - self.to.rate

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval by Newcombe's method 10 (1998): from the two Wilson intervals."""
        if self.of.interval is None or self.to.interval is None or self.value is None:
            return None
        (of_low, of_high), (to_low, to_high) = self.of.interval, self.to.interval
        of, to = self.of.rate or 0.0, self.to.rate or 0.0
        return (
            self.value - sqrt((of - of_low) ** 2 + (to_high - to) ** 2),
            self.value + sqrt((of_high - of) ** 2 + (to - to_low) ** 2),
        )
