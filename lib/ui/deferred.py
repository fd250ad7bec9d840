"""Numbers first: what a page's numbers do not need is sent after them, into reserved places.

A browser draws all that has arrived before it shows any of it: with the whole page in one go, the
new numbers would wait for its charts, filters and menus. So what follows them is sent when the
browser shows them (`lib.web.bursts`). Charts come last.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.web import paint_signals
from lib.web.paint_signals import PaintSignal

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
    for place, draw in deferred.charts:
        with place:
            draw()


SENDING_SECONDS = 0.05
"""How long a run waits until its numbers are on their way."""


def numbers_are_sent() -> None:
    """Send what follows when the browser shows what was drawn so far. Call after a page's head and
    its numbers."""
    if not paint_signals.is_served.is_set():
        return
    signal = PaintSignal()
    # A style takes up no space. Its image is requested when the title is drawn with it.
    st.html(f"<style>{signal.style('h1')}</style>")
    # Two threads that want Python's lock at a time pass it on every half millisecond: with this one
    # computing, the thread that sends would take that long for each of its frames.
    signal.wait_until_sent(SENDING_SECONDS)


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
