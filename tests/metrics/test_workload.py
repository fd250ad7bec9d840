from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
import pytest

from lib.engines.questions import Engine
from lib.metrics.workload import (
    Balance,
    Queue,
    awaiting_by,
    backlog_by_day,
    balance,
    by_agent,
    by_agent_and_channel,
    by_team,
    queue,
    server_tells,
    workload,
)
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from tests.workspaces import (
    AS_OF,
    Json,
    ask,
    before_as_of,
    contact,
    conversation,
    on,
    tagged,
    terms,
)

NOON, ONE_O_CLOCK = "2026-06-10T12:00:00.000Z", "2026-06-10T13:00:00.000Z"
ARCHIVED = {"archivedAt": NOON}

without_bot = partial(terms, bot_answers=False)
"""Terms under which everybody who has the last word waits; `TestLastWord` covers bots."""


def in_conversation(**fields: Any) -> Json:
    return contact(conversation(**fields))


def numbers(*contacts: Json) -> dict[str, int]:
    """The non-zero numbers of the workload, without those by age."""
    found = asdict(workload(ask(*contacts), without_bot()))
    return {name: number for name, number in found.items() if number and name != "waiting"}


def ages(*contacts: Json) -> dict[str, int]:
    """The non-zero numbers of waiting conversations by age."""
    found = workload(ask(*contacts), without_bot()).waiting
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


def in_an_inbox(incoming: str | None = None, last: str | None = None, **fields: Any) -> Json:
    """A contact with a conversation and one inbox, which has the times of the last incoming message
    and of the last message in either direction."""
    times = {"lastIncomingMessageAt": incoming, "lastMessageAt": last}
    inbox = {"inboxId": "301", "channel": "whatsapp"} | times
    return contact(conversation(**fields), contactInboxes=[inbox])


def last_word(found: Json, *, bot_answers: bool = True) -> str | None:
    """Whom a contact who has the last word waits for: "person", "bot" or nobody."""
    load = workload(ask(found), terms(bot_answers=bot_answers))
    assert load.awaiting_reply + load.left_to_bot <= 1
    if load.awaiting_reply:
        return "person"
    return "bot" if load.left_to_bot else None


class TestLastWord:
    def test_is_had_by_those_who_wrote_to_any_inbox_where_the_conversation_does_not_say(
        self,
    ) -> None:
        assert last_word(in_an_inbox(NOON, botEnabled=False)) == "person"
        assert last_word(in_an_inbox(NOON, botEnabled=False, adminRepliedAt=NOON)) is None
        assert last_word(in_an_inbox(ONE_O_CLOCK, botEnabled=False, adminRepliedAt=NOON))

    def test_is_not_taken_by_a_broadcast_while_people_wait_for_a_person(self) -> None:
        assert last_word(in_an_inbox(NOON, ONE_O_CLOCK, botEnabled=False)) == "person"

    def test_is_taken_by_whatever_was_sent_while_the_bot_is_on(self) -> None:
        assert last_word(in_an_inbox(NOON, ONE_O_CLOCK)) is None

    def test_is_taken_by_what_was_sent_through_an_inbox_where_nothing_came_in(self) -> None:
        assert last_word(in_an_inbox(None, ONE_O_CLOCK, contactRepliedAt=NOON)) is None

    def test_is_not_taken_by_what_was_sent_before(self) -> None:
        assert last_word(in_an_inbox(None, NOON, contactRepliedAt=ONE_O_CLOCK)) == "person"

    def test_is_left_to_a_bot_where_the_server_does_not_tell(self) -> None:
        assert last_word(in_an_inbox(NOON)) == "bot"
        assert last_word(in_conversation(contactRepliedAt=NOON)) == "bot"

    def test_is_not_left_to_a_bot_that_is_known_to_be_silent(self) -> None:
        assert last_word(in_an_inbox(NOON, NOON)) == "person"

    def test_is_not_left_to_a_bot_that_never_answers(self) -> None:
        assert last_word(in_an_inbox(NOON), bot_answers=False) == "person"

    @pytest.mark.parametrize(
        ("resumes", "left_to"),
        [
            (None, "person"),
            (before_as_of(hours=1), "bot"),
            (before_as_of(hours=0), "bot"),
            (before_as_of(milliseconds=-1), "person"),
            ("2199-12-31T00:00:00.000Z", "person"),
        ],
        ids=["off for good", "resumed", "resumes now", "still paused", "paused for ages"],
    )
    def test_is_left_to_a_bot_from_the_end_of_its_pause(
        self, resumes: str | None, left_to: str
    ) -> None:
        paused = in_an_inbox(NOON, botEnabled=False, botResumeAt=resumes)

        assert last_word(paused) == left_to
        assert numbers(paused).get("with_human", 0) == (left_to == "person")
        assert numbers(paused).get("orphaned_handoff", 0) == (left_to == "person")


