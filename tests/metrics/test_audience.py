from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from lib.engines.questions import Engine
from lib.metrics.audience import (
    Audience,
    Usual,
    arrivals,
    audience,
    by_channel,
    by_country,
    by_day,
    by_source,
    by_tag,
    country_sources,
    new_by_step,
    several_channels,
    subscribers_by_day,
    usual,
)
from lib.metrics.terms import Basis
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from tests.workspaces import Json, ask, came_by, contact, on, tagged, terms


def contacts_in(table: pd.DataFrame) -> dict[str, int]:
    """The number of contacts in each row, in the order of the rows."""
    return dict(zip(table.index, table["contacts"], strict=True))


def daily(column: pd.Series) -> dict[date, int]:
    """The days whose number is not 0."""
    return {
        day.date(): int(number)
        for day, number in zip(pd.DatetimeIndex(column.index), column, strict=True)
        if number
    }


class TestAudience:
    def test_of_no_contacts_is_zero(self) -> None:
        assert audience(ask(), terms()) == Audience(0, 0, 0, 0, 0, 0, 0, 0)

    def test_active_are_those_not_blocked(self) -> None:
        tables = ask(contact(), contact(), contact(blockedAt="2020-02-01T00:00:00.000Z"))

        found = audience(tables, terms())

        assert (found.contacts, found.active, found.blocked) == (3, 2, 1)

    @pytest.mark.parametrize(
        ("moment", "new"),
        [
            ("2026-05-31T23:59:59.999Z", 0),
            ("2026-06-01T00:00:00.000Z", 1),
            ("2026-06-30T23:59:59.999Z", 1),
            ("2026-07-01T00:00:00.000Z", 0),
        ],
    )
    def test_period_holds_its_first_moment_and_not_the_one_after_it(
        self, moment: str, new: int
    ) -> None:
        tables = ask(contact(createdAt=moment))

        assert audience(tables, terms("2026-06-01", "2026-06-30")).new == new

    @pytest.mark.parametrize(
        ("moment", "new"),
        [("2026-06-01T02:59:59.999Z", 0), ("2026-06-01T03:00:00.000Z", 1)],
    )
    def test_period_begins_at_midnight_of_the_zone(self, moment: str, new: int) -> None:
        tables = ask(contact(createdAt=moment))

        found = audience(tables, terms("2026-06-01", "2026-06-30", "America/Sao_Paulo"))

        assert found.new == new

    @pytest.mark.parametrize(
        ("moment", "new", "previous"),
        [
            ("2026-05-01T23:59:59.999Z", 0, 0),
            ("2026-05-02T00:00:00.000Z", 0, 1),
            ("2026-05-31T23:59:59.999Z", 0, 1),
            ("2026-06-01T00:00:00.000Z", 1, 0),
        ],
    )
    def test_previous_period_ends_where_the_period_begins(
        self, moment: str, new: int, previous: int
    ) -> None:
        found = audience(ask(contact(createdAt=moment)), terms("2026-06-01", "2026-06-30"))

        assert (found.new, found.new_previous) == (new, previous)

    def test_new_contact_that_was_blocked_since_is_new_and_lost(self) -> None:
        tables = ask(
            contact(createdAt="2026-06-10T00:00:00.000Z", blockedAt="2026-06-20T00:00:00.000Z")
        )

        found = audience(tables, terms())

        assert (found.new, found.lost, found.net) == (1, 1, 0)

    @pytest.mark.parametrize(
        ("as_of", "before"),
        [
            ("2026-07-01T00:00:00+00:00", 3),
            ("2026-06-16T15:20:00+00:00", 2),
            ("2026-06-16T15:19:59+00:00", 1),
            ("2026-05-31T23:59:59+00:00", 0),
        ],
        ids=["over", "up to this time of day", "a second earlier", "not begun"],
    )
    def test_previous_period_counts_as_far_as_this_one_is_over(
        self, as_of: str, before: int
    ) -> None:
        tables = ask(
            contact(createdAt="2026-05-02T00:00:00.000Z"),
            contact(createdAt="2026-05-17T15:19:59.000Z"),
            contact(createdAt="2026-05-17T15:20:00.000Z"),
        )

        found = audience(tables, terms(as_of=datetime.fromisoformat(as_of)))

        assert (found.new_previous, found.new_before) == (3, before)

    def test_what_changes_are_counted_against_can_be_chosen(self) -> None:
        tables = ask(contact(createdAt="2025-06-10T00:00:00.000Z"))
        asked = terms()
        a_year_ago = asked.period.a_year_before(asked.as_of).span

        assert audience(tables, replace(asked, compared=a_year_ago)).new_before == 1

    def test_net_of_the_previous_period_is_of_that_period(self) -> None:
        tables = ask(
            contact(createdAt="2026-05-10T00:00:00.000Z"),
            contact(createdAt="2026-05-11T00:00:00.000Z"),
            contact(blockedAt="2026-05-12T00:00:00.000Z"),
        )

        found = audience(tables, terms())

        assert (found.new_before, found.lost_before, found.net_before) == (2, 1, 1)

    def test_contact_without_subscribed_at_is_not_new_by_it(self) -> None:
        tables = ask(contact(createdAt="2026-06-10T00:00:00.000Z"))

        assert audience(tables, terms(basis="subscribedAt")).new == 0

    def test_contact_is_new_when_it_subscribed_whenever_it_was_created(self) -> None:
        tables = ask(contact(subscribedAt="2026-06-10T00:00:00.000Z"))

        assert audience(tables, terms(basis="subscribedAt")).new == 1

    def test_time_in_the_future_counts_where_it_falls(self) -> None:
        tables = ask(contact(createdAt="2026-07-15T00:00:00.000Z"))

        assert audience(tables, terms("2026-07-01", "2026-07-31")).new == 1


