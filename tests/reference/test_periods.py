from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lib.reference.periods import Comparison, Period, Span, Unit, day_of, midnight, unit_of

HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_day(text: str, timezone: str) -> Period:
    day = date.fromisoformat(text)
    return Period(day, day, timezone)


class TestMidnight:
    @pytest.mark.parametrize(
        ("day", "timezone", "moment"),
        [
            ("2026-06-01", "UTC", "2026-06-01T00:00"),
            ("2026-06-01", "America/Sao_Paulo", "2026-06-01T03:00"),
            ("2026-06-01", "Asia/Kathmandu", "2026-05-31T18:15"),
            ("2026-06-01", "Asia/Ho_Chi_Minh", "2026-05-31T17:00"),
            ("2026-01-15", "Europe/Lisbon", "2026-01-15T00:00"),
            ("2026-07-15", "Europe/Lisbon", "2026-07-14T23:00"),
        ],
    )
    def test_begins_the_day_in_the_zone(self, day: str, timezone: str, moment: str) -> None:
        assert midnight(date.fromisoformat(day), timezone) == utc(moment)

    def test_is_the_first_moment_of_a_day_whose_clock_skipped_midnight(self) -> None:
        # 23:59:59 (-03:00) on the 3rd was followed by 01:00 (-02:00).
        assert midnight(date(2018, 11, 4), "America/Sao_Paulo") == utc("2018-11-04T03:00")

    def test_is_the_first_of_two_when_the_clock_showed_midnight_twice(self) -> None:
        # Clocks in Havana went back from 01:00 (-04:00) to 00:00 (-05:00).
        assert midnight(date(2025, 11, 2), "America/Havana") == utc("2025-11-02T04:00")


class TestDayOf:
    @pytest.mark.parametrize(
        ("timezone", "day"),
        [("UTC", 1), ("America/Sao_Paulo", 30), ("Asia/Kathmandu", 1)],
    )
    def test_is_that_of_the_zone(self, timezone: str, day: int) -> None:
        assert day_of(utc("2026-07-01T00:00"), timezone).day == day


class TestPeriod:
    def test_holds_the_whole_of_its_last_day(self) -> None:
        june = Period(date(2026, 6, 1), date(2026, 6, 30), "UTC")

        assert (june.first_moment, june.end_moment) == (utc("2026-06-01"), utc("2026-07-01"))

    @pytest.mark.parametrize(
        ("day", "timezone", "hours"),
        [
            ("2018-11-04", "America/Sao_Paulo", 23),
            ("2018-02-17", "America/Sao_Paulo", 25),
            ("2026-03-29", "Europe/Lisbon", 23),
            ("2026-10-25", "Europe/Lisbon", 25),
            ("2026-06-15", "Europe/Lisbon", 24),
            ("2026-03-29", "Asia/Kathmandu", 24),
            ("2011-12-29", "Pacific/Apia", 24),
            ("2011-12-30", "Pacific/Apia", 0),
            ("2011-12-31", "Pacific/Apia", 24),
        ],
    )
    def test_a_day_is_as_long_as_its_zone_makes_it(
        self, day: str, timezone: str, hours: int
    ) -> None:
        period = a_day(day, timezone)

        assert period.end_moment - period.first_moment == hours * HOUR

    @pytest.mark.parametrize("timezone", ["America/Sao_Paulo", "Pacific/Apia", "Europe/Lisbon"])
    def test_days_follow_each_other_without_gap_or_overlap(self, timezone: str) -> None:
        period = Period(date(2011, 1, 1), date(2018, 12, 31), timezone)

        each = [Period(day, day, timezone) for day in period.days()]

        assert period.edges() == [each[0].first_moment, *(day.end_moment for day in each)]
        assert period.edges()[1:-1] == [day.first_moment for day in each[1:]]

    def test_of_one_day_is_one_day_long(self) -> None:
        assert a_day("2026-06-15", "UTC").number_of_days == 1

    def test_lists_its_days(self) -> None:
        period = Period(date(2024, 2, 28), date(2024, 3, 1))

        assert list(period.days()) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]

    def test_may_not_end_before_it_starts(self) -> None:
        with pytest.raises(ValueError, match="must not end before it starts"):
            Period(date(2026, 6, 2), date(2026, 6, 1))


