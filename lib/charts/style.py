"""Shared by all figures: colours, labelled rows, layout.

The colours are those of the theme's palette and work on light and dark; text colour comes from the
theme. Red is reserved for what is lost or late, and a channel's colour is used for nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import unescape
from typing import Any
from unicodedata import east_asian_width

import plotly.graph_objects as go

from lib.reference import escaping, formatting

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
PINK, BROWN, OLIVE = "#D4679B", "#8C6D46", "#7D9A2B"

CHANNEL_COLOURS = {
    "whatsapp": JADE,
    "instagram": BERRY,
    "messenger": SKY,
    "webchat": AMBER,
    "telegram": PETROL,
    "tiktok": PINK,
    "zalo": VIOLET,
    "smtp": MOSS,
    "omnichannel": ORCHID,
    "threads": BROWN,
    "api": OLIVE,
    "": SLATE,
}
_SPARE = (ORCHID, MOSS, SLATE)

TEXT = "#000037"
"""Placeholder that Streamlit's front end replaces by a text colour with AA contrast, light or dark.
Its default tick grey lacks the contrast."""

TICKS = {"color": TEXT, "size": 12}

FADED = 0.3
"""Opacity of bars that are not chosen, next to those that are."""


def channel_colour(key: str) -> str:
    """Colour of a channel, stable across runs; unknown channels share the spare colours."""
    return CHANNEL_COLOURS.get(key, _SPARE[sum(key.encode()) % len(_SPARE)])


def labels_of(names: Sequence[str], most: int = 24) -> list[str]:
    """Untrusted names, shortened to fit beside a row and escaped for Plotly."""
    return [escaping.plotly(formatting.shortened(name, most)) for name in names]


def row_keys(labels: Sequence[str]) -> list[str]:
    """Unique row keys: labels may repeat."""
    return [f"{row}" for row in range(len(labels))]


def labelled_rows(labels: Sequence[str]) -> dict[str, Any]:
    """Axis of labelled rows, from top to bottom."""
    return {
        "type": "category",
        "autorange": "reversed",
        "tickmode": "array",
        "tickvals": row_keys(labels),
        "ticktext": list(labels),
    }


LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}

FIXED = {"automargin": False}
"""For an axis whose margin is known: Plotly lays a figure out anew for each axis that it measures,
which is half of the time that it takes to draw one."""


def whole_numbers(most: float) -> dict[str, Any]:
    """For the axis of a count up to `most`, with thousands separated: Plotly would put ticks at
    halves and fifths of one."""
    return {"tickformat": ",d"} | ({"dtick": 1} if most < FEW_TICKS else {})


def percents(*ticks: float) -> dict[str, Any]:
    """For the axis of a share, with these ticks: Plotly would write "50%" in every locale."""
    return {
        "tickmode": "array",
        "tickvals": list(ticks),
        "ticktext": [formatting.whole_percent(tick) for tick in ticks],
    }


FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

FEW_TICKS = 5
"""Counts below this get a tick each."""

ONE_LINE, TWO_LINES = 28, 42
"""Heights in pixels of margins below an axis: for numbers, and for days with their month and year
in a second line."""


def room_for(labels: Iterable[str]) -> int:
    """Width in pixels of a margin for these labels, as Plotly gets them, in the size of `TICKS`.

    From the widths of Inter's characters, rounded up; scripts other than Latin are wider.
    """
    return 14 + round(max((_width(unescape(label)) for label in labels), default=0))


def _width(text: str) -> float:
    return sum(_width_of(character) for character in text)


@cache
def _width_of(character: str) -> float:
    if east_asian_width(character) in "WF":
        return 12.5
    if character in " .,:;'|!()[]/ijlIftr’·":
        return 4.6
    if character.isupper() or character in "mw%@&–—…":
        return 9.6
    return 7.4


def figure_of(
    *traces: go.Bar | go.Scatter | go.Heatmap | go.Choropleth,
    height: int,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure of the traces in the common layout; `height` is in pixels. Built in one call:
    updating a Plotly figure takes longer than creating it."""
    axis = {"automargin": True, "fixedrange": True, "tickfont": TICKS}
    return go.Figure(
        traces,
        {
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "bargap": 0.25,
            "dragmode": False,
            "separators": formatting.separators(),
            "hoverlabel": {"align": "left"},
            "legend": LEGEND,
            "xaxis": axis | dict(xaxis or {}),
            "yaxis": axis | dict(yaxis or {}),
            **layout,
        },
    )