def test_no_admin_reply_is_what_the_filter_of_the_platform_counts_whoever_has_the_last_word() -> (
    None
):
    answered_by_bot = in_an_inbox(
        NOON, ONE_O_CLOCK, contactRepliedAt=NOON, adminRepliedAt="2026-06-01T00:00:00.000Z"
    )

    assert numbers(answered_by_bot) == {"open": 1, "unassigned": 1, "no_admin_reply": 1}


def test_a_server_tells_where_some_inbox_has_the_time_of_its_last_message() -> None:
    silent, telling = in_an_inbox(NOON), in_an_inbox(NOON, NOON)
    tables = ask(silent, telling)

    assert not server_tells(ask(silent))
    assert server_tells(tables)
    assert server_tells(ask(silent, telling, only=[1]))


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
        return by_agent(ask(*contacts), without_bot())

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
        table = by_agent(
            ask(
                in_conversation(assignedUserId="101"),
                in_conversation(assignedUserId="102"),
                only=[2],
            ),
            terms(),
        )

        assert table["open"].to_dict() == {"102": 1, "101": 0}


def test_team_counts_its_conversations_whether_or_not_an_agent_has_them_too() -> None:
    tables = ask(
        in_conversation(assignedInboxTeamId="7"),
        in_conversation(assignedInboxTeamId="7", assignedUserId="101"),
    )

    assert by_team(tables, terms())["open"].to_dict() == {"7": 2}


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
    assert workload(ask(), terms()).waiting == {
        "under_1h": 0,
        "1h_4h": 0,
        "4h_24h": 0,
        "1d_3d": 0,
        "3d_7d": 0,
        "over_7d": 0,
    }


WAITING = {"contactRepliedAt": NOON}


class TestAwaitingBy:
    def counts(self, dimension: Dimension, *contacts: Json) -> dict[str, int]:
        """The non-zero numbers."""
        found = awaiting_by(ask(*contacts), without_bot(), dimension)
        return {str(name): int(number) for name, number in found.items() if number}

    def test_contact_on_two_channels_counts_in_each(self) -> None:
        waiting = conversation(**WAITING)

        assert self.counts(
            CHANNEL, contact(on("zalo", "sms"), waiting), contact(on("sms"), waiting)
        ) == {"zalo": 1, "sms": 2}

    def test_contact_with_two_tags_counts_in_each(self) -> None:
        waiting = conversation(**WAITING)

        assert self.counts(TAG, contact(tagged("601", "602"), waiting)) == {"601": 1, "602": 1}

    @pytest.mark.parametrize("dimension", [CHANNEL, TAG])
    def test_contact_without_one_counts_as_none(self, dimension: Dimension) -> None:
        has_it = contact(on("zalo"), tagged("601"), conversation())

        assert self.counts(dimension, in_conversation(**WAITING), has_it) == {"": 1}

    def test_countries_are_all_there_the_unknown_one_too(self) -> None:
        waiting = conversation(**WAITING)

        assert self.counts(COUNTRY, contact(waiting, country="BR"), contact(waiting)) == {
            "BR": 1,
            "unknown": 1,
        }

    def test_only_open_conversations_that_await_a_reply_count(self) -> None:
        here = on("zalo")

        assert (
            self.counts(
                CHANNEL,
                contact(here),
                contact(here, conversation()),
                contact(here, conversation(**WAITING, **ARCHIVED)),
                contact(here, conversation(**WAITING), blockedAt=NOON),
                contact(here, conversation(**WAITING, adminRepliedAt=ONE_O_CLOCK)),
            )
            == {}
        )

    def test_of_a_selection_counts_its_contacts_only(self) -> None:
        waiting = conversation(**WAITING)
        chosen = ask(contact(on("zalo"), waiting), contact(on("sms"), waiting), only=[2])

        found = awaiting_by(chosen, without_bot(), CHANNEL)

        assert found[found > 0].to_dict() == {"sms": 1}


