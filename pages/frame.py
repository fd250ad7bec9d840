"""Main script: what surrounds every page (access, data, navigation, filters, states, footer).

What a run creates is local to `main`: a script, with all its module-level names, outlives its run.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from lib.engines.errors import EngineError
from lib.query import view
from lib.query.last_good import LAST_GOOD, Shown
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.pages import PagePath
from lib.refresh.refreshers import refresher_of
from lib.settings import Settings
from lib.ui import (
    address,
    deferred,
    gate,
    navigation,
    rights,
    saved,
    sidebar,
    status,
    style,
    tables,
    turns,
    waiting,
)
from pages import changes, channels, countries, data, opt_in, overview, tags, workload

LOADING_SECONDS = 2.0
"""How long a viewer waits for a snapshot to load before the page says so."""

STATIC = Path(__file__).parent / "static"

SHOWS: dict[PagePath, Callable[[View], None]] = {
    "overview": overview.show,
    "changes": changes.show,
    "channels": channels.show,
    "countries": countries.show,
    "tags": tags.show,
    "opt_in": opt_in.show,
    "workload": workload.show,
    "data": data.show,
}


def main() -> None:
    shown: list[View] = []
    st.set_page_config(
        page_title="Audience",
        page_icon=str(STATIC / "favicon.png"),
        layout="wide",
        initial_sidebar_state="auto",
    )
    st.logo(str(STATIC / "logo.svg"), size="large")
    style.apply()

    visitor = rights.visitor()
    pages = [navigation.page(path, partial(_show, path, shown)) for path in SHOWS]
    address.restore()
    page = st.navigation(pages, position="top" if visitor.is_welcome else "hidden")
    address.read(page.url_path)
    welcome = gate.pass_or_stop(visitor, page, pages)
    configured, link_notes = gate.choose_workspace(visitor, welcome)
    with st.sidebar:
        gate.draw_switch(visitor, welcome, configured)
        controls = st.container()
        gate.draw_account(welcome)

    formatting.set_locale(configured.locale)
    state = refresher_of(configured).look(LOADING_SECONDS)

    if state.snapshot is None:
        st.title(page.title)
        status.first_fetch(configured.name, welcome.email or "")
        st.stop()

    current = LAST_GOOD.to_show(configured, state.snapshot, state.history)
    waiting.here(configured.chosen_engine)
    seen, notes = _view(current, configured, page.title)
    shown.append(seen)
    with deferred.charts_last():
        navigation.chips(pages, page)
        if configured.is_demo:
            status.demo_banner()
        for note in [*link_notes, *notes, *visitor.configuration.notes, *configured.notes]:
            st.warning(escaping.markdown(note), icon=":material/link_off:")
        if seen.caveat:
            st.info(escaping.markdown(seen.caveat), icon=":material/event_busy:")
        unanswered = None if current.reason is None else state.snapshot.as_of
        fetched = status.Fetched.of(current.snapshot, unanswered)
        if current.reason is not None:
            status.older(configured.name, current.reason, fetched, seen.terms.timezone)
        status.freshness(configured.name, fetched, seen.terms.timezone, welcome.email or "")

        failure = _draw(page, seen, configured)
        # Numbers first: the browser takes about as long to draw the filters as the page's head.
        with controls:
            sidebar.draw(seen, configured)
            saved.draw(seen, configured, page.url_path or "overview")
        status.foot(fetched, seen.terms.timezone)
        style.scripts()
    tables.end_of_run()
    if state.history is None and state.due is None:
        status.until_recorded(configured.name)
    if failure is not None:
        raise failure


def _view(current: Shown, configured: Settings, title: str) -> tuple[View, list[str]]:
    """What the URL and the widgets ask for, with notes about what they ask for in vain. Ends the
    run if the engine gives no answer."""
    snapshot, history = current.snapshot, current.history
    try:
        known = view.options(snapshot, configured, history)
        choice, notes = sidebar.read(known)
        return view.view_of(snapshot, choice, configured, history), notes
    except EngineError as error:
        status.fall_back(error, configured, snapshot)
        st.title(title)
        status.no_answer(error)
        st.stop()


def _draw(page: Page, seen: View, configured: Settings) -> Exception | None:
    """Draw the page, or why it has nothing to show. Returns an unexpected error, which is to be
    raised below the filters: they may be the way out of it."""
    try:
        if not seen.snapshot.contacts:
            _no_contacts_yet()
        elif page.url_path != "data" and seen.is_empty:
            _nobody(seen)
        else:
            page.run()
        LAST_GOOD.answered(configured, seen.snapshot, seen.history)
    except EngineError as error:
        status.fall_back(error, configured, seen.snapshot)
        status.no_answer(error)
    except Exception as error:  # noqa: BLE001 - the caller raises it
        return error
    return None


def _no_contacts_yet() -> None:
    st.title("There are no contacts yet")
    st.write(
        "The workspace answers, and it is empty. As soon as somebody writes to one of its "
        "channels, or contacts are imported, they are counted here."
    )


def _nobody(seen: View) -> None:
    st.title("No contact passes these filters")
    st.write(f"Chosen is: {escaping.markdown(seen.choice.in_words(seen.options))}.")
    st.button(
        "Show all contacts",
        on_click=rights.callback(sidebar.clear_filters),
        args=(seen.choice,),
        type="primary",
    )


def _show(path: PagePath, shown: list[View]) -> None:
    """Draw a page of the view in `shown`, which is not known yet when Streamlit is given the
    pages."""
    SHOWS[path](shown[-1])


with turns.turn(), waiting.patient():
    main()
