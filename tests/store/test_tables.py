from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.chatbotx.schema import Contact, Decoder
from lib.store import builder as builder_module
from lib.store.builder import TableBuilder
from lib.store.tables import Tables
from lib.store.times import parse_times
from tests.fake_chatbotx import Contact as Json
from tests.synthetic import synthetic_contacts


def decoded(*contacts: Json) -> list[Contact]:
    return Decoder()(json.dumps({"data": contacts}).encode()).contacts


def tables_of(*contacts: Json) -> Tables:
    """Tables of contacts with these fields, read in this order; IDs count from 1."""
    builder = TableBuilder()
    builder.add(
        decoded(*[{"id": str(number), **each} for number, each in enumerate(contacts, start=1)])
    )
    return builder.build()


def row_of(**fields: Any) -> pd.Series[Any]:
    """The row of a single contact with these fields."""
    return tables_of(fields).contacts.iloc[0]


def pairs_of(table: pd.DataFrame) -> list[tuple[int, str]]:
    return [(int(contact), str(text)) for contact, text in table.itertuples(index=False)]


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(f"2026-05-{day}", tz="UTC")


class TestTimes:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-05-10T12:00:00.123Z",
            "2026-05-10T12:00:00.123000Z",
            "2026-05-10T12:00:00.123+00:00",
            "2026-05-10 12:00:00.123Z",
            "2026-05-10T12:00:00.123",
            "2026-05-10T14:00:00.123+02:00",
            "  2026-05-10T12:00:00.123Z\n",
        ],
    )
    def test_a_time_is_read_in_any_shape_of_iso_8601(self, text: str) -> None:
        times, unreadable = parse_times([text])
        assert times.tolist() == [pd.Timestamp("2026-05-10 12:00:00.123").to_pydatetime()]
        assert unreadable == 0

    def test_shapes_may_be_mixed(self) -> None:
        times, unreadable = parse_times(["2026-05-10T12:00:00.123Z", "2026-05-11", None])
        assert [str(time) for time in times] == [
            "2026-05-10T12:00:00.123000",
            "2026-05-11T00:00:00.000000",
            "NaT",
        ]
        assert unreadable == 0

    @pytest.mark.parametrize("text", ["yesterday", "2026-13-45T00:00:00.000Z", "1778400000000"])
    def test_what_is_no_time_is_never_and_counted(self, text: str) -> None:
        times, unreadable = parse_times(["2026-05-10T12:00:00.123Z", text])
        assert [str(time) for time in times] == ["2026-05-10T12:00:00.123000", "NaT"]
        assert unreadable == 1

    @pytest.mark.parametrize("text", [None, "", "  "])
    def test_nothing_is_never_and_not_counted(self, text: str | None) -> None:
        times, unreadable = parse_times([text])
        assert (str(times[0]), unreadable) == ("NaT", 0)

    def test_no_times_are_no_times(self) -> None:
        times, unreadable = parse_times([])
        assert (len(times), str(times.dtype), unreadable) == (0, "datetime64[us]", 0)

    def test_unreadable_times_are_counted_by_the_name_that_the_api_has_for_them(self) -> None:
        builder = TableBuilder()
        builder.add(
            decoded(
                {"id": "1", "blockedAt": "never", "createdAt": "2026-05-10T12:00:00.123Z"},
                {"id": "2", "blockedAt": "once", "conversation": {"adminRepliedAt": "soon"}},
                {"id": "3", "contactInboxes": [{"lastIncomingMessageAt": "late"}]},
            )
        )
        builder.build()
        assert builder.unreadable == {
            "blockedAt": 2,
            "conversation.adminRepliedAt": 1,
            "contactInboxes.lastIncomingMessageAt": 1,
        }

    def test_an_odd_time_does_not_cost_the_others_of_its_column(self) -> None:
        tables = tables_of({"createdAt": "2026-05-10T00:00:00.000Z"}, {"createdAt": "yesterday"})
        assert tables.contacts["created"].tolist() == [at("10"), pd.NaT]

    def test_times_are_utc_to_the_microsecond(self) -> None:
        contacts = tables_of({}).contacts
        times = contacts.select_dtypes("datetimetz")
        assert set(times.dtypes.astype(str)) == {"datetime64[us, UTC]"}
        assert len(times.columns) == 14


