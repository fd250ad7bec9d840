"""Heat maps: tables of numbers as cells, darker for larger numbers."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from lib.charts.style import PETROL, TEXT, figure_of, labels_of
from lib.reference import formatting


def arrivals(table: pd.DataFrame) -> go.Figure:
    """New contacts by weekday and hour. `table` has a row per weekday (from Monday) and a column
    per hour."""
    weekdays, numbers = formatting.weekdays(), table.to_numpy()
    cells = go.Heatmap(
        x=[f"{hour:02d}" for hour in table.columns],
        y=weekdays,
        z=numbers,
        # From zero: otherwise a week without any contacts would get the middle shade.
        zmin=0,
        zmax=max(1, int(numbers.max())),
        customdata=[
            [
                f"{day} {hour:02d}:00: {formatting.number(new)} new"
                for hour, new in zip(table.columns, row, strict=True)
            ]
            for day, row in zip(weekdays, numbers.tolist(), strict=True)
        ],
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure_of(
        cells,
        height=260,
        xaxis={"type": "category", "showgrid": False, "dtick": 3},
        yaxis={"showgrid": False, "autorange": "reversed"},
    )


def filled(table: pd.DataFrame) -> list[tuple[int, int]]:
    """Row and column numbers of the nonzero cells, row by row."""
    rows, columns = table.to_numpy().nonzero()
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def grid(table: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], what: str) -> go.Figure:
    """A cell for each nonzero number of `table`, in the order of `filled`, darker for larger
    numbers. The cells are bars, because those of a heat map cannot be clicked."""
    labels = labels_of(rows)
    heads = labels_of(columns, 16)
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
    return figure_of(
        cells,
        height=60 + 30 * max(1, len(labels)),
        barmode="overlay",
        xaxis={
            "tickmode": "array",
            "tickvals": list(range(len(heads))),
            "ticktext": heads,
            "range": [-0.5, len(heads) - 0.5],
            "side": "top",
            # Upright where all fit, else vertical: slanted heads run into each other.
            "autotickangles": [0, 90],
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
    # The alpha is in the colour: with `marker.opacity`, Plotly does not report clicks on bars with
    # text.
    return f"{PETROL}{round(strength * 255):02X}"
