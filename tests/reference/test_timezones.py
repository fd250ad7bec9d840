"""Time zones and their offsets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lib.reference.periods import Span
from lib.reference.timezones import has_whole_hours


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("UTC", True),
        ("America/Sao_Paulo", True),
        ("Europe/Lisbon", True),
        ("Asia/Kolkata", False),  # +05:30
        ("Asia/Kathmandu", False),  # +05:45
        ("Australia/Lord_Howe", False),  # +10:30 in winter, +11:00 in summer
    ],
)
def test_most_zones_differ_from_utc_by_whole_hours(timezone: str, expected: bool) -> None:
    year = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert has_whole_hours(timezone, year) == expected


def test_only_the_days_of_the_span_count() -> None:
    """Lord Howe's summer ends on 5 April 2026, and Pyongyang changed from +08:30 to +09:00 on
    5 May 2018 (its midnight is 15:30 UTC of the 4th)."""
    summer = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert has_whole_hours("Australia/Lord_Howe", summer)
    change = Span(datetime(2018, 5, 4, tzinfo=UTC), datetime(2018, 5, 6, tzinfo=UTC))
    assert not has_whole_hours("Asia/Pyongyang", change)
