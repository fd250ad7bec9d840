from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest

from lib.metrics.workload import (
    Balance,
    balance,
    by_agent,
    by_team,
    open_conversations,
    waiting_hours,
    workload,
)
from tests.workspaces import Json, before_as_of, contact, conversation, tables_of, terms

NOON, ONE_O_CLOCK = "2026-06-10T12:00:00.000Z", "2026-06-10T13:00:00.000Z"
ARCHIVED = {"archivedAt": NOON}


def in_conversation(**fields: Any) -> Json:
    return contact(conversation(**fields))


def numbers(*contacts: Json) -> dict[str, int]:
    """The numbers of the workload that are not 0, ages aside."""
    found = asdict(workload(tables_of(*contacts), terms()))
    return {name: number for name, number in found.items() if number and name != "waiting"}


def ages(*contacts: Json) -> dict[str, int]:
    """The ages of waiting conversations that are not 0."""
    found = workload(tables_of(*contacts), terms()).waiting
    return {age: number for age, number in found.items() if number}


class TestOpen:
    def test_of_no_contacts_is_zero(self) -> None:
        assert numbers() == {}

    def test_is_a_conversation_that_is_not_archived(self) -> None:
        assert numbers(in_conversation(), in_conversation(**ARCHIVED))["open"] == 1

    def test_is_none_of_a_blocked_contact(self) -> None:
        assert numbers(contact(conversation(contactRepliedAt=NOON), blockedAt=NOON)) == {}

    def test_is_none_of_a_contact_without_conversation(self) -> None:
        assert numbers(contact(conversation=None)) == {}


class TestAssignment:
    @pytest.mark.parametrize(
        ("agent", "team", "name"),
        [
            ("101", None, "assigned_agent"),
            ("101", "7", "assigned_agent"),
            (None, "7", "assigned_team_only"),
            (None, None, "unassigned"),
        ],
    )
    def test_is_to_an_agent_or_to_a_team_only_or_to_nobody(
        self, agent: str | None, team: str | None, name: str
    ) -> None:
        found = numbers(in_conversation(assignedUserId=agent, assignedInboxTeamId=team))

        assert found == {"open": 1, name: 1}

    def test_hand_off_to_a_human_without_anyone_assigned_is_orphaned(self) -> None:
        assert numbers(in_conversation(botEnabled=False)) == {
            "open": 1,
            "unassigned": 1,
            "with_human": 1,
            "orphaned_handoff": 1,
        }

    @pytest.mark.parametrize("holder", ["assignedUserId", "assignedInboxTeamId"])
    def test_hand_off_to_somebody_is_not_orphaned(self, holder: str) -> None:
        found = numbers(in_conversation(botEnabled=False, **{holder: "7"}))

        assert "orphaned_handoff" not in found
        assert found["with_human"] == 1

    def test_bot_that_is_not_mentioned_is_on(self) -> None:
        assert "with_human" not in numbers(in_conversation(botEnabled=None))


class TestReplies:
    @pytest.mark.parametrize(
        ("replied", "answered", "found"),
        [
            (None, None, set()),
            (None, NOON, set()),
            (NOON, None, {"awaiting_reply", "never_answered"}),
            (ONE_O_CLOCK, NOON, {"awaiting_reply", "no_admin_reply"}),
            (NOON, ONE_O_CLOCK, set()),
            (NOON, NOON, set()),
        ],
        ids=["silence", "we wrote", "they wrote", "they wrote last", "we wrote last", "at once"],
    )
    def test_are_awaited_by_those_who_wrote_last(
        self, replied: str | None, answered: str | None, found: set[str]
    ) -> None:
        counted = numbers(in_conversation(contactRepliedAt=replied, adminRepliedAt=answered))

        assert counted.keys() - {"open", "unassigned"} == found


class TestReading:
    @pytest.mark.parametrize(
        ("activity", "read", "found"),
        [
            (None, None, set()),
            (None, NOON, set()),
            (NOON, None, {"never_read"}),
            (ONE_O_CLOCK, NOON, {"unread"}),
            (NOON, ONE_O_CLOCK, set()),
            (NOON, NOON, set()),
        ],
        ids=["silence", "only read", "never read", "since then", "read since", "at once"],
    )
    def test_is_behind_activity_or_never_was(
        self, activity: str | None, read: str | None, found: set[str]
    ) -> None:
        counted = numbers(in_conversation(lastActivityAt=activity, agentLastReadAt=read))

        assert counted.keys() - {"open", "unassigned"} == found


def test_follow_up_is_what_was_marked_so() -> None:
    assert numbers(in_conversation(followed=True), in_conversation())["follow_up"] == 1


class TestAge:
    @pytest.mark.parametrize(
        ("hours", "below", "age"),
        [
            (1, "under_1h", "1h_4h"),
            (4, "1h_4h", "4h_24h"),
            (24, "4h_24h", "1d_3d"),
            (72, "1d_3d", "3d_7d"),
            (168, "3d_7d", "over_7d"),
        ],
    )
    def test_begins_with_its_lower_edge(self, hours: int, below: str, age: str) -> None:
        a_little_less = before_as_of(hours=hours, milliseconds=-1)

        assert ages(in_conversation(contactRepliedAt=before_as_of(hours=hours))) == {age: 1}
        assert ages(in_conversation(contactRepliedAt=a_little_less)) == {below: 1}

    def test_of_a_reply_in_the_future_is_under_an_hour(self) -> None:
        assert ages(in_conversation(contactRepliedAt=before_as_of(days=-2))) == {"under_1h": 1}

    def test_is_of_those_awaiting_a_reply_only(self) -> None:
        answered = in_conversation(contactRepliedAt=NOON, adminRepliedAt=ONE_O_CLOCK)

        assert ages(answered, in_conversation(contactRepliedAt=NOON, **ARCHIVED)) == {}


