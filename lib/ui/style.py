"""How our own parts of a page look, and what makes its tables sort."""

from functools import cache
from pathlib import Path

import streamlit as st

from lib import outputs

_HERE = Path(__file__).parent


def apply() -> None:
    """To be called once in each run, before anything is drawn."""
    st.html(f"<style>\n{rules()}</style>")


def name_filters(in_force: int) -> None:
    """What opens the sidebar on a phone says how many filters there are. The style shows it."""
    name = f"Filters ({in_force})" if in_force else "Filters"
    st.html(f'<style>:root {{ --filters: "{name}"; }}</style>')


def scripts() -> None:
    """To be called at the end of each run: until it is there, a script has the height of a text."""
    # From our own server, which the page's policy allows; it holds no name of a stranger.
    st.html(
        '<script src="app/static/tables.js" defer></script><span hidden></span>',
        unsafe_allow_javascript=True,
    )


@cache
def rules() -> str:
    """Also for the first answer of the server: they shall hold before a script can bring them."""
    shared = Path(outputs.__file__).with_name("tables.css")
    return (_HERE / "style.css").read_text("utf-8") + shared.read_text("utf-8")
