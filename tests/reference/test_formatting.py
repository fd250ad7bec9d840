from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from math import inf, nan
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reference import formatting
from lib.reference.periods import Period
from lib.reference.rates import Rate

some = settings(derandomize=True, deadline=None)

# Surrogates cannot be in JSON, in a URL or in a page.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1234567, "1,234,567"),
        (2.6, "3"),
        (-1200, "-1,200"),
    ],
)
def test_numbers_have_their_thousands_separated(value: float, shown: str) -> None:
    assert formatting.number(value) == shown


@pytest.mark.parametrize("value", [None, nan])
def test_what_does_not_exist_is_a_dash_and_not_0(value: float | None) -> None:
    shown = {
        formatting.number(value),
        formatting.percent(value),
        formatting.points(value),
        formatting.duration(value),
    }
    assert shown | {formatting.decimal(value)} == {"–"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.00"), (0.123, "0.12"), (0.25, "0.25"), (1, "1.00"), (1234.5, "1,234.50")],
)
def test_decimals_have_two_places(value: float, shown: str) -> None:
    assert formatting.decimal(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 replies"), (1, "1 reply"), (2, "2 replies"), (1234, "1,234 replies")],
)
def test_what_is_counted_agrees_with_its_number(value: int, shown: str) -> None:
    assert formatting.counted(value, "reply", "replies") == shown


def test_the_usual_plural_needs_not_be_said() -> None:
    assert formatting.counted(2, "contact") == "2 contacts"


@pytest.mark.parametrize(
    ("some", "of", "shown"),
    [(182, 11_210, "16.2 per 1,000"), (0, 40, "0.0 per 1,000"), (3, 3, "1,000.0 per 1,000")],
)
def test_rates_per_thousand_have_one_decimal(some: int, of: int, shown: str) -> None:
    assert formatting.per_thousand(Rate(some, of)) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0.0%"), (0.1234, "12.3%"), (0.58125, "58.1%"), (1, "100.0%"), (12.345, "1,234.5%")],
)
def test_percentages_have_one_decimal(share: float, shown: str) -> None:
    assert formatting.percent(share) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (0, "0.0%"),
        (1, "less than 0.1%"),
        (10, "0.1%"),
        (2_500, "25.0%"),
        (9_994, "99.9%"),
        (9_999, "more than 99.9%"),
        (10_000, "100.0%"),
    ],
)
def test_some_are_neither_nobody_nor_everybody(part: int, shown: str) -> None:
    assert formatting.part_of(part, 10_000) == shown


@pytest.mark.parametrize(
    ("difference", "shown"),
    [(0.012, "+1.2 points"), (-0.012, "−1.2 points"), (0, "0.0 points"), (-0.0001, "0.0 points")],
)
def test_differences_of_rates_are_points_with_a_sign(difference: float, shown: str) -> None:
    assert formatting.points(difference) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.18, "+18.0%"), (-0.5, "−50.0%"), (0.0, "0.0%"), (-0.0001, "0.0%"), (nan, "–")],
)
def test_a_change_too_small_to_be_written_has_no_sign(share: float, shown: str) -> None:
    assert formatting.signed_percent(share) == shown


@pytest.mark.parametrize(("value", "shown"), [(5, "+5"), (0, "0"), (-1234, "−1,234")])
def test_signed_numbers_say_their_direction(value: int, shown: str) -> None:
    assert formatting.signed(value) == shown


@pytest.mark.parametrize(
    ("new", "old", "shown"),
    [
        (118, 100, "+18.0%"),
        (50, 100, "−50.0%"),
        (30, 30, "0.0%"),
        (0, 30, "−100.0%"),
        (0, 29, "−29"),
        (7, 7, "0"),
        (5, 0, "+5"),
        (-12, 40, "−52"),
    ],
)
def test_a_change_has_its_sign_and_a_percentage_where_that_says_something(
    new: int, old: int, shown: str
) -> None:
    assert formatting.change(new, old) == shown


@pytest.mark.parametrize(
    ("new", "old", "sentence"),
    [
        (118, 100, "18.0% more than in June"),
        (82, 100, "18.0% fewer than in June"),
        (0, 4, "4 fewer than in June"),
        (0, 40, "100.0% fewer than in June"),
        (7, 7, "as many as in June"),
        (0, 0, "as many as in June"),
        (7, 0, "after none in June"),
        (100_001, 100_000, "about as many as in June"),
    ],
)
def test_a_comparison_reads_as_a_sentence(new: int, old: int, sentence: str) -> None:
    assert formatting.compared(new, old, "in June") == sentence


def test_a_rate_says_what_it_is_of() -> None:
    assert formatting.rate(Rate(1234, 2123)) == "58.1% (1,234 of 2,123)"


def test_an_interval_says_both_ends() -> None:
    # Wilson, z = 1.959964: 1 of 2 gives 0.0945 and 0.9055.
    assert formatting.interval(Rate(1, 2)) == "9.5% to 90.5%"


