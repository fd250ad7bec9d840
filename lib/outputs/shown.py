"""What a page showed, from top to bottom: what the page file and the workbook are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from lib.outputs.columns import Table
from lib.reference import formatting


@dataclass(frozen=True)
class NumberShown:
    """A card. All of it is plain text. `tone` is how the change is welcome; `trend` is drawn as a
    small line, of which `say` tells the values."""

    name: str
    value: str
    change: str | None
    note: str | None
    meaning: str
    tone: Literal["", "good", "bad"] = ""
    trend: tuple[float, ...] = ()
    say: Callable[[float], str] = formatting.number


@dataclass(frozen=True)
class NumbersShown:
    """A row of cards; `about` is what they are of, where that is not the period."""

    numbers: tuple[NumberShown, ...]
    about: str | None = None


@dataclass(frozen=True, eq=False)
class FigureShown:
    """A figure, or, where there is nothing to draw, the `alt` alone. `explanation` is Markdown."""

    title: str
    figure: go.Figure | None
    alt: str
    explanation: str | None = None
    table: Callable[[], Table] | None = None
    scale: tuple[str, str] | None = None
    """What the weakest and the strongest shade stand for."""


@dataclass(frozen=True, eq=False)
class TableShown:
    """`note` is Markdown."""

    title: str
    table: Table
    note: str | None = None


@dataclass(frozen=True)
class FactsShown:
    """Names and what is to be said of them. Plain text."""

    title: str
    values: Mapping[str, str]
    heads: tuple[str, str]


@dataclass(frozen=True)
class PointsShown:
    """A list of sentences, in Markdown."""

    title: str
    points: tuple[str, ...]


Item = NumbersShown | FigureShown | TableShown | FactsShown | PointsShown


@dataclass(frozen=True)
class Page:
    """`context` names what was chosen and when the data is from; it is plain text, as is
    `question`. `sentence` is a line of Markdown."""

    question: str
    sentence: str
    context: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]

    def tables(self) -> list[tuple[str, Table]]:
        """All tables by their titles, those behind figures too; each once."""
        found: dict[str, Table] = {}
        for item in self.items:
            if isinstance(item, TableShown):
                found[item.title] = item.table
            elif isinstance(item, FigureShown) and item.table is not None:
                found.setdefault(item.title, item.table())
        return list(found.items())
