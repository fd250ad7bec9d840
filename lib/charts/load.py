"""Figure of the agents' workload."""

import pandas as pd
import plotly.graph_objects as go

from lib.charts.style import (
    AMBER,
    PETROL,
    RUST,
    TICKS,
    figure_of,
    labelled_rows,
    labels_of,
    row_keys,
)
from lib.reference import formatting

_FEW = 9
_ROW, _WIDE_ROW = 34, 44
"""In pixels. With few agents the rows are wider, to fill the space beside a neighbour of about that
height."""


def load(table: pd.DataFrame) -> go.Figure:
    """Open conversations by name, split into never answered, waiting again, and answered, labelled
    with the total, the oldest and the median wait. `table` has columns name, open, awaiting_reply,
    never_answered, oldest_wait_hours and median_wait_hours."""
    labels = labels_of(table["name"].tolist())
    never = table["never_answered"]
    parts = [
        go.Bar(
            y=row_keys(labels),
            x=values,
            orientation="h",
            name=name.capitalize(),
            marker={"color": colour},
            customdata=[
                f"{label}: {formatting.number(value)} {name}"
                for label, value in zip(labels, values, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
        for name, values, colour in (
            ("never answered", never, RUST),
            ("waiting again", table["awaiting_reply"] - never, AMBER),
            ("answered", table["open"] - table["awaiting_reply"], PETROL),
        )
    ]
    waits = go.Scatter(
        y=row_keys(labels),
        x=table["open"],
        mode="text",
        text=[
            f"  {formatting.number(held)}"
            + (
                f" · oldest {formatting.duration(oldest)}<br>  median {formatting.duration(median)}"
                if pd.notna(oldest)
                else ""
            )
            for held, oldest, median in zip(
                table["open"], table["oldest_wait_hours"], table["median_wait_hours"], strict=True
            )
        ],
        textposition="middle right",
        textfont={**TICKS, "size": 11},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    return figure_of(
        *parts,
        waits,
        height=110 + (_ROW if len(table) > _FEW else _WIDE_ROW) * max(1, len(table)),
        # Plotly reverses the legend of stacked bars, which would contradict their left-to-right
        # order.
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "traceorder": "normal"},
        xaxis={"range": [0, max([*table["open"], 1]) * 1.9], "visible": False},
        yaxis=labelled_rows(labels),
        barmode="stack",
        showlegend=True,
    )