class TestByAgentAndChannel:
    def test_counts_what_each_agent_holds_on_each_channel(self) -> None:
        table = by_agent_and_channel(
            ask(
                contact(on("sms"), conversation(assignedUserId="101")),
                contact(on("sms"), conversation(assignedUserId="101")),
                contact(on("zalo"), conversation(assignedUserId="102")),
            )
        )

        assert table.to_dict("index") == {
            "101": {"sms": 2, "zalo": 0},
            "102": {"sms": 0, "zalo": 1},
        }

    def test_contact_on_two_channels_counts_in_each(self) -> None:
        both = contact(on("sms", "zalo"), conversation(assignedUserId="101"))

        assert by_agent_and_channel(ask(both)).to_dict("index") == {"101": {"sms": 1, "zalo": 1}}

    def test_nobody_and_no_channel_are_none(self) -> None:
        assert by_agent_and_channel(ask(in_conversation())).to_dict("index") == {"": {"": 1}}

    def test_channels_are_by_their_open_conversations(self) -> None:
        held = conversation(assignedUserId="101")

        table = by_agent_and_channel(
            ask(
                contact(on("line"), held),
                contact(on("sms"), held),
                contact(on("sms"), conversation()),
                contact(held),
                contact(held),
                contact(conversation()),
            )
        )

        assert list(table.columns) == ["", "sms", "line"]

    def test_agent_without_open_conversations_has_no_row(self) -> None:
        table = by_agent_and_channel(
            ask(
                contact(on("sms"), conversation(assignedUserId="101", **ARCHIVED)),
                contact(on("zalo"), conversation(assignedUserId="102"), blockedAt=NOON),
                contact(on("line"), conversation(assignedUserId="103")),
            )
        )

        assert table.to_dict("index") == {"103": {"line": 1}}

    @pytest.mark.parametrize("contacts", [(), (contact(on("sms")),)], ids=["nobody", "none open"])
    def test_without_open_conversations_is_empty(self, contacts: tuple[Json, ...]) -> None:
        assert by_agent_and_channel(ask(*contacts)).empty

    def test_of_a_selection_counts_its_contacts_only(self) -> None:
        chosen = ask(
            contact(on("sms"), conversation(assignedUserId="101")),
            contact(on("zalo"), conversation(assignedUserId="102")),
            only=[2],
        )

        assert by_agent_and_channel(chosen).to_dict("index") == {"102": {"zalo": 1}}


class TestBacklogByDay:
    """At the start of each of the first three days of June, and at the end of the last."""

    def backlog(self, asked: Engine) -> dict[str, list[int]]:
        found = backlog_by_day(asked, without_bot("2026-06-01", "2026-06-03"))
        return {str(name): numbers for name, numbers in found.to_dict("list").items()}

    def test_those_who_wait_count_from_their_message(self) -> None:
        tables = ask(
            in_conversation(assignedUserId="101", contactRepliedAt="2026-05-20T12:00:00.000Z"),
            in_conversation(assignedUserId="101", contactRepliedAt="2026-06-02T12:00:00.000Z"),
        )

        assert self.backlog(tables) == {"awaiting_reply": [1, 1, 2, 2], "unassigned": [0] * 4}

    def test_the_unassigned_count_from_the_last_activity(self) -> None:
        tables = ask(
            in_conversation(lastActivityAt="2026-05-20T12:00:00.000Z"),
            in_conversation(lastActivityAt="2026-06-03T12:00:00.000Z"),
        )

        assert self.backlog(tables) == {"awaiting_reply": [0] * 4, "unassigned": [1, 1, 1, 2]}

    @pytest.mark.parametrize(
        ("moment", "first"), [("2026-05-31T23:59:59.999Z", 1), ("2026-06-01T00:00:00.000Z", 0)]
    )
    def test_begins_with_those_from_before_the_period(self, moment: str, first: int) -> None:
        tables = ask(in_conversation(contactRepliedAt=moment))

        assert self.backlog(tables)["awaiting_reply"] == [first, 1, 1, 1]

    def test_days_are_those_of_the_zone(self) -> None:
        tables = ask(in_conversation(contactRepliedAt="2026-06-02T02:59:59.999Z"))

        found = backlog_by_day(tables, without_bot("2026-06-01", "2026-06-02", "America/Sao_Paulo"))

        assert found["awaiting_reply"].to_list() == [0, 1, 1]
        assert [f"{each:%d %H}" for each in found.index] == ["01 03", "02 03", "03 03"]

    def test_what_is_answered_and_assigned_now_counts_on_no_day(self) -> None:
        done = in_conversation(
            assignedUserId="101",
            contactRepliedAt="2026-05-20T12:00:00.000Z",
            adminRepliedAt="2026-06-20T12:00:00.000Z",
        )

        assert self.backlog(ask(done)) == {
            "awaiting_reply": [0] * 4,
            "unassigned": [0] * 4,
        }

    def test_unassigned_without_any_activity_counts_on_no_day(self) -> None:
        assert self.backlog(ask(in_conversation()))["unassigned"] == [0] * 4

    def test_of_a_selection_counts_its_contacts_only(self) -> None:
        asked = without_bot("2026-06-10", "2026-06-10")

        chosen = ask(in_conversation(**WAITING), in_conversation(contactRepliedAt=NOON), only=[1])

        assert backlog_by_day(chosen, asked)["awaiting_reply"].to_list() == [0, 1]


