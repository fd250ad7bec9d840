"""Opt-outs, blocks and deletions by group, and their bases."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.chatbotx.crawl import Verdict
from lib.engines.questions import Filter
from lib.history.opt_outs import departures, opt_out_rate
from lib.history.reading import ALL, History
from lib.history.recorder import Kept, Recorder
from lib.reference.periods import Period, stamps
from lib.reference.rates import Rate
from lib.store.dimensions import CHANNEL, TAG
from lib.store.place import Place
from lib.store.snapshot import Snapshot
from lib.store.storage import Store
from tests.engines.answering import KINDS
from tests.history.states import at, contact, on, past_of, read_by, tables_of, tagged

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


def test_of_values_beside_the_one_filtered_by_no_level_says_how_many_could() -> None:
    """Levels by channel do not say how many are on both."""
    inboxes = [on("whatsapp"), on("telegram")]
    before = [
        contact(1, contactInboxes=inboxes, broadcastSubscribedAt=OPTED_IN),
        member(2, "telegram"),
        member(3, "whatsapp"),
    ]
    after = [contact(1, contactInboxes=inboxes), *before[1:]]
    history = past_of((FIRST, before), (SECOND, after))
    limits = Filter.to({"channel": ("whatsapp",)})
    found = departures(history, OCTOBER, CHANNEL, "broadcast", limits)
    assert found["opted_out"].to_dict() == {"whatsapp": 1, "telegram": 1}
    assert found["could"].dropna().to_dict() == {"whatsapp": 2}


def test_the_rate_of_all_is_that_of_the_workspace(on_two_days: History) -> None:
    assert opt_out_rate(on_two_days, OCTOBER, "broadcast", ALL) == Rate(1, 5)


def test_the_rate_under_a_filter_is_that_of_its_level(on_two_days: History) -> None:
    limits = Filter.to({"channel": ("telegram",)})
    assert opt_out_rate(on_two_days, OCTOBER, "broadcast", limits) == Rate(0, 1)


def test_before_anything_was_recorded_there_is_no_rate(on_two_days: History) -> None:
    september = Period(date(2026, 9, 1), date(2026, 9, 30), "UTC")
    assert opt_out_rate(on_two_days, september, "broadcast", ALL) is None


class TestLongAfter:
    """Of older days only the last level is kept: a period may open with a snapshot without one."""

    @pytest.fixture
    def of_twelve_days(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
        """A snapshot every six hours from 06:00 on. Of five members, three on WhatsApp, one of
        these opts out at noon of the first day, one on Telegram on the seventh, and one opts in on
        the eighth."""
        monkeypatch.setattr("lib.history.compaction.LEVELS_IN_FULL", timedelta(days=4))
        recorder, kept = Recorder(Store(Place(str(tmp_path / "store")))), Kept()
        for quarter in range(12 * 4):
            members = [
                member(1, "whatsapp"),
                member(2, "whatsapp", opted_in=quarter < 1),
                member(3, "whatsapp"),
                member(4, "telegram", opted_in=quarter < 6 * 4),
                member(5, "telegram"),
                member(6, "telegram", opted_in=quarter >= 7 * 4),
            ]
            as_of = FIRST + timedelta(hours=6 * quarter)
            kept = recorder.save(Snapshot(tables_of(members), Verdict(as_of), "299"))
        assert kept.history is not None
        first, noon = (stamps([FIRST + timedelta(hours=hours)])[0] for hours in (0, 6))
        assert kept.history.levels("", first, noon).empty
        return kept.history

    def test_all_who_were_opted_in_as_recording_began_could_opt_out(
        self, of_twelve_days: History
    ) -> None:
        assert opt_out_rate(of_twelve_days, OCTOBER, "broadcast", ALL) == Rate(2, 6)
        on_whatsapp = Filter.to({"channel": ("whatsapp",)})
        assert opt_out_rate(of_twelve_days, OCTOBER, "broadcast", on_whatsapp) == Rate(1, 3)
        found = departures(of_twelve_days, OCTOBER, CHANNEL, "broadcast", ALL)
        assert found["could"].to_dict() == {"telegram": 3, "whatsapp": 3}

    def test_days_of_another_zone_open_with_those_who_were_opted_in_then(
        self, of_twelve_days: History
    ) -> None:
        in_tokyo = Period(date(2026, 10, 3), date(2026, 10, 9), "Asia/Tokyo")
        assert opt_out_rate(of_twelve_days, in_tokyo, "broadcast", ALL) == Rate(1, 5)
        found = departures(of_twelve_days, in_tokyo, CHANNEL, "broadcast", ALL)
        assert found["could"].to_dict() == {"telegram": 3, "whatsapp": 2}