class TestDuplicates:
    def test_the_version_updated_last_wins_wherever_it_was_read(self) -> None:
        tables = tables_of(
            {"id": "7", "updatedAt": "2026-05-12T00:00:00.000Z", "country": "BR"},
            {"id": "7", "updatedAt": "2026-05-11T00:00:00.000Z", "country": "PT"},
        )
        assert tables.contacts["country"].tolist() == ["BR"]

    def test_of_versions_updated_together_the_one_read_last_wins(self) -> None:
        tables = tables_of(
            {"id": "7", "updatedAt": "2026-05-12T00:00:00.000Z", "country": "BR"},
            {"id": "7", "updatedAt": "2026-05-12T00:00:00.000Z", "country": "PT"},
        )
        assert tables.contacts["country"].tolist() == ["PT"]

    def test_a_version_without_a_time_of_update_loses(self) -> None:
        tables = tables_of(
            {"id": "7", "updatedAt": "2026-05-12T00:00:00.000Z", "country": "BR"},
            {"id": "7", "country": "PT"},
        )
        assert tables.contacts["country"].tolist() == ["BR"]

    def test_nothing_of_the_version_that_lost_remains_in_the_links(self) -> None:
        tables = tables_of(
            {
                "id": "7",
                "updatedAt": "2026-05-12T00:00:00.000Z",
                "tags": [{"id": "601"}],
                "contactInboxes": [{"inboxId": "301", "channel": "whatsapp"}],
            },
            {
                "id": "7",
                "updatedAt": "2026-05-11T00:00:00.000Z",
                "tags": [{"id": "602"}],
                "contactInboxes": [{"inboxId": "302", "channel": "zalo"}],
            },
        )
        assert pairs_of(tables.contact_tags) == [(0, "601")]
        assert pairs_of(tables.contact_inboxes) == [(0, "301")]
        assert pairs_of(tables.contact_channels) == [(0, "whatsapp")]
        assert tables.contact_channels["channel"].cat.categories.tolist() == ["whatsapp"]

    def test_versions_far_apart_are_one_contact(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(builder_module, "CHUNK", 2)
        ids = ["1", "2", "3", "4", "1", "5", "3"]
        tables = tables_of(*[{"id": each} for each in ids])
        assert tables.contacts["id"].tolist() == [1, 2, 3, 4, 5]


class TestIds:
    @pytest.mark.parametrize(
        "number",
        [2**53 + 1, 2**63 - 1, 1, 0],
        ids=["beyond floats", "the last of 64 bits", "one", "zero"],
    )
    def test_ids_stay_whole(self, number: int) -> None:
        contacts = tables_of({"id": str(number)}, {"id": "5"}).contacts
        assert str(contacts["id"].dtype) == "int64"
        assert number in contacts["id"].tolist()

    @pytest.mark.parametrize(
        "other",
        [str(2**63), "10000000000000000000000", "c9f0-77ab", "007", "+7", " 7", "7.0", "1e3", "٧"],
    )
    def test_ids_that_are_no_plain_numbers_make_the_column_text(self, other: str) -> None:
        contacts = tables_of({"id": "7"}, {"id": other}).contacts
        assert str(contacts["id"].dtype) == "str"
        assert set(contacts["id"]) == {"7", other}

    def test_a_text_that_comes_late_makes_the_whole_column_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(builder_module, "CHUNK", 1)
        contacts = tables_of({"id": "9007199254740993"}, {"id": "abc"}, {"id": "5"}).contacts
        assert set(contacts["id"]) == {"9007199254740993", "abc", "5"}

    def test_text_ids_are_told_apart(self) -> None:
        contacts = tables_of({"id": "a"}, {"id": "b"}, {"id": "a"}, {"id": "A"}).contacts
        assert contacts["id"].tolist() == ["A", "a", "b"]

    def test_contacts_come_by_creation_and_then_by_id(self) -> None:
        contacts = tables_of(
            {"id": "30", "createdAt": "2026-05-11T00:00:00.000Z"},
            {"id": "200", "createdAt": "2026-05-10T00:00:00.000Z"},
            {"id": "9", "createdAt": "2026-05-11T00:00:00.000Z"},
            {"id": "5"},
        ).contacts
        assert contacts["id"].tolist() == [200, 9, 30, 5]

    def test_conversations_have_ids_or_none(self) -> None:
        contacts = tables_of(
            {"conversation": {"id": "9007199254740993"}}, {"conversation": None}, {}
        ).contacts
        assert str(contacts["conversation"].dtype) == "Int64"
        assert contacts["conversation"].tolist() == [9007199254740993, pd.NA, pd.NA]
        assert contacts["has_conversation"].tolist() == [True, False, False]

    def test_conversations_with_ids_of_text_are_text(self) -> None:
        contacts = tables_of({"conversation": {"id": "x7"}}, {}).contacts
        assert str(contacts["conversation"].dtype) == "str"
        assert contacts["conversation"][0] == "x7"
        assert pd.isna(contacts["conversation"][1])


class TestContacts:
    @pytest.mark.parametrize("field", ["emailOptIn", "emailVerified"])
    @pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), (None, False)])
    def test_flags(self, field: str, value: bool | None, flag: bool) -> None:
        column = {"emailOptIn": "email_opt_in", "emailVerified": "email_verified"}[field]
        assert row_of(**{field: value})[column] is np.bool_(flag)

    @pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), (None, True)])
    def test_a_bot_is_on_unless_it_is_said_to_be_off(self, value: Any, flag: bool) -> None:
        assert row_of(conversation={"botEnabled": value})["bot_enabled"] == flag

    @pytest.mark.parametrize(
        ("field", "column", "value", "flag"),
        [
            ("email", "has_email", " ana@example.com ", True),
            ("email", "has_email", "guest_3f2a", False),
            ("email", "has_email", None, False),
            ("phoneNumber", "has_phone", "+351 912 345 678", True),
            ("phoneNumber", "has_phone", "123456", False),
            ("phoneNumber", "has_phone", None, False),
            ("timezone", "has_timezone", "Asia/Saigon", True),
            ("timezone", "has_timezone", "  ", False),
            ("locale", "has_locale", "pt_BR", True),
            ("locale", "has_locale", "", False),
        ],
    )
    def test_what_a_contact_has(self, field: str, column: str, value: Any, flag: bool) -> None:
        assert row_of(**{field: value})[column] == flag

    @pytest.mark.parametrize(
        ("fields", "country", "source"),
        [
            ({"country": "Brazil", "phoneNumber": "+351912345678"}, "BR", "recorded"),
            ({"country": "unknown", "phoneNumber": "+351912345678"}, "PT", "phone"),
            ({"timezone": "Asia/Saigon", "locale": "pt_BR"}, "VN", "timezone"),
            ({"locale": "pt_BR"}, "BR", "locale"),
            ({}, "unknown", "unknown"),
        ],
    )
    def test_the_country_of_a_contact_and_what_told_it(
        self, fields: Json, country: str, source: str
    ) -> None:
        row = row_of(**fields)
        assert (row["country"], row["country_source"]) == (country, source)

    def test_assignees_and_teams_are_ids_with_names_in_tables_of_their_own(self) -> None:
        tables = tables_of(
            {
                "conversation": {
                    "assignedUserId": "102",
                    "assignedUser": {"id": "102", "name": " Linh "},
                    "assignedInboxTeamId": "201",
                    "assignedInboxTeam": {"id": "201", "name": "Sales"},
                }
            },
            {"conversation": {"assignedUserId": "101"}},
            {},
        )
        assert tables.contacts["assignee"].tolist()[:2] == ["102", "101"]
        assert pd.isna(tables.contacts["assignee"][2])
        assert tables.agents["id"].tolist() == ["101", "102"]
        assert pd.isna(tables.agents["name"][0])
        assert tables.agents["name"][1] == "Linh"
        assert tables.teams.to_dict("list") == {"id": ["201"], "name": ["Sales"]}

    def test_a_name_that_is_missing_elsewhere_is_kept(self) -> None:
        user = {"assignedUserId": "101", "assignedUser": {"name": "Ana"}}
        nameless = {"assignedUserId": "101", "assignedUser": {"name": " "}}
        tables = tables_of({"conversation": user}, {"conversation": nameless})
        assert tables.agents["name"].tolist() == ["Ana"]

    def test_the_workspace_is_the_one_that_the_contacts_name(self) -> None:
        builder = TableBuilder()
        builder.add(decoded({"id": "1"}, {"id": "2", "workspaceId": "2990000000000000002"}))
        builder.build()
        assert builder.workspace_id == "2990000000000000002"


