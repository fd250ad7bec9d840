"""Figures of new and lost contacts over time."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lib.charts.steps import (
    UNFINISHED,
    Step,
    by_size,
    is_unfinished,
    opacities,
    step_name,
    stepped,
)
from lib.charts.style import (
    FADED,
    FIXED,
    LEGEND,
    PETROL,
    RUST,
    SLATE,
    TICKS,
    TWO_LINES,
    channel_colour,
    figure_of,
    labels_of,
    room_for,
    whole_numbers,
)
from lib.reference import formatting


def growth(
    daily: pd.DataFrame, step: Step, today: date, before: Sequence[int] | None = None
) -> go.Figure:
    """New contacts above the axis, lost ones below it. `daily` has columns new and lost, indexed by
    day.

    `before` holds the new contacts of the comparison period, one number per step; they are drawn as
    a dotted line over the same positions.
    """
    table = stepped(daily, step)
    names = _names(table.index, step, today)
    faded = opacities(table.index, step, today)
    traces: list[go.Bar | go.Scatter] = [
        _bars(table.index, table["new"], names, "new", PETROL, faded),
        _bars(table.index, -table["lost"], names, "lost", RUST, faded),
    ]
    if before is not None and any(before):
        traces.append(_comparison_line(table.index, list(before)))
    highest = max([0, *table["new"].tolist(), *table["lost"].tolist(), *(before or [])])
    return figure_of(
        *traces,
        height=300,
        barmode="relative",
        showlegend=True,
        **_time_axes(step, len(table), highest),
    )


_ANY_DAY = date(2000, 1, 1)
"""For an axis that shows times of day only."""


def new_by_hour(
    hours: Sequence[int], current: int | None = None, before: Sequence[int] | None = None
) -> go.Figure:
    """New contacts of one day, by hour. `current` is the unfinished hour; `before` are those of the
    day to compare with, drawn as a dotted line."""
    starts = pd.DatetimeIndex([f"{_ANY_DAY} {hour:02d}:00" for hour in range(len(hours))])
    bars = go.Bar(
        x=starts,
        y=list(hours),
        name="New",
        marker={
            "color": PETROL,
            "opacity": [UNFINISHED if hour == current else 1.0 for hour in range(len(hours))],
        },
        customdata=[
            f"{hour:02d}:00{', so far' if hour == current else ''}: {formatting.number(new)} new"
            for hour, new in enumerate(hours)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    is_compared = before is not None and any(before)
    lines = [_comparison_line(starts, before)] if before is not None and is_compared else []
    return figure_of(
        bars,
        *lines,
        height=300,
        showlegend=is_compared,
        # Of times, Plotly labels as many as there is room for; of categories, more.
        xaxis={"type": "date", "tickformat": "%H:%M"},
        yaxis=whole_numbers(max([0, *hours, *(before or [])])),
    )


def new_by_channel(
    daily: pd.DataFrame,
    step: Step,
    today: date,
    totals: Sequence[int] = (),
    chosen: Collection[str] = (),
) -> go.Figure:
    """New contacts over time, stacked by channel, the largest at the bottom.

    `totals` are written above the bars, one per step; they count a contact on two channels once. If
    `chosen` contains channels, these are at the bottom and the others are faded.
    """
    table = stepped(stacked(daily, chosen), step)
    names = _names(table.index, step, today)
    faded = opacities(table.index, step, today)
    traces = []
    for channel in table.columns:
        (label,) = labels_of([formatting.channel_name(channel)], 28)
        strength = 1 if not chosen or channel in chosen else FADED
        traces.append(
            go.Bar(
                x=table.index,
                y=table[channel],
                name=label,
                marker={
                    "color": channel_colour(channel),
                    "opacity": [strength * each for each in faded],
                },
                customdata=[
                    f"{name}: {formatting.number(new)} new on {label}"
                    for name, new in zip(names, table[channel], strict=True)
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    if totals:
        traces.append(_totals(table.index, totals))
    return figure_of(
        *traces,
        height=340,
        barmode="stack",
        showlegend=True,
        legend=LEGEND | {"traceorder": "reversed"},  # from the top of the stack
        **_time_axes(step, len(table), max([0, *table.sum(axis=1).tolist()])),
        # A number wider than its bar would run into its neighbour.
        uniformtext={"mode": "hide", "minsize": 10},
    )


def stacked(daily: pd.DataFrame, chosen: Collection[str] = ()) -> pd.DataFrame:
    """The table with its columns in stacking order: chosen ones first, by size."""
    ordered = by_size(daily)
    return ordered[
        sorted(ordered.columns, key=lambda column: bool(chosen) and column not in chosen)
    ]


def _totals(days: pd.Index, totals: Sequence[int]) -> go.Bar:
    """Labels above a stack, as the text of zero-height bars."""
    return go.Bar(
        x=days,
        y=[0] * len(days),
        text=[formatting.number(total) if total else "" for total in totals],
        textposition="outside",
        textangle=0,
        textfont=TICKS,
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )


def _bars(
    days: pd.Index,
    values: "pd.Series[int]",
    names: Sequence[str],
    what: str,
    colour: str,
    faded: Sequence[float],
) -> go.Bar:
    return go.Bar(
        x=days,
        y=values,
        name=what.capitalize(),
        marker={"color": colour, "opacity": faded},
        customdata=[
            f"{name}: {formatting.number(abs(value))} {what}"
            for name, value in zip(names, values, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _comparison_line(days: pd.Index, before: Sequence[int]) -> go.Scatter:
    # Periods of different lengths, such as months, are drawn up to the shorter one.
    shown = before[: len(days)]
    return go.Scatter(
        x=days[: len(shown)],
        y=shown,
        name="Before",
        mode="lines",
        line={"color": SLATE, "width": 1.5, "dash": "dot"},
        # Without hover, so that the pointer reaches the bars behind the line.
        hoverinfo="skip",
    )


def _names(index: pd.Index, step: Step, today: date) -> list[str]:
    return [
        step_name(day, step) + (", so far" if is_unfinished(day, step, today) else "")
        for day in pd.DatetimeIndex(index)
    ]


def _time_axes(step: Step, bars: int, highest: int) -> dict[str, Any]:
    """Axes and margins of a figure over time, whose values go up to `highest`.

    Every bar is labelled if there are few: Plotly would label hours between them.
    """
    if step == "day" and bars <= 7:
        # The month stands below, once: seven days with it are wider than a phone.
        days = {"dtick": 86_400_000, "tickformat": "%-d\n%b"}
        return {"xaxis": days, "yaxis": whole_numbers(highest)}
    return {
        "margin": {"l": room_for([formatting.signed(-highest)]), "r": 8, "t": 8, "b": TWO_LINES},
        "xaxis": FIXED,
        "yaxis": FIXED | whole_numbers(highest),
    }
