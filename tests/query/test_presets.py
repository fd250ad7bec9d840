"""The days of each preset, and what it is compared with."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lib.query.choice import Choice
from lib.query.presets import COMPARISONS, LABELS, Against, Comparison, compared
from lib.reference.periods import Period

AS_OF = "2026-11-28T08:00Z"
"""A Saturday."""


def period(preset: str, as_of: str = AS_OF, timezone: str = "UTC") -> Period:
    return Choice(preset).period(datetime.fromisoformat(as_of), timezone, None)


def on(start: str, end: str, timezone: str = "UTC") -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end), timezone)


def comparison(
    period: Period, preset: str = "dates", against: Against = "previous", as_of: str = AS_OF
) -> Comparison:
    found = compared(period, preset, against, datetime.fromisoformat(as_of))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("preset", "start", "end"),
    [
        ("today", "2026-11-28", "2026-11-28"),
        ("yesterday", "2026-11-27", "2026-11-27"),
        ("week", "2026-11-23", "2026-11-28"),
        ("last-week", "2026-11-16", "2026-11-22"),
        ("7d", "2026-11-22", "2026-11-28"),
        ("month", "2026-11-01", "2026-11-28"),
        ("last-month", "2026-10-01", "2026-10-31"),
        ("year", "2026-01-01", "2026-11-28"),
    ],
)
def test_a_preset_means_whole_days(preset: str, start: str, end: str) -> None:
    assert period(preset) == on(start, end)


def test_presets_are_offered_from_today_to_dates() -> None:
    assert list(LABELS.values()) == [
        "Today",
        "Yesterday",
        "This week",
        "Last week",
        "Last 7 days",
        "Last 30 days",
        "Last 90 days",
        "This month",
        "Last month",
        "This year",
        "All time",
        "Dates",
    ]


@pytest.mark.parametrize(
    ("preset", "start", "end", "until", "phrase"),
    [
        ("today", "2026-11-21", "2026-11-21", "2026-11-21T08:00Z", "the Saturday before"),
        ("yesterday", "2026-11-20", "2026-11-20", "2026-11-21T00:00Z", "the Friday before"),
        ("week", "2026-11-16", "2026-11-21", "2026-11-21T08:00Z", "the week before"),
        ("last-week", "2026-11-09", "2026-11-15", "2026-11-16T00:00Z", "the week before"),
        ("7d", "2026-11-15", "2026-11-21", "2026-11-21T08:00Z", "the 7 days before"),
        ("30d", "2026-09-30", "2026-10-29", "2026-10-29T08:00Z", "the 30 days before"),
        ("month", "2026-10-01", "2026-10-28", "2026-10-28T08:00Z", "the month before"),
        ("last-month", "2026-09-01", "2026-09-30", "2026-10-01T00:00Z", "the month before"),
        ("year", "2025-01-01", "2025-11-28", "2025-11-28T08:00Z", "the year before"),
    ],
)
def test_a_period_is_compared_with_the_one_before_up_to_the_same_point(
    preset: str, start: str, end: str, until: str, phrase: str
) -> None:
    found = comparison(period(preset), preset)
    assert found.period == on(start, end)
    assert found.until == datetime.fromisoformat(until)
    assert found.phrase == phrase


@pytest.mark.parametrize(
    ("start", "end", "then", "until"),
    [
        ("2026-11-01", "2026-11-28", ("2025-11-01", "2025-11-28"), "2025-11-28T08:00Z"),
        ("2024-02-29", "2024-02-29", ("2023-02-28", "2023-02-28"), "2023-03-01T00:00Z"),
        ("2026-06-01", "2026-06-30", ("2025-06-01", "2025-06-30"), "2025-07-01T00:00Z"),
    ],
)
def test_a_year_ago_are_the_same_dates(
    start: str, end: str, then: tuple[str, str], until: str
) -> None:
    found = comparison(on(start, end), against="year")
    assert (found.period, found.until) == (on(*then), datetime.fromisoformat(until))


def test_a_long_month_is_compared_with_a_short_one_up_to_its_last_day() -> None:
    as_of = "2026-03-31T08:00Z"
    found = comparison(period("month", as_of), "month", as_of=as_of)
    assert found.period == on("2026-02-01", "2026-02-28")
    assert found.until == datetime.fromisoformat("2026-02-28T08:00Z")


def test_the_same_time_of_day_is_that_of_the_clocks_there() -> None:
    # Berlin set its clocks back on 25 October 2026: before that, 09:00 there was 07:00 UTC.
    as_of = "2026-10-28T08:00Z"
    found = comparison(period("today", as_of, "Europe/Berlin"), "today", as_of=as_of)
    assert found.until == datetime.fromisoformat("2026-10-21T07:00Z")


@pytest.mark.parametrize(
    ("period", "preset", "against"),
    [
        (on("2026-11-01", "2026-11-28"), "dates", "none"),
        (on("2026-11-01", "2026-11-28"), "all", "previous"),
        (on("2026-11-01", "2026-11-28"), "all", "year"),
        (on("2026-11-29", "2026-12-05"), "dates", "previous"),
    ],
    ids=["not wanted", "all time", "all time a year ago", "to come"],
)
def test_there_may_be_nothing_to_compare_with(
    period: Period, preset: str, against: Against
) -> None:
    assert compared(period, preset, against, datetime.fromisoformat(AS_OF)) is None


def test_comparisons_have_the_words_that_managers_know() -> None:
    assert list(COMPARISONS.values()) == ["Previous period", "Same period a year ago", "Nothing"]
