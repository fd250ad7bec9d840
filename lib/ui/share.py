"""The one button that takes a page along: link, page file, workbook, print."""

import streamlit as st

from lib.outputs.page_file import page_html
from lib.outputs.workbook import workbook
from lib.query.view import View
from lib.ui import rights, sidebar, tables
from lib.ui.recorder import Recorder


def button(recorder: Recorder, view: View) -> None:
    """Files are made when they are asked for, of what the page has shown by then."""
    with st.popover("Share", icon=":material/ios_share:", key="share"):
        st.caption("This link shows the same to a colleague.")
        st.code(sidebar.link(view.choice), language=None, wrap_lines=True)
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
        st.html('<button type="button" class="print">Print</button>')


def _name() -> str:
    """The page, as files are named after it."""
    path = (st.context.url or "").split("?")[0].rstrip("/").rpartition("/")[2]
    return path if path.isidentifier() else "overview"
