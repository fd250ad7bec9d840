"""How our own parts of a page look, and what makes its tables sort."""

from functools import cache
from pathlib import Path

import streamlit as st

from lib import outputs

_HERE = Path(__file__).parent


def apply() -> None:
    """To be called once in each run, before anything is drawn."""
    st.html(f"<style>\n{_rules()}</style>")
    # From our own server, which the page's policy allows; it holds no name of a stranger.
    st.html(
        '<script src="app/static/tables.js" defer></script><span hidden></span>',
        unsafe_allow_javascript=True,
    )


@cache
def _rules() -> str:
    shared = Path(outputs.__file__).with_name("tables.css")
    return (_HERE / "style.css").read_text("utf-8") + shared.read_text("utf-8")
