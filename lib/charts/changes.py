"""Figures of what changed between two snapshots: bridge, arrivals and departures, opt-outs,
answers."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from lib.charts.rates import dots
from lib.charts.steps import Step, is_unfinished, opacities, step_name, stepped
from lib.charts.style import (
    AMBER,
    FIXED,
    PETROL,
    RUST,
    SLATE,
    TICKS,
    figure_of,
    labelled_rows,
    labels_of,
    room_for,
    row_keys,
    whole_numbers,
)
from lib.reference import formatting
from lib.reference.rates import FEW_ANSWERS, SMALL_SAMPLE, Rate


def bridge(opening: tuple[str, int], steps: Sequence[tuple[str, int]], closing: str) -> go.Figure:
    """Waterfall from top to bottom: the opening number, the change at each step, the closing
    number.

    The axis shows the difference from the opening number, so it starts at zero and a change of a
    thousandth remains visible.
    """
    rows = _bridge_rows(opening, steps, closing)
    labels = labels_of([row.name for row in rows], 32)
    bars = go.Bar(
        y=row_keys(labels),
        base=[row.base for row in rows],
        x=[row.change for row in rows],
        orientation="h",
        marker={"color": [row.colour for row in rows]},
        customdata=[f"{label}: {row.text}" for label, row in zip(labels, rows, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    # To the right of each bar's higher end, where there is no other bar.
    texts = go.Scatter(
        y=row_keys(labels),
        x=[max(row.base, row.end) for row in rows],
        mode="text",
        text=[f" {row.text}" for row in rows],
        textposition="middle right",
        textfont=TICKS,
        cliponaxis=False,
        hoverinfo="skip",
    )
    low, high = min(0, *(row.end for row in rows)), max(0, *(row.end for row in rows))
    room = (high - low) or 1
    return figure_of(
        bars,
        texts,
        height=60 + 32 * len(rows),
        showlegend=False,
        # The text of the longest bar needs its width, however narrow the figure is.
        margin={
            "l": room_for(labels),
            "r": room_for(row.text for row in rows[1:]),
            "t": 8,
            "b": 8,
        },
        xaxis={"visible": False, "range": [low - 0.04 * room, high + 0.04 * room], **FIXED},
        yaxis=labelled_rows(labels) | {"showgrid": False, **FIXED},
        shapes=[_at_zero()],
    )


class _BridgeRow(NamedTuple):
    """A bar from `base`, as long as the `change`, and the text beside it."""

    name: str
    base: int
    change: int
    text: str
    colour: str

    @property
    def end(self) -> int:
        return self.base + self.change


def _bridge_rows(
    opening: tuple[str, int], steps: Sequence[tuple[str, int]], closing: str
) -> list[_BridgeRow]:
    name, contacts = opening
    # Without a bar, since all others are measured from it.
    text = f"{formatting.number(contacts)}, where the bars begin"
    rows, reached = [_BridgeRow(name, 0, 0, text, SLATE)], 0
    for name, change in steps:
        colour = PETROL if change > 0 else RUST
        rows.append(_BridgeRow(name, reached, change, formatting.signed(change), colour))
        reached += change
    text = f"{formatting.number(contacts + reached)} ({formatting.signed(reached)})"
    return [*rows, _BridgeRow(closing, 0, reached, text, SLATE)]


def _at_zero() -> dict[str, Any]:
    """Dotted vertical line."""
    line = {"color": SLATE, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def came_and_left(daily: pd.DataFrame, step: Step, since: date, today: date) -> go.Figure:
    """Contacts that came above the axis, contacts that left below it, and a line of broadcast
    opt-outs. `daily` has columns came, left, opted_out, indexed by day. Days before `since`, the
    first one recorded, are a gap."""
    table = stepped(daily, step)
    days = pd.DatetimeIndex(daily.index)
    after = pd.DataFrame({"days": days >= pd.Timestamp(since)}, days)
    recorded = stepped(after, step)["days"].to_numpy() > 0
    faded = opacities(table.index, step, today)
    bars = [
        go.Bar(
            x=table.index,
            y=(sign * table[column]).where(recorded),
            name=name,
            marker={"color": colour, "opacity": faded},
            customdata=_hover_texts(table[column], step, today, what),
            hovertemplate="%{customdata}<extra></extra>",
        )
        for column, name, what, colour, sign in (
            ("came", "Came", "came", PETROL, 1),
            ("left", "Left", "left", RUST, -1),
        )
    ]
    line = go.Scatter(
        x=table.index,
        y=table["opted_out"].where(recorded),
        name="Opted out of broadcasts",
        mode="lines+markers",
        line={"color": AMBER, "width": 2},
        marker={"size": 5},
        customdata=_hover_texts(table["opted_out"], step, today, "opted out of broadcasts"),
        hovertemplate="%{customdata}<extra></extra>",
    )
    most = table.loc[recorded, ["came", "left", "opted_out"]].to_numpy().max(initial=0)
    return figure_of(
        *bars, line, height=320, barmode="relative", showlegend=True, yaxis=whole_numbers(most)
    )


def _hover_texts(values: "pd.Series[int]", step: Step, today: date, what: str) -> list[str]:
    return [
        f"{step_name(day, step)}{', so far' if is_unfinished(day, step, today) else ''}: "
        f"{formatting.number(value)} {what}"
        for day, value in zip(pd.DatetimeIndex(values.index), values, strict=True)
    ]


def per_thousand(rows: Sequence[tuple[str, Rate]], what: str) -> go.Figure:
    """Opt-outs per 1,000 who could have opted out."""
    labels = labels_of([name for name, _ in rows])
    shares = [1000 * (rate.rate or 0) for _, rate in rows]
    shown = dots(
        labels,
        [
            (share, 1000 * (rate.low or 0), 1000 * (rate.high or 0))
            for (_, rate), share in zip(rows, shares, strict=True)
        ],
        [
            f"{label}:<br>{formatting.number(rate.numerator)} of "
            f"{formatting.number(rate.denominator)} {what}"
            for label, (_, rate) in zip(labels, rows, strict=True)
        ],
        colour=RUST,
        are_small=[rate.denominator < SMALL_SAMPLE for _, rate in rows],
    )
    # A single small group must not squeeze all others against the axis.
    certain = [1000 * (rate.high or 0) for _, rate in rows if rate.denominator >= SMALL_SAMPLE]
    most = max([*certain, *shares, 1]) * 1.05
    return figure_of(
        shown,
        height=90 + 30 * max(1, len(rows)),
        xaxis={
            "range": [-0.03 * most, most],
            "title": {"text": f"per {formatting.number(1000)}", "font": TICKS},
        },
        yaxis=labelled_rows(labels),
    )


def grew_and_shrank(rows: Sequence[tuple[str, int, int]]) -> go.Figure:
    """Added (right of zero) and removed (left of zero), for each name."""
    labels = labels_of([name for name, _, _ in rows])
    bars = [
        go.Bar(
            y=row_keys(labels),
            x=[sign * number for number in numbers],
            orientation="h",
            name=name,
            marker={"color": colour},
            customdata=[
                f"{label}: {formatting.number(number)} {name.lower()}"
                for label, number in zip(labels, numbers, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
        for name, numbers, colour, sign in (
            ("Added", [added for _, added, _ in rows], PETROL, 1),
            ("Removed", [removed for _, _, removed in rows], RUST, -1),
        )
    ]
    return figure_of(
        *bars,
        height=80 + 30 * max(1, len(rows)),
        barmode="relative",
        showlegend=True,
        xaxis={"zeroline": True}
        | whole_numbers(max(max(added, removed) for _, added, removed in rows)),
        yaxis=labelled_rows(labels),
    )


def response_times(by_day: pd.DataFrame, height: int = 300) -> go.Figure:
    """Median response time by day, in hours. `by_day` has columns timed and median_hours, indexed
    by day. A day without answers is a gap, a median of few answers a hollow dot. `height` is in
    pixels."""
    days = pd.DatetimeIndex(by_day.index)
    are_few = [timed < FEW_ANSWERS for timed in by_day["timed"]]
    line = go.Scatter(
        x=days,
        y=by_day["median_hours"],
        mode="lines+markers",
        connectgaps=False,
        line={"color": PETROL, "width": 2},
        marker={
            "size": 7,
            "color": PETROL,
            "symbol": ["circle-open" if few else "circle" for few in are_few],
        },
        customdata=[
            f"{formatting.named_day(day)}: half were answered within<br>"
            f"{formatting.duration(hours)} ({formatting.counted(int(timed), 'answer')})"
            for day, hours, timed in zip(days, by_day["median_hours"], by_day["timed"], strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure_of(
        line,
        height=height,
        yaxis={"rangemode": "tozero", "title": {"text": "hours", "font": TICKS}},
    )
