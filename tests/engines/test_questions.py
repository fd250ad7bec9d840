"""Questions that every engine answers."""

import narwhals as nw
import pandas as pd
import pytest

from lib.engines.questions import Bins, Expressions, Facts, Filter
from lib.metrics import audience
from lib.metrics.workload import OPEN
from lib.reference.periods import Period
from lib.store.dimensions import AGENT, CHANNEL, COUNTRY, SOURCE, TAG, Dimension
from tests.workspaces import (
    ask,
    before_as_of,
    came_by,
    contact,
    conversation,
    on,
    tagged,
    terms,
)

LONG_AGO = "2020-02-01T00:00:00.000Z"
WORKSPACE = (
    contact(on("sms"), country="BR", broadcastSubscribedAt=LONG_AGO, blockedAt=LONG_AGO),
    contact(on("sms"), country="BR", createdAt="2026-06-10T00:00:00.000Z"),
    contact(country="VN", email="ana@example.com", emailOptIn=True),
    contact(conversation(assignedUserId="101", contactRepliedAt=before_as_of(hours=1))),
    contact(
        conversation(
            assignedUserId="102",
            botEnabled=False,
            contactRepliedAt=before_as_of(hours=3),
            adminRepliedAt=before_as_of(hours=2),
            lastActivityAt=before_as_of(hours=2),
            agentLastReadAt=before_as_of(hours=3),
        ),
        country="BR",
    ),
)


def bots() -> Expressions:
    return {"with_bot": nw.col("bot_enabled"), "is_followed": nw.col("followed")}


def blocks() -> Expressions:
    return {"is_blocked": ~nw.col("blocked").is_null()}


ABOUT_BOTS, ABOUT_BLOCKS = Facts(bots), Facts(blocks)


