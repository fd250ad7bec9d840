from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import settings

from lib.query.choice import Choice
from lib.reference.periods import Period
from lib.store.dimensions import (
    DIMENSIONS,
    TAG,
    Dimension,
)
from tests.query.choices import OPTIONS
from tests.workspaces import choosing

some = settings(derandomize=True, deadline=None)
PLAIN = Choice()


def period(preset: str, as_of: str, timezone: str = "UTC", first: str | None = None) -> Period:
    return Choice(preset).period(
        datetime.fromisoformat(as_of),
        timezone,
        None if first is None else datetime.fromisoformat(first),
    )


@pytest.mark.parametrize(
    ("preset", "as_of", "start", "end"),
    [
        ("7d", "2026-07-01T12:00Z", "2026-06-25", "2026-07-01"),
        ("30d", "2026-07-01T12:00Z", "2026-06-02", "2026-07-01"),
        ("90d", "2026-07-01T12:00Z", "2026-04-03", "2026-07-01"),
        ("30d", "2024-03-01T12:00Z", "2024-02-01", "2024-03-01"),
        ("month", "2026-07-01T12:00Z", "2026-07-01", "2026-07-01"),
        ("month", "2024-02-29T12:00Z", "2024-02-01", "2024-02-29"),
        ("last-month", "2026-07-01T12:00Z", "2026-06-01", "2026-06-30"),
        ("last-month", "2026-01-31T12:00Z", "2025-12-01", "2025-12-31"),
        ("last-month", "2024-03-31T12:00Z", "2024-02-01", "2024-02-29"),
        ("last-month", "2026-03-31T12:00Z", "2026-02-01", "2026-02-28"),
        ("year", "2026-07-01T12:00Z", "2026-01-01", "2026-07-01"),
        ("year", "2024-12-31T12:00Z", "2024-01-01", "2024-12-31"),
    ],
)
def test_a_preset_means_whole_days_up_to_today(
    preset: str, as_of: str, start: str, end: str
) -> None:
    assert period(preset, as_of) == Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("timezone", "month"),
    [("UTC", 1), ("America/Sao_Paulo", 12), ("Pacific/Kiritimati", 1), ("Pacific/Pago_Pago", 12)],
)
def test_today_is_that_of_the_zone(timezone: str, month: int) -> None:
    # Half past midnight on New Year's Day in London.
    assert period("month", "2026-01-01T00:30Z", timezone).start.month == month


def test_last_month_across_the_year_is_told_by_the_zone() -> None:
    in_brazil = period("last-month", "2026-01-01T00:30Z", "America/Sao_Paulo")
    assert (in_brazil.start, in_brazil.end) == (date(2025, 11, 1), date(2025, 11, 30))


def test_all_begins_with_the_first_subscription_in_the_zone() -> None:
    whole = period("all", "2026-07-01T12:00Z", "America/Sao_Paulo", first="2024-03-01T02:00Z")
    assert (whole.start, whole.end) == (date(2024, 2, 29), date(2026, 7, 1))


def test_all_is_today_where_nobody_subscribed() -> None:
    assert period("all", "2026-07-01T12:00Z") == Period(date(2026, 7, 1), date(2026, 7, 1))


def test_all_is_today_where_clocks_say_that_everybody_is_still_to_come() -> None:
    whole = period("all", "2026-07-01T12:00Z", first="2026-08-01T00:00Z")
    assert whole == Period(date(2026, 7, 1), date(2026, 7, 1))


@pytest.mark.parametrize("timezone", ["UTC", "America/Sao_Paulo", "Asia/Tokyo"])
def test_all_does_not_begin_in_the_year_1_where_a_clock_was_never_set(timezone: str) -> None:
    assert period("all", "2026-07-01T12:00Z", timezone, "0001-01-01T00:00Z").start.year >= 1969


