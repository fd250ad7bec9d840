"""Tables with their controls: more columns, sort order, download.

They are HTML tables rather than grids: formatted in the operator's locale, accessible to screen
readers, and printed in full. `pages/static/tables.js` sorts them by a click on a header.
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
"""Maximum of rows of a printed table, about forty sheets."""

MOST_ROWS = 100
"""Maximum of rows drawn: of a longer table, the first ones in the chosen order."""


@dataclass(frozen=True)
class Rows:
    """Clicks on a table's rows: the choice each makes, and which rows are chosen already."""

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
    """Draw a table with its title. `note` is Markdown."""
    recorder.note(TableShown(title, table, note))
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        if note:
            st.caption(note)
        body(table, title=title, key=key, view=view, rows=rows)


def body(table: Table, *, title: str, key: str, view: View, rows: Rows = _STILL) -> None:
    """Draw the table without title, with a sort control if it is too long to sort in the browser,
    and its CSV download."""
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
    """A hidden button that `tables.js` clicks before printing; it then waits for the mark that
    replaces the button once all rows are there."""
    if st.session_state.get(_PRINTS):
        st.html('<span class="all-rows" hidden></span>')
    else:
        st.button("Show all rows", key=f"all-rows-{key}", on_click=rights.callback(_print_all))


def _print_all() -> None:
    st.session_state[_PRINTS] = True


def end_of_run() -> None:
    """Limit tables again: all rows are shown for a single run."""
    st.session_state.pop(_PRINTS, None)


def _csv(table: Table, view: View) -> Callable[[], bytes]:
    # Made on demand. The context holds plain values, so the view is not kept alive.
    chosen = context(view)
    return lambda: csv_file(table, chosen)


def _ordered(table: Table, key: str) -> list[int]:
    """Row numbers in the order that the viewer picks."""
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
    """Labels for ascending and descending order."""
    return ("lowest first", "highest first") if column.format.is_number else ("A to Z", "Z to A")


def file_name(what: str, kind: str, view: View) -> str:
    period = view.terms.period
    return f"{what}_{period.start}_{period.end}.{kind}"