class TestQueue:
    def rows(
        self, *contacts: Json, which: Queue = "waiting", most: int = 10
    ) -> list[dict[str, Any]]:
        """The values listed, with None for missing ones."""
        _, table = queue(ask(*contacts), without_bot(), which, most)
        return records(table)

    def ids(self, *contacts: Json, which: Queue = "waiting", most: int = 10) -> list[str]:
        """The ids of the conversations listed."""
        return [row["conversation"] for row in self.rows(*contacts, which=which, most=most)]

    def test_row_says_whose_conversation_it_is_and_how_long_it_has_waited(self) -> None:
        found = self.rows(
            contact(
                on("sms"),
                conversation(
                    id="7001",
                    assignedUserId="101",
                    assignedInboxTeamId="7",
                    contactRepliedAt=before_as_of(hours=36),
                ),
            )
        )

        assert found == [
            {
                "conversation": "7001",
                "since": pd.Timestamp(AS_OF) - pd.Timedelta(hours=36),
                "hours": 36.0,
                "assignee": "101",
                "team": "7",
                "awaiting": True,
                "never_answered": True,
                "channels": ("sms",),
            }
        ]

    def test_waiting_are_those_awaiting_a_reply_the_longest_wait_first(self) -> None:
        assert self.ids(
            in_conversation(id="1", contactRepliedAt=before_as_of(hours=1)),
            in_conversation(id="2", contactRepliedAt=before_as_of(hours=9)),
            in_conversation(id="3"),
            in_conversation(id="4", contactRepliedAt=before_as_of(hours=5)),
        ) == ["2", "4", "1"]

    def test_orphaned_are_those_of_no_bot_and_nobody(self) -> None:
        assert self.ids(
            in_conversation(id="1", botEnabled=False, lastActivityAt=before_as_of(hours=1)),
            in_conversation(id="2", botEnabled=False, assignedUserId="101"),
            in_conversation(id="3", botEnabled=False, assignedInboxTeamId="7"),
            in_conversation(id="4"),
            in_conversation(id="5", botEnabled=False, lastActivityAt=before_as_of(hours=9)),
            which="orphaned",
        ) == ["5", "1"]

    def test_unread_are_those_with_activity_since_an_agent_read(self) -> None:
        assert self.ids(
            in_conversation(id="1", lastActivityAt=ONE_O_CLOCK, agentLastReadAt=NOON),
            in_conversation(id="2", lastActivityAt=NOON, agentLastReadAt=ONE_O_CLOCK),
            in_conversation(id="3", lastActivityAt=NOON),
            which="unread",
        ) == ["1"]

    def test_what_is_unanswered_counts_from_the_message_and_not_from_later_activity(self) -> None:
        unread = {"lastActivityAt": before_as_of(hours=1), "agentLastReadAt": before_as_of(days=9)}

        found = self.rows(
            in_conversation(id="1", **unread),
            in_conversation(id="2", contactRepliedAt=before_as_of(hours=5), **unread),
            which="unread",
        )

        assert [(row["conversation"], row["hours"]) for row in found] == [("2", 5.0), ("1", 1.0)]

    def test_those_without_a_time_come_last(self) -> None:
        found = self.rows(
            in_conversation(id="1", botEnabled=False),
            in_conversation(id="2", botEnabled=False, lastActivityAt=before_as_of(hours=1)),
            which="orphaned",
        )

        assert [(row["conversation"], row["since"] is None, row["hours"]) for row in found] == [
            ("2", False, 1.0),
            ("1", True, None),
        ]

    def test_those_of_one_moment_are_in_the_order_in_which_the_contacts_came(self) -> None:
        assert self.ids(
            contact(conversation(id="1", **WAITING), createdAt="2026-01-03T00:00:00.000Z"),
            contact(conversation(id="2", **WAITING), createdAt="2026-01-01T00:00:00.000Z"),
            contact(conversation(id="3", **WAITING), createdAt="2026-01-02T00:00:00.000Z"),
        ) == ["2", "3", "1"]

    @pytest.mark.parametrize(("most", "listed"), [(0, []), (1, ["2"]), (2, ["2", "1"])])
    def test_no_more_are_listed_than_asked_for_and_all_are_counted(
        self, most: int, listed: list[str]
    ) -> None:
        tables = ask(
            in_conversation(id="1", contactRepliedAt=before_as_of(hours=5)),
            in_conversation(id="2", contactRepliedAt=before_as_of(hours=9)),
            in_conversation(id="3", contactRepliedAt=before_as_of(hours=1)),
        )

        many, table = queue(tables, without_bot(), "waiting", most)

        assert (many, table["conversation"].to_list()) == (3, listed)

    def test_channel_with_a_comma_in_its_name_is_one(self) -> None:
        (row,) = self.rows(contact(on("sms, viber"), conversation(**WAITING)))

        assert row["channels"] == ("sms, viber",)

    def test_wait_that_began_in_the_future_is_none(self) -> None:
        (row,) = self.rows(in_conversation(contactRepliedAt=before_as_of(days=-2)))

        assert (row["since"], row["hours"]) == (pd.Timestamp(AS_OF) + pd.Timedelta(days=2), 0)

    def test_channels_of_a_contact_are_all_told(self) -> None:
        found = self.rows(
            contact(on("zalo", "sms"), conversation(**WAITING)),
            contact(on("line"), conversation(**WAITING)),
            contact(conversation(**WAITING)),
        )

        two, one, none = (row["channels"] for row in found)
        assert (two, one, none) == (("sms", "zalo"), ("line",), ())

    @pytest.mark.parametrize(
        ("answered", "awaiting", "never"),
        [
            (None, True, True),
            (before_as_of(days=9), True, False),
            (before_as_of(hours=1), False, False),
        ],
        ids=["never answered", "awaiting another reply", "answered"],
    )
    def test_row_says_what_was_answered(
        self, answered: str | None, awaiting: bool, never: bool
    ) -> None:
        (row,) = self.rows(
            in_conversation(
                botEnabled=False,
                contactRepliedAt=before_as_of(hours=5),
                adminRepliedAt=answered,
                lastActivityAt=before_as_of(hours=1),
            ),
            which="orphaned",
        )

        assert (row["awaiting"], row["never_answered"]) == (awaiting, never)

    def test_conversation_without_an_id_is_listed_without_one(self) -> None:
        assert self.ids(in_conversation(id=None, **WAITING)) == [None]

    def test_ids_longer_than_a_float_keeps_are_whole(self) -> None:
        assert self.ids(
            in_conversation(id="2990000000000000301", **WAITING), in_conversation(id=None)
        ) == ["2990000000000000301"]

    @pytest.mark.parametrize("which", ["waiting", "orphaned", "unread"])
    def test_archived_and_blocked_are_in_no_queue(self, which: Queue) -> None:
        everything = {
            "botEnabled": False,
            "contactRepliedAt": NOON,
            "lastActivityAt": ONE_O_CLOCK,
            "agentLastReadAt": NOON,
        }
        archived = in_conversation(**everything, **ARCHIVED)
        blocked = contact(conversation(**everything), blockedAt=NOON)

        assert self.ids(archived, blocked, contact(), which=which) == []
        assert self.ids(in_conversation(**everything), which=which) == ["1"]

    def test_of_a_selection_lists_and_counts_its_contacts_only(self) -> None:
        chosen = ask(
            contact(on("sms"), conversation(id="1", contactRepliedAt=before_as_of(hours=9))),
            contact(on("line"), conversation(id="2", contactRepliedAt=before_as_of(hours=1))),
            contact(on("zalo"), conversation(id="3", contactRepliedAt=before_as_of(hours=5))),
            only=[2, 3],
        )
        many, table = queue(chosen, without_bot(), "waiting", 10)

        assert many == 2
        assert [(row["conversation"], row["channels"]) for row in records(table)] == [
            ("3", ("zalo",)),
            ("2", ("line",)),
        ]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries, with None for missing values."""
    plain = table.astype("object").where(table.notna(), None)
    return [{str(name): row[name] for name in row} for row in plain.to_dict("records")]