def test_dates_are_taken_as_they_are() -> None:
    choice = Choice("dates", date(2030, 1, 1), date(2030, 1, 2))
    assert choice.period(datetime(2026, 7, 1, tzinfo=UTC), "Asia/Tokyo", None) == Period(
        date(2030, 1, 1), date(2030, 1, 2), "Asia/Tokyo"
    )


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (PLAIN, ""),
        (Choice("7d", against="none", timezone="UTC"), ""),
        (choosing(channel=("whatsapp",)), "WhatsApp"),
        (choosing(channel=("whatsapp", "line")), "WhatsApp or line"),
        (choosing(channel=("",)), "no channel"),
        (choosing(country=("BR", "VN", "unknown")), "in Brazil, Vietnam or an unknown country"),
        (choosing(tag=("601",)), "tagged VIP"),
        (choosing(tag=("",)), "untagged"),
        (choosing(tag=("601", "")), "tagged VIP or untagged"),
        (choosing(team=("201", "202")), "with team Sales or Care"),
        (choosing(agent=("101", "102")), "with agent Ana or Bia"),
        (choosing(agent=("",)), "with no agent"),
        (choosing(agent=("101", "")), "with agent Ana or none"),
        (Choice(recorded_only=True), "with a recorded country"),
        (Choice(queue="unread"), ""),
        (
            choosing(
                channel=("line",), country=("BR",), tag=("601",), team=("201",), agent=("102",)
            ),
            "line; in Brazil; tagged VIP; with team Sales; with agent Bia",
        ),
    ],
    ids=str,
)
def test_the_filters_read_as_words(choice: Choice, said: str) -> None:
    assert choice.in_words(OPTIONS) == said


@pytest.mark.parametrize(
    ("choice", "is_filtered"),
    [
        (PLAIN, False),
        (Choice("7d"), False),
        (Choice(queue="unread"), False),
        (choosing(tag=("601",)), True),
        (choosing(agent=("",)), True),
        (Choice(recorded_only=True), True),
    ],
)
def test_a_period_is_no_filter(choice: Choice, is_filtered: bool) -> None:
    assert choice.is_filtered == is_filtered


EVERYTHING = choosing(
    "dates",
    date(2026, 6, 1),
    date(2026, 6, 30),
    channel=("a",),
    country=("b",),
    tag=("c",),
    team=("d",),
    agent=("e",),
    recorded_only=True,
    timezone="America/Sao_Paulo",
    basis="subscribedAt",
    queue="orphaned",
)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_one_filter_can_be_set_and_the_others_stay(dimension: Dimension) -> None:
    choice = replace(EVERYTHING, against="none")
    limited = choice.limited_to(dimension, ("x", "y"))
    assert limited.keys(dimension) == ("x", "y")
    assert limited.limited_to(dimension, choice.keys(dimension)) == choice


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_limits_to_one_value_and_another_one_takes_the_limit_off(
    dimension: Dimension,
) -> None:
    once = PLAIN.toggled(dimension, "x")
    assert once == PLAIN.limited_to(dimension, ("x",))
    assert once.toggled(dimension, "x") == PLAIN


@pytest.mark.parametrize("chosen", [("y",), ("x", "y"), ("y", "x")], ids=str)
def test_a_click_on_one_value_leaves_it_alone_whatever_else_was_chosen(
    chosen: tuple[str, ...],
) -> None:
    assert choosing(tag=chosen).toggled(TAG, "x") == choosing(tag=("x",))


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_click_leaves_everything_else_as_it_is(dimension: Dimension) -> None:
    toggled = EVERYTHING.toggled(dimension, "x")
    assert toggled.limited_to(dimension, EVERYTHING.keys(dimension)) == EVERYTHING


def test_a_click_on_days_shows_these_alone_and_another_one_the_usual_period() -> None:
    day = date(2026, 6, 10)
    once = choosing("90d", tag=("601",)).on_days(day, day)
    assert once == choosing("dates", day, day, tag=("601",))
    assert once.on_days(day, day) == choosing("30d", tag=("601",))


def test_a_click_on_other_days_shows_those() -> None:
    june, day = EVERYTHING, date(2026, 6, 10)
    assert june.on_days(day, day) == replace(june, start=day, end=day)


def test_unfiltered_is_everybody_in_the_same_period_and_on_the_same_terms() -> None:
    assert EVERYTHING.unfiltered == Choice(
        "dates",
        date(2026, 6, 1),
        date(2026, 6, 30),
        timezone="America/Sao_Paulo",
        basis="subscribedAt",
        queue="orphaned",
    )
    assert not EVERYTHING.unfiltered.is_filtered
