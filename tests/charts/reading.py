"""Reads values and texts off figures; sample tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from hypothesis import settings

from tests import effort

some = settings(derandomize=True, deadline=None, max_examples=effort.of(30))


def daily(start: str, **columns: list[int]) -> pd.DataFrame:
    days = pd.date_range(start, periods=len(next(iter(columns.values()))), name="day")
    return pd.DataFrame(columns, index=days)


def bars(figure: go.Figure) -> dict[str, list[float]]:
    """Bar lengths by trace name."""
    return {
        trace.name: list(trace.x if trace.orientation == "h" else trace.y) for trace in figure.data
    }


def hovers(trace: Any) -> list[str]:
    """Hover texts of a trace's marks."""
    texts = []
    for custom in trace.customdata:
        text = trace.hovertemplate.removesuffix("<extra></extra>")
        values = {"customdata": custom} if isinstance(custom, str) else {}
        if not isinstance(custom, str):
            values = {f"customdata[{place}]": value for place, value in enumerate(custom)}
        for name, value in values.items():
            text = text.replace(f"%{{{name}}}", f"{value}")
        texts.append(text)
    return texts


def week() -> pd.DataFrame:
    return pd.DataFrame([[24 * day + hour for hour in range(24)] for day in range(7)])


def held(**by_agent: list[int]) -> pd.DataFrame:
    """Numbers by agent (rows) and channel a, b, … (columns)."""
    heads = list("abcdef")[: len(next(iter(by_agent.values())))]
    return pd.DataFrame(by_agent.values(), index=list(by_agent), columns=heads)


def cohorts() -> pd.DataFrame:
    return pd.DataFrame(
        {"contacts": [10, 4], "still_active": [8, 0], "broadcast": [2, 0], "active_30d": [4, 0]},
        index=pd.DatetimeIndex(["2026-05-01", "2026-06-01"], name="month"),
    )
