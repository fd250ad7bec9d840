"""The fake imitates the latest servers (api.md, "November")."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import httpx
import pytest

from tests.fake_chatbotx import (
    JULY,
    NOVEMBER,
    NOVEMBER_CONTACTS,
    OCTOBER,
    Contact,
    FakeChatbotx,
    Manners,
    RateLimit,
)
from tests.test_fake_chatbotx import CLIENT, OLDEST_FIRST, ask, contact, created, ids

SORTED = ("sort", OLDEST_FIRST)
MINUTES = replace(NOVEMBER, filters_by_seconds=60)


def total(server: FakeChatbotx, *query: tuple[str, str]) -> int:
    answer = CLIENT.get(
        f"{server.base_url}/v1/contacts/count",
        params=query,
        headers={"Authorization": "Bearer edge"},
    )
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["total"]
    return found


@pytest.fixture
def november_contacts() -> list[Contact]:
    contacts: list[Contact] = json.loads(NOVEMBER_CONTACTS.read_text("utf-8"))
    return contacts


@pytest.mark.parametrize(
    ("operator", "expected"), [("gte", "234"), ("gt", "4"), ("lte", "123"), ("lt", "1")]
)
def test_a_time_in_a_filter_stands_for_its_whole_second(operator: str, expected: str) -> None:
    contacts = [
        contact(1, "2026-05-01T00:00:00.999Z"),
        contact(2, "2026-05-01T00:00:01.000Z"),
        contact(3, "2026-05-01T00:00:01.999Z"),
        contact(4, "2026-05-01T00:00:02.000Z"),
    ]
    with FakeChatbotx({"edge": contacts}, NOVEMBER) as server:
        condition = created(operator, "2026-05-01T00:00:01.500Z")
        assert ids(ask(server, SORTED, *condition)) == list(expected)


def test_another_server_takes_the_whole_minute() -> None:
    contacts = [contact(n, f"2026-05-01T00:0{n}:30.000Z") for n in (1, 2, 3)]
    with FakeChatbotx({"edge": contacts}, MINUTES) as server:
        assert ids(ask(server, SORTED, *created("gte", "2026-05-01T00:02:59.000Z"))) == ["2", "3"]


def test_two_conditions_on_one_field_both_hold() -> None:
    contacts = [contact(n, f"2026-05-0{n}T00:00:00.000Z") for n in range(1, 8)]
    with FakeChatbotx({"edge": contacts}, NOVEMBER) as server:
        query = [
            *created("gte", "2026-05-03T00:00:00.000Z"),
            *created("lte", "2026-05-05T00:00:00.000Z", place=1),
        ]
        assert ids(ask(server, SORTED, *query)) == ["3", "4", "5"]


def test_all_contacts_come_where_a_condition_has_no_date() -> None:
    with FakeChatbotx({"edge": [contact(1), contact(2)]}, NOVEMBER) as server:
        assert ids(ask(server, SORTED, *created("gte", "yesterday"))) == ["1", "2"]


def test_channels_and_inboxes_are_applied(november_contacts: list[Contact]) -> None:
    with FakeChatbotx({"edge": november_contacts}, NOVEMBER) as server:
        query = [("perPage", "1000"), SORTED]
        for name, key, value in (
            ("channels[]", "channel", "whatsapp"),
            ("inboxIds[]", "inboxId", "2990000000000000308"),
        ):
            expected = [
                each["id"]
                for each in november_contacts
                if any(inbox[key] == value for inbox in each["contactInboxes"])
            ]
            assert 0 < len(expected) < 137
            assert ids(ask(server, *query, (name, value))) == expected


def test_a_filtered_count_is_exact_and_another_an_estimate() -> None:
    contacts = [contact(n, f"2026-05-0{n}T00:00:00.000Z") for n in range(1, 8)]
    with FakeChatbotx({"edge": contacts}, NOVEMBER) as server:
        assert total(server, *created("gte", "2026-05-03T00:00:00.000Z")) == 5
        assert total(server) != 7


@pytest.mark.parametrize("manners", [JULY, OCTOBER], ids=["July", "October"])
def test_no_other_version_counts(manners: Manners) -> None:
    with FakeChatbotx({"edge": []}, manners) as server:
        answer = CLIENT.get(
            f"{server.base_url}/v1/contacts/count", headers={"Authorization": "Bearer edge"}
        )
    assert answer.status_code == 404


def test_inboxes_tell_source_language_and_last_message(november_contacts: list[Contact]) -> None:
    news = {"source", "language", "lastMessageAt"}

    def sent(manners: Manners) -> set[str]:
        with FakeChatbotx({"edge": november_contacts}, manners) as server:
            answer = ask(server, ("perPage", "1000")).json()["data"]
        return {key for each in answer for inbox in each["contactInboxes"] for key in inbox}

    assert news <= sent(NOVEMBER)
    assert not news & sent(JULY)


def test_the_wait_stands_in_the_message() -> None:
    now = [100.0]
    manners = replace(NOVEMBER, rate_limit=RateLimit(1, 10))
    with FakeChatbotx({"edge": []}, manners, clock=lambda: now[0]) as server:
        ask(server)
        now[0] = 103.5
        assert "Retry after 7s." in ask(server).json()["message"]


def test_deep_pages_cost_more_when_several_are_read_at_once() -> None:
    contacts = [contact(n) for n in range(30)]
    manners = replace(JULY, seconds_per_skipped_contact=0.005)
    with FakeChatbotx({"edge": contacts}, manners) as server:
        query = httpx.QueryParams(page=3, perPage=10)
        threads = [threading.Thread(target=ask, args=(server, *query.items())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.max_deep_in_flight == 3
