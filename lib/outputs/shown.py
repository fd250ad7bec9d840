"""What a page showed, from top to bottom: the input of the page file and the workbook."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from lib.outputs.columns import Table
from lib.reference import formatting


@dataclass(frozen=True)
class NumberShown:
    """A card with plain texts. `tone` says whether the change is welcome; `trend` is drawn as a
    sparkline whose values `say` formats, as it did `raw`."""

    name: str
    value: str
    change: str | None
    note: str | None
    meaning: str
    tone: Literal["", "good", "bad"] = ""
    trend: tuple[float, ...] = ()
    say: Callable[[float | None], str] = formatting.number
    raw: float | None = None


@dataclass(frozen=True)
class NumbersShown:
    """A row of cards; `about` says what they refer to, if it is not the period."""

    numbers: tuple[NumberShown, ...]
    about: str | None = None


@dataclass(frozen=True, eq=False)
class FigureShown:
    """A figure, or only its `alt` if there is nothing to draw. `explanation` is Markdown."""

    title: str
    figure: go.Figure | None
    alt: str
    explanation: str | None = None
    table: Callable[[], Table] | None = None
    scale: tuple[str, str] | None = None
    """Labels of the lightest and the darkest shade."""


@dataclass(frozen=True, eq=False)
class TableShown:
    """A table; `note` is Markdown."""

    title: str
    table: Table
    note: str | None = None


@dataclass(frozen=True)
class FactsShown:
    """Names and facts about them, as plain text."""

    title: str
    values: Mapping[str, str]
    heads: tuple[str, str]


@dataclass(frozen=True)
class PointsShown:
    """List of sentences in Markdown."""

    title: str
    points: tuple[str, ...]


Item = NumbersShown | FigureShown | TableShown | FactsShown | PointsShown


@dataclass(frozen=True)
class Page:
    """A page. `context` holds the choice and the time of the data; it and `question` are plain
    text. `sentence` is a line of Markdown."""

    question: str
    sentence: str
    context: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]

    def tables(self) -> list[tuple[str, Table]]:
        """All tables with their titles, including those behind figures, each once. One without
        columns, of what was not recorded, is left out."""
        found: dict[str, Table] = {}
        for item in self.items:
            if isinstance(item, TableShown):
                found[item.title] = item.table
            elif isinstance(item, FigureShown) and item.table is not None:
                found.setdefault(item.title, item.table())
        return [(title, table) for title, table in found.items() if table.columns]
