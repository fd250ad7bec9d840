"""The demo workspace: a plausible company behind the same API as real workspaces."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import phonenumbers
import pytest

from lib.demo.company import WORKSPACE_ID
from lib.demo.transport import BASE_URL, TOKEN, DemoTransport

Contact = dict[str, Any]

AS_OF = datetime(2026, 7, 1, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OLDEST_FIRST = [("createdAt", False), ("id", False)]

CONTACT_KEYS = """id createdAt updatedAt avatar phoneNumber email emailVerified emailOptIn firstName
lastName fullName gender lastReadAt ref country state city location locale timezone subscribedAt
broadcastSubscribedAt blockedAt workspaceId contactCustomFields tags contactInboxes conversation"""
TAG_KEYS = "id createdAt updatedAt name deletedAt folderId workspaceId"
CONTACT_INBOX_KEYS = """id contactId inboxId channel source language lastIncomingMessageAt
lastMessageAt contactLastReadAt inbox"""
INBOX_KEYS = "id createdAt updatedAt name channel sourceId workspaceId status"
CUSTOM_FIELD_KEYS = "id createdAt updatedAt value contactId customFieldId"
CONVERSATION_KEYS = """id createdAt updatedAt botEnabled botResumeAt archivedAt additionalAttributes
contactLastReadAt agentLastReadAt aiContextLastMessageId lastActivityAt followed assignedUserId
assignedInboxTeamId workspaceId contactId sourceId adminRepliedAt contactRepliedAt assignedUser
assignedInboxTeam"""
AGENT_KEYS = """id createdAt updatedAt name email emailVerified image isAnonymous
mustChangePassword tenantId"""
TEAM_KEYS = "id createdAt updatedAt workspaceId name"


def client_of(transport: DemoTransport, token: str = TOKEN) -> httpx.Client:
    return httpx.Client(
        transport=transport, base_url=BASE_URL, headers={"Authorization": f"Bearer {token}"}
    )


def sort_text(*keys: tuple[str, bool]) -> str:
    return json.dumps([{"id": column, "desc": desc} for column, desc in keys])


def created_filter(*conditions: tuple[str, str]) -> dict[str, str]:
    parameters = {"contactFilter[operator]": "and"}
    for number, (operator, value) in enumerate(conditions):
        condition = f"contactFilter[conditions][{number}]"
        parameters[f"{condition}[field]"] = "contactCreatedAt"
        parameters[f"{condition}[operator]"] = operator
        parameters[f"{condition}[value]"] = value
    return parameters


def answer(client: httpx.Client, **parameters: str) -> dict[str, Any]:
    response = client.get("/v1/contacts", params=parameters)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def page_of(client: httpx.Client, **parameters: str) -> list[Contact]:
    contacts: list[Contact] = answer(client, **parameters)["data"]
    return contacts


def by_pages(client: httpx.Client, **parameters: str) -> list[Contact]:
    parameters = {"perPage": "500", "sort": sort_text(*OLDEST_FIRST), **parameters}
    contacts: list[Contact] = []
    while True:
        page = page_of(client, page=str(len(contacts) // 500 + 1), **parameters)
        contacts += page
        if len(page) < 500:
            return contacts


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def instants_in(part: object) -> Iterator[datetime]:
    """All times anywhere in an answer, except those that lie in the future by design."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "botResumeAt":
                continue
            if key.endswith("At") and value is not None:
                yield instant(value)
            else:
                yield from instants_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from instants_in(value)


def channels_of(contact: Contact) -> set[str]:
    return {inbox["channel"] for inbox in contact["contactInboxes"]}


def tag_names(contact: Contact) -> set[str]:
    return {tag["name"] for tag in contact["tags"] if tag["deletedAt"] is None}


def share(part: int, whole: int) -> float:
    return part / whole


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """The demo workspace with its default settings."""
    with client_of(DemoTransport(AS_OF)) as client:
        yield client


@pytest.fixture(scope="module")
def contacts(client: httpx.Client) -> list[Contact]:
    return by_pages(client)


@pytest.fixture(scope="module")
def open_conversations(contacts: list[Contact]) -> list[Contact]:
    return [
        contact["conversation"]
        for contact in contacts
        if contact["conversation"]
        and contact["conversation"]["archivedAt"] is None
        and contact["blockedAt"] is None
    ]


def is_bot_on(conversation: Contact) -> bool:
    resume: str | None = conversation["botResumeAt"]
    return conversation["botEnabled"] or (resume is not None and instant(resume) <= AS_OF)


