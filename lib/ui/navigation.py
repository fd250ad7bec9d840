"""The pages by address: title and icon of each, and links from one to another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

import streamlit as st
from streamlit.navigation.page import Page

Path = Literal["overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"]
"""Of a page within the address; that of the first one is the address itself."""
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
    """The page at that address, drawn by `show`."""
    return st.Page(
        show,
        title=TITLES[path],
        icon=_ICONS[path],
        url_path=path,
        default=path == PATHS[0],
    )


def link(path: str, label: str, *, parameters: Mapping[str, Sequence[str]], about: str) -> None:
    """A link to a page with these parameters in its URL; `label` and `about` are Markdown."""
    given = {name: values for name, values in parameters.items() if values}
    # Streamlit tells pages apart by their address, so this one does for the one that is shown.
    target = page(path, _nothing)
    st.page_link(target, label=label, help=about, query_params=given)


def chips(pages: Iterable[Page]) -> None:
    """The pages in a row, where Streamlit puts them into the sidebar: on a phone, where that is
    closed. The style shows it there only."""
    with st.container(horizontal=True, gap="small", key="pages"):
        for each in pages:
            st.page_link(each)


def _nothing() -> None:
    pass
