"""Styles of our own elements, and the script that sorts tables."""

from functools import cache
from pathlib import Path

import streamlit as st

from lib import outputs

_HERE = Path(__file__).parent


def apply() -> None:
    """Apply the styles. Call once per run, before anything is drawn."""
    st.html(f"<style>\n{rules()}</style>")


def name_filters(in_force: int) -> None:
    """Label the sidebar button on phones with the number of filters. The style shows it."""
    name = f"Filters ({in_force})" if in_force else "Filters"
    # Not on the root: the browser would compute the style of the whole page for it.
    button = '[data-testid="stExpandSidebarButton"]'
    st.html(f'<style>{button} {{ --filters: "{name}"; }}</style>')


def scripts() -> None:
    """Add the scripts. Call at the end of each run: until it has loaded, a script takes up a
    line."""
    # From our own server, as the page's CSP requires; contains no untrusted names.
    st.html(
        '<script src="app/static/tables.js" defer></script><span hidden></span>',
        unsafe_allow_javascript=True,
    )


@cache
def rules() -> str:
    """The styles, also sent with the first response: they must apply before a script could add
    them."""
    shared = Path(outputs.__file__).with_name("tables.css")
    return (_HERE / "style.css").read_text("utf-8") + shared.read_text("utf-8")