@pytest.fixture(scope="module")
def awaiting(open_conversations: list[Contact]) -> list[Contact]:
    """Conversations that wait for a person; the bot has nearly all other unanswered ones."""
    return [
        conversation
        for conversation in open_conversations
        if not is_bot_on(conversation)
        and conversation["contactRepliedAt"]
        and (conversation["adminRepliedAt"] or "") < conversation["contactRepliedAt"]
    ]


@pytest.fixture(scope="module")
def small() -> Iterator[httpx.Client]:
    with client_of(DemoTransport(AS_OF, contacts=1_000)) as client:
        yield client


class TestServer:
    def test_the_same_instant_size_and_seed_give_the_same_workspace(self) -> None:
        one, other = (client_of(DemoTransport(AS_OF, 700, seed=3)) for _ in range(2))
        assert by_pages(one) == by_pages(other)

    def test_another_seed_gives_another_workspace(self) -> None:
        one, other = (client_of(DemoTransport(AS_OF, 700, seed=seed)) for seed in (3, 4))
        assert by_pages(one) != by_pages(other)

    def test_an_instant_is_the_same_in_every_zone(self) -> None:
        elsewhere = AS_OF.astimezone(timezone(timedelta(hours=-3)))
        one, other = (client_of(DemoTransport(at, 100)) for at in (AS_OF, elsewhere))
        assert by_pages(one) == by_pages(other)

    def test_an_instant_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            DemoTransport(AS_OF.replace(tzinfo=None))

    @pytest.mark.parametrize("size", [0, 1, 19, 500, 1_501])
    def test_a_walk_by_pages_meets_every_contact_once(self, size: int) -> None:
        contacts = by_pages(client_of(DemoTransport(AS_OF, size)))
        assert len({contact["id"] for contact in contacts}) == len(contacts) == size

    def test_walkers_in_several_threads_read_the_same(self, small: httpx.Client) -> None:
        alone = by_pages(small)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: by_pages(small), range(4))) == [alone] * 4

    def test_an_answer_says_how_many_there_are(self, small: httpx.Client) -> None:
        body = answer(small, page="1", perPage="300")
        assert {key: body[key] for key in body if key != "data"} == {
            "pageCount": 4,
            "totalCount": 1_000,
            "totalCountCapped": False,
        }

    @pytest.mark.parametrize(
        ("asked", "came"),
        [({}, 20), ({"perPage": "7"}, 7), ({"perPage": "500"}, 500), ({"perPage": "1000"}, 500)],
        ids=["default", "few", "cap", "above the cap"],
    )
    def test_the_page_size_is_capped_in_silence(
        self, small: httpx.Client, asked: dict[str, str], came: int
    ) -> None:
        assert len(page_of(small, **asked)) == came

    def test_past_the_end_there_is_an_empty_page(self, small: httpx.Client) -> None:
        assert page_of(small, page="51") == []

    @pytest.mark.parametrize(
        "parameters", [{"page": "0"}, {"page": "-1"}, {"page": "x"}, {"perPage": "0"}]
    )
    def test_a_bad_parameter_is_named(
        self, small: httpx.Client, parameters: dict[str, str]
    ) -> None:
        response = small.get("/v1/contacts", params=parameters)
        assert response.status_code == 422
        assert response.json()["code"] == "invalidRequestData"
        assert response.json()["data"]["issues"][0]["path"] == list(parameters)

    @pytest.mark.parametrize("desc", [False, True], ids=["ascending", "descending"])
    def test_sorted_by_created_then_id(self, small: httpx.Client, desc: bool) -> None:
        contacts = by_pages(small, sort=sort_text(("createdAt", desc), ("id", desc)))
        keys = [(contact["createdAt"], int(contact["id"])) for contact in contacts]
        assert keys == sorted(keys, reverse=desc)

    @pytest.mark.parametrize("desc", [False, True], ids=["ascending", "descending"])
    def test_ties_may_be_sorted_the_other_way(self, small: httpx.Client, desc: bool) -> None:
        contacts = by_pages(small, sort=sort_text(("createdAt", desc), ("id", not desc)))
        ids_first = sorted(contacts, key=lambda contact: int(contact["id"]), reverse=not desc)
        assert contacts == sorted(
            ids_first, key=lambda contact: str(contact["createdAt"]), reverse=desc
        )

    @pytest.mark.parametrize(
        "sort", [None, "-createdAt", '[{"id":"nope","desc":false}]', '"createdAt"', "[]"]
    )
    def test_without_a_sort_it_can_read_the_newest_come_first(
        self, small: httpx.Client, sort: str | None
    ) -> None:
        created = [
            contact["createdAt"] for contact in page_of(small, **({"sort": sort} if sort else {}))
        ]
        assert created == sorted(created, reverse=True)
        assert AS_OF - timedelta(hours=1) < instant(created[0])

    @pytest.mark.parametrize("operator", ["gte", "gt", "lte", "lt"])
    def test_filter_by_the_time_of_creation(self, small: httpx.Client, operator: str) -> None:
        everyone = by_pages(small)
        edge = everyone[400]["createdAt"]
        kept = {
            "gte": [contact for contact in everyone if contact["createdAt"] >= edge],
            "gt": [contact for contact in everyone if contact["createdAt"] > edge],
            "lte": [contact for contact in everyone if contact["createdAt"] <= edge],
            "lt": [contact for contact in everyone if contact["createdAt"] < edge],
        }
        assert by_pages(small, **created_filter((operator, edge))) == kept[operator]

    def test_a_filtered_answer_counts_what_passes(self, small: httpx.Client) -> None:
        edge = by_pages(small)[900]["createdAt"]
        assert answer(small, **created_filter(("gte", edge)))["totalCount"] == 100

    def test_the_last_of_two_conditions_wins(self, small: httpx.Client) -> None:
        everyone = by_pages(small)
        early, late = everyone[100]["createdAt"], everyone[300]["createdAt"]
        both = created_filter(("gte", early), ("lt", late))
        assert by_pages(small, **both) == by_pages(small, **created_filter(("lt", late)))

    def test_an_invalid_date_matches_nobody(self, small: httpx.Client) -> None:
        assert page_of(small, **created_filter(("gte", "yesterday"))) == []

    def test_include_leaves_out_custom_fields(self, small: httpx.Client) -> None:
        every_key = set(CONTACT_KEYS.split())
        included = page_of(small, **{"include[]": "tags"})
        assert all(contact.keys() == every_key for contact in page_of(small))
        assert all(contact.keys() == every_key - {"contactCustomFields"} for contact in included)

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer nope"}, {"Authorization": f"bearer {TOKEN}"}],
        ids=["none", "wrong", "lower-case scheme"],
    )
    def test_without_the_token_it_is_refused(self, headers: dict[str, str]) -> None:
        client = httpx.Client(
            transport=DemoTransport(AS_OF, 10), base_url=BASE_URL, headers=headers
        )
        response = client.get("/v1/contacts")
        assert response.status_code == 401
        assert response.json()["code"] == "INVALID_CHATBOT_TOKEN"

    @pytest.mark.parametrize("path", ["/v1/contactz", "/v1/contacts/", "/v2/contacts"])
    def test_nothing_else_is_found(self, small: httpx.Client, path: str) -> None:
        assert small.get(path).status_code == 404


