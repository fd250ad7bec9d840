"""Progress display while an engine other than memory works, so that a page never freezes.

Updating it ends the run of a viewer who has moved on, and with it the question, unless somebody
else waits for the same answer.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

import streamlit as st

from lib.engines import flights
from lib.engines.flights import Flight
from lib.reference import formatting
from lib.settings import ChosenEngine
from lib.ui import turns

AT_ONCE = 0.5
"""Seconds before the page shows that it waits."""

STEP = 0.3
"""Seconds between two updates."""


_run: ContextVar[ExitStack] = ContextVar("run")


@contextmanager
def patient() -> Iterator[None]:
    """Context of a run of the main script, in which `here` sets where progress is shown."""
    with ExitStack() as stack:
        token = _run.set(stack)
        try:
            yield
        finally:
            _run.reset(token)


def here(engine: ChosenEngine) -> None:
    """Show the engine's progress here for the rest of the run; nothing if memory answers."""
    if not engine.is_memory:
        _run.get().enter_context(_shown(engine.name))


@contextmanager
def _shown(name: str) -> Iterator[None]:
    place = st.empty()

    def watch(flight: Flight) -> None:
        if flight.is_over(AT_ONCE):
            return
        began = time.monotonic() - AT_ONCE
        with turns.given_back():
            while not flight.is_over(STEP):
                place.progress(*_progress_of(name, time.monotonic() - began, flight.share))

    try:
        with flights.watched(watch):
            yield
    except Exception:  # except when a run ends because its viewer has moved on
        place.empty()
        raise
    place.empty()


def _progress_of(name: str, seconds: float, share: float | None) -> tuple[float, str]:
    """Progress from 0 to 1, and its text."""
    text = f"{name} is counting: {formatting.number(int(seconds))} s so far"
    if share is None:
        return 0.0, f"{text} …"
    return min(max(share, 0.0), 1.0), f"{text}, {formatting.percent(share)} done …"
