"""URL parameters in the browser: what a session shows, and what a link carries.

They are also stored in the session, for two reasons. A click on the name of another page drops them
from the URL. And what the browser sends may be older than the last choice, if it was sent before
the response arrived. So the URL wins after going back or forward, after following a link to another
page, and when the page is opened; otherwise the session wins, and the URL is set to it.

All parameters are set in one call, because each call adds an entry to the browser's history.
"""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from lib.query.url import PARAMETERS, WORKSPACE
from lib.web import streamlit_internals

NAMES = (*PARAMETERS, WORKSPACE)

Values = dict[str, list[str]]

_STORED, _PAGE = "address", "address-page"
_BEFORE, _HASH = "address-before", "address-hash"
"""The parameters before the last change, and the page of the last run (`page_hash`)."""


def restore() -> None:
    """Restore the parameters that a click on a page's name has dropped. Call before the browser is
    told of the pages, so that both become one history entry."""
    kept = st.session_state.get(_STORED)
    if kept and not streamlit_internals.is_history_navigation() and not _given():
        _write(kept)


def read(page: str) -> None:
    """Take over the URL's parameters if they win. `page` is the path of the current page."""
    given: Values = _given()
    kept: Values | None = st.session_state.get(_STORED)
    is_new_page = st.session_state.get(_PAGE) != page
    if kept is None or is_new_page or streamlit_internals.is_history_navigation():
        kept = given
    elif given != kept:
        _write(kept)
    st.session_state[_STORED], st.session_state[_PAGE] = kept, page
    st.session_state[_HASH] = streamlit_internals.page_hash()


def forget() -> None:
    """Make the next run take over the URL: for a link that the server follows itself, which the
    browser does not report as a click."""
    st.session_state.pop(_STORED, None)


def values() -> Mapping[str, Sequence[str]]:
    """The current parameters; defaults are left out."""
    return dict(st.session_state.get(_STORED) or {})


def change(changed: Mapping[str, Sequence[str]]) -> None:
    """Set these parameters and keep the others."""
    now = values()
    kept = {**now, **{name: list(given) for name, given in changed.items()}}
    ordered = {name: list(kept[name]) for name in NAMES if kept.get(name)}
    if _is_stale(now, ordered):
        return
    st.session_state[_BEFORE] = now
    st.session_state[_STORED] = ordered
    if ordered != _given():
        _write(ordered)


def _is_stale(now: Mapping[str, Sequence[str]], ordered: Values) -> bool:
    """Whether a change only takes back what the last one made, in a run that a click on another
    page's name asked for.

    Nobody changes a widget with such a click. The browser sends the values of all widgets with it,
    and those are old if it was clicked before the response to the last change arrived.
    """
    before: Mapping[str, Sequence[str]] | None = st.session_state.get(_BEFORE)
    if before is None or st.session_state.get(_HASH) in (None, streamlit_internals.page_hash()):
        return False
    changed = [name for name in NAMES if now.get(name) != ordered.get(name)]
    return all(ordered.get(name) == before.get(name) for name in changed)


def is_ahead() -> bool:
    """Whether the browser asked for this run before it had received the last choice. For
    callbacks."""
    return _without_duplicates(streamlit_internals.sent_parameter) != dict(values())


def _given() -> Values:
    """Our parameters in the URL, without duplicates."""
    return _without_duplicates(st.query_params.get_all)


def _without_duplicates(get: Callable[[str], list[str]]) -> Values:
    found = {name: get(name) for name in NAMES}
    return {name: list(dict.fromkeys(given)) for name, given in found.items() if given}


def _write(ours: Values) -> None:
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}
    st.query_params.from_dict({**others, **ours})