class TestContacts:
    def test_there_are_twenty_thousand_over_two_years(self, contacts: list[Contact]) -> None:
        assert len(contacts) == 20_000
        assert AS_OF - 731 * DAY < instant(contacts[0]["createdAt"]) < AS_OF - 725 * DAY

    def test_the_newest_came_some_minutes_ago(self, contacts: list[Contact]) -> None:
        age = AS_OF - instant(contacts[-1]["createdAt"])
        assert timedelta(minutes=1) <= age <= timedelta(minutes=30)

    @pytest.mark.parametrize(
        "as_of",
        [AS_OF, datetime(2026, 3, 1, tzinfo=UTC), datetime(2024, 11, 30, 3, 59, 59, 999, UTC)],
        ids=["afternoon", "midnight", "the night after Black Friday"],
    )
    def test_nothing_happened_after_the_instant(self, as_of: datetime) -> None:
        contacts = by_pages(client_of(DemoTransport(as_of, 3_000)))
        assert max(instants_in(contacts)) <= as_of

    def test_every_part_has_the_keys_that_servers_send(self, contacts: list[Contact]) -> None:
        def keys(parts: list[Any]) -> set[frozenset[str]]:
            return {frozenset(part) for part in parts if part is not None}

        inboxes = [inbox for contact in contacts for inbox in contact["contactInboxes"]]
        conversations = [c["conversation"] for c in contacts if c["conversation"]]
        found = {
            CONTACT_KEYS: keys(contacts),
            TAG_KEYS: keys([tag for contact in contacts for tag in contact["tags"]]),
            CONTACT_INBOX_KEYS: keys(inboxes),
            INBOX_KEYS: keys([inbox["inbox"] for inbox in inboxes]),
            CUSTOM_FIELD_KEYS: keys(
                [field for contact in contacts for field in contact["contactCustomFields"]]
            ),
            CONVERSATION_KEYS: keys(conversations),
            AGENT_KEYS: keys([conversation["assignedUser"] for conversation in conversations]),
            TEAM_KEYS: keys([conversation["assignedInboxTeam"] for conversation in conversations]),
        }
        for expected, seen in found.items():
            assert seen == {frozenset(expected.split())}

    def test_ids_are_19_digits_and_rise_with_time(self, contacts: list[Contact]) -> None:
        ids = [contact["id"] for contact in contacts]
        assert {len(id_) for id_ in ids} == {19}
        assert [int(id_) for id_ in ids] == sorted(int(id_) for id_ in ids)
        assert {contact["workspaceId"] for contact in contacts} == {WORKSPACE_ID}

    def test_no_two_things_share_an_id(self, contacts: list[Contact]) -> None:
        ids = [contact["id"] for contact in contacts]
        ids += [inbox["id"] for contact in contacts for inbox in contact["contactInboxes"]]
        ids += [field["id"] for contact in contacts for field in contact["contactCustomFields"]]
        ids += [c["conversation"]["id"] for c in contacts if c["conversation"]]
        assert len(set(ids)) == len(ids)

    def test_people_are_made_up(self, contacts: list[Contact]) -> None:
        addresses = [contact["email"] for contact in contacts if contact["email"]]
        real_looking = [address for address in addresses if not address.startswith("guest_")]
        assert {address.split("@")[1] for address in real_looking} == {
            "example.com",
            "example.org",
        }

    def test_phone_numbers_belong_to_a_country(self, contacts: list[Contact]) -> None:
        numbers = [contact["phoneNumber"] for contact in contacts if contact["phoneNumber"]]
        assert share(len(numbers), len(contacts)) > 0.5
        assert [
            number
            for number in numbers
            if not phonenumbers.is_valid_number(phonenumbers.parse(number))
        ] == []

    def test_few_say_nothing_about_their_country(self, contacts: list[Contact]) -> None:
        silent = [
            contact
            for contact in contacts
            if contact["country"] in (None, "unknown")
            and contact["phoneNumber"] is None
            and "/" not in (contact["timezone"] or "")
            and "_" not in (contact["locale"] or "")
        ]
        recorded = [contact for contact in contacts if contact["country"]]
        assert 0.03 < share(len(silent), len(contacts)) < 0.05
        assert 0.08 < share(len(recorded), len(contacts)) < 0.12

    def test_an_import_gave_1200_contacts_one_time_of_creation(
        self, contacts: list[Contact]
    ) -> None:
        (created, imported), (_, next_most) = Counter(
            contact["createdAt"] for contact in contacts
        ).most_common(2)
        assert imported == 1_200
        assert next_most < 5
        assert 13 * 30 * DAY < AS_OF - instant(created) < 15 * 30 * DAY

    def test_a_day_of_last_week_or_so_stands_out(self, contacts: list[Contact]) -> None:
        days = Counter(instant(contact["createdAt"]).date() for contact in contacts)
        last_days = [days[(AS_OF - age * DAY).date()] for age in range(1, 30)]
        usual = sum(last_days) / len(last_days)
        assert last_days.index(max(last_days)) + 1 == 9
        assert 3 < max(last_days) / usual < 5

    def test_weekends_are_slower(self, contacts: list[Contact]) -> None:
        (imported_at, _), *_ = Counter(contact["createdAt"] for contact in contacts).most_common(1)
        weekdays = Counter(
            instant(contact["createdAt"]).weekday()
            for contact in contacts
            if contact["createdAt"] != imported_at
        )
        assert max(weekdays[5], weekdays[6]) < min(weekdays[day] for day in range(5))


