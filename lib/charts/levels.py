"""Figures of recorded levels, day by day."""

from collections.abc import Callable, Mapping

import pandas as pd
import plotly.graph_objects as go

from lib.charts.style import (
    AMBER,
    FIFTHS,
    JADE,
    PETROL,
    RUST,
    figure_of,
    percents,
    whole_numbers,
)
from lib.reference import formatting

_COLOURS: Mapping[str, str] = {
    "awaiting_reply": RUST,
    "unassigned": AMBER,
    "broadcast": JADE,
    "email": PETROL,
}


def over_days(
    levels: pd.DataFrame,
    names: Mapping[str, str],
    say: Callable[[float], str],
    *,
    height: int = 300,
    **yaxis: object,
) -> go.Figure:
    """A line for each column in `names`. An unrecorded day is a gap; a day between two gaps is a
    dot. `say` formats a value; `height` is in pixels."""
    days = pd.DatetimeIndex(levels.index)
    lines = [
        go.Scatter(
            x=days,
            y=levels[column],
            name=name,
            mode="lines+markers",
            connectgaps=False,
            line={"color": _COLOURS[column], "width": 2},
            marker={"size": 5},
            customdata=[
                f"{formatting.named_day(day)}: {say(value)} {name.lower()}"
                for day, value in zip(days, levels[column], strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
        for column, name in names.items()
    ]
    return figure_of(
        *lines, height=height, showlegend=True, yaxis={"rangemode": "tozero"} | dict(yaxis)
    )


def counts(levels: pd.DataFrame, names: Mapping[str, str], height: int = 300) -> go.Figure:
    """Counts of contacts or conversations."""
    ticks = whole_numbers(levels[list(names)].max().max())  # gaps do not count
    return over_days(levels, names, formatting.number, height=height, **ticks)


def rates(levels: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """Shares, from 0 to 1."""
    return over_days(levels, names, formatting.percent, range=[0, 1.02], **percents(*FIFTHS))
