"""A result → a Plotly figure: one visual language, no Streamlit.

Bars start at zero, hover reads as a sentence, a channel has the same colour everywhere.
Colours are those of the theme's palette, which serves light and dark alike; text takes its colour
from the theme.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from math import log10

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
    figure = go.Figure()
    figure.add_bar(
        x=table.index,
        y=table["new"],
        name="New",
        marker={"color": PETROL, "opacity": _opacities(table.index, step, today)},
        customdata=labels,
        hovertemplate="%{customdata}: %{y:,} new<extra></extra>",
    )
    figure.add_bar(
        x=table.index,
        y=-table["lost"],
        name="Lost",
        marker={"color": RUST, "opacity": _opacities(table.index, step, today)},
        customdata=list(zip(labels, table["lost"], strict=True)),
        hovertemplate="%{customdata[0]}: %{customdata[1]:,} lost<extra></extra>",
    )
    figure.update_layout(barmode="relative", showlegend=True)
    return _finished(figure, height=300)


def new_by_channel(daily: pd.DataFrame, step: Step, today: date) -> go.Figure:
    """New contacts over time, stacked by channel, the largest at the bottom."""
    table = stepped(daily, step)
    labels = [step_name(day, step) for day in table.index]
    figure = go.Figure()
    for channel in table.sum().sort_values(ascending=False, kind="stable").index:
        name = words.plotly(words.shortened(words.channel_name(channel)))
        figure.add_bar(
            x=table.index,
            y=table[channel],
            name=name,
            marker={
                "color": channel_colour(channel),
                "opacity": _opacities(table.index, step, today),
            },
            customdata=labels,
            hovertemplate=f"%{{customdata}}: %{{y:,}} new on {name}<extra></extra>",
        )
    figure.update_layout(barmode="stack", showlegend=True)
    return _finished(figure, height=340)


def line(series: pd.Series, what: str) -> go.Figure:
    """A number over days, from the lowest to the highest: a level, not a bar."""
    figure = go.Figure()
    figure.add_scatter(
        x=series.index,
        y=series,
        mode="lines",
        line={"color": PETROL, "width": 2.5},
        customdata=[words.day(day) for day in series.index],
        hovertemplate=f"%{{customdata}}: %{{y:,}} {what}<extra></extra>",
    )
    return _finished(figure, height=240)


def ranking(
    values: Mapping[str, int], what: str, colours: Mapping[str, str] | None = None, most: int = 12
) -> go.Figure:
    """Horizontal bars by name, in the given order; a long tail ends in "other (n)"."""
    names = list(values)
    shown = {name: values[name] for name in names[:most]}
    if len(names) > most:
        shown[f"other ({len(names) - most})"] = sum(values[name] for name in names[most:])
    labels = [words.plotly(words.shortened(name, 24)) for name in shown]
    colours = colours or {}
    figure = go.Figure()
    figure.add_bar(
        y=[f"{row}" for row in range(len(shown))],
        x=list(shown.values()),
        orientation="h",
        marker={"color": [colours.get(name, PETROL) for name in shown]},
        text=[words.number(value) for value in shown.values()],
        textposition="outside",
        cliponaxis=False,
        customdata=labels,
        hovertemplate=f"%{{customdata}}: %{{x:,}} {what}<extra></extra>",
    )
    figure.update_yaxes(
        autorange="reversed",
        tickmode="array",
        tickvals=[f"{row}" for row in range(len(shown))],
        ticktext=labels,
        showgrid=False,
        type="category",
    )
    figure.update_xaxes(visible=False, range=[0, max([*shown.values(), 1]) * 1.3])
    return _finished(figure, height=60 + 30 * len(shown))


def world(contacts: Mapping[str, int], what: str) -> go.Figure:
    """Countries (alpha-2) shaded by number; the scale is of orders of magnitude."""
    known = {key: value for key, value in contacts.items() if countries.alpha3(key)}
    figure = go.Figure()
    figure.add_choropleth(
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
    figure.update_geos(
        projection_type="natural earth",
        fitbounds=False,
        showframe=False,
        showcoastlines=False,
        showland=True,
        landcolor="rgba(128,140,150,0.18)",
        showlakes=False,
        bgcolor="rgba(0,0,0,0)",
        lataxis_range=[-56, 78],
    )
    return _finished(figure, height=360)


def arrivals(table: pd.DataFrame) -> go.Figure:
    """Weekday × hour: when new contacts come."""
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    figure = go.Figure()
    figure.add_heatmap(
        x=[f"{hour:02d}" for hour in table.columns],
        y=weekdays,
        z=table.to_numpy(),
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} %{x}:00: %{z:,} new<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, dtick=3)
    return _finished(figure, height=260)


def rates(rows: Sequence[tuple[str, Rate]], what: str) -> go.Figure:
    """A dot for each rate with its 95 % interval; small samples are muted."""
    known = [(name, rate) for name, rate in rows if rate.rate is not None]
    labels = [words.plotly(words.shortened(name, 24)) for name, _ in known]
    figure = go.Figure()
    figure.add_scatter(
        x=[rate.rate for _, rate in known],
        y=[f"{row}" for row in range(len(known))],
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
    _label_rows(figure, labels)
    figure.update_xaxes(tickformat=".0%", range=[-0.04, 1.06], tickvals=[0, 0.5, 1])
    return _finished(figure, height=80 + 30 * max(1, len(known)))


def differences(rows: Sequence[tuple[str, Difference]]) -> go.Figure:
    """A dot for each difference in opt-in with its 95 % interval, around zero."""
    labels, shown = [], []
    for name, difference in rows:
        if difference.value is not None and difference.interval is not None:
            labels.append(words.plotly(words.shortened(name, 24)))
            shown.append((difference.value, *difference.interval))
    figure = go.Figure()
    figure.add_scatter(
        x=[value for value, _, _ in shown],
        y=[f"{row}" for row in range(len(shown))],
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
    _label_rows(figure, labels)
    figure.update_xaxes(tickformat="+.0%", zeroline=True, zerolinewidth=2)
    return _finished(figure, height=80 + 30 * max(1, len(shown)))


def columns(values: Mapping[str, int], what: str) -> go.Figure:
    """Upright bars with their numbers on them, in the given order."""
    figure = go.Figure()
    figure.add_bar(
        x=list(values),
        y=list(values.values()),
        marker={"color": PETROL},
        text=[words.number(value) for value in values.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"%{{x}}: %{{y:,}} {what}<extra></extra>",
    )
    figure.update_yaxes(visible=False, range=[0, max([*values.values(), 1]) * 1.3])
    figure.update_xaxes(showgrid=False)
    return _finished(figure, height=260)


def load(table: pd.DataFrame) -> go.Figure:
    """Open conversations of each name in `table`, split into awaiting reply and the others."""
    labels = [words.plotly(words.shortened(name, 24)) for name in table["name"]]
    rows = [f"{row}" for row in range(len(table))]
    figure = go.Figure()
    for name, values, colour in (
        ("awaiting reply", table["awaiting_reply"], AMBER),
        ("others", table["open"] - table["awaiting_reply"], PETROL),
    ):
        figure.add_bar(
            y=rows,
            x=values,
            orientation="h",
            name=name.capitalize(),
            marker={"color": colour},
            customdata=labels,
            hovertemplate=f"%{{customdata}}: %{{x:,}} {name}<extra></extra>",
        )
    _label_rows(figure, labels)
    figure.update_layout(barmode="stack", showlegend=True)
    return _finished(figure, height=110 + 30 * max(1, len(table)))


def cohort_shares(table: pd.DataFrame) -> go.Figure:
    """By month of subscription: the share still active, and of these opted in and active lately."""
    figure = go.Figure()
    for name, part, whole, colour in (
        ("still active", "still_active", "contacts", PETROL),
        ("opted in to broadcasts", "broadcast", "still_active", JADE),
        ("active in 30 days", "active_30d", "still_active", AMBER),
    ):
        figure.add_scatter(
            x=table.index,
            y=(table[part] / table[whole]).where(table[whole] > 0),
            mode="lines+markers",
            name=name.capitalize(),
            line={"color": colour, "width": 2},
            marker={"size": 5},
            customdata=[words.month(month) for month in table.index],
            hovertemplate=f"%{{customdata}}: %{{y:.1%}} {name}<extra></extra>",
        )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    figure.update_layout(showlegend=True)
    return _finished(figure, height=320)


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


def _label_rows(figure: go.Figure, labels: list[str]) -> None:
    figure.update_yaxes(
        autorange="reversed",
        tickmode="array",
        tickvals=[f"{row}" for row in range(len(labels))],
        ticktext=labels,
        type="category",
    )


def _finished(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.25,
        dragmode=False,
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": {"text": ""}},
    )
    ticks = {"color": TEXT, "size": 12}
    figure.update_xaxes(automargin=True, fixedrange=True, title=None, tickfont=ticks)
    figure.update_yaxes(automargin=True, fixedrange=True, title=None, tickfont=ticks)
    figure.update_traces(textfont=ticks, selector={"type": "bar"})
    return figure
