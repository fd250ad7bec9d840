"""A chart with its message in words, what a click on it means, and the table behind it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from lib.charts.ranking import Ranking
from lib.outputs.columns import Table
from lib.outputs.html import scale_html
from lib.outputs.shown import FigureShown
from lib.query.view import View
from lib.reference import formatting
from lib.store.dimensions import Dimension
from lib.ui import clicks as clicking
from lib.ui import deferred, recorder, rights, tables
from lib.ui.clicks import Clicks

_CONFIG = {"displayModeBar": False, "topojsonURL": "app/static/"}
"""No tool bar; the outlines of the world from our own server, not from Plotly's."""


def show(
    title: str,
    figure: go.Figure | None,
    table: Table | Callable[[], Table],
    *,
    key: str,
    alt: str,
    view: View,
    clicks: Sequence[Clicks] = (),
    opens_table_at: int | None = None,
    on_mark: Callable[[int], None] | None = None,
    explanation: str | None = None,
    scale: tuple[str, str] | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
    rows: tables.Rows = tables.Rows(),  # noqa: B008 - frozen
    is_framed: bool = True,
) -> None:
    """A figure with its message as `alt`, and on demand the table that it draws, or what makes it;
    without a figure, the sentence `if_empty`.

    `clicks` has a row for each trace. A click on the mark `opens_table_at` of the first trace opens
    the table; `on_mark` is called with the place of a mark that was clicked.
    `scale` says what the weakest and the strongest shade stand for.
    """

    def made() -> Table:
        return table() if callable(table) else table

    recorder.note(FigureShown(title, figure, alt if figure else if_empty, explanation, made, scale))
    with st.container(border=is_framed, height="stretch"):
        st.header(title, help=explanation, anchor=False)
        if figure is None:
            st.caption(if_empty)
            return
        _draw(figure, key, alt, _taking(key, clicks, opens_table_at, on_mark))
        if scale is not None:
            st.html(scale_html(*scale))
        opened = st.expander("Show table", key=_table_key(key), on_change="rerun")
        if opened.open:
            with opened:
                tables.body(made(), title=title, key=key, view=view, rows=rows)


def ranking(
    title: str,
    ranked: Ranking,
    table: Table | Callable[[], Table],
    *,
    dimension: Dimension,
    key: str,
    view: View,
    colours: Mapping[str, str] | None = None,
    explanation: str | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
) -> None:
    """Groups of a dimension by their number. A click on a bar narrows the dashboard to its group; a
    click on the bar of the others opens the table, which lists them."""
    show(
        title,
        ranked.figure(colours) if any(value for _, value in ranked.bars) else None,
        table,
        key=key,
        alt=ranked.alt(title),
        view=view,
        clicks=[clicking.on_keys(dimension, ranked.keys, view)],
        opens_table_at=len(ranked) if ranked.tail else None,
        explanation=explanation,
        if_empty=if_empty,
    )


Take = Callable[[str], None]
"""A callback: takes what was clicked in the widget of that key."""


def _taking(
    key: str,
    clicks: Sequence[Clicks],
    opens_table_at: int | None,
    on_mark: Callable[[int], None] | None,
) -> Take | None:
    if on_mark is not None:
        return partial(clicking.take_place, key, act=on_mark)
    if clicks:
        opens = {} if opens_table_at is None else {opens_table_at: _table_key(key)}
        return partial(clicking.take_mark, key, clicks=clicks, opens=opens)
    return None


def _draw(figure: go.Figure, key: str, alt: str, take: Take | None) -> None:
    # Made anew in another theme: a figure gets the colours of a theme only once.
    widget = f"chart-{key}-{clicking.times_clicked(key)}-{_theme()}"
    config = _CONFIG | formatting.plotly_locale()
    taking: dict[str, Any] = {}
    if take is not None:
        taking = {"on_select": rights.callback(partial(take, widget)), "selection_mode": "points"}
    deferred.at_last(
        partial(st.plotly_chart, figure, key=widget, config=config, alt=alt, **taking),
        height=figure.layout.height,
    )


def _table_key(key: str) -> str:
    return f"open-{key}"


def _theme() -> Literal["light", "dark"]:
    """That of the viewer's browser; in tests without one, light."""
    return st.context.theme.type or "light"
