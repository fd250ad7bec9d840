"""The navigation, and links between pages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import Page

from lib.outputs.html import PageLink, pages_html
from lib.query.url import WORKSPACE
from lib.reference.pages import FIRST, PAGES, PagePath
from lib.ui import address


def page(path: PagePath, show: Callable[[], None]) -> Page:
    """The page at that path, drawn by `show`."""
    return st.Page(
        show,
        title=PAGES[path].title,
        icon=f":material/{PAGES[path].icon}:",
        url_path=path,
        default=path == FIRST,
    )


def address_of(path: PagePath, parameters: Mapping[str, Sequence[str]]) -> str:
    """URL of a page of the same workspace with these parameters, relative to any page."""
    query = urlencode(_of_workspace(parameters), doseq=True)
    return f"{'.' if path == FIRST else path}?{query}"


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
    # Streamlit identifies pages by path, so this stand-in works as a link target.
    target = page(path, _nothing)
    given = _of_workspace(parameters)
    st.page_link(target, label=label, icon=icon, help=about, query_params=given)


def _of_workspace(parameters: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    here = {WORKSPACE: address.values().get(WORKSPACE, ())}
    return {name: values for name, values in {**here, **parameters}.items() if values}


def chips(pages: Iterable[Page], current: Page) -> None:
    """Draw the pages in a row, for phones, where Streamlit hides them in the closed sidebar. The
    style shows it only there."""
    links = [
        PageLink(each.url_path, each.title, each.url_path == current.url_path) for each in pages
    ]
    with st.container(key="pages"):
        st.html(pages_html(links))


def _nothing() -> None:
    pass
