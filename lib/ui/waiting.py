"""Words and progress while another engine than memory works: a page is never frozen.

What is drawn ends the run of a viewer who has moved on, and with it the question, unless somebody
else waits for the same.
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
"""Seconds that an answer may take until the page says that it waits."""

STEP = 0.3
"""Seconds between two signs of life."""


_run: ContextVar[ExitStack] = ContextVar("run")


@contextmanager
def patient() -> Iterator[None]:
    """A run of the main script, in which `here` says where it waits."""
    with ExitStack() as stack:
        token = _run.set(stack)
        try:
            yield
        finally:
            _run.reset(token)


def here(engine: ChosenEngine) -> None:
    """From now on the run says in this place how an engine gets on. Nothing where memory
    answers."""
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
                place.progress(*_said(name, time.monotonic() - began, flight.share))

    try:
        with flights.watched(watch):
            yield
    except Exception:  # not of a run that ends because its viewer has moved on
        place.empty()
        raise
    place.empty()


def _said(name: str, seconds: float, share: float | None) -> tuple[float, str]:
    """How far it is, 0 to 1, and what is said of it."""
    text = f"{name} is counting: {formatting.number(int(seconds))} s so far"
    if share is None:
        return 0.0, f"{text} …"
    return min(max(share, 0.0), 1.0), f"{text}, {formatting.percent(share)} done …"
