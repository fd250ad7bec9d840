"""Freshness of the data: demo banner, first fetch, and the status beside each title.

Streamlit keeps fragments and callbacks with their arguments as long as the tab. So they take a
workspace's name and plain values, never anything that refers to a snapshot.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from lib import settings
from lib.engines.errors import EngineError
from lib.query.last_good import LAST_GOOD
from lib.reference import escaping, formatting
from lib.refresh.refresher import Refresher
from lib.refresh.refreshers import refresher_of
from lib.refresh.state import State
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from lib.ui import rights
from lib.web.logs import RareWarning

_warn_of_engine = RareWarning(logging.getLogger(__name__))


def demo_banner() -> None:
    with st.container(key="demo"):
        st.info(
            "**Demo workspace.** These contacts are made up. For yours, set `CHATBOTX_TOKEN` to a "
            "read-only ChatbotX token (scope: contacts) and restart.",
            icon=":material/science:",
        )


@dataclass(frozen=True)
class Fetched:
    """What a page says about its snapshot; `as_of` is UTC. `unanswered` is the time of a newer one
    that is not offered, because the engine gave no answer about it; None if there is none."""

    as_of: datetime
    contacts: int
    complete: bool
    warnings: tuple[str, ...]
    unanswered: datetime | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, unanswered: datetime | None = None) -> "Fetched":
        verdict = snapshot.verdict
        warnings = tuple(verdict.warnings)
        return cls(snapshot.as_of, snapshot.contacts, verdict.complete, warnings, unanswered)


@rights.fragment(run_every=timedelta(seconds=1))
def first_fetch(workspace: str, person: str) -> None:
    """Draw the progress of the first crawl, or why it failed. Reruns the page as soon as there is a
    snapshot."""
    state = _refresher(workspace).look()
    if state.snapshot is not None:
        st.rerun()
    if state.stored is not None:
        with st.container(border=True):
            st.header("Loading what was fetched last", anchor=False)
            st.caption(
                "Nobody has looked at this workspace for a while. This page fills by itself."
            )
        return
    if state.failure is not None and not state.is_running:
        st.error(state.failure.reason, icon=":material/cloud_off:")
        st.button(
            "Try again",
            on_click=rights.callback(_refresh),
            args=(workspace, person),
            type="primary",
        )
        return
    with st.container(border=True):
        st.header("Fetching your contacts for the first time", anchor=False)
        _progress(state)
        st.caption("This page fills by itself. Later visits start with what was fetched last.")


@rights.fragment(run_every=timedelta(seconds=1))
def until_recorded(workspace: str) -> None:
    """While the current snapshot is being recorded: rerun the page once that is done or has
    failed."""
    state = _refresher(workspace).state
    if state.history is not None or state.due is not None:
        st.rerun()
    with st.container(key="until-recorded"):
        st.caption(
            "Recording this fetch in the history. The page updates by itself when that is done."
        )


@rights.fragment(run_every=timedelta(seconds=15))
def freshness(workspace: str, shown: Fetched, timezone: str, person: str) -> None:
    """Draw the age of the data and the refresh button beside the title; above it, failures and
    progress."""
    # Frequent reruns make the browser redraw, so only poll fast while something changes.
    state = _refresher(workspace).state
    draw = _watched if state.is_running or state.due is None else _status
    draw(workspace, shown, timezone, person)


@rights.fragment(run_every=timedelta(seconds=1))
def _watched(workspace: str, shown: Fetched, timezone: str, person: str) -> None:
    _status(workspace, shown, timezone, person)


def _status(workspace: str, shown: Fetched, timezone: str, person: str) -> None:
    refresher = _refresher(workspace)
    state = refresher.look()
    incomplete = "" if shown.complete else ", **may be incomplete**"
    if state.is_running:
        _progress(state)
    if state.failure is not None:
        since = escaping.markdown(formatting.moment(state.failure.since, timezone))
        st.warning(
            f"Refreshing has failed since {since}: {state.failure.reason} The "
            "numbers are those of the last good fetch.",
            icon=":material/cloud_off:",
        )
    for warning in shown.warnings:
        st.warning(escaping.markdown(warning), icon=":material/rule:")
    for note in state.notes:
        st.warning(escaping.markdown(note), icon=":material/save:")
    # Last, because it shares a line with the title that follows.
    with st.container(horizontal=True, vertical_alignment="center", key="freshness"):
        st.caption(f"Updated {formatting.age(formatting.now() - shown.as_of)}{incomplete}")
        known = (shown.as_of, shown.unanswered)
        if state.snapshot is not None and state.snapshot.as_of not in known:
            # `tables.js` presses it where nobody would mind.
            label, key = "Show the new data", "show-new-data"
            if st.button(label, key=key, type="primary", icon=":material/update:"):
                st.rerun()
        elif not state.is_running:
            pause = refresher.pause_for(person)
            st.button(
                "Refresh",
                on_click=rights.callback(_refresh),
                args=(workspace, person),
                type="tertiary",
                icon=":material/refresh:",
                disabled=bool(pause),
                help=f"Asked for several times just now: again in {pause.total_seconds():.0f} s."
                if pause
                else None,
            )


def warn_of_no_answer(error: EngineError) -> None:
    """Log it, at most once a minute: everybody can reload a page as often as they like."""
    _warn_of_engine("An engine gave no answer. %s", error)


def fall_back(error: EngineError, configured: Settings, snapshot: Snapshot) -> None:
    """Rerun with the last snapshot that the engine answered about, if there is an older one."""
    warn_of_no_answer(error)
    if LAST_GOOD.failed(configured, snapshot, error):
        st.rerun()


def no_answer(error: EngineError, key: str = "ask-again") -> None:
    """Draw the reason why numbers could not be computed, and a retry button with a key that is
    unique on the page."""
    st.error(escaping.markdown(str(error)), icon=":material/cloud_off:")
    st.button("Try again", key=key, icon=":material/refresh:", type="primary")


def older(workspace: str, reason: str, shown: Fetched, timezone: str) -> None:
    """Draw why the numbers are from an older snapshot, with a button that retries the newer one at
    once."""
    moment = escaping.markdown(formatting.moment(shown.as_of, timezone))
    st.warning(
        f"{escaping.markdown(reason)} The numbers here are those of {moment}.",
        icon=":material/cloud_off:",
    )
    st.button(
        "Try again",
        key="ask-about-newer",
        icon=":material/refresh:",
        on_click=rights.callback(_ask_again),
        args=(workspace,),
    )


def _ask_again(workspace: str) -> None:
    """Callback: retry the newer snapshot."""
    LAST_GOOD.ask_again(settings.configuration().named(workspace))


def foot(shown: Fetched, timezone: str) -> None:
    """Draw the page's footer: number of contacts, time of the data, completeness."""
    contacts = formatting.counted(shown.contacts, "contact")
    moment = escaping.html(formatting.moment(shown.as_of, timezone))
    complete = "complete" if shown.complete else "<strong>may be incomplete</strong>"
    st.html(f'<p class="foot">{contacts} as of {moment}, {complete}.</p>')


def _progress(state: State) -> None:
    seen = state.progress
    if state.is_elsewhere:
        st.progress(0.0, "Another server is fetching …")
        return
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


def _refresh(workspace: str, person: str) -> None:
    """Callback: refresh on a visitor's behalf."""
    _refresher(workspace).refresh_for(person)


def _refresher(workspace: str) -> Refresher:
    """The refresher of a workspace."""
    return refresher_of(settings.configuration().named(workspace))
