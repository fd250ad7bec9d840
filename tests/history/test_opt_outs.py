"""Opt-outs, blocks and deletions by group, and their bases."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lib.engines.questions import Filter
from lib.history.opt_outs import departures, opt_out_rate
from lib.history.reading import ALL, History
from lib.reference.periods import Period
from lib.reference.rates import Rate
from lib.store.dimensions import CHANNEL, TAG
from tests.engines.answering import KINDS
from tests.history.states import at, contact, on, past_of, read_by, tagged

FIRST, SECOND = at("2026-10-01T06:00:00"), at("2026-10-02T06:00:00")
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31), "UTC")
OPTED_IN = "2026-05-01T00:00:00.000Z"


def member(number: int, channel: str, *, opted_in: bool = True, **facts: Any) -> dict[str, Any]:
    since = OPTED_IN if opted_in else None
    return contact(number, contactInboxes=[on(channel)], broadcastSubscribedAt=since, **facts)


@pytest.fixture(params=KINDS)
def on_two_days(request: pytest.FixtureRequest) -> History:
    """On WhatsApp, one of three opts out, and one opts in; on Telegram, the only contact is
    deleted."""
    before = [
        member(1, "whatsapp"),
        member(2, "whatsapp", tags=tagged("7")),
        member(3, "whatsapp"),
        member(4, "whatsapp", opted_in=False),
        member(5, "telegram"),
    ]
    after = [
        member(1, "whatsapp"),
        member(2, "whatsapp", opted_in=False, tags=tagged("7")),
        member(3, "whatsapp"),
        member(4, "whatsapp"),
    ]
    return read_by(request.param, past_of((FIRST, before), (SECOND, after)))


def test_opt_outs_are_of_those_opted_in_at_the_opening_or_since(on_two_days: History) -> None:
    found = departures(on_two_days, OCTOBER, CHANNEL, "broadcast", ALL)
    whatsapp = found.loc["whatsapp"]
    assert (whatsapp["opted_out"], whatsapp["could"]) == (1, 4)
    assert (found.loc["telegram", "opted_out"], found.loc["telegram", "could"]) == (0, 1)


def test_deletions_count_where_the_contact_was(on_two_days: History) -> None:
    found = departures(on_two_days, OCTOBER, CHANNEL, "broadcast", ALL)
    assert found["deleted"].to_dict() == {"whatsapp": 0, "telegram": 1}


def test_contacts_without_a_value_have_a_row_of_their_own(on_two_days: History) -> None:
    found = departures(on_two_days, OCTOBER, TAG, "broadcast", ALL)
    assert found["opted_out"].to_dict() == {"7": 1, "": 0}
    assert found["could"].to_dict() == {"7": 1, "": 4}


def test_under_a_filter_that_levels_do_not_know_there_is_no_base(on_two_days: History) -> None:
    limits = Filter.to({"tag": ("7",)})
    found = departures(on_two_days, OCTOBER, CHANNEL, "broadcast", limits)
    assert found.loc["whatsapp", "opted_out"] == 1
    assert found["could"].isna().all()


def test_the_rate_of_all_is_that_of_the_workspace(on_two_days: History) -> None:
    assert opt_out_rate(on_two_days, OCTOBER, "broadcast", ALL) == Rate(1, 5)


def test_the_rate_under_a_filter_is_that_of_its_level(on_two_days: History) -> None:
    limits = Filter.to({"channel": ("telegram",)})
    assert opt_out_rate(on_two_days, OCTOBER, "broadcast", limits) == Rate(0, 1)


def test_before_anything_was_recorded_there_is_no_rate(on_two_days: History) -> None:
    september = Period(date(2026, 9, 1), date(2026, 9, 30), "UTC")
    assert opt_out_rate(on_two_days, september, "broadcast", ALL) is None
