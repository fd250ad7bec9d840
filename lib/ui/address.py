"""The parameters of the address in the browser: what a session looks at, and what a link tells.

They are kept in the session too, for two reasons. A click on the name of another page drops them
from the address. And what the browser sends may be older than the last choice, when it was sent
before the answer came. So the address counts where it was made by going back or forward, by
following a link to another page, or by opening the page; else what is kept does, and the address
is set to it.

All of them are set at once: each setting is an entry in the browser's history.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from lib.query.url import PARAMETERS
from lib.web import streamlit_internals

WORKSPACE = "workspace"
"""The parameter that names one of several workspaces."""

NAMES = (*PARAMETERS, WORKSPACE)

Values = dict[str, list[str]]

_KEPT, _PAGE = "address", "address-page"


def restore() -> None:
    """Gives the address back what a click on the name of a page has dropped. To be called before
    the browser is told of the pages, so that both are one entry of its history."""
    kept = st.session_state.get(_KEPT)
    if kept and not streamlit_internals.is_history_navigation() and not _given():
        _write(kept)


def read(page: str) -> None:
    """Takes over what counts of the address; `page` is the path of the page that is shown."""
    given: Values = _given()
    kept: Values | None = st.session_state.get(_KEPT)
    is_new_page = st.session_state.get(_PAGE) != page
    if kept is None or is_new_page or streamlit_internals.is_history_navigation():
        kept = given
    elif given != kept:
        _write(kept)
    st.session_state[_KEPT], st.session_state[_PAGE] = kept, page


def forget() -> None:
    """Lets the next run take over the address as it is then: for a link that the server follows
    itself, which no click of the browser's tells of."""
    st.session_state.pop(_KEPT, None)


def values() -> Mapping[str, Sequence[str]]:
    """What is looked at, by name; what is as usual is not in it."""
    return dict(st.session_state.get(_KEPT) or {})


def change(changed: Mapping[str, Sequence[str]]) -> None:
    """Sets these parameters, and leaves the others as they are."""
    kept = {**values(), **{name: list(given) for name, given in changed.items()}}
    ordered = {name: list(kept[name]) for name in NAMES if kept.get(name)}
    st.session_state[_KEPT] = ordered
    if ordered != _given():
        _write(ordered)


def _given() -> Values:
    """What the address says, as far as it is ours."""
    found = {name: st.query_params.get_all(name) for name in NAMES}
    return {name: list(dict.fromkeys(given)) for name, given in found.items() if given}


def _write(ours: Values) -> None:
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}
    st.query_params.from_dict({**others, **ours})