class TestLinks:
    def test_tags_are_counted_by_id(self) -> None:
        tables = tables_of(
            {"tags": [{"id": "602", "name": "VIP"}, {"id": "601", "name": " VIP "}]},
            {"tags": [{"id": "601", "name": "VIP"}, {"id": "601", "name": "VIP"}]},
            {"tags": []},
            {"tags": None},
        )
        assert pairs_of(tables.contact_tags) == [(0, "601"), (0, "602"), (1, "601")]
        assert tables.contacts["tags"].tolist() == [2, 1, 0, 0]
        assert tables.tags.to_dict("list") == {"id": ["601", "602"], "name": ["VIP", "VIP"]}

    def test_deleted_tags_are_gone(self) -> None:
        tables = tables_of(
            {"tags": [{"id": "601", "name": "old", "deletedAt": "2026-05-10T00:00:00.000Z"}]}
        )
        assert len(tables.contact_tags) == len(tables.tags) == 0
        assert tables.contacts["tags"].tolist() == [0]

    def test_tags_without_an_id_are_gone(self) -> None:
        tables = tables_of({"tags": [{"name": "nameless"}, {"id": " ", "name": "blank"}]})
        assert len(tables.contact_tags) == len(tables.tags) == 0

    def test_channels_are_lower_case_and_trimmed_and_counted_once(self) -> None:
        tables = tables_of(
            {
                "contactInboxes": [
                    {"inboxId": "301", "channel": " WhatsApp "},
                    {"inboxId": "302", "channel": "whatsapp"},
                    {"inboxId": "303", "channel": "carrier-pigeon"},
                ]
            }
        )
        assert pairs_of(tables.contact_channels) == [(0, "carrier-pigeon"), (0, "whatsapp")]
        assert tables.contacts["channels"].tolist() == [2]

    def test_the_same_inbox_twice_is_one(self) -> None:
        link = {"inboxId": "301", "channel": "whatsapp"}
        tables = tables_of({"contactInboxes": [link, link]})
        assert pairs_of(tables.contact_inboxes) == [(0, "301")]

    @pytest.mark.parametrize(
        ("link", "channel"),
        [
            ({"channel": "zalo", "inbox": {"channel": "webchat"}}, "zalo"),
            ({"channel": None, "inbox": {"channel": "webchat"}}, "webchat"),
            ({"channel": "  ", "inbox": {"channel": " WebChat"}}, "webchat"),
        ],
    )
    def test_the_channel_is_that_of_the_link_or_else_of_the_inbox(
        self, link: Json, channel: str
    ) -> None:
        tables = tables_of({"contactInboxes": [{"inboxId": "301", **link}]})
        assert pairs_of(tables.contact_channels) == [(0, channel)]

    @pytest.mark.parametrize("link", [{}, {"channel": None}, {"channel": " ", "inbox": None}])
    def test_a_link_without_a_channel_gives_none(self, link: Json) -> None:
        tables = tables_of({"contactInboxes": [{"inboxId": "301", **link}]})
        assert len(tables.contact_channels) == 0
        assert pairs_of(tables.contact_inboxes) == [(0, "301")]

    def test_an_inbox_without_an_id_of_the_link_has_its_own(self) -> None:
        tables = tables_of({"contactInboxes": [{"channel": "zalo", "inbox": {"id": "309"}}]})
        assert pairs_of(tables.contact_inboxes) == [(0, "309")]

    def test_what_is_known_of_an_inbox_is_put_together(self) -> None:
        tables = tables_of(
            {"contactInboxes": [{"inboxId": "301", "inbox": {"name": " Site ", "status": None}}]},
            {"contactInboxes": [{"inboxId": "301", "inbox": {"status": " Connected "}}]},
            {"contactInboxes": [{"inboxId": "301", "channel": "webchat"}]},
        )
        assert tables.inboxes.to_dict("list") == {
            "id": ["301"],
            "name": ["Site"],
            "channel": ["webchat"],
            "status": ["connected"],
        }

    def test_the_own_channel_of_an_inbox_is_its_channel(self) -> None:
        tables = tables_of(
            {"contactInboxes": [{"inboxId": "301", "channel": "x", "inbox": {"channel": "zalo"}}]}
        )
        assert tables.inboxes["channel"].tolist() == ["zalo"]

    @pytest.mark.parametrize(
        ("times", "latest"),
        [
            ([], pd.NaT),
            ([None, None], pd.NaT),
            (["2026-05-10T00:00:00.000Z"], at("10")),
            (["2026-05-10T00:00:00.000Z", None, "2026-05-12T00:00:00.000Z"], at("12")),
            (
                ["2026-05-12T00:00:00.000Z", "2026-05-11T23:00:00-05:00"],
                at("12") + pd.Timedelta("4h"),
            ),
            (["2026-05-10T00:00:00.000Z", "zzz"], at("10")),
        ],
    )
    def test_the_last_message_is_the_latest_of_all_inboxes(
        self, times: list[str | None], latest: Any
    ) -> None:
        links = [{"inboxId": "301", "lastIncomingMessageAt": time} for time in times]
        row = row_of(contactInboxes=links)
        assert row["last_incoming"] is latest or row["last_incoming"] == latest

    def test_the_last_messages_stay_with_their_contacts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(builder_module, "CHUNK", 3)
        days = [None, "10", "11", None, "12", "13", None]
        tables = tables_of(
            *[
                {
                    "contactInboxes": [
                        {"inboxId": "301", "lastIncomingMessageAt": f"2026-05-{day}T00:00:00.000Z"}
                    ]
                }
                if day
                else {}
                for day in days
            ]
        )
        assert tables.contacts["last_incoming"].tolist() == [
            at(day) if day else pd.NaT for day in days
        ]

    @pytest.mark.parametrize(
        ("replied", "incoming", "wrote"),
        [
            (None, (None,), None),
            ("2026-06-02", (None,), "2026-06-02"),
            (None, ("2026-06-02", "2026-06-03"), "2026-06-03"),
            ("2026-06-04", ("2026-06-03",), "2026-06-04"),
            ("2026-06-02", ("2026-06-03",), "2026-06-03"),
        ],
    )
    def test_a_contact_wrote_when_the_conversation_or_any_inbox_says_so_last(
        self, replied: str | None, incoming: tuple[str | None, ...], wrote: str | None
    ) -> None:
        links = [{"inboxId": "1", "lastIncomingMessageAt": each} for each in incoming]
        conversation = {"id": "7", "contactRepliedAt": replied}
        row = tables_of({"contactInboxes": links, "conversation": conversation}).contacts.iloc[0]
        assert str(row["wrote"])[:10] == (wrote or "NaT")

    @pytest.mark.parametrize(
        ("links", "sent"),
        [
            ([("2026-06-02", "2026-06-01")], "2026-06-02"),
            ([("2026-06-02", "2026-06-02")], None),
            ([("2026-06-02", "2026-06-03")], None),
            ([("2026-06-02", None)], "2026-06-02"),
            ([(None, "2026-06-01")], None),
            ([("2026-06-05", "2026-06-05"), ("2026-06-03", "2026-06-01")], "2026-06-03"),
        ],
        ids=["later", "at once", "earlier", "nothing came in", "not told", "each by itself"],
    )
    def test_something_was_sent_where_the_last_message_of_an_inbox_did_not_come_in(
        self, links: list[tuple[str | None, str | None]], sent: str | None
    ) -> None:
        (row,) = tables_of(
            {
                "contactInboxes": [
                    {"inboxId": "1", "lastMessageAt": last, "lastIncomingMessageAt": incoming}
                    for last, incoming in links
                ]
            }
        ).contacts.itertuples()
        assert str(row.sent)[:10] == (sent or "NaT")
        assert row.tells == any(last for last, _ in links)

    def test_sources_are_counted_once_for_a_contact_and_in_their_own_case(self) -> None:
        tables = tables_of(
            {"contactInboxes": [{"source": " botLink "}, {"source": "botLink"}, {"source": "ads"}]},
            {"contactInboxes": [{"source": " "}, {"source": None}, {}]},
        )
        found = tables.contact_sources
        assert sorted(zip(found["contact"], found["source"], strict=True)) == [
            (0, "ads"),
            (0, "botLink"),
        ]
        assert tables.contacts["sources"].tolist() == [2, 0]

    def test_rows_are_those_of_the_table_whatever_the_order_of_arrival(self) -> None:
        tables = tables_of(
            {"createdAt": "2026-05-12T00:00:00.000Z", "tags": [{"id": "602"}]},
            {"createdAt": "2026-05-10T00:00:00.000Z", "tags": [{"id": "601"}]},
        )
        assert pairs_of(tables.contact_tags) == [(0, "601"), (1, "602")]


