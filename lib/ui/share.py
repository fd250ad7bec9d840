""" "Share" button: links, page file, workbook, CSV, print."""

from collections.abc import Callable
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
    _download(
        "Page as a file",
        lambda: page_html(recorder.page()),
        tables.file_name(_name(), "html", view),
        "text/html",
        key="save-page",
        icon="article",
        about="One file with the numbers, charts and tables of this page. It opens without a "
        "network.",
    )
    _download(
        "Workbook (XLSX)",
        lambda: workbook(recorder.page()),
        tables.file_name(_name(), "xlsx", view),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        key="save-workbook",
        icon="table",
        about="A cover and a sheet for each table of this page.",
    )
    _download(
        "Tables as CSV",
        lambda: csv_archive(recorder.page().tables(), chosen),
        tables.file_name(_name(), "zip", view),
        "application/zip",
        key="save-csv",
        icon="csv",
        about="A file for each table of this page, in a ZIP.",
    )
    st.html('<button type="button" class="print">Print</button>')


def _download(
    label: str,
    make: Callable[[], bytes],
    file_name: str,
    mime: str,
    *,
    key: str,
    icon: str,
    about: str,
) -> None:
    """Draw a button for a file that is made when it is clicked."""
    st.download_button(
        label,
        data=rights.file(make),
        file_name=file_name,
        mime=mime,
        key=key,
        icon=f":material/{icon}:",
        on_click="ignore",
        width="stretch",
        help=about,
    )


def with_fixed_dates(view: View) -> Choice:
    """The choice with fixed dates: "last 30 days" will mean others tomorrow."""
    period = view.terms.period
    return replace(view.choice, preset="dates", start=period.start, end=period.end)


def _name() -> str:
    """Name of the page for its files."""
    path = (st.context.url or "").split("?")[0].rstrip("/").rpartition("/")[2]
    return path if path.isidentifier() else "overview"
