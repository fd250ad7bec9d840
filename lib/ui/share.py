""" "Share" button: links, page file, workbook, CSV, print."""

from dataclasses import replace
from functools import partial

import streamlit as st

from lib.outputs.csv_file import context, csv_archive
from lib.outputs.page_file import page_html
from lib.outputs.workbook import workbook
from lib.query.choice import Choice
from lib.query.view import View
from lib.ui import deferred, rights, sidebar, tables
from lib.ui.recorder import Recorder


def button(recorder: Recorder, view: View) -> None:
    """Draw the button. Files are made on demand, of what the page has shown by then."""
    menu = st.popover("Share", icon=":material/ios_share:", key="share")
    deferred.after_numbers(menu, partial(_draw_menu, recorder, view))


def _draw_menu(recorder: Recorder, view: View) -> None:
    chosen = context(view)
    st.caption("This link shows the same to a colleague.")
    st.code(sidebar.link(view.choice), language=None, wrap_lines=True)
    fixed = with_fixed_dates(view)
    if fixed != view.choice:
        st.caption("This one keeps to these dates, whenever it is opened.")
        st.code(sidebar.link(fixed), language=None, wrap_lines=True)
    name = _name()
    st.download_button(
        "Page as a file",
        data=rights.file(lambda: page_html(recorder.page())),
        file_name=tables.file_name(name, "html", view),
        mime="text/html",
        key="save-page",
        icon=":material/article:",
        on_click="ignore",
        width="stretch",
        help="One file with the numbers, charts and tables of this page. It opens without a "
        "network.",
    )
    st.download_button(
        "Workbook (XLSX)",
        data=rights.file(lambda: workbook(recorder.page())),
        file_name=tables.file_name(name, "xlsx", view),
        mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        key="save-workbook",
        icon=":material/table:",
        on_click="ignore",
        width="stretch",
        help="A cover and a sheet for each table of this page.",
    )
    st.download_button(
        "Tables as CSV",
        data=rights.file(lambda: csv_archive(recorder.page().tables(), chosen)),
        file_name=tables.file_name(name, "zip", view),
        mime="application/zip",
        key="save-csv",
        icon=":material/csv:",
        on_click="ignore",
        width="stretch",
        help="A file for each table of this page, in a ZIP.",
    )
    st.html('<button type="button" class="print">Print</button>')


def with_fixed_dates(view: View) -> Choice:
    """The choice with fixed dates: "last 30 days" will mean others tomorrow."""
    period = view.terms.period
    return replace(view.choice, preset="dates", start=period.start, end=period.end)


def _name() -> str:
    """Name of the page for its files."""
    path = (st.context.url or "").split("?")[0].rstrip("/").rpartition("/")[2]
    return path if path.isidentifier() else "overview"