class TestPrevious:
    @pytest.mark.parametrize(
        ("start", "end", "previous_start", "previous_end"),
        [
            ("2026-06-01", "2026-06-30", "2026-05-02", "2026-05-31"),
            ("2026-06-15", "2026-06-15", "2026-06-14", "2026-06-14"),
            ("2024-03-01", "2024-03-31", "2024-01-30", "2024-02-29"),
        ],
        ids=["thirty days", "one day", "over a leap day"],
    )
    def test_has_as_many_days_and_ends_the_day_before(
        self, start: str, end: str, previous_start: str, previous_end: str
    ) -> None:
        period = Period(date.fromisoformat(start), date.fromisoformat(end), "Asia/Kathmandu")

        assert period.previous == Period(
            date.fromisoformat(previous_start), date.fromisoformat(previous_end), "Asia/Kathmandu"
        )

    def test_ends_at_the_moment_at_which_the_period_begins(self) -> None:
        period = Period(date(2018, 11, 4), date(2018, 11, 10), "America/Sao_Paulo")

        assert period.previous.end_moment == period.first_moment

    def test_counts_days_also_when_a_day_has_fewer_hours(self) -> None:
        week = Period(date(2018, 11, 5), date(2018, 11, 11), "America/Sao_Paulo")

        length = week.previous.end_moment - week.previous.first_moment

        assert length == 7 * 24 * HOUR - HOUR


class TestLast:
    def test_thirty_days_include_the_day_of_the_data(self) -> None:
        assert Period.last(30, utc("2026-07-01T12:00"), "UTC") == Period(
            date(2026, 6, 2), date(2026, 7, 1), "UTC"
        )

    def test_day_of_the_data_is_that_of_the_zone(self) -> None:
        period = Period.last(1, utc("2026-07-01T00:00"), "America/Sao_Paulo")

        assert period == a_day("2026-06-30", "America/Sao_Paulo")


def days(start: str, end: str, timezone: str = "UTC") -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end), timezone)


def told(comparison: Comparison) -> tuple[str, str, str]:
    """The first and last day of a comparison, and until when it counts, in its own zone."""
    until = comparison.until.astimezone(ZoneInfo(comparison.days.timezone))
    return f"{comparison.days.start}", f"{comparison.days.end}", f"{until:%Y-%m-%d %H:%M}"


NOVEMBER_28 = utc("2026-11-28T15:20")  # a Saturday