def test_a_rate_of_nobody_is_a_dash() -> None:
    assert (formatting.rate(Rate(0, 0)), formatting.interval(Rate(0, 0))) == ("–", "–")


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        (0, "0 min"),
        (-1, "0 min"),
        (0.5, "30 min"),
        (59.4 / 60, "59 min"),
        (59.6 / 60, "1 h"),
        (1, "1 h"),
        (1.5, "1 h 30 min"),
        (23 + 59.4 / 60, "23 h 59 min"),
        (23 + 59.9 / 60, "1 d"),
        (24, "1 d"),
        (24.4, "1 d"),
        (47.9, "2 d"),
        (76.2, "3 d 4 h"),
        (24 * 1234, "1,234 d"),
    ],
)
def test_durations_are_in_the_units_that_people_use(hours: float, shown: str) -> None:
    assert formatting.duration(hours) == shown


@some
@given(st.floats(0, 10**6))
def test_no_duration_has_60_minutes_or_24_hours_or_none_of_a_smaller_unit(hours: float) -> None:
    units = re.findall(r"([\d,]+) (d|h|min)", formatting.duration(hours))
    counts = [int(count.replace(",", "")) for count, _ in units]
    limits = {"d": 10**6, "h": 24, "min": 60}
    assert all(count < limits[unit] for count, (_, unit) in zip(counts, units, strict=True))
    assert len(units) == 1 or all(counts)


@pytest.mark.parametrize(
    ("elapsed", "shown"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=40), "1 h ago"),
        (timedelta(days=3, hours=4, minutes=10), "3 d 4 h ago"),
    ],
)
def test_ages_say_how_long_ago(elapsed: timedelta, shown: str) -> None:
    assert formatting.age(elapsed) == shown


def test_days_and_months_are_written_in_full() -> None:
    assert (formatting.day(date(2026, 6, 1)), formatting.month(date(2026, 6, 1))) == (
        "1 Jun 2026",
        "Jun 2026",
    )


@pytest.mark.parametrize(
    ("locale", "named"), [("en", "Mon 1 Jun 2026"), ("de", "Mo., 1. Juni 2026")]
)
def test_a_day_is_named_with_its_weekday(
    set_locale: Callable[[str], None], locale: str, named: str
) -> None:
    set_locale(locale)
    assert formatting.named_day(date(2026, 6, 1)) == named


def test_a_moment_is_that_of_the_zone_and_names_it() -> None:
    moment = datetime(2026, 11, 22, 13, 24, tzinfo=UTC)
    assert (
        formatting.moment(moment, "America/Sao_Paulo") == "22 Nov 2026, 10:24 (America/Sao_Paulo)"
    )


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("UTC", "31 Dec 2025, 22:05"),
        ("America/Sao_Paulo", "31 Dec 2025, 19:05"),
        ("Asia/Kathmandu", "1 Jan 2026, 03:50"),
    ],
)
def test_a_moment_in_a_table_is_that_of_the_zone(timezone: str, shown: str) -> None:
    moment = datetime(2025, 12, 31, 22, 5, tzinfo=UTC)
    assert formatting.moment_of(moment, timezone) == shown
    assert formatting.moment_of(pd.Timestamp(moment), timezone) == shown


@pytest.mark.parametrize(
    ("moment", "timezone", "shown"),
    [
        (datetime.min.replace(tzinfo=UTC), "America/Sao_Paulo", "1 Jan 1, 00:00"),
        (datetime.max.replace(tzinfo=UTC), "Asia/Kathmandu", "31 Dec 9999, 23:59"),
        (datetime.max.replace(tzinfo=UTC), "America/Sao_Paulo", "31 Dec 9999, 20:59"),
    ],
)
def test_a_moment_before_all_years_of_its_zone_or_after_is_that_of_utc(
    moment: datetime, timezone: str, shown: str
) -> None:
    assert formatting.moment_of(moment, timezone) == shown
    assert formatting.moment_of(pd.Timestamp(moment).as_unit("us"), timezone) == shown


@pytest.mark.parametrize("never", [None, pd.NaT], ids=str)
def test_a_moment_that_never_was_is_a_dash(never: datetime | None) -> None:
    assert formatting.moment_of(never, "America/Sao_Paulo") == "–"


@pytest.mark.parametrize(
    ("end", "shown"),
    [(date(2026, 6, 1), "1 Jun 2026"), (date(2026, 7, 2), "1 Jun 2026 to 2 Jul 2026")],
)
def test_a_span_says_both_days_or_the_one(end: date, shown: str) -> None:
    assert formatting.span(date(2026, 6, 1), end) == shown


def test_a_period_says_its_first_and_last_day() -> None:
    period = Period(date(2026, 6, 1), date(2026, 6, 30))
    assert formatting.days(period) == "1 Jun 2026 to 30 Jun 2026"


def test_a_period_of_one_day_says_it_once() -> None:
    assert formatting.days(Period(date(2026, 6, 1), date(2026, 6, 1))) == "1 Jun 2026"


