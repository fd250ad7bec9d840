"""Numbers first: what a page's numbers do not need is sent after them, into reserved places.

A browser draws all that has arrived before it shows any of it: with the whole page in one go, the
new numbers would wait for its charts, filters and menus. So a run pauses after its numbers until
the browser shows them. Charts come last: in a tab's first run, a browser spends most of a second
evaluating Plotly before it shows anything else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.ui import turns
from lib.web import paint_signals

MOST_SECONDS = 3.0
"""Maximum wait of a first page's charts. A browser that loads no images never reports that it has
painted."""

PAUSE_SECONDS = 0.25
"""Maximum wait of a later run after its numbers."""

Draw = Callable[[], object]


@dataclass
class _Deferred:
    """What a run draws at its end: first menus, then charts."""

    menus: list[tuple[DeltaGenerator, Draw]] = field(default_factory=list)
    charts: list[tuple[DeltaGenerator, Draw]] = field(default_factory=list)


_deferred: ContextVar[_Deferred | None] = ContextVar("deferred", default=None)


@contextmanager
def charts_last() -> Iterator[None]:
    """Context in which `at_last` and `after_numbers` are deferred to the end. Nothing is drawn if
    the run fails."""
    deferred = _Deferred()
    before = _deferred.set(deferred)
    try:
        yield
    finally:
        _deferred.reset(before)
    for place, draw in deferred.menus:
        with place:
            draw()
    if deferred.charts and _PAUSES not in st.session_state:
        st.session_state[_PAUSES] = _is_drawn("h1", MOST_SECONDS)
    for place, draw in deferred.charts:
        with place:
            draw()


_PAUSES = "pauses-after-numbers"
"""In the session from the first run on: whether its browser tells what it has drawn."""


def numbers_are_sent() -> None:
    """Pause until the browser shows what was sent so far; not in the first run, which draws into an
    empty page. Call after a page's numbers."""
    if st.session_state.get(_PAUSES):
        st.session_state[_PAUSES] = _is_drawn(".numbers", PAUSE_SECONDS)


def after_numbers(place: DeltaGenerator, draw: Draw) -> None:
    """Draw a menu into its place at the end of the run; immediately outside of `charts_last`."""
    deferred = _deferred.get()
    if deferred is None:
        with place:
            draw()
    else:
        deferred.menus.append((place, draw))


def at_last(draw: Draw, *, height: int, key: str | None = None) -> None:
    """Reserve `height` pixels here, styled by `key`, and draw at the end of the run; immediately
    outside of `charts_last`, as in a fragment that runs alone.

    What the last run drew stays until then, and for good if it is the same."""
    place = st.container(height=height, border=False, gap=None, key=key)
    deferred = _deferred.get()
    if deferred is None:
        with place:
            draw()
    else:
        deferred.charts.append((place, draw))


def _is_drawn(selector: str, seconds: float) -> bool:
    """Wait until the browser has drawn what was sent so far, with an element of this selector, for
    that long at most; return whether it tells."""
    signal = paint_signals.paint_signal()
    if signal is None:
        return False
    # A style takes up no space. Its image is requested when the element is drawn with it.
    st.html(f"<style>{signal.style(selector)}</style>")
    with turns.given_back():
        return signal.wait(seconds)