class TestByChannel:
    def test_contact_on_two_channels_counts_once_in_each(self) -> None:
        tables = ask(contact(on("whatsapp", "telegram")), contact(on("whatsapp")))

        assert contacts_in(by_channel(tables, terms())) == {"whatsapp": 2, "telegram": 1}

    def test_contact_counts_once_on_a_channel_that_it_has_two_inboxes_of(self) -> None:
        two = {"contactInboxes": [*on("zalo")["contactInboxes"], *on(" ZALO ")["contactInboxes"]]}

        assert contacts_in(by_channel(ask(two), terms())) == {"zalo": 1}

    def test_contacts_without_a_channel_have_a_row_of_their_own(self) -> None:
        tables = ask(contact(), contact(contactInboxes=None), contact(on("zalo")))

        assert contacts_in(by_channel(tables, terms())) == {"": 2, "zalo": 1}

    def test_without_such_contacts_there_is_no_such_row(self) -> None:
        assert contacts_in(by_channel(ask(contact(on("zalo"))), terms())) == {"zalo": 1}

    def test_channels_of_one_size_are_in_the_order_of_their_names(self) -> None:
        tables = ask(contact(on("zalo")), contact(on("fax")), contact(on("sms")), contact())

        assert list(by_channel(tables, terms()).index) == ["", "fax", "sms", "zalo"]

    def test_channel_of_blocked_contacts_is_shown_without_active_ones(self) -> None:
        tables = ask(contact(on("zalo"), blockedAt="2020-02-01T00:00:00.000Z"))

        row = by_channel(tables, terms()).loc["zalo"]

        assert (row["contacts"], row["active"], row["on_channel"]) == (1, 0, 0)

    def test_broadcast_rate_is_of_the_active_contacts_of_the_channel(self) -> None:
        opted_in = contact(on("zalo"), broadcastSubscribedAt="2026-01-01T00:00:00.000Z")
        tables = ask(
            opted_in, contact(on("zalo")), opted_in | {"blockedAt": "2026-02-01T00:00:00.000Z"}
        )

        row = by_channel(tables, terms()).loc["zalo"]

        assert (row["broadcast"], row["on_channel"]) == (1, 2)

    def test_of_no_contacts_is_empty(self) -> None:
        assert by_channel(ask(), terms()).empty


class TestByTag:
    def test_contact_with_many_tags_counts_once_in_each(self) -> None:
        tables = ask(contact(tagged("601", "602", "603")), contact(tagged("603")))

        assert contacts_in(by_tag(tables, terms())) == {"603": 2, "601": 1, "602": 1}

    def test_untagged_have_a_row_without_a_name(self) -> None:
        table = by_tag(ask(contact(tagged("601")), contact(), contact(tags=None)), terms())

        assert contacts_in(table) == {"": 2, "601": 1}
        assert table["tag"].isna().to_dict() == {"": True, "601": False}

    def test_tags_that_share_a_name_are_two(self) -> None:
        tags = [{"id": key, "name": "VIP", "deletedAt": None} for key in ("601", "602")]

        table = by_tag(ask(contact(tags=tags)), terms())

        assert dict(table["tag"]) == {"601": "VIP", "602": "VIP"}

    def test_deleted_tag_is_no_tag(self) -> None:
        deleted = [{"id": "601", "name": "VIP", "deletedAt": "2026-01-01T00:00:00.000Z"}]

        assert contacts_in(by_tag(ask(contact(tags=deleted)), terms())) == {"": 1}

    def test_of_no_contacts_is_empty(self) -> None:
        assert by_tag(ask(), terms()).empty


