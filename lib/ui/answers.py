"""How quickly people were answered: day by day, and this week against the week before."""

import pandas as pd

from lib.charts import changes as figures
from lib.history.reading import events_in
from lib.history.unreadable import unless_unreadable
from lib.insights.pace import answers_by_week
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.trends import drawn_days, during, titled
from lib.query.view import TO_COME, View
from lib.reference import formatting
from lib.reference.periods import ONE_DAY, day_of
from lib.reference.rates import FEW_ANSWERS
from lib.ui import charts


def show(view: View, *, height: int = 300, note: str | None = None) -> None:
    """Draw the chart and its table. Raises StoreError and Unreadable."""
    days = drawn_days(view)
    events = view.recall(events_in, days)
    if events is None:
        return
    by_day = events.response_by_day(days)
    response = events.response()
    charts.show(
        titled("How quickly people were answered, per day", days, view),
        figures.response_times(by_day, height) if response.timed else None,
        lambda: Table(
            (
                column("Day", list(pd.DatetimeIndex(by_day.index)), of.DAY),
                column("Answered", by_day["answered"], of.COUNT),
                column("Timed", by_day["timed"], of.COUNT),
                column("Median response time", by_day["median_hours"], of.HOURS),
            )
        ),
        key="response",
        alt=f"{formatting.counted(response.answered, 'answer')} {during(days, view)}; half of the "
        f"{formatting.number(response.timed)} timed within "
        f"{formatting.duration(response.median_hours)}.",
        view=view,
        note=note,
        explanation="As far as it can be seen: from the first message seen unanswered to the "
        "latest reply seen. The more often snapshots are taken, the closer. Hollow: fewer than "
        f"{FEW_ANSWERS} answers. A day without any is a gap.",
        if_empty=TO_COME if view.is_to_come else f"No answer could be timed {during(days, view)}.",
    )


def show_weeks(view: View, *, height: int) -> None:
    """The chart with the comparison of two weeks above it; nothing if the store cannot be read (the
    page of changes says so)."""
    unless_unreadable(lambda: show(view, height=height, note=compared(view)), None)


def compared(view: View) -> str | None:
    """The median response time of the last seven finished days of the period against that of the
    seven before, as a sentence in Markdown; None if they cannot be compared. Raises StoreError and
    Unreadable."""
    weeks = answers_by_week(view)
    if weeks is None or weeks.now.median_hours is None or weeks.before.median_hours is None:
        return None
    longer = weeks.now.median_hours - weeks.before.median_hours
    by = formatting.duration(abs(longer))
    if by == formatting.duration(0):
        against = "as in"
    else:
        against = f"{by} {'slower' if longer > 0 else 'faster'} than"
    yesterday = day_of(view.terms.as_of, view.terms.timezone) - ONE_DAY
    until = "yesterday" if weeks.days.end == yesterday else formatting.day(weeks.days.end)
    return (
        f"In the week to {until} half were answered within "
        f"**{formatting.duration(weeks.now.median_hours)}**, {against} the week before."
    )