class TestByAgent:
    def table(self, *contacts: Json) -> pd.DataFrame:
        return by_agent(tables_of(*contacts), terms())

    def test_counts_what_each_holds(self) -> None:
        table = self.table(
            in_conversation(
                assignedUserId="101",
                contactRepliedAt=NOON,
                lastActivityAt=ONE_O_CLOCK,
                agentLastReadAt=NOON,
            ),
            in_conversation(assignedUserId="101", followed=True),
            in_conversation(assignedUserId="102"),
        )

        counted = ["open", "awaiting_reply", "never_answered", "unread", "follow_up"]
        assert table[counted].to_dict("index") == {
            "101": dict(zip(counted, (2, 1, 1, 1, 1), strict=True)),
            "102": dict(zip(counted, (1, 0, 0, 0, 0), strict=True)),
        }

    def test_shows_an_agent_with_only_archived_conversations_as_free(self) -> None:
        table = self.table(in_conversation(assignedUserId="101", **ARCHIVED))

        assert table["open"].to_dict() == {"101": 0}
        assert table["oldest_wait_hours"].isna().all()

    def test_has_the_oldest_and_the_median_wait(self) -> None:
        table = self.table(
            *(
                in_conversation(assignedUserId="101", contactRepliedAt=before_as_of(hours=hours))
                for hours in (1, 2, 6, 30)
            )
        )

        assert tuple(table.loc["101", ["oldest_wait_hours", "median_wait_hours"]]) == (30, 4)

    def test_has_no_wait_where_nobody_waits(self) -> None:
        row = self.table(in_conversation(assignedUserId="101")).loc["101"]

        assert row[["oldest_wait_hours", "median_wait_hours"]].isna().all()

    def test_is_by_load_then_by_the_number_of_the_id(self) -> None:
        agents = ["101", "99", "1000", "1000"]

        table = self.table(*(in_conversation(assignedUserId=agent) for agent in agents))

        assert list(table.index) == ["1000", "99", "101"]

    def test_names_the_agents(self) -> None:
        assert self.table(in_conversation(assignedUserId="101")).at["101", "name"] == "name of 101"

    def test_leaves_out_an_agent_of_whom_a_contact_was_taken_while_it_was_read(self) -> None:
        before = contact(
            conversation(assignedUserId="101"), id="1", updatedAt="2026-06-01T00:00:00.000Z"
        )
        after = contact(
            conversation(assignedUserId="102"), id="1", updatedAt="2026-06-02T00:00:00.000Z"
        )

        assert list(self.table(before, after).index) == ["102"]

    def test_of_no_contacts_is_empty(self) -> None:
        assert self.table().empty

    def test_of_a_selection_still_shows_every_agent(self) -> None:
        tables = tables_of(
            in_conversation(assignedUserId="101"), in_conversation(assignedUserId="102")
        )

        table = by_agent(tables.select((tables.contacts["assignee"] == "102").to_numpy()), terms())

        assert table["open"].to_dict() == {"102": 1, "101": 0}


def test_team_counts_its_conversations_whether_or_not_an_agent_has_them_too() -> None:
    tables = tables_of(
        in_conversation(assignedInboxTeamId="7"),
        in_conversation(assignedInboxTeamId="7", assignedUserId="101"),
    )

    assert by_team(tables, terms())["open"].to_dict() == {"7": 2}


def test_open_conversations_keep_their_row_number() -> None:
    tables = tables_of(contact(), in_conversation(id="11"), in_conversation(id="12", **ARCHIVED))

    assert open_conversations(tables)["conversation"].to_dict() == {1: 11}


def test_open_conversations_of_a_selection_are_numbered_in_it() -> None:
    tables = tables_of(contact(), in_conversation(id="11"), in_conversation(id="12"))

    selected = tables.select(tables.contacts["conversation"].notna().to_numpy())

    assert open_conversations(selected)["conversation"].to_dict() == {0: 11, 1: 12}


def test_waiting_hours_are_those_since_the_contact_wrote() -> None:
    tables = tables_of(in_conversation(contactRepliedAt=before_as_of(hours=36)), in_conversation())

    assert waiting_hours(open_conversations(tables), terms())["hours"].to_dict() == {0: 36.0}


class TestBalance:
    @pytest.mark.parametrize(
        ("loads", "gini", "top_share"),
        [
            ([5], 0, 1),
            ([3, 3, 3], 0, 1 / 3),
            # (2·1 − 3)·1 + (2·2 − 3)·3 over 2·4
            ([3, 1], 1 / 4, 3 / 4),
            # −3·0 − 1·1 + 1·2 + 3·7 over 4·10
            ([7, 0, 2, 1], 22 / 40, 7 / 10),
            ([0, 0, 0, 8], 3 / 4, 1),
        ],
    )
    def test_is_gini_coefficient_and_share_of_the_busiest(
        self, loads: list[int], gini: float, top_share: float
    ) -> None:
        found = balance(loads)

        assert (found.gini, found.top_share) == pytest.approx((gini, top_share))

    @pytest.mark.parametrize("loads", [[], [0], [0, 0]])
    def test_is_absent_when_no_agent_holds_any(self, loads: list[int]) -> None:
        assert balance(loads) == Balance(None, None)


def test_workload_has_every_age() -> None:
    assert workload(tables_of(), terms()).waiting == {
        "under_1h": 0,
        "1h_4h": 0,
        "4h_24h": 0,
        "1d_3d": 0,
        "3d_7d": 0,
        "over_7d": 0,
    }
