"""What is usual, and what is more than that: bounds that chance alone seldom passes."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

LEAST_VALUES = 6


def bound(values: Sequence[int], chance: float) -> float | None:
    """What the next of such counts exceeds with at most `chance`, if it is like the others; None
    where they are too few to tell.

    It is the one-sided prediction limit of Student's t on the scale 2 √(x + 3/8), on which Poisson
    counts have the variance 1 (Anscombe 1948). The variance is that of the values and no less than
    that, so a quiet past makes no tight bound.
    """
    high = prediction_limit(scaled(np.asarray(values)).tolist(), chance)
    return None if high is None else (high / 2) ** 2 - 3 / 8


def scaled(counts: np.ndarray) -> np.ndarray:
    """Counts on the scale on which Poisson counts have the variance 1."""
    on_scale: np.ndarray = 2 * np.sqrt(counts + 3 / 8)
    return on_scale


def prediction_limit(values: Sequence[float], chance: float) -> float | None:
    """As `bound`, of values on that scale, or of differences of such."""
    if len(values) < LEAST_VALUES:
        return None
    spread = max(1.0, float(np.std(values, ddof=1)))
    margin = spread * sqrt(1 + 1 / len(values))
    return float(np.mean(values)) + quantile(chance, len(values) - 1) * margin


def quantile(chance: float, degrees: int) -> float:
    """What Student's t exceeds with that chance (Abramowitz and Stegun 26.7.5; within 1 % from 5
    degrees of freedom on, for the chances used here)."""
    z = -NormalDist().inv_cdf(chance)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))
