"""What a click on a mark of a chart or on a row of a table means: the choice that it makes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import pandas as pd
import streamlit as st

from lib.charts.steps import Step
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference.periods import ONE_DAY, Period
from lib.store.dimensions import Dimension
from lib.ui import sidebar

T = TypeVar("T")

Clicks = Sequence[Choice | None]
"""The choice that a click on each mark, or on each row, makes; None where it makes none."""


def on_steps(starts: pd.Index, step: Step, period: Period, view: View) -> Clicks:
    """For each day, week or month that begins then: the dashboard on its days alone, of those in
    the drawn `period`."""
    days = [max(start.date(), period.start) for start in pd.DatetimeIndex(starts)]
    ends = [*(day - ONE_DAY for day in days[1:]), period.end] if step != "D" else days
    return [view.choice.on_days(day, end) for day, end in zip(days, ends, strict=True)]


def on_keys(dimension: Dimension, keys: Iterable[object], view: View) -> Clicks:
    """For each key: the whole dashboard limited to it, or no longer so."""
    return [view.choice.toggled(dimension, str(key)) for key in keys]


def address(choice: Choice) -> str:
    """The page under that choice, relative to the one that is open. Browsers may follow it in a
    new tab; in this one, `tables.js` takes it without loading the page anew."""
    return "?" + sidebar.link(choice).partition("?")[2]


def times_clicked(key: str) -> int:
    """After a click a chart is made anew: what it holds as selected says nothing of the choice."""
    return int(st.session_state.get(_clicked(key), 0))


def take_mark(
    key: str, widget: str, clicks: Sequence[Clicks], opens: Mapping[int, str] | None = None
) -> None:
    """A callback: makes the choice of the mark that was clicked. `opens` names, for marks of the
    first trace that stand for many, what opens instead of a choice."""
    point = _selected(widget, "points")
    if not isinstance(point, Mapping):
        return
    trace, place = point.get("curve_number"), point.get("point_index")
    opened = None
    if trace == 0 and isinstance(place, int) and _is_place(place):
        opened = (opens or {}).get(place)
    if opened is not None:
        st.session_state[opened] = True
        st.session_state[_clicked(key)] = times_clicked(key) + 1
        return
    _take(key, _at(clicks, trace) or (), place, sidebar.set_choice)


def take_place(key: str, widget: str, *, act: Callable[[int], None]) -> None:
    """A callback: acts on the place of the mark that was clicked."""
    point = _selected(widget, "points")
    place = point.get("point_index") if isinstance(point, Mapping) else None
    if isinstance(place, int) and _is_place(place):
        act(place)
        st.session_state[_clicked(key)] = times_clicked(key) + 1


def _take(key: str, clicks: Clicks, place: object, make: Callable[[Choice], None]) -> None:
    chosen = _at(clicks, place)
    if chosen is not None:
        make(chosen)
        st.session_state[_clicked(key)] = times_clicked(key) + 1


def _clicked(key: str) -> str:
    return f"clicked-{key}"


# What a browser sends may be anything.
def _selected(widget: str, kind: str) -> object:
    """The first of the marks that are selected."""
    state = st.session_state.get(widget)
    selection = state.get("selection") if isinstance(state, Mapping) else None
    selected = selection.get(kind) if isinstance(selection, Mapping) else None
    return selected[0] if isinstance(selected, list) and selected else None


def _is_place(place: object) -> bool:
    return isinstance(place, int) and not isinstance(place, bool) and place >= 0


def _at(items: Sequence[T], place: object) -> T | None:
    if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(items):
        return items[place]
    return None
