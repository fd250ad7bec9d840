from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lib.engines.questions import Engine
from lib.metrics.opt_in import OptIn, RawEmailOptIn, opt_in, over_time, raw_email_opt_in
from lib.reference.rates import Rate
from tests.workspaces import Json, ask, contact, on, terms

LONG_AGO = "2020-02-01T00:00:00.000Z"
OPTED_IN = contact(on("zalo"), broadcastSubscribedAt=LONG_AGO)
BLOCKED = {"blockedAt": LONG_AGO}


def test_of_no_contacts_has_no_rates() -> None:
    assert opt_in(ask()) == OptIn(Rate(0, 0), Rate(0, 0), Rate(0, 0))


def test_of_only_blocked_contacts_has_no_rates() -> None:
    blocked = contact(OPTED_IN, BLOCKED, email="ana@example.com", emailOptIn=True)

    assert opt_in(ask(blocked)) == OptIn(Rate(0, 0), Rate(0, 0), Rate(0, 0))


class TestBroadcast:
    def test_is_a_share_of_the_active_contacts_on_a_channel(self) -> None:
        tables = ask(OPTED_IN, contact(on("zalo")), contact(OPTED_IN, BLOCKED))

        assert opt_in(tables).broadcast == Rate(1, 2)

    def test_leaves_out_an_opt_in_without_a_channel(self) -> None:
        tables = ask(OPTED_IN, contact(broadcastSubscribedAt=LONG_AGO))

        assert opt_in(tables).broadcast == Rate(1, 1)

    def test_counts_a_contact_on_two_channels_once(self) -> None:
        assert opt_in(ask(contact(OPTED_IN, on("zalo", "sms")))).broadcast == Rate(1, 1)


class TestEmail:
    def test_is_a_share_of_the_active_contacts_with_an_address(self) -> None:
        tables = ask(
            contact(email="ana@example.com", emailOptIn=True),
            contact(email="bo@example.com", emailOptIn=False),
            contact(BLOCKED, email="cy@example.com", emailOptIn=True),
        )

        assert opt_in(tables).email == Rate(1, 2)

    def test_default_opt_in_of_contacts_without_an_address_does_not_count(self) -> None:
        tables = ask(
            contact(email=None, emailOptIn=True), contact(email="guest-8f3a", emailOptIn=True)
        )

        assert opt_in(tables).email == Rate(0, 0)

    def test_verified_is_a_share_of_the_same_contacts(self) -> None:
        tables = ask(
            contact(email="ana@example.com", emailVerified=True),
            contact(email="bo@example.com", emailVerified=False),
            contact(email=None, emailVerified=True),
        )

        assert opt_in(tables).email_verified == Rate(1, 2)

    def test_opt_in_that_is_not_said_is_none(self) -> None:
        assert opt_in(ask(contact(email="ana@example.com"))).email == Rate(0, 1)


class TestRawEmailOptIn:
    def test_is_what_the_server_says_of_all_contacts(self) -> None:
        tables = ask(
            contact(email="ana@example.com", emailOptIn=True),
            contact(email=None, emailOptIn=True),
            contact(BLOCKED, email=None, emailOptIn=True),
            contact(email="bo@example.com", emailOptIn=False),
        )

        assert raw_email_opt_in(tables) == RawEmailOptIn(Rate(3, 4), without_address=2)


