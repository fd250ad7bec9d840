"""When digests are due, across clock changes. Berlin skips from 2 to 3 o'clock on 29 March 2026,
and repeats that hour on 25 October."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lib.outputs.notify.schedule import MOST_TIMES, next_time, times_between


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def between(expression: str, start: datetime, end: datetime, zone: str = "Europe/Berlin") -> object:
    return times_between(expression, zone, start, end)


def test_a_time_is_that_of_the_zone() -> None:
    assert between("0 8 * * *", utc(2026, 7, 1), utc(2026, 7, 2)) == [utc(2026, 7, 1, 6)]
    assert between("0 8 * * *", utc(2026, 12, 1), utc(2026, 12, 2)) == [utc(2026, 12, 1, 7)]


def test_the_start_is_not_included_and_the_end_is() -> None:
    eight = utc(2026, 7, 1, 6)
    assert between("0 8 * * *", eight, eight + timedelta(days=1)) == [eight + timedelta(days=1)]


def test_a_time_that_the_clock_skips_comes_once() -> None:
    assert between("30 2 * * *", utc(2026, 3, 28, 12), utc(2026, 3, 29, 12)) == [
        utc(2026, 3, 29, 1)
    ]


def test_a_time_that_comes_twice_comes_once() -> None:
    assert between("30 2 * * *", utc(2026, 10, 24, 12), utc(2026, 10, 25, 12)) == [
        utc(2026, 10, 25, 0, 30)
    ]


@pytest.mark.parametrize("month", [3, 10])
def test_a_month_with_a_change_has_a_digest_each_day(month: int) -> None:
    found = times_between("30 2 * * *", "Europe/Berlin", utc(2026, month, 1), utc(2026, month, 31))
    assert len(found) == 30


def test_looking_twice_around_the_change_finds_no_time_twice() -> None:
    found: list[datetime] = []
    last = utc(2026, 10, 24, 12)
    for minutes in range(0, 24 * 60, 7):
        until = utc(2026, 10, 24, 12) + timedelta(minutes=minutes)
        times = times_between("30 2 * * *", "Europe/Berlin", last, until)
        found += times
        last = times[-1] if times else last
    assert found == [utc(2026, 10, 25, 0, 30)]


def test_years_without_a_look_end() -> None:
    assert len(times_between("0 * * * *", "UTC", utc(2000, 1, 1), utc(2026, 1, 1))) == MOST_TIMES


def test_the_next_time_is_known() -> None:
    assert next_time("0 8 * * 1", "UTC", utc(2026, 11, 28)) == utc(2026, 11, 30, 8)