class TestByCountry:
    def test_adds_up_to_the_total_with_the_unknown(self) -> None:
        tables = ask(contact(country="BR"), contact(country="brazil"), contact())

        assert contacts_in(by_country(tables, terms())) == {"BR": 2, "unknown": 1}

    def test_new_are_counted_by_country(self) -> None:
        tables = ask(
            contact(country="BR", createdAt="2026-06-10T00:00:00.000Z"), contact(country="BR")
        )

        assert by_country(tables, terms()).at["BR", "new"] == 1


def test_country_sources_count_the_contacts_that_each_decided() -> None:
    tables = ask(
        contact(country="BR", phoneNumber="+84 912 345 678"),
        contact(phoneNumber="+84 912 345 678"),
        contact(phoneNumber="+84 912 345 678"),
        contact(),
    )

    assert dict(country_sources(tables)) == {"phone": 2, "recorded": 1, "unknown": 1}


class TestByDay:
    def test_every_day_of_the_period_has_a_row(self) -> None:
        table = by_day(ask(), terms("2024-02-28", "2024-03-01"))

        assert [f"{day:%m-%d}" for day in table.index] == ["02-28", "02-29", "03-01"]
        assert not table.to_numpy().any()

    def test_new_and_lost_fall_on_their_days(self) -> None:
        tables = ask(
            contact(createdAt="2026-06-10T00:00:00.000Z", blockedAt="2026-06-12T23:59:59.999Z"),
            contact(createdAt="2026-06-10T23:59:59.999Z"),
        )

        table = by_day(tables, terms())

        assert daily(table["new"]) == {date(2026, 6, 10): 2}
        assert daily(table["lost"]) == {date(2026, 6, 12): 1}

    def test_days_are_those_of_the_zone(self) -> None:
        tables = ask(contact(createdAt="2026-06-10T02:59:59.999Z"))

        table = by_day(tables, terms(timezone="America/Sao_Paulo"))

        assert daily(table["new"]) == {date(2026, 6, 9): 1}

    def test_day_whose_clock_skipped_midnight_begins_an_hour_later(self) -> None:
        tables = ask(
            contact(createdAt="2018-11-04T02:59:59.999Z"),
            contact(createdAt="2018-11-04T03:00:00.000Z"),
        )

        table = by_day(tables, terms("2018-11-03", "2018-11-04", "America/Sao_Paulo"))

        assert daily(table["new"]) == {date(2018, 11, 3): 1, date(2018, 11, 4): 1}

    def test_day_that_the_zone_skipped_has_nobody(self) -> None:
        tables = ask(
            contact(createdAt="2011-12-30T09:59:59.999Z"),
            contact(createdAt="2011-12-30T10:00:00.000Z"),
        )

        table = by_day(tables, terms("2011-12-29", "2011-12-31", "Pacific/Apia"))

        assert daily(table["new"]) == {date(2011, 12, 29): 1, date(2011, 12, 31): 1}

    def test_adds_up_to_new_also_when_the_clock_went_back_over_midnight(self) -> None:
        # In St. John's, clocks went back one minute past midnight, so the 7th began twice.
        tables = ask(contact(createdAt="2010-11-07T02:45:00.000Z"))
        asked = terms("2010-11-07", "2010-11-07", "America/St_Johns")

        assert by_day(tables, asked)["new"].sum() == audience(tables, asked).new == 1


class TestNewByStepAndChannel:
    def test_contact_on_two_channels_counts_in_each(self) -> None:
        tables = ask(
            contact(on("zalo", "sms"), createdAt="2026-06-10T12:00:00.000Z"),
            contact(on("sms"), createdAt="2026-06-11T12:00:00.000Z"),
        )

        table = new_by_step(tables, terms(), CHANNEL)

        assert daily(table["zalo"]) == {date(2026, 6, 10): 1}
        assert daily(table["sms"]) == {date(2026, 6, 10): 1, date(2026, 6, 11): 1}

    def test_contacts_without_a_channel_have_a_column(self) -> None:
        tables = ask(contact(createdAt="2026-06-10T12:00:00.000Z"))

        assert daily(new_by_step(tables, terms(), CHANNEL)[""]) == {date(2026, 6, 10): 1}

    def test_channel_without_new_contacts_has_no_column(self) -> None:
        tables = ask(contact(on("zalo")), contact(on("sms"), createdAt="2026-06-10T12:00:00.000Z"))

        assert list(new_by_step(tables, terms(), CHANNEL).columns) == ["sms"]