class TestChannels:
    def test_whatsapp_leads_and_all_are_there(self, contacts: list[Contact]) -> None:
        channels = Counter(channel for contact in contacts for channel in channels_of(contact))
        assert set(channels) == {
            "whatsapp",
            "instagram",
            "messenger",
            "webchat",
            "telegram",
            "tiktok",
            "smtp",
            "zalo",
        }
        assert 0.45 < share(channels["whatsapp"], len(contacts)) < 0.6
        assert min(channels.values()) > 300

    def test_some_are_on_several_channels(self, contacts: list[Contact]) -> None:
        several = [contact for contact in contacts if len(channels_of(contact)) > 1]
        assert 0.07 < share(len(several), len(contacts)) < 0.1

    def test_messenger_dried_up_three_weeks_ago(self, contacts: list[Contact]) -> None:
        ages = [
            AS_OF - instant(contact["createdAt"])
            for contact in contacts
            if "messenger" in channels_of(contact)
        ]
        assert sum(age < 20 * DAY for age in ages) <= 6
        assert sum(22 * DAY < age < 42 * DAY for age in ages) > 40

    def test_tiktok_is_new_and_grows(self, contacts: list[Contact]) -> None:
        ages = [
            AS_OF - instant(contact["createdAt"])
            for contact in contacts
            if "tiktok" in channels_of(contact)
        ]
        months = [sum(n * 30 * DAY < age <= (n + 1) * 30 * DAY for age in ages) for n in range(24)]
        assert months[0] > months[1] > months[2] > months[3] > months[4] > sum(months[6:]) == 0

    def test_one_whatsapp_number_is_disconnected_with_hundreds_behind_it(
        self, contacts: list[Contact]
    ) -> None:
        inboxes = Counter(
            (inbox["channel"], inbox["inboxId"], inbox["inbox"]["status"])
            for contact in contacts
            for inbox in contact["contactInboxes"]
        )
        assert Counter(channel for channel, _, _ in inboxes) == Counter(
            {channel: 1 for channel, _, _ in inboxes} | {"whatsapp": 2}
        )
        ((channel, behind),) = [
            (channel, n) for (channel, _, status), n in inboxes.items() if status == "disconnected"
        ]
        assert channel == "whatsapp"
        assert 300 < behind < 1_000

    def test_web_chat_guests_carry_an_opaque_id_as_address(self, contacts: list[Contact]) -> None:
        guests = [c for c in contacts if (c["email"] or "").startswith("guest_")]
        assert len(guests) > 1_000
        assert all("webchat" in channels_of(contact) for contact in guests)