class TestShape:
    def test_no_column_holds_objects(self) -> None:
        for tables in (
            tables_of(),
            tables_of({}, {"id": "x"}),
            tables_of(*[_sent(each) for each in synthetic_contacts(200, seed=1)]),
        ):
            for name, frame in tables.frames().items():
                kinds = frame.dtypes.map(_kind)
                assert "object" not in set(kinds), f"{name}: {kinds}"

    def test_an_empty_workspace_has_the_columns_of_any_other(self) -> None:
        empty, some = tables_of(), tables_of({})
        for name, frame in some.frames().items():
            assert list(empty.frames()[name]) == list(frame), name
            assert len(empty.frames()[name]) == 0

    def test_categories_are_sorted(self) -> None:
        tables = tables_of(*[{"tags": [{"id": tag}]} for tag in ("9", "10", "b", "a")])
        assert tables.contact_tags["tag"].cat.categories.tolist() == ["10", "9", "a", "b"]

    @given(seed=st.integers(0, 2**32), chunk=st.integers(1, 50))
    def test_the_order_of_arrival_does_not_show(self, seed: int, chunk: int) -> None:
        contacts = CONTACTS.copy()
        Random(seed).shuffle(contacts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(builder_module, "CHUNK", chunk)
            builder = TableBuilder()
            for start in range(0, len(contacts), 7):
                builder.add(contacts[start : start + 7])
            shuffled = builder.build()
        for name, frame in shuffled.frames().items():
            pd.testing.assert_frame_equal(frame, IN_ORDER.frames()[name])


def _sent(contact: Json) -> Json:
    return {name: value for name, value in contact.items() if not name.startswith("_")}


def _kind(dtype: Any) -> str:
    return str(dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype)


CONTACTS = decoded(*[_sent(each) for each in synthetic_contacts(120, seed=3)])
IN_ORDER = tables_of(*[_sent(each) for each in synthetic_contacts(120, seed=3)])
