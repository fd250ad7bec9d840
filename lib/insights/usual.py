"""Limits of what is usual: bounds that chance alone seldom exceeds."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

LEAST_VALUES = 6


def bound(values: Sequence[int], chance: float) -> float | None:
    """The limit that the next count exceeds with probability at most `chance`, if it is like
    `values`; None if there are fewer than `LEAST_VALUES`.

    This is the one-sided prediction limit of Student's t on the scale 2 √(x + 3/8), on which
    Poisson counts have variance 1 (Anscombe 1948). The sample variance is used, but at least 1, so
    that a quiet past does not make a tight bound.
    """
    high = prediction_limit(scaled(np.asarray(values)).tolist(), chance)
    return None if high is None else (high / 2) ** 2 - 3 / 8


def scaled(counts: np.ndarray) -> np.ndarray:
    """Counts on the variance-stabilizing scale, on which Poisson counts have variance 1."""
    on_scale: np.ndarray = 2 * np.sqrt(counts + 3 / 8)
    return on_scale


def prediction_limit(values: Sequence[float], chance: float) -> float | None:
    """Like `bound`, for values on that scale or for differences of such values."""
    if len(values) < LEAST_VALUES:
        return None
    spread = max(1.0, float(np.std(values, ddof=1)))
    margin = spread * sqrt(1 + 1 / len(values))
    return float(np.mean(values)) + quantile(chance, len(values) - 1) * margin


def quantile(chance: float, degrees: int) -> float:
    """The value that Student's t exceeds with that probability (Abramowitz and Stegun 26.7.5;
    accurate to 1 % from 5 degrees of freedom on, for the probabilities used here)."""
    z = -NormalDist().inv_cdf(chance)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))