class TestOverTime:
    """At the start of each of the first three days of June, and at the end of the last."""

    def over(self, asked: Engine, kind: str) -> list[float | None]:
        """The shares, with None for NaN."""
        found = over_time(asked, terms("2026-06-01", "2026-06-03"))[kind]
        return [None if pd.isna(share) else float(share) for share in found]

    def broadcast(self, *contacts: Json) -> list[float | None]:
        return self.over(ask(*contacts), "broadcast")

    def email(self, *contacts: Json) -> list[float | None]:
        return self.over(ask(*contacts), "email")

    def reached(self, **fields: Any) -> Json:
        return contact(on("zalo"), **fields)

    def test_has_a_moment_before_the_period_and_one_after_each_day(self) -> None:
        asked = terms("2026-06-01", "2026-06-02", "America/Sao_Paulo")

        assert [f"{each:%d %H:%M}" for each in over_time(ask(), asked).index] == [
            "01 03:00",
            "02 03:00",
            "03 03:00",
        ]

    def test_rises_when_somebody_agrees(self) -> None:
        agreed = self.reached(broadcastSubscribedAt="2026-06-02T12:00:00.000Z")

        assert self.broadcast(agreed, self.reached()) == [0, 0, 1 / 2, 1 / 2]

    @pytest.mark.parametrize(
        ("moment", "first"), [("2026-05-31T23:59:59.999Z", 1), ("2026-06-01T00:00:00.000Z", 0)]
    )
    def test_begins_with_what_was_agreed_before_the_period(self, moment: str, first: int) -> None:
        assert self.broadcast(self.reached(broadcastSubscribedAt=moment)) == [first, 1, 1, 1]

    def test_is_of_those_who_had_come_by_then(self) -> None:
        late = self.reached(createdAt="2026-06-02T12:00:00.000Z")

        assert self.broadcast(OPTED_IN, late) == [1, 1, 1 / 2, 1 / 2]

    def test_agreement_from_before_the_contact_came_counts_from_when_it_came(self) -> None:
        early = contact(OPTED_IN, createdAt="2026-06-02T12:00:00.000Z")

        assert self.broadcast(early, self.reached()) == [0, 0, 1 / 2, 1 / 2]

    def test_leaves_out_those_who_were_blocked_by_then(self) -> None:
        left = contact(OPTED_IN, blockedAt="2026-06-02T12:00:00.000Z")

        assert self.broadcast(left, self.reached()) == [1 / 2, 1 / 2, 0, 0]

    def test_agreement_after_the_block_counts_nowhere(self) -> None:
        blocked_first = self.reached(
            blockedAt="2026-06-01T12:00:00.000Z",
            broadcastSubscribedAt="2026-06-02T12:00:00.000Z",
        )

        assert self.broadcast(blocked_first, OPTED_IN, self.reached()) == [
            1 / 3,
            1 / 2,
            1 / 2,
            1 / 2,
        ]

    def test_is_missing_where_there_was_nobody(self) -> None:
        late = contact(OPTED_IN, createdAt="2026-06-02T12:00:00.000Z")

        assert self.broadcast(late) == [None, None, 1, 1]

    def test_of_broadcasts_is_of_those_on_a_channel(self) -> None:
        nowhere = contact(broadcastSubscribedAt=LONG_AGO)

        assert self.broadcast(nowhere, self.reached()) == [0, 0, 0, 0]
        assert self.broadcast(nowhere) == [None] * 4

    def test_of_email_is_of_those_with_an_address_by_what_is_agreed_today(self) -> None:
        contacts = (
            contact(email="ana@example.com", emailOptIn=True, createdAt="2026-06-02T12:00:00.000Z"),
            contact(email="bo@example.com", emailOptIn=False),
            contact(email=None, emailOptIn=True),
        )

        assert self.email(*contacts) == [0, 0, 1 / 2, 1 / 2]

    def test_of_a_selection_is_that_of_its_contacts(self) -> None:
        tables = ask(OPTED_IN, self.reached(), OPTED_IN)

        chosen = ask(OPTED_IN, self.reached(), OPTED_IN, only=[1, 3])

        assert self.over(tables, "broadcast") == [2 / 3] * 4
        assert self.over(chosen, "broadcast") == [1] * 4

    def test_ends_with_the_rate_of_today(self) -> None:
        contacts = [OPTED_IN, self.reached(), self.reached(), contact(OPTED_IN, BLOCKED)]

        assert self.broadcast(*contacts)[-1] == opt_in(ask(*contacts)).broadcast.rate == 1 / 3