class TestNewByStepAndCountry:
    def test_countries_have_a_column_each_the_unknown_one_too(self) -> None:
        tables = ask(
            contact(country="BR", createdAt="2026-06-10T12:00:00.000Z"),
            contact(country="VN", createdAt="2026-06-10T12:00:00.000Z"),
            contact(country="BR", createdAt="2026-06-11T12:00:00.000Z"),
            contact(createdAt="2026-06-12T12:00:00.000Z"),
        )

        table = new_by_step(tables, terms(), COUNTRY)

        assert {key: daily(table[key]) for key in table} == {
            "BR": {date(2026, 6, 10): 1, date(2026, 6, 11): 1},
            "VN": {date(2026, 6, 10): 1},
            "unknown": {date(2026, 6, 12): 1},
        }

    def test_country_without_new_contacts_has_no_column(self) -> None:
        tables = ask(
            contact(country="BR"), contact(country="VN", createdAt="2026-06-10T12:00:00.000Z")
        )

        assert list(new_by_step(tables, terms(), COUNTRY).columns) == ["VN"]

    def test_of_a_selection_counts_its_contacts_only(self) -> None:
        chosen = ask(
            contact(country="BR", createdAt="2026-06-10T12:00:00.000Z"),
            contact(country="BR", createdAt="2026-06-11T12:00:00.000Z"),
            only=[2],
        )

        table = new_by_step(chosen, terms(), COUNTRY)

        assert daily(table["BR"]) == {date(2026, 6, 11): 1}


class TestNewByStepAndTag:
    def test_contact_with_two_tags_counts_in_each(self) -> None:
        tables = ask(
            contact(tagged("601", "602"), createdAt="2026-06-10T12:00:00.000Z"),
            contact(tagged("602"), createdAt="2026-06-11T12:00:00.000Z"),
        )

        table = new_by_step(tables, terms(), TAG)

        assert daily(table["601"]) == {date(2026, 6, 10): 1}
        assert daily(table["602"]) == {date(2026, 6, 10): 1, date(2026, 6, 11): 1}

    def test_untagged_contacts_have_a_column_whatever_their_channels(self) -> None:
        tables = ask(contact(on("zalo"), createdAt="2026-06-10T12:00:00.000Z"))

        table = new_by_step(tables, terms(), TAG)

        assert {key: daily(table[key]) for key in table} == {"": {date(2026, 6, 10): 1}}

    def test_of_a_selection_counts_its_contacts_only(self) -> None:
        chosen = ask(
            contact(tagged("601"), createdAt="2026-06-10T12:00:00.000Z"),
            contact(tagged("601", "602"), createdAt="2026-06-11T12:00:00.000Z"),
            contact(createdAt="2026-06-12T12:00:00.000Z"),
            only=[2, 3],
        )

        table = new_by_step(chosen, terms(), TAG)

        assert {key: daily(table[key]) for key in table} == {
            "601": {date(2026, 6, 11): 1},
            "602": {date(2026, 6, 11): 1},
            "": {date(2026, 6, 12): 1},
        }


@pytest.mark.parametrize("dimension", [CHANNEL, COUNTRY, TAG])
def test_of_nobody_new_has_every_day_and_no_column(dimension: Dimension) -> None:
    somebody = contact(on("zalo"), tagged("601"), country="BR")

    assert new_by_step(ask(somebody), terms(), dimension).shape == (30, 0)
    assert new_by_step(ask(), terms(), dimension).shape == (30, 0)


