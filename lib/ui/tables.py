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

MOST_PRINTED = 2000
"""Rows of a table on paper, some forty sheets."""

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
    most = MOST_PRINTED if st.session_state.get(_PRINTS) else MOST_ROWS
    is_part = len(table) > most
    if len(table) > MOST_ROWS:
        _offer_all_rows(key)
    if is_part:
        with st.container(horizontal=True, vertical_alignment="center"):
            order = _ordered(table, key)[:most]
            st.caption(
                f"The first {formatting.number(most)} of {formatting.number(len(table))} in "
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


_PRINTS = "prints-all-rows"


def _offer_all_rows(key: str) -> None:
    """A button that nobody sees: `tables.js` uses it before it prints, and waits for the mark that
    stands in its place when the rows are there."""
    if st.session_state.get(_PRINTS):
        st.html('<span class="all-rows" hidden></span>')
    else:
        st.button("Show all rows", key=f"all-rows-{key}", on_click=rights.callback(_print_all))


def _print_all() -> None:
    st.session_state[_PRINTS] = True


def end_of_run() -> None:
    """All rows are shown in one run only: in the next, a table is as short as before."""
    st.session_state.pop(_PRINTS, None)


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
