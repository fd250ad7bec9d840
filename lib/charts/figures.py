"""A result → a Plotly figure: one visual language, no Streamlit.

Bars start at zero, hover reads as a sentence, a channel has the same colour everywhere.
Colours are those of the theme's palette, which serves light and dark alike; text takes its colour
from the theme.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from math import isfinite, log10
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lib.reference import countries, formatting
from lib.reference.rates import SMALL_SAMPLE, Difference, Rate

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
    "": SLATE,
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
    table = stepped(by_size(daily), step)
    labels = [step_name(day, step) for day in table.index]
    opacities = _opacities(table.index, step, today)
    traces = []
    for channel in table.columns:
        name = formatting.plotly(formatting.shortened(formatting.channel_name(channel)))
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


def by_size(daily: pd.DataFrame) -> pd.DataFrame:
    """With the columns in the order of their sums, the largest first."""
    return daily[daily.sum().sort_values(ascending=False, kind="stable").index]


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
    labels = [formatting.plotly(formatting.shortened(name, 24)) for name in names]
    bars = go.Bar(
        y=_row_keys(labels),
        x=numbers,
        orientation="h",
        marker={"color": bar_colours},
        text=[formatting.number(value) for value in numbers],
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
            (formatting.plotly(formatting.country(key)), formatting.number(value))
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
    weekdays = formatting.weekdays()
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
        xaxis={"type": "category", "showgrid": False, "dtick": 3},
        yaxis={"showgrid": False, "autorange": "reversed"},
    )


def rates(rows: Sequence[tuple[str, Rate]], what: str) -> go.Figure:
    """A dot for each rate with its 95 % interval; hollow and grey for small samples."""
    known = [(name, rate) for name, rate in rows if rate.rate is not None]
    are_small = [rate.denominator < SMALL_SAMPLE for _, rate in known]
    colours = [SLATE if is_small else PETROL for is_small in are_small]
    labels = [formatting.plotly(formatting.shortened(name, 24)) for name, _ in known]
    dots = go.Scatter(
        x=[rate.rate for _, rate in known],
        y=_row_keys(labels),
        mode="markers",
        marker={
            "size": 10,
            "color": colours,
            "symbol": ["circle-open" if is_small else "circle" for is_small in are_small],
            "line": {"width": 2, "color": colours},
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
            (label, formatting.rate(rate), formatting.interval(rate))
            for label, (_, rate) in zip(labels, known, strict=True)
        ],
        # In lines: a figure cuts off what is wider than itself.
        hovertemplate=f"%{{customdata[0]}}:<br>%{{customdata[1]}} {what},<br>"
        "likely %{customdata[2]}<extra></extra>",
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
            labels.append(formatting.plotly(formatting.shortened(name, 24)))
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
            (label, formatting.points(value), formatting.points(low), formatting.points(high))
            for label, (value, low, high) in zip(labels, shown, strict=True)
        ],
        hovertemplate="%{customdata[0]}:<br>%{customdata[1]},<br>likely between "
        "%{customdata[2]} and %{customdata[3]}<extra></extra>",
    )
    return _figure(
        dots,
        height=80 + 30 * max(1, len(shown)),
        xaxis={"tickformat": "+.0%", "zeroline": True, "zerolinewidth": 2},
        yaxis=_labelled_rows(labels),
    )


def load(table: pd.DataFrame) -> go.Figure:
    """Open conversations of each name in `table`, split into never answered, others that await a
    reply, and answered ones; with the oldest and the median wait beside them."""
    labels = [formatting.plotly(formatting.shortened(name, 24)) for name in table["name"]]
    never = table["never_answered"]
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
            ("never answered", never, RUST),
            ("awaiting another reply", table["awaiting_reply"] - never, AMBER),
            ("answered", table["open"] - table["awaiting_reply"], PETROL),
        )
    ]
    waits = go.Scatter(
        y=_row_keys(labels),
        x=table["open"],
        mode="text",
        text=[
            f"  oldest {formatting.duration(oldest)}<br>  median {formatting.duration(median)}"
            if pd.notna(oldest)
            else ""
            for oldest, median in zip(
                table["oldest_wait_hours"], table["median_wait_hours"], strict=True
            )
        ],
        textposition="middle right",
        textfont={**_TICKS, "size": 11},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    return _figure(
        *parts,
        waits,
        height=110 + 34 * max(1, len(table)),
        xaxis={"range": [0, max([*table["open"], 1]) * 1.9], "visible": False},
        yaxis=_labelled_rows(labels),
        barmode="stack",
        showlegend=True,
    )


def filled(table: pd.DataFrame) -> list[tuple[int, int]]:
    """Row and column number of what is not 0, row by row."""
    rows, columns = table.to_numpy().nonzero()
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def grid(table: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], what: str) -> go.Figure:
    """A cell for each number of `table` that is not 0, as `filled` lists them, the darker the more.
    The cells are bars: those of a heat map cannot be clicked."""
    labels = [formatting.plotly(formatting.shortened(name, 24)) for name in rows]
    heads = [formatting.plotly(formatting.shortened(name, 16)) for name in columns]
    places = filled(table)
    numbers = [int(number) for number in table.to_numpy()[table.to_numpy().nonzero()]]
    shares = [number / max(numbers) for number in numbers]
    cells = go.Bar(
        x=[column for _, column in places],
        y=[0.94] * len(places),
        base=[row + 0.03 for row, _ in places],
        width=0.97,
        marker={
            "color": [_petrol(0.12 + 0.88 * share) for share in shares],
            "line": {"width": 0},
        },
        text=[formatting.number(number) for number in numbers],
        textposition="inside",
        insidetextfont={"color": [TEXT if share < 0.6 else "#FFFFFF" for share in shares]},
        insidetextanchor="middle",
        textangle=0,
        customdata=[f"{labels[row]}, {heads[column]}" for row, column in places],
        hovertemplate=f"%{{customdata}}: %{{text}} {what}<extra></extra>",
    )
    return _figure(
        cells,
        height=60 + 30 * max(1, len(labels)),
        barmode="overlay",
        xaxis={
            "tickmode": "array",
            "tickvals": list(range(len(heads))),
            "ticktext": heads,
            "range": [-0.5, len(heads) - 0.5],
            "side": "top",
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": [row + 0.5 for row in range(len(labels))],
            "ticktext": labels,
            "range": [max(1, len(labels)), 0],
            "showgrid": False,
            "zeroline": False,
        },
    )


def _petrol(strength: float) -> str:
    # Not by the opacity of marks: where they bear text too, Plotly then knows of no click.
    return f"{PETROL}{round(strength * 255):02X}"


def cohort_shares(table: pd.DataFrame) -> go.Figure:
    """By month of subscription: the share still active, and of these opted in and active lately."""
    months = [formatting.month(month) for month in table.index]
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


def sparkline(
    values: Sequence[float],
    *,
    from_zero: bool = False,
    say: Callable[[float], str] = formatting.number,
) -> str:
    """A small line as HTML, between the lowest value, or 0, and the highest; `say` tells a value in
    its text."""
    numbers = [float(value) for value in values if isfinite(value)]
    if not numbers:
        return ""
    numbers = numbers if len(numbers) > 1 else numbers * 2
    low, high = min(numbers), max(numbers)
    low = min(low, 0) if from_zero else low
    step, scale = 100 / (len(numbers) - 1), 20 / ((high - low) or 1)
    line = " ".join(
        f"{place * step:.1f},{22 - (value - low) * scale:.1f}"
        for place, value in enumerate(numbers)
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 24" preserveAspectRatio="none">'
        f'<g fill="{PETROL}" stroke="{PETROL}"><polygon points="0,24 {line} 100,24" opacity="0.15" '
        f'stroke="none"/><polyline points="{line}" fill="none" stroke-width="1.75" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/></g></svg>'
    )
    # As an image: elements of SVG are taken out of what a page adds to Streamlit's.
    source = b64encode(drawing.encode()).decode()
    told = _told(numbers, say)
    return f'<img class="sparkline" src="data:image/svg+xml;base64,{source}" alt="{told}">'


def _told(numbers: Sequence[float], say: Callable[[float], str]) -> str:
    return (
        f"Trend: from {say(numbers[0])} to {say(numbers[-1])}, at least {say(min(numbers))}, "
        f"at most {say(max(numbers))}"
    )


def step_name(day: pd.Timestamp, step: Step) -> str:
    """ "1 Jun 2026", "week of 1 Jun 2026", "Jun 2026"."""
    if step == "M":
        return formatting.month(day)
    return formatting.day(day) if step == "D" else f"week of {formatting.day(day)}"


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
            "separators": formatting.separators(),
            "hoverlabel": {"align": "left"},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
            "xaxis": axis | dict(xaxis or {}),
            "yaxis": axis | dict(yaxis or {}),
            **layout,
        },
    )
