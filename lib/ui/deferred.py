"""Numbers first: charts are drawn at the end of a run, in reserved places.

A browser that receives a chart spends most of a second evaluating Plotly before it shows anything
else, and the server takes longer to build figures than to count. So a chart reserves its place and
is sent after numbers, filters and footer. In a tab's first run it is sent once the browser has
painted those.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.ui import turns
from lib.web import paint_signals

MOST_SECONDS = 3.0
"""Maximum wait of a first page's charts. A browser that loads no images never reports that it has
painted."""

Draw = Callable[[], object]

_waiting: ContextVar[list[tuple[DeltaGenerator, Draw]] | None] = ContextVar("waiting", default=None)


@contextmanager
def charts_last() -> Iterator[None]:
    """Context in which `at_last` is deferred to the end. Nothing is drawn if the run fails."""
    waiting: list[tuple[DeltaGenerator, Draw]] = []
    before = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(before)
    if waiting and not st.session_state.get("has-drawn-charts"):
        st.session_state["has-drawn-charts"] = True
        _wait_until_drawn(waiting[0][0])
    for place, draw in waiting:
        with place.container():
            draw()


def at_last(draw: Draw, *, height: int) -> None:
    """Reserve `height` pixels here and draw at the end of the run; immediately outside of
    `charts_last`, as in a fragment that runs alone."""
    place = st.container(height=height, border=False, gap=None).empty()
    waiting = _waiting.get()
    if waiting is None:
        with place.container():
            draw()
    else:
        waiting.append((place, draw))


def _wait_until_drawn(place: DeltaGenerator) -> None:
    """Wait until the browser has painted what was sent so far. `place` is that of the first
    chart."""
    sign = paint_signals.paint_signal()
    if sign is not None:
        place.html(sign.html)
        with turns.given_back():
            sign.wait(MOST_SECONDS)
