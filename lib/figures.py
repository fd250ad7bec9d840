"""A result → a Plotly figure: one visual language, no Streamlit.

Bars start at zero, hover reads as a sentence, a channel has the same colour everywhere.
Colours are those of the theme's palette, which serves light and dark alike; text takes its colour
from the theme.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from math import log10
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lib import countries, words
from lib.metrics.rates import SMALL_SAMPLE, Difference, Rate

PETROL, AMBER, BERRY, JADE, SKY, RUST, VIOLET, MOSS, ORCHID, SLATE = (
    "#12759A",
    "#D37E01",
    "#9A4B6B",
    "#2EA37A",
    "#4A8DFD",
    "#BF350E",
    "#6F5FD9",
    "#69734B",
    "#A686BF",
    "#738391",
)

CHANNEL_COLOURS = {
    "whatsapp": JADE,
    "instagram": BERRY,
    "messenger": SKY,
    "webchat": AMBER,
    "telegram": PETROL,
    "tiktok": RUST,
    "zalo": VIOLET,
    "smtp": MOSS,
    "omnichannel": ORCHID,
    "none": SLATE,
}
_SPARE = (ORCHID, MOSS, SLATE)

TEXT = "#000037"
"""A stand-in that Streamlit's page replaces by a text colour with AA contrast, light or dark. Its
own grey for ticks has not enough of it."""

UNFINISHED = 0.45
"""Opacity of a bar whose day, week or month is not over."""

Step = str
"""D, W or M: the width of a bar in days, weeks (from Monday) or months."""


def channel_colour(key: str) -> str:
    """The same for the same channel, always; new channels share the spare ones."""
    return CHANNEL_COLOURS.get(key, _SPARE[sum(key.encode()) % len(_SPARE)])


def step_for(days: int) -> Step:
    """Days up to a quarter, weeks up to two years, then months."""
    return "D" if days <= 92 else "W" if days <= 731 else "M"


def stepped(daily: pd.DataFrame, step: Step) -> pd.DataFrame:
    """Sums of a daily table by day, week or month, indexed by the first day of each."""
    if step == "D":
        return daily
    days = pd.DatetimeIndex(daily.index)
    starts = days.to_period("W-SUN" if step == "W" else "M").start_time
    return daily.groupby(starts).sum().rename_axis("day")


def growth(daily: pd.DataFrame, step: Step, today: date) -> go.Figure:
    """New contacts above the axis, lost ones below it. `daily` has columns new and lost."""
    table = stepped(daily, step)
    labels = [step_name(day, step) for day in table.index]
    new = go.Bar(
        x=table.index,
        y=table["new"],
        name="New",
        marker={"color": PETROL, "opacity": _opacities(table.index, step, today)},
        customdata=labels,
        hovertemplate="%{customdata}: %{y:,} new<extra></extra>",
    )
    lost = go.Bar(
        x=table.index,
        y=-table["lost"],
        name="Lost",
        marker={"color": RUST, "opacity": _opacities(table.index, step, today)},
        customdata=list(zip(labels, table["lost"], strict=True)),
        hovertemplate="%{customdata[0]}: %{customdata[1]:,} lost<extra></extra>",
    )
    return _figure(new, lost, height=300, barmode="relative", showlegend=True)


def new_by_channel(daily: pd.DataFrame, step: Step, today: date) -> go.Figure:
    """New contacts over time, stacked by channel, the largest at the bottom."""
    table = stepped(daily, step)
    labels = [step_name(day, step) for day in table.index]
    opacities = _opacities(table.index, step, today)
    traces = []
    for channel in table.sum().sort_values(ascending=False, kind="stable").index:
        name = words.plotly(words.shortened(words.channel_name(channel)))
        traces.append(
            go.Bar(
                x=table.index,
                y=table[channel],
                name=name,
                marker={"color": channel_colour(channel), "opacity": opacities},
                customdata=labels,
                hovertemplate=f"%{{customdata}}: %{{y:,}} new on {name}<extra></extra>",
            )
        )
    return _figure(*traces, height=340, barmode="stack", showlegend=True)


def ranking(
    values: Mapping[str, int], what: str, colours: Mapping[str, str] | None = None, most: int = 12
) -> go.Figure:
    """Horizontal bars by name, in the given order; a long tail ends in "other (n)"."""
    names, numbers = list(values)[:most], list(values.values())[:most]
    colour_of = colours or {}
    bar_colours = [colour_of.get(name, PETROL) for name in names]
    if (others := len(values) - most) > 0:
        names.append(f"other ({others})")
        numbers.append(sum(values.values()) - sum(numbers))
        bar_colours.append(PETROL)
    labels = [words.plotly(words.shortened(name, 24)) for name in names]
    bars = go.Bar(
        y=_row_keys(labels),
        x=numbers,
        orientation="h",
        marker={"color": bar_colours},
        text=[words.number(value) for value in numbers],
        textposition="outside",
        textfont=_TICKS,
        cliponaxis=False,
        customdata=labels,
        hovertemplate=f"%{{customdata}}: %{{x:,}} {what}<extra></extra>",
    )
    return _figure(
        bars,
        height=60 + 30 * len(names),
        xaxis={"visible": False, "range": [0, max([*numbers, 1]) * 1.3]},
        yaxis=_labelled_rows(labels) | {"showgrid": False},
    )


def world(contacts: Mapping[str, int], what: str) -> go.Figure:
    """Countries (alpha-2) shaded by number; the scale is of orders of magnitude."""
    known = {key: value for key, value in contacts.items() if countries.alpha3(key)}
    shades = go.Choropleth(
        locations=[countries.alpha3(key) for key in known],
        z=[log10(value + 1) for value in known.values()],
        customdata=[
            (words.plotly(countries.country_name(key)), words.number(value))
            for key, value in known.items()
        ],
        hovertemplate=f"%{{customdata[0]}}: %{{customdata[1]}} {what}<extra></extra>",
        showscale=False,
        marker={"line": {"width": 0.4, "color": "rgba(128,128,128,0.5)"}},
    )
    return _figure(
        shades,
        height=360,
        geo={
            "projection": {"type": "natural earth"},
            "fitbounds": False,
            "showframe": False,
            "showcoastlines": False,
            "showland": True,
            "landcolor": "rgba(128,140,150,0.18)",
            "showlakes": False,
            "bgcolor": "rgba(0,0,0,0)",
            "lataxis": {"range": [-56, 78]},
        },
    )


def arrivals(table: pd.DataFrame) -> go.Figure:
    """Weekday × hour: when new contacts come."""
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    cells = go.Heatmap(
        x=[f"{hour:02d}" for hour in table.columns],
        y=weekdays,
        z=table.to_numpy(),
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} %{x}:00: %{z:,} new<extra></extra>",
    )
    return _figure(
        cells,
        height=260,
        xaxis={"showgrid": False, "dtick": 3},
        yaxis={"showgrid": False, "autorange": "reversed"},
    )


def rates(rows: Sequence[tuple[str, Rate]], what: str) -> go.Figure:
    """A dot for each rate with its 95 % interval; small samples are muted."""
    known = [(name, rate) for name, rate in rows if rate.rate is not None]
    labels = [words.plotly(words.shortened(name, 24)) for name, _ in known]
    dots = go.Scatter(
        x=[rate.rate for _, rate in known],
        y=_row_keys(labels),
        mode="markers",
        marker={
            "size": 10,
            "color": [PETROL if rate.denominator >= SMALL_SAMPLE else SLATE for _, rate in known],
            "opacity": [1.0 if rate.denominator >= SMALL_SAMPLE else 0.5 for _, rate in known],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(rate.high or 0) - (rate.rate or 0) for _, rate in known],
            "arrayminus": [(rate.rate or 0) - (rate.low or 0) for _, rate in known],
            "color": SLATE,
            "thickness": 1.5,
        },
        customdata=[
            (label, words.rate(rate), words.interval(rate))
            for label, (_, rate) in zip(labels, known, strict=True)
        ],
        hovertemplate=f"%{{customdata[0]}}: %{{customdata[1]}} {what}, likely %{{customdata[2]}}"
        "<extra></extra>",
    )
    return _figure(
        dots,
        height=80 + 30 * max(1, len(known)),
        xaxis={"tickformat": ".0%", "range": [-0.04, 1.06], "tickvals": [0, 0.5, 1]},
        yaxis=_labelled_rows(labels),
    )


def differences(rows: Sequence[tuple[str, Difference]]) -> go.Figure:
    """A dot for each difference in opt-in with its 95 % interval, around zero."""
    labels, shown = [], []
    for name, difference in rows:
        if difference.value is not None and difference.interval is not None:
            labels.append(words.plotly(words.shortened(name, 24)))
            shown.append((difference.value, *difference.interval))
    dots = go.Scatter(
        x=[value for value, _, _ in shown],
        y=_row_keys(labels),
        mode="markers",
        marker={"size": 10, "color": PETROL},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, _, high in shown],
            "arrayminus": [value - low for value, low, _ in shown],
            "color": SLATE,
            "thickness": 1.5,
        },
        customdata=[
            (label, words.points(value), words.points(low), words.points(high))
            for label, (value, low, high) in zip(labels, shown, strict=True)
        ],
        hovertemplate="%{customdata[0]}: %{customdata[1]}, likely between %{customdata[2]} and "
        "%{customdata[3]}<extra></extra>",
    )
    return _figure(
        dots,
        height=80 + 30 * max(1, len(shown)),
        xaxis={"tickformat": "+.0%", "zeroline": True, "zerolinewidth": 2},
        yaxis=_labelled_rows(labels),
    )


def columns(values: Mapping[str, int], what: str) -> go.Figure:
    """Upright bars with their numbers on them, in the given order."""
    bars = go.Bar(
        x=list(values),
        y=list(values.values()),
        marker={"color": PETROL},
        text=[words.number(value) for value in values.values()],
        textposition="outside",
        textfont=_TICKS,
        cliponaxis=False,
        hovertemplate=f"%{{x}}: %{{y:,}} {what}<extra></extra>",
    )
    return _figure(
        bars,
        height=260,
        xaxis={"showgrid": False},
        yaxis={"visible": False, "range": [0, max([*values.values(), 1]) * 1.3]},
    )


def load(table: pd.DataFrame) -> go.Figure:
    """Open conversations of each name in `table`, split into awaiting reply and the others."""
    labels = [words.plotly(words.shortened(name, 24)) for name in table["name"]]
    parts = [
        go.Bar(
            y=_row_keys(labels),
            x=values,
            orientation="h",
            name=name.capitalize(),
            marker={"color": colour},
            customdata=labels,
            hovertemplate=f"%{{customdata}}: %{{x:,}} {name}<extra></extra>",
        )
        for name, values, colour in (
            ("awaiting reply", table["awaiting_reply"], AMBER),
            ("others", table["open"] - table["awaiting_reply"], PETROL),
        )
    ]
    return _figure(
        *parts,
        height=110 + 30 * max(1, len(table)),
        yaxis=_labelled_rows(labels),
        barmode="stack",
        showlegend=True,
    )


def cohort_shares(table: pd.DataFrame) -> go.Figure:
    """By month of subscription: the share still active, and of these opted in and active lately."""
    months = [words.month(month) for month in table.index]
    lines = [
        go.Scatter(
            x=table.index,
            y=(table[part] / table[whole]).where(table[whole] > 0),
            mode="lines+markers",
            name=name.capitalize(),
            line={"color": colour, "width": 2},
            marker={"size": 5},
            customdata=months,
            hovertemplate=f"%{{customdata}}: %{{y:.1%}} {name}<extra></extra>",
        )
        for name, part, whole, colour in (
            ("still active", "still_active", "contacts", PETROL),
            ("opted in to broadcasts", "broadcast", "still_active", JADE),
            ("active in 30 days", "active_30d", "still_active", AMBER),
        )
    ]
    return _figure(
        *lines, height=320, yaxis={"tickformat": ".0%", "range": [0, 1.02]}, showlegend=True
    )


def step_name(day: pd.Timestamp, step: Step) -> str:
    """ "1 Jun 2026", "week of 1 Jun 2026", "Jun 2026"."""
    if step == "M":
        return words.month(day)
    return words.day(day) if step == "D" else f"week of {words.day(day)}"


def _opacities(index: pd.Index, step: Step, today: date) -> list[float]:
    """Lighter for the step that `today` lies in: it is not over."""
    starts = pd.DatetimeIndex(index)
    now = pd.Timestamp(today)
    period = {"D": "D", "W": "W-SUN", "M": "M"}[step]
    return [UNFINISHED if day.to_period(period) == now.to_period(period) else 1.0 for day in starts]


_TICKS = {"color": TEXT, "size": 12}


def _row_keys(labels: list[str]) -> list[str]:
    """What horizontal rows are told apart by: labels may be the same."""
    return [f"{row}" for row in range(len(labels))]


def _labelled_rows(labels: list[str]) -> dict[str, Any]:
    """The axis of rows that run from top to bottom."""
    return {
        "type": "category",
        "autorange": "reversed",
        "tickmode": "array",
        "tickvals": _row_keys(labels),
        "ticktext": labels,
    }


def _figure(
    *traces: go.Bar | go.Scatter | go.Heatmap | go.Choropleth,
    height: int,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """The traces in what all figures share. Made at once: Plotly takes longer to update a figure
    than to make it."""
    axis = {"automargin": True, "fixedrange": True, "tickfont": _TICKS}
    return go.Figure(
        traces,
        {
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "bargap": 0.25,
            "dragmode": False,
            "hoverlabel": {"align": "left"},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
            "xaxis": axis | dict(xaxis or {}),
            "yaxis": axis | dict(yaxis or {}),
            **layout,
        },
    )
