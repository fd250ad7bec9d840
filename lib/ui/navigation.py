"""Pages by path: titles, icons, and links between them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

import streamlit as st
from streamlit.navigation.page import Page

Path = Literal["overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"]
"""Path of a page in the URL; the first page is at the root."""
PATHS: tuple[Path, ...] = get_args(Path)

TITLES: Mapping[str, str] = {
    "overview": "Overview",
    "changes": "Changes",
    "channels": "Channels",
    "countries": "Countries",
    "tags": "Tags",
    "opt_in": "Opt-in",
    "workload": "Workload",
    "data": "Data",
}

_ICONS: Mapping[str, str] = {
    "overview": ":material/monitoring:",
    "changes": ":material/difference:",
    "channels": ":material/forum:",
    "countries": ":material/public:",
    "tags": ":material/sell:",
    "opt_in": ":material/mark_email_read:",
    "workload": ":material/support_agent:",
    "data": ":material/database:",
}


def page(path: str, show: Callable[[], None]) -> Page:
    """The page at that path, drawn by `show`."""
    return st.Page(
        show,
        title=TITLES[path],
        icon=_ICONS[path],
        url_path=path,
        default=path == PATHS[0],
    )


def link(path: str, label: str, *, parameters: Mapping[str, Sequence[str]], about: str) -> None:
    """Draw a link to a page with these URL parameters; `label` and `about` are Markdown."""
    given = {name: values for name, values in parameters.items() if values}
    # Streamlit identifies pages by path, so this stand-in works as a link target.
    target = page(path, _nothing)
    st.page_link(target, label=label, help=about, query_params=given)


def chips(pages: Iterable[Page]) -> None:
    """Draw the pages in a row, for phones, where Streamlit hides them in the closed sidebar. The
    style shows it only there."""
    with st.container(horizontal=True, gap="small", key="pages"):
        for each in pages:
            st.page_link(each)


def _nothing() -> None:
    pass