class TestCount:
    def test_counts_contacts_and_those_of_whom_each_fact_is_true(self) -> None:
        asked = ask(contact(conversation(followed=True)), contact(), contact())

        assert asked.count(ABOUT_BOTS).to_dict("records") == [
            {"contacts": 3, "with_bot": 3, "is_followed": 1}
        ]

    def test_of_no_contacts_is_a_row_of_zeros(self) -> None:
        assert ask().count(ABOUT_BOTS).to_numpy().tolist() == [[0, 0, 0]]

    @pytest.mark.parametrize("dimension", [COUNTRY, CHANNEL, AGENT])
    def test_by_a_dimension_of_no_contacts_is_empty(self, dimension: Dimension) -> None:
        assert ask().count(ABOUT_BOTS, dimension).empty

    @pytest.mark.parametrize(("with_missing", "nobody"), [(True, {"": 1}), (False, {})])
    def test_those_without_a_value_come_last_or_not_at_all(
        self, with_missing: bool, nobody: dict[str, int]
    ) -> None:
        asked = ask(*WORKSPACE, contact(conversation()))

        found = asked.count(by=AGENT, with_missing=with_missing)["contacts"]

        # Contacts without a conversation do not lack an agent.
        assert list(found.to_dict().items()) == [("101", 1), ("102", 1), *nobody.items()]

    def test_leaves_out_values_that_do_not_occur_in_a_selection(self) -> None:
        brazilians = ask(*WORKSPACE).under(Filter.to({"country": ["BR"]}))

        assert brazilians.count(by=COUNTRY)["contacts"].to_dict() == {"BR": 3}

    def test_counts_a_contact_once_for_each_of_its_values(self) -> None:
        asked = ask(contact(tagged("601", "602")), contact(tagged("601")))

        assert asked.count(by=TAG)["contacts"].to_dict() == {"601": 2, "602": 1}

    def test_counts_those_only_of_whom_a_fact_is_true(self) -> None:
        asked = ask(contact(conversation(followed=True), on("sms")), contact(on("sms")))

        found = asked.count(ABOUT_BOTS, CHANNEL, among=ABOUT_BOTS.of("is_followed"))

        assert found.to_dict("index") == {"sms": {"contacts": 1, "with_bot": 1, "is_followed": 1}}

    def test_null_counts_as_false(self) -> None:
        def unread() -> Expressions:
            return {"unread": nw.col("last_activity") > nw.col("agent_read")}

        assert ask(*WORKSPACE).count(Facts(unread))["unread"].to_list() == [1]

    def test_does_not_mix_up_facts_on_different_terms(self) -> None:
        asked = ask(contact(createdAt="2026-06-10T00:00:00.000Z"))

        found = [
            asked.count(audience.facts(terms(start, end)))["new"].to_list()
            for start, end in (("2026-06-01", "2026-06-30"), ("2026-06-01", "2026-06-09"))
        ]

        assert found == [[1], [0]]

    @pytest.mark.parametrize("facts", [1, 8, 9, 16, 17, 20])
    def test_counts_any_number_of_facts(self, facts: int) -> None:
        days = [f"2026-06-{day + 1:02}T00:00:00.000Z" for day in range(facts)]
        asked = ask(*(contact(createdAt=day) for day in days))

        def since_each_day() -> Expressions:
            moments = pd.to_datetime(days).to_pydatetime()
            return {day: nw.col("created") >= at for day, at in zip(days, moments, strict=True)}

        row = asked.count(Facts(since_each_day)).to_numpy()[0]

        assert row.tolist() == [facts, *range(facts, 0, -1)]

    def test_counts_facts_beside_others(self) -> None:
        asked = ask(contact(conversation(followed=True)), contact())

        found = asked.count(Facts(blocks, (), ABOUT_BOTS))

        assert found.to_dict("records") == [
            {"contacts": 2, "is_blocked": 0, "with_bot": 2, "is_followed": 1}
        ]

    def test_counts_many_different_contacts_by_both_kinds_of_facts(self) -> None:
        days = [f"2026-06-{day:02}T00:00:00.000Z" for day in range(1, 21)]
        asked = ask(*(contact(createdAt=day, blockedAt=day) for day in days))

        def since_each_day(column: str) -> Expressions:
            moments = pd.to_datetime(days).to_pydatetime()
            return {f"{column} {at:%d}": nw.col(column) >= at for at in moments}

        facts = Facts(since_each_day, ("created",), Facts(since_each_day, ("blocked",)))

        row = asked.count(facts).to_numpy()[0]

        assert row.tolist() == [20, *range(20, 0, -1), *range(20, 0, -1)]

    @pytest.mark.parametrize("tags", [20, 100, 5000])
    def test_counts_any_number_of_values(self, tags: int) -> None:
        names = [f"{number:05}" for number in range(tags)]
        asked = ask(
            *(
                contact(tagged(*names), createdAt=f"2026-06-{day:02}T00:00:00Z")
                for day in range(1, 16)
            )
        )

        def since_each_day() -> Expressions:
            return {
                f"{day}": nw.col("created") >= pd.Timestamp(2026, 6, day, tz="UTC").to_pydatetime()
                for day in range(2, 16)
            }

        found = asked.count(Facts(since_each_day), TAG)

        assert list(found.index) == names
        assert found.to_numpy().tolist() == [[*range(15, 0, -1)]] * tags


class TestFilter:
    def test_lets_pass_who_has_any_value_of_each_dimension_that_is_limited(self) -> None:
        asked = ask(
            contact(on("sms"), country="BR"),
            contact(on("line"), country="BR"),
            contact(on("line"), country="VN"),
            contact(on("zalo"), country="BR"),
        )

        found = asked.under(Filter.to({"channel": ["sms", "line"], "country": ["BR"]}))

        assert found.count()["contacts"].to_list() == [2]

    def test_narrows_another(self) -> None:
        asked = ask(contact(on("sms"), country="BR"), contact(on("line"), country="BR"))

        found = asked.under(Filter.to({"country": ["BR"]})).under(Filter.to({"channel": ["sms"]}))

        assert (found.count()["contacts"][0], found.whole.count()["contacts"][0]) == (1, 2)

    def test_may_ask_for_those_without_a_value(self) -> None:
        asked = ask(contact(came_by("ads")), contact(), contact())

        assert asked.under(Filter.to({SOURCE.key: [""]})).count()["contacts"].to_list() == [2]

    def test_is_the_same_in_whatever_order_its_values_come(self) -> None:
        one, other = Filter.to({"tag": ["1", "2"]}), Filter.to({"tag": ["2", "1"]})

        assert one == other
        assert hash(one) == hash(other)
        assert Filter.to({"tag": []}).is_empty