class TestSubscribersByDay:
    def subscribers(self, *contacts: Json, basis: Basis = "createdAt") -> list[int]:
        """Of the first three days of June."""
        asked = terms("2026-06-01", "2026-06-03", basis=basis)
        return subscribers_by_day(ask(*contacts), asked).to_list()

    def test_counts_those_who_came_by_the_end_of_the_day(self) -> None:
        assert self.subscribers(
            contact(createdAt="2026-06-01T23:59:59.999Z"),
            contact(createdAt="2026-06-03T00:00:00.000Z"),
        ) == [1, 1, 2]

    def test_counts_those_who_came_before_the_period(self) -> None:
        assert self.subscribers(contact()) == [1, 1, 1]

    def test_leaves_out_those_who_were_blocked_by_the_end_of_the_day(self) -> None:
        assert self.subscribers(contact(blockedAt="2026-06-02T23:59:59.999Z")) == [1, 0, 0]

    def test_block_before_the_subscription_counts_from_the_subscription(self) -> None:
        blocked_first = contact(
            subscribedAt="2026-06-02T12:00:00.000Z", blockedAt="2026-06-01T12:00:00.000Z"
        )

        assert self.subscribers(blocked_first, basis="subscribedAt") == [0, 0, 0]

    def test_block_of_somebody_who_never_subscribed_takes_nobody_away(self) -> None:
        never = contact(subscribedAt=None, blockedAt="2026-06-02T12:00:00.000Z")
        subscribed = contact(subscribedAt="2026-06-01T12:00:00.000Z")

        assert self.subscribers(never, subscribed, basis="subscribedAt") == [1, 1, 1]

    def test_of_no_contacts_are_none(self) -> None:
        assert self.subscribers() == [0, 0, 0]


class TestArrivals:
    def test_fall_on_weekday_and_hour_of_the_zone(self) -> None:
        # 20:45 UTC on Sunday is 02:30 on Monday in Kathmandu.
        tables = ask(contact(createdAt="2026-06-14T20:45:00.000Z"))

        table = arrivals(tables, terms(timezone="Asia/Kathmandu"))

        assert table.at[0, 2] == 1
        assert table.to_numpy().sum() == 1

    def test_cover_the_week_also_when_nobody_came(self) -> None:
        assert arrivals(ask(), terms()).shape == (7, 24)

    def test_leave_out_those_who_came_at_another_time(self) -> None:
        assert not arrivals(ask(contact()), terms()).to_numpy().any()


class TestSeveralChannels:
    def asked(self) -> Engine:
        return ask(
            contact(on("zalo", "sms", "fax")),
            contact(on("sms", "zalo")),
            contact(on("zalo")),
            contact(),
        )

    def test_counts_contacts_on_more_than_one(self) -> None:
        number, _ = several_channels(self.asked())

        assert number == 2

    def test_counts_every_pair_of_channels_by_size(self) -> None:
        _, pairs = several_channels(self.asked())

        assert pairs.to_numpy().tolist() == [
            ["sms", "zalo", 2],
            ["fax", "sms", 1],
            ["fax", "zalo", 1],
        ]

    def test_of_no_contacts_are_none(self) -> None:
        number, pairs = several_channels(ask())

        assert number == 0
        assert list(pairs.columns) == ["a", "b", "contacts"]
        assert pairs.empty


class TestUsual:
    """On Saturday, 27 June 2026, at noon: the usual number is that of Saturdays until noon."""

    AT_NOON = datetime(2026, 6, 27, 12, tzinfo=UTC)

    def usual(self, *mornings: int, afternoon: int = 0) -> Usual:
        """The usual number, given the new contacts in the mornings of previous Saturdays, latest
        first, and in each of their afternoons."""
        contacts = []
        for week, number in enumerate(mornings, 1):
            day = f"{self.AT_NOON - timedelta(weeks=week):%Y-%m-%d}"
            contacts += [contact(createdAt=f"{day}T11:59:59.999Z")] * number
            contacts += [contact(createdAt=f"{day}T12:00:00.000Z")] * afternoon
        return usual(ask(*contacts), terms("2026-06-27", "2026-06-27", as_of=self.AT_NOON))

    def test_is_the_median_of_the_eight_before_up_to_this_time_of_day(self) -> None:
        found = self.usual(1, 2, 3, 4, 50, 60, 70, 80, afternoon=9)

        assert found == Usual(27, 8)

    def test_weeks_before_the_first_contact_do_not_count(self) -> None:
        assert self.usual(1, 1, 4, 5, 6) == Usual(4, 5)

    def test_is_absent_where_too_few_weeks_can_tell(self) -> None:
        assert self.usual(1, 1, 4, 5) == Usual(None, 4)
        assert self.usual() == Usual(None, 0)


def test_sources_are_empty_where_the_server_does_not_tell_of_any() -> None:
    asked = ask(contact(came_by("ads")), contact(), contact(came_by("ads", "api")))

    assert by_source(ask(contact(on("sms"))), terms()).empty
    assert contacts_in(by_source(asked, terms())) == {"ads": 2, "": 1, "api": 1}
