"""Sparkline: a small line beside a number."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from itertools import groupby
from math import isfinite

from lib.charts.style import PETROL
from lib.reference import formatting


def sparkline(
    values: Sequence[float],
    *,
    from_zero: bool = False,
    say: Callable[[float], str] = formatting.number,
) -> str:
    """The sparkline as HTML, scaled from the lowest value (or 0) to the highest; empty without
    values. Values that are not finite are gaps. `say` formats a value in the alt text."""
    numbers = [float(value) for value in values if isfinite(value)]
    if not numbers:
        return ""
    placed = list(enumerate(map(float, values)))
    if len(placed) == 1:
        placed.append((1, placed[0][1]))
    low, high = min(numbers), max(numbers)
    low = min(low, 0) if from_zero else low
    step, scale = 100 / (len(placed) - 1), 20 / ((high - low) or 1)
    marks = "".join(
        _stretch([(place * step, 22 - (value - low) * scale) for place, value in stretch])
        for is_known, stretch in groupby(placed, key=lambda each: isfinite(each[1]))
        if is_known
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 24" preserveAspectRatio="none">'
        f'<g fill="{PETROL}" stroke="{PETROL}">{marks}</g></svg>'
    )
    # As an image, because Streamlit strips SVG elements from HTML.
    source = b64encode(drawing.encode()).decode()
    alt = _alt(numbers, say)
    return f'<img class="sparkline" src="data:image/svg+xml;base64,{source}" alt="{alt}">'


def _stretch(points: list[tuple[float, float]]) -> str:
    """A gapless part of the line with the area below it; a single point is a short dash."""
    if len(points) == 1:
        (x, y) = points[0]
        points = [(x - 0.5, y), (x + 0.5, y)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    first, last = points[0][0], points[-1][0]
    return (
        f'<polygon points="{first:.1f},24 {line} {last:.1f},24" opacity="0.15" stroke="none"/>'
        f'<polyline points="{line}" fill="none" stroke-width="1.75" stroke-linejoin="round" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _alt(numbers: Sequence[float], say: Callable[[float], str]) -> str:
    return (
        f"Trend: from {say(numbers[0])} to {say(numbers[-1])}, at least {say(min(numbers))}, "
        f"at most {say(max(numbers))}"
    )