class TestConsent:
    def test_nobody_has_the_field_that_servers_never_write(self, contacts: list[Contact]) -> None:
        assert {contact["subscribedAt"] for contact in contacts} == {None}

    def test_over_half_may_be_written_to(self, contacts: list[Contact]) -> None:
        active = [c for c in contacts if c["blockedAt"] is None and c["contactInboxes"]]
        opted_in = [contact for contact in active if contact["broadcastSubscribedAt"]]
        assert 0.55 < share(len(opted_in), len(active)) < 0.6

    def test_opt_in_is_high_on_whatsapp_and_low_on_web_chat(self, contacts: list[Contact]) -> None:
        def rate(channel: str) -> float:
            on_it = [c for c in contacts if c["blockedAt"] is None and channel in channels_of(c)]
            return share(sum(c["broadcastSubscribedAt"] is not None for c in on_it), len(on_it))

        assert rate("whatsapp") > 0.65
        assert rate("webchat") < 0.35

    def test_some_took_their_e_mail_opt_in_back(self, contacts: list[Contact]) -> None:
        out = [contact for contact in contacts if not contact["emailOptIn"]]
        assert len(out) > 100
        assert all("@" in contact["email"] for contact in out)

    def test_one_in_25_or_so_is_blocked_and_more_of_the_old(self, contacts: list[Contact]) -> None:
        def blocked(some: list[Contact]) -> float:
            return share(sum(contact["blockedAt"] is not None for contact in some), len(some))

        assert 0.03 < blocked(contacts) < 0.05
        assert blocked(contacts[:5_000]) > 2 * blocked(contacts[-5_000:])


class TestTags:
    def test_two_tags_share_a_name(self, contacts: list[Contact]) -> None:
        names = {tag["id"]: tag["name"] for contact in contacts for tag in contact["tags"]}
        assert len(names) == 18
        assert [name for name, n in Counter(names.values()).items() if n > 1] == ["Lead"]

    def test_one_tag_is_deleted_and_still_listed(self, contacts: list[Contact]) -> None:
        deleted = {
            tag["name"] for contact in contacts for tag in contact["tags"] if tag["deletedAt"]
        }
        assert len(deleted) == 1

    def test_a_third_is_untagged(self, contacts: list[Contact]) -> None:
        untagged = [contact for contact in contacts if not tag_names(contact)]
        assert 0.3 < share(len(untagged), len(contacts)) < 0.4

    def test_vips_are_mostly_loyal(self, contacts: list[Contact]) -> None:
        vips = [contact for contact in contacts if "VIP" in tag_names(contact)]
        loyal_vips = [contact for contact in vips if "Loyalty" in tag_names(contact)]
        assert len(vips) > 300
        assert share(len(loyal_vips), len(vips)) > 0.6


