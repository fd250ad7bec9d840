"""Vectorised weighted choices."""

from __future__ import annotations

import numpy as np

from lib.demo.times import Floats, Ints


def whole(numbers: Floats) -> Ints:
    return numbers.astype(np.int64)


def choice(rng: np.random.Generator, weights: object, size: int) -> Ints:
    """Draw `size` positions in `weights`, with probabilities proportional to the weights."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(np.searchsorted(steps, rng.random(size) * steps[-1], "right"))


def chosen(weights: Floats, draws: Floats) -> Ints:
    """Like `choice`, with a row of weights for each draw, which is between 0 and 1."""
    steps = np.cumsum(weights, axis=1)
    return np.asarray((draws[:, None] * steps[:, -1:] >= steps).sum(axis=1), dtype=np.int64)


def choice_by(rng: np.random.Generator, group: Ints, weights: Floats) -> Ints:
    """Like `choice`, with the row of `weights` that belongs to each element's group."""
    found = np.zeros(len(group), dtype=np.int64)
    for number, row in enumerate(weights):
        members = group == number
        found[members] = choice(rng, row, int(members.sum()))
    return found
