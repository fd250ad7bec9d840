"""Chart of recorded levels: a value at the end of each day, or a gap."""

from collections.abc import Callable, Mapping

import pandas as pd
import plotly.graph_objects as go

from lib.outputs import columns as of
from lib.outputs.columns import Format, Table, column
from lib.query.trends import drawn_days, during, recorded_levels, titled
from lib.query.view import TO_COME, View
from lib.reference import formatting
from lib.ui import charts

Draw = Callable[[pd.DataFrame, Mapping[str, str]], go.Figure]


def show(
    subject: str,
    names: Mapping[str, str],
    form: Format,
    draw: Draw,
    view: View,
    *,
    key: str,
    beside: Mapping[str, str] | None = None,
    hint: str = "",
) -> None:
    """Draw the levels in `names` (column: label) over the days of the period.

    `beside` are further levels for the table; `hint` ends the explanation.
    """
    days = drawn_days(view)
    levels = recorded_levels(view, days)
    known = pd.DataFrame() if levels is None else levels.dropna(how="all")

    def table() -> Table:
        if known.empty:
            return Table(())
        return Table(
            (
                column("Day", list(pd.DatetimeIndex(known.index)), of.DAY),
                *(column(label, known[name], form) for name, label in names.items()),
                *(column(label, known[name], form) for name, label in (beside or {}).items()),
            )
        )

    told = [
        f"{label} {form.write(known[name].iloc[0])}, then {form.write(known[name].iloc[-1])}"
        for name, label in names.items()
        if not known.empty
    ]
    charts.show(
        titled(f"{subject} at the end of each day", days, view),
        None if levels is None else draw(levels, names),
        table,
        key=key,
        alt=f"{subject} {during(days, view)}: {formatting.listed(told) or 'not recorded'}.",
        view=view,
        explanation=f"As of the last snapshot of each day. A day that was not recorded is a gap."
        f"{hint and ' '}{hint}",
        if_empty=TO_COME
        if view.is_to_come
        else f"None of this was recorded {during(days, view)}, or not under these filters.",
    )
