"""Numbers first: charts are drawn after everything else of a run, in places kept free for them.

A browser that is handed a chart evaluates Plotly for most of a second before it shows anything
else, and the server makes figures for longer than it counts. So a chart keeps its place on the page
and comes when numbers, filters and foot have been sent. In the first run of a tab it comes when the
browser has drawn them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.ui import turns
from lib.web import painted

MOST_SECONDS = 3.0
"""That the charts of a first page wait. A browser that shows no images never says that it draws."""

Draw = Callable[[], object]

_waiting: ContextVar[list[tuple[DeltaGenerator, Draw]] | None] = ContextVar("waiting", default=None)


@contextmanager
def charts_last() -> Iterator[None]:
    """Within, what is given to `at_last` waits; at the end it is drawn. Nothing is drawn of a run
    that failed."""
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
    """Draws here, at the end of the run; `height` in pixels is kept free. At once where nothing
    waits, as in a fragment that runs alone."""
    place = st.container(height=height, border=False, gap=None).empty()
    waiting = _waiting.get()
    if waiting is None:
        with place.container():
            draw()
    else:
        waiting.append((place, draw))


def _wait_until_drawn(place: DeltaGenerator) -> None:
    """What was sent before. `place` is that of a chart to come."""
    sign = painted.sign()
    if sign is not None:
        place.html(sign.html)
        with turns.given_back():
            sign.wait(MOST_SECONDS)
