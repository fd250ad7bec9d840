"""A small line beside a number."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from math import isfinite

from lib.charts.style import PETROL
from lib.reference import formatting


def sparkline(
    values: Sequence[float],
    *,
    from_zero: bool = False,
    say: Callable[[float], str] = formatting.number,
) -> str:
    """A small line as HTML, between the lowest value, or 0, and the highest; `say` tells a value in
    its text."""
    numbers = [float(value) for value in values if isfinite(value)]
    if not numbers:
        return ""
    numbers = numbers if len(numbers) > 1 else numbers * 2
    low, high = min(numbers), max(numbers)
    low = min(low, 0) if from_zero else low
    step, scale = 100 / (len(numbers) - 1), 20 / ((high - low) or 1)
    line = " ".join(
        f"{place * step:.1f},{22 - (value - low) * scale:.1f}"
        for place, value in enumerate(numbers)
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 24" preserveAspectRatio="none">'
        f'<g fill="{PETROL}" stroke="{PETROL}"><polygon points="0,24 {line} 100,24" opacity="0.15" '
        f'stroke="none"/><polyline points="{line}" fill="none" stroke-width="1.75" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/></g></svg>'
    )
    # As an image: elements of SVG are taken out of what a page adds to Streamlit's.
    source = b64encode(drawing.encode()).decode()
    told = _told(numbers, say)
    return f'<img class="sparkline" src="data:image/svg+xml;base64,{source}" alt="{told}">'


def _told(numbers: Sequence[float], say: Callable[[float], str]) -> str:
    return (
        f"Trend: from {say(numbers[0])} to {say(numbers[-1])}, at least {say(min(numbers))}, "
        f"at most {say(max(numbers))}"
    )
