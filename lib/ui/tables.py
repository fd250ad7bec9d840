"""A table with what belongs to it: more columns, an order, its download.

Tables are those of the page and no grids: they are written in the operator's locale, read out by
screen readers, and printed whole. `pages/static/tables.js` lets them sort by a click on a head.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from lib.outputs.columns import Column, Table
from lib.outputs.csv_file import context, csv_file
from lib.outputs.html import table_html
from lib.outputs.shown import TableShown
from lib.query.view import View
from lib.reference import formatting
from lib.ui import clicks, recorder, rights
from lib.ui.clicks import Clicks

MOST_ROWS = 100
"""As many as a page draws at once. Of a longer table these are the first in the chosen order."""


@dataclass(frozen=True)
class Rows:
    """What the rows of a table do: the choice that a click makes, and which are chosen already."""

    clicks: Clicks = ()
    chosen: Sequence[bool] = ()


_STILL = Rows()


def show(
    title: str,
    table: Table,
    *,
    key: str,
    view: View,
    note: str | None = None,
    rows: Rows = _STILL,
) -> None:
    """A table under its title. `note` is Markdown."""
    recorder.note(TableShown(title, table, note))
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        if note:
            st.caption(note)
        body(table, title=title, key=key, view=view, rows=rows)


def body(table: Table, *, title: str, key: str, view: View, rows: Rows = _STILL) -> None:
    """The table alone, with its order, if it is too long for a click on a head, and its CSV."""
    if not len(table):
        st.caption("Nothing to list here.")
        return
    order = list(range(len(table)))
    is_part = len(table) > MOST_ROWS
    if is_part:
        with st.container(horizontal=True, vertical_alignment="center"):
            order = _ordered(table, key)[:MOST_ROWS]
            st.caption(
                f"The first {formatting.number(MOST_ROWS)} of {formatting.number(len(table))} in "
                "this order; the file has all.",
                width="content",
            )
    links = [
        None if choice is None else clicks.address(choice)
        for choice in (rows.clicks[row] for row in order if rows.clicks)
    ]
    st.html(
        table_html(
            table.at(order) if is_part else table,
            label=title,
            key=key,
            links=links,
            chosen=[rows.chosen[row] for row in order] if rows.chosen else (),
            is_part=is_part,
        )
    )
    st.download_button(
        "Download CSV",
        data=rights.file(_csv(table, view)),
        file_name=file_name(key, "csv", view),
        mime="text/csv",
        key=f"csv-{key}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _csv(table: Table, view: View) -> Callable[[], bytes]:
    # Made when it is asked for; the values of the context are plain, so that no view is kept.
    chosen = context(view)
    return lambda: csv_file(table, chosen)


def _ordered(table: Table, key: str) -> list[int]:
    """The rows in the order that the viewer picks."""
    orders = {"As listed": None} | {
        f"{each.name}, {order}": (each, order == orders[-1])
        for each in table.columns
        if each.format.is_in_files
        for orders in [_orders(each)]
        for order in orders
    }
    picked = st.selectbox(
        "Sort by",
        list(orders),
        format_func=lambda name: f"Sort by: {name}",
        key=f"sort-{key}",
        width=280,
        label_visibility="collapsed",
    )
    order = orders.get(picked or "")
    if order is None:
        return list(range(len(table)))
    column, descending = order
    return table.order_by(column.name, descending=descending)


def _orders(column: Column) -> tuple[str, str]:
    """Ascending and descending in words."""
    return ("lowest first", "highest first") if column.format.is_number else ("A to Z", "Z to A")


def file_name(what: str, kind: str, view: View) -> str:
    period = view.terms.period
    return f"{what}_{period.start}_{period.end}.{kind}"