class TestBefore:
    @pytest.mark.parametrize(
        ("period", "unit", "expected"),
        [
            (
                days("2026-11-28", "2026-11-28"),
                None,
                ("2026-11-21", "2026-11-21", "2026-11-21 15:20"),
            ),
            (
                days("2026-11-27", "2026-11-27"),
                None,
                ("2026-11-20", "2026-11-20", "2026-11-21 00:00"),
            ),
            (
                days("2026-11-23", "2026-11-28"),
                "week",
                ("2026-11-16", "2026-11-21", "2026-11-21 15:20"),
            ),
            (
                days("2026-11-16", "2026-11-22"),
                "week",
                ("2026-11-09", "2026-11-15", "2026-11-16 00:00"),
            ),
            (
                days("2026-11-22", "2026-11-28"),
                None,
                ("2026-11-15", "2026-11-21", "2026-11-21 15:20"),
            ),
            (
                days("2026-10-30", "2026-11-28"),
                None,
                ("2026-09-30", "2026-10-29", "2026-10-29 15:20"),
            ),
            (
                days("2026-11-01", "2026-11-28"),
                "month",
                ("2026-10-01", "2026-10-28", "2026-10-28 15:20"),
            ),
            (
                days("2026-10-01", "2026-10-31"),
                "month",
                ("2026-09-01", "2026-09-30", "2026-10-01 00:00"),
            ),
            (
                days("2026-02-01", "2026-02-28"),
                "month",
                ("2026-01-01", "2026-01-31", "2026-02-01 00:00"),
            ),
            (
                days("2026-01-01", "2026-11-28"),
                "year",
                ("2025-01-01", "2025-11-28", "2025-11-28 15:20"),
            ),
            (
                days("2025-01-01", "2025-12-31"),
                "year",
                ("2024-01-01", "2024-12-31", "2025-01-01 00:00"),
            ),
            (
                days("2026-12-01", "2026-12-10"),
                None,
                ("2026-11-21", "2026-11-30", "2026-11-21 00:00"),
            ),
        ],
        ids=[
            "today",
            "yesterday",
            "this week",
            "last week",
            "last 7 days",
            "last 30 days",
            "this month",
            "last month",
            "February",
            "this year",
            "last year",
            "not begun",
        ],
    )
    def test_is_as_much_of_what_came_before_as_is_over(
        self, period: Period, unit: Unit | None, expected: tuple[str, str, str]
    ) -> None:
        assert told(period.before(NOVEMBER_28, unit)) == expected

    def test_of_the_last_of_a_month_is_up_to_the_last_of_a_shorter_one(self) -> None:
        march = days("2026-03-01", "2026-03-30")

        assert told(march.before(utc("2026-03-30T09:00"), "month")) == (
            "2026-02-01",
            "2026-02-28",
            "2026-02-28 09:00",
        )

    def test_of_29_february_is_up_to_the_28th_of_a_common_year(self) -> None:
        leap = days("2028-01-01", "2028-02-29")

        assert told(leap.before(utc("2028-02-29T09:00"), "year"))[2] == "2027-02-28 09:00"

    def test_time_of_day_is_local_on_both_sides_of_a_change_of_clocks(self) -> None:
        # Clocks in Berlin went forward from 02:00 to 03:00 on 29 March.
        week = days("2026-03-30", "2026-03-31", "Europe/Berlin")

        before = week.before(utc("2026-03-31T10:00"), "week")

        assert told(before)[2] == "2026-03-24 12:00"
        assert before.until == utc("2026-03-24T11:00")

    def test_a_time_that_clocks_skipped_is_read_as_if_they_had_not_changed_yet(self) -> None:
        monday = days("2026-04-05", "2026-04-05", "Europe/Berlin")

        before = monday.before(utc("2026-04-05T00:30"))  # 02:30, which did not exist on 29 March

        assert before.until == utc("2026-03-29T01:30")

    def test_is_whole_when_the_period_is_over(self) -> None:
        assert days("2026-11-01", "2026-11-27").before(NOVEMBER_28).is_whole
        assert not days("2026-11-01", "2026-11-28").before(NOVEMBER_28).is_whole


class TestAYearBefore:
    @pytest.mark.parametrize(
        ("period", "expected"),
        [
            (
                days("2026-11-01", "2026-11-28"),
                ("2025-11-01", "2025-11-28", "2025-11-28 15:20"),
            ),
            (
                days("2026-10-01", "2026-10-31"),
                ("2025-10-01", "2025-10-31", "2025-11-01 00:00"),
            ),
            (
                days("2024-02-29", "2024-02-29"),
                ("2023-02-28", "2023-02-28", "2023-03-01 00:00"),
            ),
        ],
        ids=["to date", "over", "leap day"],
    )
    def test_is_the_same_dates(self, period: Period, expected: tuple[str, str, str]) -> None:
        assert told(period.a_year_before(NOVEMBER_28)) == expected


def test_same_weekdays_are_the_eight_before_up_to_this_time_of_day() -> None:
    spans = days("2026-11-28", "2026-11-28").same_weekdays(NOVEMBER_28)

    assert len(spans) == 8
    assert spans[0] == Span(utc("2026-11-21T00:00"), utc("2026-11-21T15:20"))
    assert spans[-1] == Span(utc("2026-10-03T00:00"), utc("2026-10-03T15:20"))


@pytest.mark.parametrize(
    ("unit", "first", "last"),
    [
        ("week", "2026-11-23", "2026-11-29"),
        ("month", "2026-11-01", "2026-11-30"),
        ("year", "2026-01-01", "2026-12-31"),
    ],
)
def test_unit_of_a_day_is_that_of_the_calendar(unit: Unit, first: str, last: str) -> None:
    assert [f"{day}" for day in unit_of(unit, date(2026, 11, 28))] == [first, last]
