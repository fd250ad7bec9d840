"""The choice that a click on a chart's mark or a table's row makes."""

from collections.abc import Iterable, Mapping, Sequence
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
"""The choice that a click on each mark or row makes; None if it makes none."""


def on_steps(starts: pd.Index, step: Step, period: Period, view: View) -> Clicks:
    """For each step that starts then: the dashboard limited to its days within the period."""
    days = [max(start.date(), period.start) for start in pd.DatetimeIndex(starts)]
    ends = [*(day - ONE_DAY for day in days[1:]), period.end] if step != "day" else days
    return [view.choice.on_days(day, end) for day, end in zip(days, ends, strict=True)]


def on_keys(dimension: Dimension, keys: Iterable[object], view: View) -> Clicks:
    """For each key: the dashboard filtered by it, or no longer filtered if it already is."""
    return [view.choice.toggled(dimension, str(key)) for key in keys]


def address(choice: Choice) -> str:
    """URL of the page under that choice, relative to the current one. Opening it in a new tab
    works; within the tab, `tables.js` handles it without reloading."""
    return "?" + sidebar.link(choice).partition("?")[2]


def times_clicked(key: str) -> int:
    """Number of clicks a chart has taken. It is part of the widget's key, so each click makes a new
    widget: the old one's selection no longer matches the choice."""
    return int(st.session_state.get(_clicked(key), 0))


def take_mark(
    key: str,
    widget: str,
    clicks: Sequence[Clicks],
    opens: Mapping[int, str] | None = None,
    *,
    was: Choice,
) -> None:
    """Callback: apply the choice of the clicked mark, where it differs from the one that the chart
    was drawn for. `opens` maps marks of the first trace that stand for many groups to the session
    key of the table to open instead."""
    point = _selected_mark(widget)
    if not isinstance(point, Mapping):
        return
    trace, place = point.get("curve_number"), point.get("point_index")
    opened = None
    if trace == 0 and isinstance(place, int) and _is_place(place):
        opened = (opens or {}).get(place)
    chosen = _at(_at(clicks, trace) or (), place)
    if (opened is None and chosen is None) or _is_repeated(key, (widget, trace, place)):
        return
    if opened is not None:
        st.session_state[opened] = True
    elif chosen is not None:
        sidebar.revise(was, chosen)
    st.session_state[_clicked(key)] = times_clicked(key) + 1


def _is_repeated(key: str, click: tuple[str, object, object]) -> bool:
    """Whether this click (widget, trace, place) was taken already: until the browser has received
    the widget that follows, it sends the old one's selection along with everything else."""
    is_repeated: bool = st.session_state.get(f"taken-{key}") == click
    st.session_state[f"taken-{key}"] = click
    return is_repeated


def _clicked(key: str) -> str:
    return f"clicked-{key}"


# The browser may send anything.
def _selected_mark(widget: str) -> object:
    """The first selected mark."""
    state = st.session_state.get(widget)
    selection = state.get("selection") if isinstance(state, Mapping) else None
    selected = selection.get("points") if isinstance(selection, Mapping) else None
    return selected[0] if isinstance(selected, list) and selected else None


def _is_place(place: object) -> bool:
    return isinstance(place, int) and not isinstance(place, bool) and place >= 0


def _at(items: Sequence[T], place: object) -> T | None:
    if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(items):
        return items[place]
    return None
