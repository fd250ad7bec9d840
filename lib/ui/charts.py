"""Charts with alt text, clicks, and the table behind them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from lib.charts.ranking import Ranking
from lib.outputs.columns import Table
from lib.outputs.html import scale_html
from lib.outputs.shown import FigureShown
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting
from lib.store.dimensions import Dimension
from lib.ui import clicks as clicking
from lib.ui import deferred, recorder, rights, tables
from lib.ui.clicks import Clicks

_CONFIG = {"displayModeBar": False, "topojsonURL": "app/static/"}
"""No tool bar, and map outlines from our own server instead of Plotly's."""


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
    explanation: str | None = None,
    hint: str | None = None,
    scale: tuple[str, str] | None = None,
    note: str | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
    rows: tables.Rows = tables.Rows(),  # noqa: B008 - frozen
    is_framed: bool = True,
) -> None:
    """Draw a figure with `alt` as its text, and its table on demand (or a function that makes it);
    without a figure, the sentence `if_empty`.

    `clicks` has an entry per trace. A click on the mark `opens_table_at` of the first trace opens
    the table. `hint` says what a click does, and is left out of files. `scale` labels the lightest
    and the darkest shade. `note` is Markdown, shown above the figure.
    """

    def made() -> Table:
        return table() if callable(table) else table

    about = " ".join(part for part in (note, explanation) if part) or None
    recorder.note(FigureShown(title, figure, alt if figure else if_empty, about, made, scale))
    with st.container(border=is_framed, height="stretch"):
        told = " ".join(part for part in (explanation, hint) if part) or None
        st.header(title, help=told, anchor=False)
        if figure is None:
            st.caption(if_empty)
            return
        if note:
            st.caption(note)
        _draw(figure, key, alt, _click_handler(key, clicks, view.choice, opens_table_at))
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
    note: str | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
) -> None:
    """Draw a ranking of a dimension's groups. A click on a bar filters the dashboard by its group;
    a click on the tail's bar opens the table, which lists them all."""
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
        note=note,
        if_empty=if_empty,
    )


Take = Callable[[str], None]
"""Callback that handles a click in the widget with that key."""


def _click_handler(
    key: str,
    clicks: Sequence[Clicks],
    was: Choice,
    opens_table_at: int | None,
) -> Take | None:
    if clicks:
        opens = {} if opens_table_at is None else {opens_table_at: _table_key(key)}
        return partial(clicking.take_mark, key, clicks=clicks, was=was, opens=opens)
    return None


def _draw(figure: go.Figure, key: str, alt: str, take: Take | None) -> None:
    # A new widget per theme: Streamlit applies a theme's colours to a figure only once.
    widget = f"chart-{key}-{clicking.times_clicked(key)}-{_theme()}"
    config = _CONFIG | formatting.plotly_locale()
    taking: dict[str, Any] = {}
    if take is not None:
        taking = {"on_select": rights.callback(partial(take, widget)), "selection_mode": "points"}
    deferred.at_last(
        partial(st.plotly_chart, figure, key=widget, config=config, alt=alt, **taking),
        height=figure.layout.height,
        key=f"place-{key}",
    )


def _table_key(key: str) -> str:
    return f"open-{key}"


def _theme() -> Literal["light", "dark"]:
    """Theme of the viewer's browser; light in tests without one."""
    return st.context.theme.type or "light"
