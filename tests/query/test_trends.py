"""Recorded levels by day, and their change over a period."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib.chatbotx.crawl import Verdict
from lib.query import trends
from lib.query.choice import Choice
from lib.query.trends import between_ends, drawn_days, moved, recorded_during, titled
from lib.query.view import View, view_of
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from tests.workspaces import contact, tables_of

AS_OF = datetime(2026, 6, 10, 12, tzinfo=UTC)


def view(start: str, end: str) -> View:
    choice = Choice("dates", date.fromisoformat(start), date.fromisoformat(end), timezone="UTC")
    return view_of(Snapshot(tables_of(contact()), Verdict(AS_OF)), choice, Settings())


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting at the end of each day: 10 on 1 June, one more each day, up to 19 on 10 June."""

    def levels(view: View, period: Period | None = None) -> pd.DataFrame:
        days = pd.Index(list((period or view.terms.period).days()), name="day")
        waiting = [
            9 + day.day if date(2026, 6, 1) <= day <= date(2026, 6, 10) else None for day in days
        ]
        return pd.DataFrame({"awaiting_reply": waiting}, days, dtype="float64")

    monkeypatch.setattr(trends, "recorded_levels", levels)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("start", "end", "change"),
    [
        ("2026-06-05", "2026-06-07", 3.0),  # from the end of 4 June to that of 7 June
        ("2026-06-10", "2026-06-10", 1.0),
        ("2026-06-08", "2026-06-30", 3.0),  # to today, the 10th
        ("2026-06-01", "2026-06-07", None),  # the end of 31 May was not recorded
        ("2026-07-01", "2026-07-31", None),
    ],
)
def test_a_level_moved_by_the_difference_of_the_two_ends_of_the_period(
    start: str, end: str, change: float | None
) -> None:
    assert moved(between_ends(view(start, end)), "awaiting_reply") == change


def test_of_what_was_not_recorded_nothing_is_said_to_have_moved() -> None:
    assert moved(None, "awaiting_reply") is None


@pytest.mark.parametrize(
    ("began", "end", "told"),
    [
        (datetime(2026, 5, 31, 23, tzinfo=UTC), "2026-06-30", "from 1 Jun 2026 to 30 Jun 2026"),
        (datetime(2026, 6, 4, 9, tzinfo=UTC), "2026-06-30", "since 4 Jun 2026, 09:00 (UTC)"),
        (datetime(2026, 6, 4, 9, tzinfo=UTC), "2026-06-08", "from 4 Jun 2026 to 8 Jun 2026"),
        (datetime(2026, 6, 4, 9, tzinfo=UTC), "2026-06-04", "on 4 Jun 2026"),
    ],
)
def test_a_sentence_about_changes_claims_no_more_of_the_period_than_was_recorded(
    began: datetime, end: str, told: str
) -> None:
    history = SimpleNamespace(recorded=np.array([began.replace(tzinfo=None)], "datetime64[us]"))
    assert recorded_during(replace(view("2026-06-01", end), history=history)) == told


def test_without_a_record_a_sentence_names_the_period() -> None:
    assert recorded_during(view("2026-06-01", "2026-06-07")) == "from 1 Jun 2026 to 7 Jun 2026"


def test_a_line_over_one_day_shows_the_two_weeks_up_to_it_and_says_so() -> None:
    day = view("2026-06-10", "2026-06-10")
    drawn = drawn_days(day)
    assert (drawn.start, drawn.end) == (date(2026, 5, 28), date(2026, 6, 10))
    assert titled("Backlog", drawn, day) == "Backlog, 28 May 2026 to 10 Jun 2026"


def test_a_line_over_more_days_is_that_of_the_period() -> None:
    days = view("2026-06-09", "2026-06-10")
    assert drawn_days(days) == days.terms.period
    assert titled("Backlog", drawn_days(days), days) == "Backlog"


def test_a_day_is_compared_on_a_day_and_a_month_in_a_month_even_if_it_began_today() -> None:
    assert view("2026-06-10", "2026-06-10").before == "on the Wednesday before"
    first = view_of(
        Snapshot(tables_of(contact()), Verdict(AS_OF.replace(day=1))),
        replace(Choice("month"), timezone="UTC"),
        Settings(),
    )
    assert first.before == "in the month before"
