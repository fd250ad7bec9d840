"""A crawl is compared with the server's count; whatever it says, no contact is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from lib.chatbotx.crawl import Range
from tests.chatbotx.reading import (
    QUICK,
    TOKEN,
    Read,
    contact,
    ids,
    read,
    read_workspace,
    spread,
    tied,
)
from tests.fake_chatbotx import (
    COUNT_PATH,
    DATABASE_DOWN,
    JULY,
    NOVEMBER,
    NOVEMBER_CONTACTS,
    SIGN_IN_PAGE,
    Answer,
    Contact,
    Drip,
    FakeChatbotx,
    Fault,
    Flood,
    Garbled,
    Late,
    Manners,
    RecordedRequest,
    Workspace,
    error_answer,
)

COUNTING = replace(NOVEMBER, per_page_cap=50, rate_limit=None, address_rate_limit=None)
CONTACTS = spread(400)
"""One every 1.237 s, for a little over eight minutes."""


def moment(minutes: int, seconds: float = 0) -> datetime:
    whole = int(seconds)
    micros = round((seconds - whole) * 1e6)
    return datetime(2026, 5, 10, 0, minutes, whole, micros, tzinfo=UTC)


def crawled(
    fault: Callable[[RecordedRequest], Fault | None], contacts: list[Contact] = CONTACTS
) -> Read:
    """Crawl a server whose count is replaced by `fault`."""
    with FakeChatbotx(
        {TOKEN: contacts},
        COUNTING,
        faults=lambda request: fault(request) if request.path == COUNT_PATH else None,
    ) as server:
        return read(server, patience=replace(QUICK, count=0.5))


class TestAgreement:
    def test_an_agreeing_count_is_noted(self) -> None:
        found, server = read_workspace(CONTACTS, COUNTING)
        assert found.ids == ids(CONTACTS)
        assert (found.verdict.checked, found.verdict.doubtful) == ("agrees", ())
        assert sum(request.path == COUNT_PATH for request in server.requests) == 1

    def test_the_recorded_workspace_agrees(self) -> None:
        contacts: list[Contact] = json.loads(NOVEMBER_CONTACTS.read_text("utf-8"))
        found, _ = read_workspace(contacts, NOVEMBER)
        assert (len(found.ids), found.verdict.checked) == (137, "agrees")

    @pytest.mark.parametrize("manners", [JULY, replace(COUNTING, counts=False)], ids=["July", "no"])
    def test_a_missing_count_is_noted(self, manners: Manners) -> None:
        found, _ = read_workspace(CONTACTS, manners)
        assert (found.verdict.checked, found.verdict.complete) == ("not available", True)

    def test_contacts_without_id_are_counted_as_well(self) -> None:
        odd = [
            {"createdAt": each["createdAt"], "_id": f"9000{each['id']}"} for each in CONTACTS[::7]
        ]
        found, _ = read_workspace(CONTACTS + odd, COUNTING)
        assert (found.verdict.checked, found.verdict.without_id) == ("agrees", len(odd))

    def test_contacts_added_during_the_crawl_make_no_difference(self) -> None:
        def join(server: FakeChatbotx, request: RecordedRequest) -> None:
            number = 10_000 + request.number
            server.workspaces[TOKEN].insert(contact(number, 1237 * (400 + request.number)))

        with FakeChatbotx({TOKEN: CONTACTS}, COUNTING, between_requests=join) as server:
            found = read(server)
        assert (found.verdict.checked, found.verdict.complete) == ("agrees", True)


class TestDifferences:
    def test_contacts_deleted_since_leave_no_doubt(self) -> None:
        def delete(server: FakeChatbotx, request: RecordedRequest) -> None:
            if request.path == COUNT_PATH and "100" in server.workspaces[TOKEN]:
                for gone in ("100", "101", "333"):
                    server.workspaces[TOKEN].delete(gone)

        with FakeChatbotx({TOKEN: CONTACTS}, COUNTING, between_requests=delete) as server:
            found = read(server)
        assert (found.verdict.checked, found.verdict.doubtful) == ("agrees", ())
        assert found.ids == ids(CONTACTS)

    def test_contacts_imported_with_an_early_time_are_found(self) -> None:
        """Older contacts are imported while the crawl runs."""

        def insert(server: FakeChatbotx, request: RecordedRequest) -> None:
            if request.path == COUNT_PATH and len(server.workspaces[TOKEN]) == 400:
                for number in range(30):
                    server.workspaces[TOKEN].insert(contact(5000 + number, 90_000 + number))

        with FakeChatbotx({TOKEN: CONTACTS}, COUNTING, between_requests=insert) as server:
            found = read(server)
        assert (found.verdict.checked, found.verdict.complete) == ("agrees", True)
        assert len(found.ids) == 430
        assert set(found.fed.values()) == {1}

    def test_contacts_that_are_counted_and_never_sent_are_in_doubt(self) -> None:
        """Three in the fourth minute. Bisection narrows it down to minutes 3 to 5, whose hundred
        contacts are few enough to be read again."""
        hidden = Workspace([*CONTACTS, *(contact(9000 + n, 200_000 + n) for n in range(3))])
        found = self.against(hidden)
        assert found.verdict.checked == "differs"
        assert found.verdict.doubtful == (Range(moment(3), moment(4, 59.999)),)
        (warning,) = found.verdict.warnings
        assert "3 contacts more" in warning
        assert found.ids == ids(CONTACTS)

    def test_a_count_that_is_too_low_makes_nothing_doubtful(self) -> None:
        found = self.against(Workspace(CONTACTS[:200]))
        assert (found.verdict.checked, found.verdict.complete) == ("differs", True)
        assert found.ids == ids(CONTACTS)

    @pytest.mark.parametrize(
        ("counted", "is_complete"),
        [([*CONTACTS, contact(9000, 200_000)], False), (CONTACTS[:150] + CONTACTS[151:], True)],
        ids=["too many", "too few"],
    )
    def test_a_difference_that_cannot_be_read_again_remains_one(
        self, counted: list[Contact], is_complete: bool
    ) -> None:
        """The server breaks down once it is asked for counts."""
        with FakeChatbotx({TOKEN: Workspace(counted)}, COUNTING) as other:
            has_counted = False

            def fault(request: RecordedRequest) -> Fault | None:
                nonlocal has_counted
                if request.path == COUNT_PATH:
                    has_counted = True
                    return other.answer(request)[0]
                return DATABASE_DOWN if has_counted else None

            with FakeChatbotx({TOKEN: CONTACTS}, COUNTING, faults=fault) as server:
                found = read(server)
        assert found.ids == ids(CONTACTS)
        assert (found.verdict.checked, found.verdict.complete) == ("differs", is_complete)
        assert bool(found.verdict.doubtful) is not is_complete

    def against(self, counted: Workspace) -> Read:
        """Crawl a server that sends `CONTACTS` but counts those of another workspace."""
        with FakeChatbotx({TOKEN: counted}, COUNTING) as other:

            def fault(request: RecordedRequest) -> Fault:
                return other.answer(request)[0]

            return crawled(fault)


@pytest.mark.parametrize(
    "fault",
    [
        SIGN_IN_PAGE,
        error_answer(403, "FORBIDDEN"),
        error_answer(401, "INVALID_CHATBOT_TOKEN"),
        error_answer(422, "invalidRequestData"),
        DATABASE_DOWN,
        Garbled(),
        Late(3600),
        Drip(0.01),
        Flood(10**9),
        Answer(200, b'{"total":null}'),
    ],
    ids=repr,
)
def test_a_failing_count_costs_nothing(fault: Fault) -> None:
    found = crawled(lambda request: fault)
    assert found.ids == ids(CONTACTS)
    assert (found.verdict.checked, found.verdict.complete) == ("not available", True)


@pytest.mark.parametrize("total", [0, 7, 10**12])
def test_a_count_that_ignores_the_filter_is_not_believed(total: int) -> None:
    found = crawled(lambda request: Answer(200, json.dumps({"total": total}).encode()))
    assert found.ids == ids(CONTACTS)
    assert found.verdict.checked == "differs"
    assert found.verdict.complete


def test_a_count_that_doubles_everything_is_reported_and_loses_nothing() -> None:
    with FakeChatbotx({TOKEN: CONTACTS}, COUNTING) as honest:

        def double(request: RecordedRequest) -> Fault:
            total = json.loads(honest.answer(request)[0].body)["total"]
            return Answer(200, json.dumps({"total": 2 * total}).encode())

        found = crawled(double)
    assert found.ids == ids(CONTACTS)
    assert (found.verdict.checked, found.verdict.complete) == ("differs", False)
    assert found.verdict.doubtful


def test_a_count_that_hangs_is_not_waited_for_beyond_the_time_of_the_crawl() -> None:
    with FakeChatbotx(
        {TOKEN: CONTACTS},
        COUNTING,
        faults=lambda request: Late(3600) if request.path == COUNT_PATH else None,
    ) as server:
        found = read(server, patience=replace(QUICK, crawl=4, count=3600))
    assert found.ids == ids(CONTACTS)
    assert found.verdict.checked == "not available"


def test_the_count_covers_whole_minutes() -> None:
    """Some servers truncate the times of a filter to the minute."""
    found, server = read_workspace(
        CONTACTS, replace(COUNTING, filters_by_seconds=60), connections=2
    )
    asked: list[dict[str, Any]] = [
        dict(parse_qsl("&".join(f"{k}={v}" for k, v in request.query)))
        for request in server.requests
        if request.path == COUNT_PATH
    ]
    assert found.verdict.checked == "agrees"
    assert [value for query in asked for name, value in query.items() if "value" in name] == [
        "2026-05-10T00:00:00.000Z",
        "2026-05-10T00:07:59.999Z",
    ]


@pytest.mark.parametrize("count", [1, 30])
def test_contacts_all_created_within_a_minute_are_not_counted(count: int) -> None:
    found, _ = read_workspace(tied(count), COUNTING)
    assert found.verdict.checked == "not available"
