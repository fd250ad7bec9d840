"""How fresh the data is: the banner of the demo, the first fetch, the foot of each page."""

from datetime import timedelta

import streamlit as st

from lib.reference import formatting
from lib.refresh.refreshers import Refresher, State
from lib.store.snapshot import Snapshot


def demo_banner() -> None:
    st.info(
        "**Demo workspace.** These contacts are made up. To see your own, create a read-only token "
        "with the contacts scope in ChatbotX and set `CHATBOTX_TOKEN` in the secrets or the "
        "environment of this dashboard; then start it again.",
        icon=":material/science:",
    )


def first_fetch(state: State, refresher: Refresher, person: str) -> None:
    """Before there is anything to show: how far the first crawl is, or why there is none."""
    if state.failure is not None and not state.is_running:
        st.error(state.failure.reason, icon=":material/cloud_off:")
        st.button("Try again", on_click=refresher.refresh_for, args=(person,), type="primary")
        return
    with st.container(border=True):
        st.header("Fetching your contacts for the first time", anchor=False)
        progress(state)
        st.caption("This page fills by itself. Later visits start with what was fetched last.")


def progress(state: State) -> None:
    seen = state.progress
    if seen is None:
        st.progress(0.0, "Starting …")
        return
    text = formatting.counted(seen.contacts, "contact")
    if seen.expected:
        text += f" of about {formatting.number(max(seen.expected, seen.contacts))}"
    if seen.seconds_left is not None and seen.seconds > 2:
        left = seen.seconds_left
        text += (
            f", about {formatting.duration(left / 3600)} left"
            if left > 60
            else ", less than 1 min left"
        )
    if seen.retries:
        text += f", {formatting.counted(seen.retries, 'retry', 'retries')}"
    st.progress(seen.share or 0.0, text)


@st.fragment(run_every=timedelta(seconds=15))
def foot(refresher: Refresher, snapshot: Snapshot, timezone: str, person: str) -> None:
    """As of when, how old, complete or not; the button, and the progress of a running refresh."""
    # Looking often makes the browser draw often, so that is done only where something moves.
    state = refresher.state
    show = _watched if state.is_running or state.due is None else _status
    show(refresher, snapshot, timezone, person)


@st.fragment(run_every=timedelta(seconds=1))
def _watched(refresher: Refresher, snapshot: Snapshot, timezone: str, person: str) -> None:
    _status(refresher, snapshot, timezone, person)


def _status(refresher: Refresher, snapshot: Snapshot, timezone: str, person: str) -> None:
    state = refresher.state
    age = formatting.now() - snapshot.as_of
    complete = "complete" if snapshot.verdict.complete else "**may be incomplete**"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{formatting.counted(snapshot.contacts, 'contact')} as of "
            f"{formatting.markdown(formatting.moment(snapshot.as_of, timezone))}, "
            f"{formatting.age(age)}, "
            f"{complete}."
        )
        if state.snapshot is not None and state.snapshot is not snapshot:
            if st.button("Show the new data", type="primary", icon=":material/update:"):
                st.rerun()
        elif not state.is_running:
            pause = refresher.pause_for(person)
            st.button(
                "Refresh",
                on_click=refresher.refresh_for,
                args=(person,),
                icon=":material/refresh:",
                disabled=bool(pause),
                help=f"Asked for several times just now: again in {pause.total_seconds():.0f} s."
                if pause
                else None,
            )
    if state.is_running:
        progress(state)
    if state.failure is not None:
        since = formatting.markdown(formatting.moment(state.failure.since, timezone))
        st.warning(
            f"Refreshing has failed since {since}: {state.failure.reason} The "
            "numbers are those of the last good fetch.",
            icon=":material/cloud_off:",
        )
    for warning in snapshot.verdict.warnings:
        st.warning(formatting.markdown(warning), icon=":material/rule:")
    for note in state.notes:
        st.warning(formatting.markdown(note), icon=":material/save:")
