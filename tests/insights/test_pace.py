"""Changes of a period compared with the period before, over ten weeks of daily snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from lib.history.reading import History, begins
from lib.insights.pace import answers_by_week, paces
from lib.query.choice import Choice
from lib.reference.periods import Period
from tests.history.states import at, contact, past_of
from tests.insights.test_changed import DAYS, MONTH, steady, view

LAST_WEEK = Choice("last-week")  # 22 to 28 June; the data is as of Wednesday, 1 July


def test_an_unfinished_period_is_compared_by_its_finished_days() -> None:
    # 2 to 30 June with 3 to 31 May: 29 days of 4 opt-outs and 1 deletion each.
    found = paces(view(steady(), MONTH))
    assert found is not None
    assert found.part == "until yesterday"
    assert (found.now.opted_out, found.now.left) == (116, 29)
    assert found.now == found.before


def test_a_period_that_is_over_is_compared_as_a_whole() -> None:
    recording = steady()
    numbers = np.full(DAYS, 4)
    numbers[-9:-2] = 6  # the seven days of last week
    found = paces(view(replace(recording, opt_outs=numbers), LAST_WEEK))
    assert found is not None
    assert found.part == ""
    assert (found.now.opted_out, found.before.opted_out) == (42, 28)


def test_a_month_longer_than_the_one_before_is_compared_up_to_as_many_days() -> None:
    recording = steady()
    longer = replace(
        recording,
        opt_outs=np.tile(recording.opt_outs, 2),
        deleted=np.tile(recording.deleted, 2),
        waiting=np.tile(recording.waiting, 2),
        hours=recording.hours * 2,
        received={},
    )
    seen = view(longer, Choice("last-month"))
    may = Period(date(2026, 5, 1), date(2026, 5, 31))
    found = paces(replace(seen, terms=replace(seen.terms, period=may)))
    assert found is not None
    assert found.part == "until 30 May 2026"
    assert (found.now.opted_out, found.before.opted_out) == (120, 120)


def test_whoever_was_blocked_before_does_not_leave_by_being_deleted() -> None:
    blocked = contact(1, blockedAt="2026-02-01T00:00:00.000Z")
    days = (at("2026-06-22T12:00"), at("2026-06-29T12:00"), at("2026-06-30T12:00"))
    kept = contact(2)
    past = past_of(
        (days[0], [blocked, kept, contact(3)]),
        (days[1], [blocked, kept, contact(3)]),
        (days[2], [kept]),
    )
    found = paces(view(past, Choice("yesterday")))
    assert found is not None
    assert (found.now.left, found.before.left) == (1, 0)


def test_slower_answers_are_told_by_their_medians() -> None:
    recording = steady()
    hours = [np.array([1.0, 2.0, 3.0])] * (DAYS - 9) + [np.array([5.0, 6.0, 7.0])] * 9
    found = paces(view(replace(recording, hours=hours), LAST_WEEK))
    assert found is not None
    assert (found.now.response_hours, found.before.response_hours) == (6.0, 2.0)


def test_nothing_is_compared_with_days_before_a_break_in_the_record() -> None:
    # Recorded since April, but what changed is known from 10 June on: 2 to 30 June would have 20
    # days of opt-outs, and 3 to 31 May none.
    broken = replace(steady(), missing=set(range(22, DAYS + 1)))
    assert begins(broken) - broken.since > timedelta(days=40)
    assert paces(view(broken, MONTH)) is None
    assert paces(view(broken, Choice("7d"))) is not None


@pytest.mark.parametrize(
    ("history", "choice"),
    [
        (None, MONTH),
        (steady(), replace(MONTH, against="none")),
        (steady(), Choice("90d")),  # the previous 90 days began before the record
        (steady(), Choice("today")),  # of which no day is over
        (steady(), Choice("dates", date(2026, 8, 1), date(2026, 8, 31))),
    ],
    ids=["no history", "no comparison", "not recorded", "today", "to come"],
)
def test_nothing_is_compared_where_there_is_nothing_to_compare_with(
    history: History | None, choice: Choice
) -> None:
    assert paces(view(history, choice)) is None


def test_the_last_two_finished_weeks_of_answers_are_compared() -> None:
    hours = [np.array([1.0, 2.0, 3.0])] * (DAYS - 8) + [np.array([5.0, 6.0, 7.0])] * 8
    found = answers_by_week(view(replace(steady(), hours=hours), MONTH))
    assert found is not None
    # As of Wednesday, 1 July: 24 to 30 June with 17 to 23 June, whose last day was slow as well.
    assert (found.days.start, found.days.end) == (date(2026, 6, 24), date(2026, 6, 30))
    assert (found.now.timed, found.now.median_hours) == (21, 6.0)
    assert (found.before.timed, found.before.median_hours) == (21, 2.0)


@pytest.mark.parametrize(
    ("hours", "choice"),
    [
        (np.array([]), MONTH),
        (np.array([1.0]), Choice("dates", date(2026, 4, 1), date(2026, 4, 30))),
    ],
    ids=["few answers", "not recorded"],
)
def test_weeks_of_few_or_unknown_answers_are_not_compared(
    hours: np.ndarray, choice: Choice
) -> None:
    recording = replace(steady(), hours=[hours] * DAYS)
    assert answers_by_week(view(recording, choice)) is None
