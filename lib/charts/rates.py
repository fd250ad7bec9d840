"""Figures of rates with their confidence intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lib.charts.style import (
    AMBER,
    FIFTHS,
    FIXED,
    JADE,
    ONE_LINE,
    PETROL,
    SLATE,
    TICKS,
    figure_of,
    labelled_rows,
    labels_of,
    percents,
    room_for,
    row_keys,
)
from lib.reference import formatting
from lib.reference.rates import SMALL_SAMPLE, Difference, Rate


def dots(
    labels: Sequence[str],
    estimates: Sequence[tuple[float, float, float]],
    said: Sequence[str],
    *,
    colour: str = PETROL,
    are_small: Sequence[bool] | None = None,
) -> go.Scatter:
    """A dot for each estimate (value, low, high of the 95 % interval), hollow and grey if the
    sample is small. `said` is the hover text of each; it needs its own line breaks, because Plotly
    clips text wider than the figure."""
    small = [False] * len(labels) if are_small is None else are_small
    colours = [SLATE if is_small else colour for is_small in small]
    return go.Scatter(
        x=[value for value, _, _ in estimates],
        y=row_keys(labels),
        mode="markers",
        marker={
            "size": 10,
            "color": colours,
            "symbol": ["circle-open" if is_small else "circle" for is_small in small],
            "line": {"width": 2, "color": colours},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, _, high in estimates],
            "arrayminus": [value - low for value, low, _ in estimates],
            "color": SLATE,
            "thickness": 1.5,
        },
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
    )


_BESIDE = 1.22
"""Where the values of rates stand, right of 100%."""


def rates(
    rows: Sequence[tuple[str, Rate]], what: str, also: Mapping[str, Sequence[Rate]] | None = None
) -> go.Figure:
    """A dot for each rate, and its value unless it rests on few; rates without a denominator are
    left out. `also` are other rates of the same rows by name, which the hover text adds."""
    places = [place for place, (_, rate) in enumerate(rows) if rate.rate is not None]
    known = [rows[place] for place in places]

    def others(place: int) -> str:
        found = {name: each[place] for name, each in (also or {}).items()}
        return "".join(
            f"<br>{name}: {formatting.rate(rate)}"
            for name, rate in found.items()
            if rate.denominator
        )

    labels = labels_of([name for name, _ in known])
    shown = dots(
        labels,
        [(rate.rate or 0, rate.low or 0, rate.high or 0) for _, rate in known],
        [
            f"{label}:<br>{formatting.rate(rate)} {what},<br>likely {formatting.interval(rate)}"
            f"{others(place)}"
            for label, place, (_, rate) in zip(labels, places, known, strict=True)
        ],
        are_small=[rate.denominator < SMALL_SAMPLE for _, rate in known],
    )
    values = go.Scatter(
        x=[_BESIDE] * len(known),
        y=row_keys(labels),
        mode="text",
        text=["" if rate.is_small else formatting.percent(rate.rate) for _, rate in known],
        textfont=TICKS,
        hoverinfo="skip",
    )
    return figure_of(
        shown,
        values,
        height=80 + 30 * max(1, len(known)),
        margin={"l": room_for(labels), "r": 8, "t": 8, "b": ONE_LINE},
        xaxis={"range": [-0.04, 1.36], **percents(0, 0.5, 1), **FIXED},
        # The lines of the axis would strike the values through.
        yaxis=labelled_rows(labels) | {"showgrid": False, **FIXED},
        shapes=[_row_line(row) for row in range(len(known))],
        showlegend=False,
    )


def _row_line(row: int) -> dict[str, Any]:
    """A line through a row, from 0 to 100%."""
    ends = {"x0": 0, "x1": 1, "y0": row, "y1": row}
    line = {"color": SLATE, "width": 1}
    return {"type": "line", "layer": "below", "opacity": 0.25, "line": line, **ends}


def differences(rows: Sequence[tuple[str, Difference]]) -> go.Figure:
    """A dot for each difference in opt-in rates with its 95 % interval, around zero."""
    labels: list[str] = []
    estimates = []
    for name, difference in rows:
        if difference.value is not None and difference.interval is not None:
            labels += labels_of([name])
            estimates.append((difference.value, *difference.interval))
    points = [(100 * value, 100 * low, 100 * high) for value, low, high in estimates]
    shown = dots(
        labels,
        points,
        [
            f"{label}:<br>{formatting.points(value)},<br>likely between "
            f"{formatting.points(low)} and {formatting.points(high)}"
            for label, (value, low, high) in zip(labels, estimates, strict=True)
        ],
    )
    return figure_of(
        shown,
        height=80 + 30 * max(1, len(estimates)),
        xaxis={
            "tickformat": "d",
            "title": {"text": "points", "font": TICKS},
            "zeroline": True,
            "zerolinewidth": 2,
        },
        yaxis=labelled_rows(labels),
    )


def cohort_shares(table: pd.DataFrame) -> go.Figure:
    """By month of joining: the share still active, and of these the shares opted in and recently
    active.

    A month without contacts is a gap; a month with fewer than 30 is a hollow dot off the line.
    """
    whole = table
    if len(table):
        whole = table.reindex(pd.date_range(table.index.min(), table.index.max(), freq="MS"))
    traces = [
        trace
        for name, part, of, colour in (
            ("still active", "still_active", "contacts", PETROL),
            ("opted in to broadcasts", "broadcast", "still_active", JADE),
            ("active in 30 days", "active_30d", "still_active", AMBER),
        )
        for trace in _shares(whole, name, part, of, colour)
    ]
    return figure_of(
        *traces, height=320, yaxis={"range": [0, 1.02], **percents(*FIFTHS)}, showlegend=True
    )


def _shares(table: pd.DataFrame, name: str, part: str, of: str, colour: str) -> list[go.Scatter]:
    """The line of a share over the months, and the dots for months too small for it."""
    shares = (table[part] / table[of]).where(table[of] > 0)
    is_small = table[of] < SMALL_SAMPLE
    texts = [
        f"{formatting.month(month)}: {formatting.percent(share)} {name}"
        for month, share in zip(table.index, shares, strict=True)
    ]
    shared = {"customdata": texts, "hovertemplate": "%{customdata}<extra></extra>"}
    line = go.Scatter(
        x=table.index,
        y=shares.mask(is_small),
        mode="lines+markers",
        name=name.capitalize(),
        line={"color": colour, "width": 2},
        marker={"size": 5},
        legendgroup=name,
        connectgaps=False,
        **shared,
    )
    dots = go.Scatter(
        x=table.index,
        y=shares.where(is_small),
        mode="markers",
        name=f"{name.capitalize()} (fewer than {SMALL_SAMPLE})",
        marker={"size": 6, "color": colour, "symbol": "circle-open"},
        legendgroup=name,
        showlegend=False,
        **shared,
    )
    return [line, dots] if is_small.any() else [line]
