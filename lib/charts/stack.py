"""Stacked bar in a table row, beside its numbers."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lib.reference import formatting


@dataclass(frozen=True)
class Part:
    """Part of a bar: its name ("answered"), number and colour."""

    name: str
    number: int
    colour: str


@dataclass(frozen=True)
class Stack:
    """Parts of a bar, from left to right; a bar of length `longest` fills its cell."""

    parts: tuple[Part, ...]
    longest: int

    @property
    def total(self) -> int:
        return sum(part.number for part in self.parts)


def stack(bar: Stack) -> str:
    """The bar as HTML; its alt text lists the parts: "3 never answered, 2 answered"."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 10" preserveAspectRatio="none">'
        f"{''.join(_rectangles(bar))}</svg>"
    )
    # As an image, because Streamlit strips SVG elements from HTML.
    source = b64encode(drawing.encode()).decode()
    alt = ", ".join(f"{formatting.number(part.number)} {part.name}" for part in bar.parts)
    return f'<img class="stack" src="data:image/svg+xml;base64,{source}" alt="{escape(alt)}">'


def _rectangles(bar: Stack) -> Sequence[str]:
    scale, reached, drawn = 100 / max(1, bar.longest), 0, []
    for part in bar.parts:
        if part.number:
            drawn.append(
                f'<rect x="{reached * scale:.2f}" width="{part.number * scale:.2f}" height="10" '
                f'fill="{part.colour}"/>'
            )
        reached += part.number
    return drawn
