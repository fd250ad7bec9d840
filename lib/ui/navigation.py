"""The navigation, and links between pages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import streamlit as st
from streamlit.navigation.page import Page

from lib.query.url import WORKSPACE
from lib.reference.pages import FIRST, PAGES, PagePath
from lib.ui import address, deferred


def page(path: PagePath, show: Callable[[], None]) -> Page:
    """The page at that path, drawn by `show`."""
    return st.Page(
        show,
        title=PAGES[path].title,
        icon=f":material/{PAGES[path].icon}:",
        url_path=path,
        default=path == FIRST,
    )


def link(
    path: PagePath,
    label: str,
    *,
    parameters: Mapping[str, Sequence[str]],
    about: str,
    icon: str | None = None,
) -> None:
    """Draw a link to a page of the same workspace with these URL parameters; `label` and `about`
    are Markdown."""
    here = {WORKSPACE: address.values().get(WORKSPACE, ())}
    given = {name: values for name, values in {**here, **parameters}.items() if values}
    # Streamlit identifies pages by path, so this stand-in works as a link target.
    target = page(path, _nothing)
    st.page_link(target, label=label, icon=icon, help=about, query_params=given)


def chips(pages: Iterable[Page], current: Page) -> None:
    """Draw the pages in a row, for phones, where Streamlit hides them in the closed sidebar. The
    style shows it only there."""
    place = st.container(horizontal=True, gap="small", key="pages")
    deferred.after_numbers(place, partial(_draw_links, tuple(pages), current))


def _draw_links(pages: Iterable[Page], current: Page) -> None:
    for each in pages:
        if each.url_path != current.url_path:
            st.page_link(each)
            continue
        # Streamlit's links do not say in HTML which of them is the current one.
        with st.container(width="content", key="page-current"):
            st.page_link(each)


def _nothing() -> None:
    pass