class TestWorkload:
    def test_most_have_a_conversation_and_few_are_open(
        self, contacts: list[Contact], open_conversations: list[Contact]
    ) -> None:
        present = [contact for contact in contacts if contact["conversation"]]
        assert 0.9 < share(len(present), len(contacts)) < 0.94
        assert 1_200 < len(open_conversations) < 1_800

    def test_nobody_has_a_conversation_without_an_inbox(self, contacts: list[Contact]) -> None:
        assert [c["id"] for c in contacts if c["conversation"] and not c["contactInboxes"]] == []

    def test_some_wait_for_a_reply_most_of_them_for_less_than_a_day(
        self, awaiting: list[Contact]
    ) -> None:
        waits = [AS_OF - instant(conversation["contactRepliedAt"]) for conversation in awaiting]
        assert 110 < len(waits) < 200
        assert share(sum(wait < DAY for wait in waits), len(waits)) > 0.7
        assert 7 * DAY < max(waits) < 21 * DAY

    def test_some_were_never_answered(self, awaiting: list[Contact]) -> None:
        assert 20 < sum(c["adminRepliedAt"] is None for c in awaiting) < 60

    def test_some_handed_over_conversations_are_assigned_to_nobody(
        self, open_conversations: list[Contact]
    ) -> None:
        orphans = [
            conversation
            for conversation in open_conversations
            if not conversation["botEnabled"]
            and conversation["assignedUserId"] is None
            and conversation["assignedInboxTeamId"] is None
        ]
        assert 40 < len(orphans) < 130

    def test_nine_agents_one_overloaded_one_free(
        self, contacts: list[Contact], open_conversations: list[Contact]
    ) -> None:
        everyone = {
            contact["conversation"]["assignedUserId"]
            for contact in contacts
            if contact["conversation"]
        } - {None}
        load = Counter(
            conversation["assignedUserId"]
            for conversation in open_conversations
            if conversation["assignedUserId"]
        )
        first, second = (count for _, count in load.most_common(2))
        assert (len(everyone), len(everyone - load.keys())) == (9, 1)
        assert first > 2 * second

    def test_three_teams_and_some_conversations_have_only_a_team(
        self, open_conversations: list[Contact]
    ) -> None:
        teams = {
            c["assignedInboxTeam"]["name"] for c in open_conversations if c["assignedInboxTeam"]
        }
        team_only = [
            conversation
            for conversation in open_conversations
            if conversation["assignedInboxTeamId"] and conversation["assignedUserId"] is None
        ]
        assert len(teams) == 3
        assert len(team_only) > 100

    def test_assignees_are_named_by_the_ids_beside_them(self, contacts: list[Contact]) -> None:
        for contact in contacts:
            if conversation := contact["conversation"]:
                user, team = conversation["assignedUser"], conversation["assignedInboxTeam"]
                assert conversation["assignedUserId"] == (user and user["id"])
                assert conversation["assignedInboxTeamId"] == (team and team["id"])

    def test_times_of_a_conversation_agree(self, contacts: list[Contact]) -> None:
        for contact in contacts:
            if conversation := contact["conversation"]:
                replies = [
                    conversation[side]
                    for side in ("contactRepliedAt", "adminRepliedAt")
                    if conversation[side]
                ]
                last = conversation["lastActivityAt"]
                assert replies == [] or last == max(replies)
                assert contact["createdAt"] <= last
                assert last <= (conversation["archivedAt"] or last)
                assert last <= (contact["blockedAt"] or last)

    def test_the_last_incoming_message_is_the_contacts_last_reply(
        self, contacts: list[Contact]
    ) -> None:
        for contact in contacts:
            if conversation := contact["conversation"]:
                incoming = [
                    inbox["lastIncomingMessageAt"]
                    for inbox in contact["contactInboxes"]
                    if inbox["lastIncomingMessageAt"]
                ]
                assert max(incoming, default=None) == conversation["contactRepliedAt"]