@pytest.mark.parametrize(
    ("items", "shown"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists_read_as_within_a_sentence(items: list[str], shown: str) -> None:
    assert formatting.listed(items) == shown


def test_a_list_leaves_its_names_as_they_are() -> None:
    assert formatting.listed(["Rock, and Roll", "Jazz"]) == "Rock, and Roll and Jazz"


def test_channels_have_their_own_spelling_and_unknown_ones_keep_their_name() -> None:
    shown = [formatting.channel_name(key) for key in ("whatsapp", "smtp", "", "none")]
    assert shown == ["WhatsApp", "E-mail", "No channel", "none"]


@some
@given(TEXTS, st.integers(1, 40))
def test_a_shortened_name_is_no_longer_than_asked_for(text: str, most: int) -> None:
    assert len(formatting.shortened(text, most)) <= most


def test_a_shortened_name_says_that_it_was_cut_and_a_short_one_stays() -> None:
    assert formatting.shortened("Newsletter subscribers", 11) == "Newsletter…"
    assert formatting.shortened("Newsletter", 10) == "Newsletter"


def test_an_infinite_number_is_no_duration() -> None:
    assert formatting.duration(inf) == "–"


# Locales


SPOKEN = {
    "en": ("1,234", "12.3%", "1 Jun 2026", "Jun 2026", "Mon", "Germany", ".,", "en"),
    "de": ("1.234", "12,3\xa0%", "1. Juni 2026", "Juni 2026", "Mo.", "Deutschland", ",.", "de"),
    "pt_BR": (
        "1.234",
        "12,3%",
        "1 de jun. de 2026",
        "jun. de 2026",
        "seg.",
        "Alemanha",
        ",.",
        "pt-BR",
    ),
}


@pytest.mark.parametrize("locale", SPOKEN)
def test_numbers_times_and_countries_are_formatted_for_the_locale(
    set_locale: Callable[[str], None], locale: str
) -> None:
    set_locale(locale)
    day = date(2026, 6, 1)
    assert (
        formatting.number(1234),
        formatting.percent(0.123),
        formatting.day(day),
        formatting.month(day),
        formatting.weekdays()[0],
        formatting.country("DE"),
        formatting.separators(),
        formatting.language(),
    ) == SPOKEN[locale]


def test_a_moment_is_in_the_zone_and_the_locale(set_locale: Callable[[str], None]) -> None:
    set_locale("de")
    moment = datetime(2026, 6, 1, 1, 30, tzinfo=UTC)
    assert (
        formatting.moment(moment, "America/Sao_Paulo") == "31. Mai 2026, 22:30 (America/Sao_Paulo)"
    )


def test_points_have_the_decimal_sign_of_the_locale(set_locale: Callable[[str], None]) -> None:
    set_locale("de")
    assert formatting.points(-0.0123) == "−1,2 points"


AXES = {
    "en": ("Sun", "Jun", "%b %Y", "%-d %b", "%-d %b %Y"),
    "de": ("So.", "Juni", "%b %Y", "%-d. %b", "%-d. %b %Y"),
    "pt_BR": ("dom.", "jun.", "%b de %Y", "%-d de %b", "%-d de %b de %Y"),
    "zh": ("周日", "6月", "%Y年%-m月", "%-m月%-d日", "%Y年%-m月%-d日"),
}


@pytest.mark.parametrize("locale", AXES)
def test_axes_of_figures_name_days_and_months_for_the_locale(
    set_locale: Callable[[str], None], locale: str
) -> None:
    set_locale(locale)
    configured: dict[str, Any] = formatting.plotly_locale()
    formats = configured["locales"][configured["locale"]]["format"]
    assert (
        formats["shortDays"][0],
        formats["shortMonths"][5],
        formats["month"],
        formats["dayMonth"],
        formats["dayMonthYear"],
    ) == AXES[locale]
    assert (len(formats["days"]), len(formats["months"])) == (7, 12)


@pytest.mark.parametrize("locale", ["ar", "fa", "hi", "ja", "vi", "fr", "es_419", "zh_Hant"])
def test_every_locale_can_write_a_number_a_rate_and_a_day(
    set_locale: Callable[[str], None], locale: str
) -> None:
    set_locale(locale)
    assert formatting.number(1234567)
    assert "%" in formatting.percent(0.5) or "٪" in formatting.percent(0.5)
    assert "2026" in formatting.day(date(2026, 6, 1)) or locale in ("ar", "fa")


@pytest.mark.parametrize(
    ("locale", "pattern"),
    [
        ("en", "YYYY-MM-DD"),
        ("en_US", "MM/DD/YYYY"),
        ("en_GB", "DD/MM/YYYY"),
        ("de", "DD.MM.YYYY"),
        ("pt_BR", "DD/MM/YYYY"),
        ("sv", "YYYY-MM-DD"),
    ],
)
def test_days_are_typed_as_the_locale_writes_them(locale: str, pattern: str) -> None:
    formatting.set_locale(locale)
    try:
        assert formatting.date_box() == pattern
    finally:
        formatting.set_locale("en")


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(1.5, "+1 h 30 min"), (-0.25, "−15 min"), (0.001, "0 min"), (0, "0 min")],
)
def test_a_change_of_a_duration_has_its_sign(hours: float, shown: str) -> None:
    assert formatting.signed_duration(hours) == shown
