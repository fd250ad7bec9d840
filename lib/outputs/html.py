"""HTML templates of the page file and of tables on screen.

Template values are escaped unless made here. Untrusted names are isolated, so that a right-to-left
name does not reorder the text around it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from lib.charts.sparkline import sparkline
from lib.charts.stack import stack
from lib.outputs.columns import LINK, STACK, TEXT, TREND, Column, Table, is_missing
from lib.outputs.shown import NumberShown
from lib.reference import escaping, formatting

MOST_TRENDS = 100
"""Most rows of a table with sparklines or bars: thousands of images take a browser minutes."""

MAIN_COLUMNS = 4
"""Columns shown on a phone before more are asked for."""

_SHORT = 28
"""Maximum length of text that is kept on one line."""


@dataclass(frozen=True)
class Pointer:
    """A finding as plain text: what was found, why it is shown, and the label and URL of the link
    to it, if there is one."""

    sentence: str
    evidence: str
    label: str = ""
    link: str | None = None


@dataclass(frozen=True)
class Chip:
    """A filter in force: its label, its whole name, and the URL of the page without it."""

    label: str
    name: str
    link: str


@dataclass(frozen=True)
class Explanation:
    """A titled sentence, and how it was found."""

    title: str
    sentence: str
    about: str


@dataclass(frozen=True)
class PageLink:
    """Title and path of a page; the path of the first page is empty."""

    path: str
    title: str
    is_current: bool


@dataclass(frozen=True)
class _Head:
    name: str
    look: str


@dataclass(frozen=True)
class _Cell:
    content: str
    look: str
    key: str | None


@dataclass(frozen=True)
class _Row:
    cells: tuple[_Cell, ...]
    link: str | None
    chosen: bool


@dataclass(frozen=True)
class _TableShown:
    """Input of the table template."""

    label: str
    key: str
    heads: tuple[_Head, ...]
    rows: tuple[_Row, ...]
    names_rows: bool
    more: bool
    details: bool
    is_part: bool


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("lib.outputs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["prose"] = prose
    made.filters["name"] = name
    made.filters["plain"] = escaping.visible
    made.filters["line"] = _line
    made.globals["table_of"] = table_html
    return made


def table_html(
    table: Table,
    *,
    label: str,
    key: str = "",
    links: Sequence[str | None] = (),
    chosen: Sequence[bool] = (),
    is_part: bool = False,
) -> Markup:
    """A table whose rows may be links; `chosen` rows are highlighted. `is_part` says that there are
    more rows than these, so they must not be sorted alone."""
    columns = [
        each
        for each in table.columns
        if each.format not in (TREND, STACK) or len(table) <= MOST_TRENDS
    ]
    looks = _looks(columns)
    cells = [_cells(each, look) for each, look in zip(columns, looks, strict=True)]
    rows = tuple(
        _Row(
            row,
            links[number] if links else None,
            bool(chosen) and chosen[number],
        )
        for number, row in enumerate(zip(*cells, strict=True))
    )
    details = any(each.detail for each in columns)
    shown = _TableShown(
        label=label,
        key=key,
        heads=tuple(
            _Head(escaping.visible(each.name), look)
            for each, look in zip(columns, looks, strict=True)
        ),
        rows=rows,
        names_rows=bool(columns) and not columns[0].format.is_number,
        more=details or any("wide" in look for look in looks),
        details=details,
        is_part=is_part,
    )
    return Markup(_template("table").table(shown))


def answer_html(question: str, sentence: str) -> Markup:
    """The question that a page answers, and the answer, which is Markdown."""
    return Markup(_template("head").answer(question, sentence))


def context_html(
    line: str, chips: Sequence[Chip], others: Sequence[Chip], cause: Explanation | None
) -> Markup:
    """What the answer is about: a line of plain text, the filters, of which the `others` are only
    counted, and what is behind the chosen group."""
    more = formatting.number(len(others)) if others else ""
    return Markup(_template("head").context(line, chips, more, cause))


def numbers_html(numbers: Sequence[NumberShown], about: str | None = None) -> Markup:
    """A row of cards, each with its definition behind a question mark."""
    return Markup(_template("numbers").numbers(numbers, about, True))


def findings_html(
    title: str, about: str, first: Sequence[Pointer], others: Sequence[Pointer], if_none: str
) -> Markup:
    """Findings below their heading, which `about` explains; the `others` are behind "2 more"."""
    return Markup(_template("findings").findings(title, about, first, others, if_none))


def pages_html(pages: Sequence[PageLink]) -> Markup:
    """A row of links to pages."""
    return Markup(_template("pages").pages(pages))


def scale_html(few: str, many: str) -> Markup:
    """Legend of a map's shades."""
    return Markup(_template("numbers").scale(few, many))


def _line(values: Sequence[float], say: Callable[[float], str]) -> Markup:
    return Markup(sparkline(values, say=say))


@cache
def _template(name: str) -> Any:
    """The macros of a template."""
    return environment().get_template(f"{name}.html.j2").module


def _looks(columns: Sequence[Column]) -> list[str]:
    """CSS classes for the cells of each column."""
    looks, main = [], 0
    for each in columns:
        found = ["number"] if each.format.is_number else []
        if each.format is STACK:
            found.append("stacked")
        if each.detail:
            found.append("detail")
        else:
            main += 1
            if main > MAIN_COLUMNS:
                found.append("wide")
        looks.append(" ".join(found))
    return looks


def _cells(column: Column, look: str) -> list[_Cell]:
    """A column as cells; numbers, times and intervals carry a sort key."""
    sorts = column.format.is_number or len(column.format.parts) > 1
    cells = []
    for row, value in enumerate(column.values):
        own = f"{look} muted".strip() if column.muted and column.muted[row] else look
        cells.append(_Cell(_content(column, row), own, _sort_key(value) if sorts else None))
    if column.format is TEXT and all(len(str(value)) <= _SHORT for value in column.values):
        cells = [_Cell(each.content, f"{each.look} short".strip(), each.key) for each in cells]
    return cells


def _content(column: Column, row: int) -> str:
    value = column.values[row]
    if column.format is TREND:
        drawn = [] if is_missing(value) else [float(each) for each in value]
        line = sparkline(drawn, from_zero=True)
        return Markup(line) if line else formatting.NOTHING
    if is_missing(value):
        return formatting.NOTHING
    if column.format is STACK:
        return Markup(stack(value))
    if column.format is LINK:
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
            value, column.format.write(value)
        )
    if column.format is TEXT:
        return name(str(value))
    return column.format.write(value)


def _sort_key(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, datetime):
        return repr(value.timestamp())
    return repr(float(value.toordinal() if isinstance(value, date) else value))


def name(text: str) -> Markup:
    """An untrusted name, isolated from the text direction around it."""
    return Markup("<bdi>{}</bdi>").format(escaping.visible(text))


_prose = MarkdownIt("zero").enable(["escape", "emphasis"])


def prose(markdown: str) -> Markup:
    """A line of Markdown as HTML: strong text and the escapes of `escaping.markdown`; everything
    else is literal."""
    rendered = _prose.renderInline(_WORD_JOINERS.sub("", escaping.upright(markdown)))
    return Markup(rendered)


_WORD_JOINERS = re.compile("\u2060")
"""Word joiners, which `escaping.markdown` inserts to defeat Streamlit's own shorthands."""