class TestOverTime:
    BINS = Bins(("created",), Period(terms().period.start, terms().period.start))

    def test_counts_before_within_and_after_the_period_and_never(self) -> None:
        asked = ask(
            contact(createdAt="2026-05-31T23:59:59.999Z"),
            contact(createdAt="2026-06-01T00:00:00.000Z"),
            contact(createdAt="2026-06-02T00:00:00.000Z"),
            contact(createdAt=None),
        )

        assert asked.over_time(self.BINS)["contacts"].to_list() == [1, 1, 2]

    def test_later_of_two_is_never_where_one_is(self) -> None:
        asked = ask(
            contact(createdAt="2026-06-01T00:00:00.000Z", blockedAt="2026-05-01T00:00:00.000Z"),
            contact(createdAt="2026-06-01T00:00:00.000Z", blockedAt="2026-06-05T00:00:00.000Z"),
            contact(createdAt="2026-06-01T00:00:00.000Z", blockedAt=None),
        )
        both = Bins(("created", "blocked"), self.BINS.period)

        assert asked.over_time(both)["contacts"].to_list() == [0, 1, 2]


def test_cross_counts_the_combinations_that_occur() -> None:
    asked = ask(
        contact(on("sms", "line"), conversation(assignedUserId="101")),
        contact(on("sms"), conversation(assignedUserId="101")),
        contact(conversation()),
    )

    found = asked.cross(AGENT, CHANNEL)

    assert sorted(found.itertuples(index=False, name=None)) == [
        ("", "", 1),
        ("101", "line", 1),
        ("101", "sms", 2),
    ]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (15, {"1970-01-01 00:15": 1, "2026-06-01 00:00": 2, "2026-06-01 00:45": 1}),
        (60, {"1970-01-01 00:00": 1, "2026-06-01 00:00": 3}),
    ],
)
def test_intervals_are_those_in_which_something_happened(
    minutes: int, expected: dict[str, int]
) -> None:
    asked = ask(
        contact(createdAt="2026-06-01T00:14:59.999Z"),
        contact(createdAt="2026-06-01T00:00:00.000Z"),
        contact(createdAt="2026-06-01T00:45:00.000Z"),
        contact(createdAt="1970-01-01T00:15:00.000Z"),
        contact(createdAt=None),
    )

    found = asked.per_interval("created", minutes)

    assert {f"{moment:%Y-%m-%d %H:%M}": each for moment, each in found.items()} == expected


class TestMiddles:
    def test_are_the_earliest_time_and_the_one_or_two_in_the_middle_by_value(self) -> None:
        def wrote(hours: float, agent: str | None = "101") -> dict[str, object]:
            replied = before_as_of(hours=hours)
            return contact(conversation(assignedUserId=agent, contactRepliedAt=replied))

        asked = ask(
            *(wrote(hours) for hours in (1, 90, 30, 2)),
            *(wrote(hours, "99") for hours in (7, 5, 400)),
            wrote(3, None),
            contact(conversation(assignedUserId="102")),
        )

        found = asked.middles("contact_replied", AGENT, among=OPEN)

        hours = (pd.Timestamp(terms().as_of) - found.stack()).dt.total_seconds() / 3600
        assert hours.unstack().to_dict("index") == {
            "101": {"first": 90, "lower": 30, "upper": 2},
            "99": {"first": 400, "lower": 7, "upper": 7},
        }

    def test_of_nobody_are_empty(self) -> None:
        assert ask().middles("wrote", AGENT, among=OPEN).empty

    def test_are_not_defined_for_a_dimension_with_several_values_per_contact(self) -> None:
        with pytest.raises(ValueError, match="one value per contact"):
            ask().middles("wrote", TAG, among=OPEN)
