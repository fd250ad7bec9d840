"""Figures outside Streamlit, whose own Plotly template has colour placeholders."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

from lib.charts import style
from lib.reference import formatting

Json = dict[str, Any]

TEXT, MUTED, GRID, AXIS = "#0B141A", "#48545F", "#E6EBEF", "#B4C0C9"
COLOURS = [
    style.PETROL,
    style.AMBER,
    style.BERRY,
    style.JADE,
    style.SKY,
    style.RUST,
    style.VIOLET,
    style.MOSS,
    style.ORCHID,
    style.SLATE,
]
SEQUENTIAL = (
    "#D8EEF3",
    "#B5DBE5",
    "#90C7D8",
    "#6BB4CB",
    "#489FBD",
    "#2D89AD",
    "#1B7399",
    "#185D83",
    "#15486D",
    "#113456",
)
DIVERGING = (
    "#832D0F",
    "#A8471B",
    "#C86D34",
    "#E1A170",
    "#EFDECE",
    "#D0E6EB",
    "#81BFD3",
    "#3696B7",
    "#0F6F95",
    "#034D73",
)
"""Colour scales of the light theme in .streamlit/config.toml."""


def _scale(colours: Sequence[str]) -> list[list[Any]]:
    return [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]


_AXIS = {
    "gridcolor": GRID,
    "linecolor": AXIS,
    "zerolinecolor": AXIS,
    "zerolinewidth": 1,
    # Space between labels and bars.
    "ticks": "outside",
    "ticklen": 6,
    "tickcolor": "rgba(0,0,0,0)",
}
TEMPLATE: Json = {
    "data": {
        kind: [{"colorscale": _scale(SEQUENTIAL), "autocolorscale": False}]
        for kind in ("heatmap", "choropleth")
    },
    "layout": {
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": MUTED,
        },
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "colorway": COLOURS,
        "colorscale": {
            "sequential": _scale(SEQUENTIAL),
            "sequentialminus": _scale(SEQUENTIAL[::-1]),
            "diverging": _scale(DIVERGING),
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": AXIS, "font": {"color": TEXT}},
    },
}
"""Plotly template for figures outside Streamlit's page."""


def drawing(figure: go.Figure) -> str:
    """The figure as JSON with real colours; the figure itself is not modified."""
    whole = figure.to_plotly_json()
    layout = {**whole["layout"], "template": TEMPLATE}
    drawing = _coloured({"data": whole["data"], "layout": layout})
    text: str = to_json_plotly(drawing | {"config": formatting.plotly_locale()})
    return text


def _coloured(part: Any, *, is_colour: bool = False) -> Any:
    """Replace `style.TEXT` by a colour, but only where it is one: it could also be somebody's
    name."""
    if isinstance(part, dict):
        return {name: _coloured(each, is_colour="color" in name) for name, each in part.items()}
    if isinstance(part, list | tuple):
        return [_coloured(each, is_colour=is_colour) for each in part]
    return MUTED if is_colour and isinstance(part, str) and part == style.TEXT else part
