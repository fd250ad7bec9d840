"""The fake answers like the recorded server, and has the traps and faults that tests need."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fake_chatbotx import (
    DATABASE_DOWN,
    JULY,
    JUNE,
    OCTOBER,
    SIGN_IN_PAGE,
    Answer,
    Contact,
    CutShort,
    Drip,
    Dropped,
    FakeChatbotx,
    Fault,
    Flood,
    Garbled,
    Late,
    Manners,
    RateLimit,
    RecordedRequest,
    Workspace,
    error_answer,
    gateway_error,
    redirect,
    seeded_faults,
    too_many_requests,
)
from tests.synthetic import IMPORTED_AT, synthetic_contacts

DATA = Path(__file__).parent / "data"
EXCHANGES: list[dict[str, Any]] = json.loads((DATA / "exchanges.json").read_text("utf-8"))

OLDEST_FIRST = '[{"id":"createdAt","desc":false},{"id":"id","desc":false}]'
AS_EDGE = {"Authorization": "Bearer edge"}
TIED_AT = "2026-05-10T12:00:00.123Z"

CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))


def ask(server: FakeChatbotx, *query: tuple[str, str], token: str = "edge") -> httpx.Response:
    """Send one request on a connection of its own."""
    return CLIENT.get(
        f"{server.base_url}/v1/contacts",
        params=query,
        headers={"Authorization": f"Bearer {token}"},
    )


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [contact["id"] for contact in response.json()["data"]]


def created(operator: str, value: str, place: int = 0) -> list[tuple[str, str]]:
    """A condition on the creation time, as in the query string."""
    condition = f"contactFilter[conditions][{place}]"
    return [
        ("contactFilter[operator]", "and"),
        (f"{condition}[field]", "contactCreatedAt"),
        (f"{condition}[operator]", operator),
        (f"{condition}[value]", value),
    ]


def contact(contact_id: int | str, created_at: str = TIED_AT, **more: Any) -> Contact:
    return {"id": str(contact_id), "createdAt": created_at, **more}


def in_turn(*faults: Fault | None) -> Callable[[RecordedRequest], Fault | None]:
    """A hook that returns the faults one after another, then none."""
    left = list(faults)
    return lambda _: left.pop(0) if left else None


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[exchange["name"] for exchange in EXCHANGES])
def test_answers_as_the_recorded_server(
    exchange: dict[str, Any], edge_server: FakeChatbotx, edge_contacts: list[Contact]
) -> None:
    headers = {
        name: value.replace("<edge token>", "edge") for name, value in exchange["headers"].items()
    }
    if exchange["token"] is not None:
        headers["Authorization"] = f"Bearer {exchange['token']}"

    answer = CLIENT.get(
        edge_server.base_url + exchange["path"], params=exchange["query"], headers=headers
    )

    assert answer.status_code == exchange["status"]
    assert answer.headers.get("Content-Type") == exchange["content_type"]
    assert answer.headers.get("Location") == exchange["location"]
    if "body" in exchange:
        is_json = exchange["content_type"] == "application/json"
        assert (answer.json() if is_json else answer.text) == exchange["body"]
    else:
        answered = answer.json()
        assert list(answered) == exchange["keys"]
        assert answered["pageCount"] == exchange["page_count"]
        contacts = {contact["id"]: contact for contact in edge_contacts}
        assert [contacts[contact["id"]] for contact in answered["data"]] == answered["data"]
        assert_same_order(ids(answer), exchange, contacts)


def assert_same_order(
    answered: list[str], exchange: dict[str, Any], contacts: dict[str, Contact]
) -> None:
    """Check that the ids are the recorded ones, as far as the recorded order was determined.

    A sort by id determines the order. Without it, the order is by `createdAt` alone, and the
    recorded server returned the 25 contacts of an import in an order that it does not repeat
    (api.md, "Traps" 1). Then each position must have the recorded id if that contact's `createdAt`
    is unique, and otherwise any contact with the same `createdAt`, without duplicates.
    """
    recorded: list[str] = exchange["ids"]
    if '"id":"id"' in dict(exchange["query"]).get("sort", ""):
        assert answered == recorded
        return
    at_one_time = Counter(contact["createdAt"] for contact in contacts.values())

    def comparable(contact_id: str) -> str:
        created_at: str = contacts[contact_id]["createdAt"]
        return contact_id if at_one_time[created_at] == 1 else created_at

    assert [comparable(one) for one in answered] == [comparable(one) for one in recorded]
    assert len(set(answered)) == len(answered)


def test_every_contact_has_one_place_when_sorted_by_time_and_id(
    edge_server: FakeChatbotx, edge_contacts: list[Contact]
) -> None:
    pages = [
        ids(ask(edge_server, ("page", str(page)), ("perPage", "50"), ("sort", OLDEST_FIRST)))
        for page in (1, 2, 3)
    ]
    assert [len(page) for page in pages] == [50, 50, 37]
    assert list(chain(*pages)) == [contact["id"] for contact in edge_contacts]


@pytest.mark.parametrize(
    ("manners", "sort"),
    [
        pytest.param(JULY, "", id="default order"),
        pytest.param(JUNE, "", id="no order at all"),
        pytest.param(JULY, '[{"id":"createdAt","desc":false}]', id="sorted by time alone"),
    ],
)
def test_pages_of_an_order_with_ties_repeat_some_contacts_and_miss_others(
    manners: Manners, sort: str
) -> None:
    with FakeChatbotx({"edge": [contact(n) for n in range(100)]}, manners, seed=3) as server:
        read = [
            contact_id
            for page in range(1, 11)
            for contact_id in ids(
                ask(server, ("page", str(page)), ("perPage", "10"), ("sort", sort))
            )
        ]
    assert len(read) == 100
    assert len(set(read)) < 100


def test_ties_are_in_the_same_orders_again_with_the_same_seed() -> None:
    def orders(seed: int) -> list[list[str]]:
        with FakeChatbotx({"edge": [contact(n) for n in range(20)]}, seed=seed) as server:
            return [ids(ask(server)) for _ in range(3)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    assert len({tuple(order) for order in orders(1)}) == 3


def test_contacts_of_different_times_keep_their_order_whatever_the_ties() -> None:
    contacts = [contact(n, f"2026-05-{n // 5 + 1:02}T00:00:00.000Z") for n in range(50)]
    with FakeChatbotx({"edge": contacts}) as server:
        days = [c["createdAt"] for c in ask(server, ("perPage", "50")).json()["data"]]
    assert days == sorted(days, reverse=True)


def test_ids_sort_as_numbers() -> None:
    with FakeChatbotx({"edge": [contact(10), contact(9), contact(2**62)]}) as server:
        assert ids(ask(server, ("sort", OLDEST_FIRST))) == ["9", "10", str(2**62)]


def test_contacts_are_sorted_and_filtered_by_microseconds_that_are_not_sent() -> None:
    contacts = [contact(1, _createdAtMicros=456), contact(2, _createdAtMicros=7), contact(3)]
    with FakeChatbotx({"edge": contacts}) as server:
        answer = ask(server, ("sort", OLDEST_FIRST))
        assert ids(answer) == ["3", "2", "1"]
        assert answer.json()["data"][2] == {"id": "1", "createdAt": TIED_AT}
        assert ids(ask(server, ("sort", OLDEST_FIRST), *created("gt", TIED_AT))) == ["2", "1"]
        assert ids(ask(server, ("sort", OLDEST_FIRST), *created("gte", TIED_AT))) == ["3", "2", "1"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["createdAt", "updatedAt"])
@pytest.mark.parametrize(
    ("operator", "expected"),
    [("gte", "23"), ("gt", "3"), ("lte", "12"), ("lt", "1"), ("eq", "2")],
)
def test_filter_operators(operator: str, expected: str, column: str, descending: bool) -> None:
    contacts = [contact(n, f"2026-05-0{n}T00:00:00.000Z", updatedAt=None) for n in (1, 2, 3)]
    sort = json.dumps([{"id": column, "desc": descending}, {"id": "id", "desc": descending}])
    with FakeChatbotx({"edge": contacts}) as server:
        found = ids(ask(server, ("sort", sort), *created(operator, "2026-05-02T00:00:00.000Z")))
    assert found == sorted(expected, reverse=descending)


def test_conditions_on_two_fields_must_both_be_met() -> None:
    contacts = [
        contact(n, f"2026-05-0{n}T00:00:00.000Z", updatedAt=f"2026-06-0{n}T00:00:00.000Z")
        for n in (1, 2, 3)
    ]
    updated_before = [
        ("contactFilter[conditions][1][field]", "contactUpdatedAt"),
        ("contactFilter[conditions][1][operator]", "lt"),
        ("contactFilter[conditions][1][value]", "2026-06-03T00:00:00.000Z"),
    ]
    with FakeChatbotx({"edge": contacts}) as server:
        query = (*created("gte", "2026-05-02T00:00:00.000Z"), *updated_before)
        assert ids(ask(server, ("sort", OLDEST_FIRST), *query)) == ["2"]


@pytest.mark.parametrize(
    ("part", "value"), [("field", "contactName"), ("operator", "after"), ("operator", "")]
)
def test_filters_that_are_not_known_are_refused(
    part: str, value: str, edge_server: FakeChatbotx
) -> None:
    query = dict(created("gte", TIED_AT)) | {f"contactFilter[conditions][0][{part}]": value}
    assert ask(edge_server, *query.items()).status_code == 400


def test_a_contact_may_be_sent_without_what_it_is_stored_under() -> None:
    contacts: list[Contact] = [
        {"createdAt": "2026-05-01T00:00:00.000Z"},
        {"id": "2", "createdAt": None, "_createdAt": "2026-05-02T00:00:00.000Z"},
        contact(3, "2026-05-03T00:00:00.000Z"),
    ]
    with FakeChatbotx({"edge": contacts}) as server:
        answer = ask(server, ("sort", OLDEST_FIRST), *created("gte", "2026-05-01T00:00:00.000Z"))
    assert answer.json()["data"] == [
        {"createdAt": "2026-05-01T00:00:00.000Z"},
        {"id": "2", "createdAt": None},
        contact(3, "2026-05-03T00:00:00.000Z"),
    ]


def test_june_knows_nothing_of_incoming_messages(edge_contacts: list[Contact]) -> None:
    with FakeChatbotx({"edge": edge_contacts}, JUNE) as server:
        answered = ask(server, ("perPage", "1000")).json()["data"]
    inboxes = [inbox for contact in answered for inbox in contact["contactInboxes"]]
    assert len(answered) == 137
    assert len(inboxes) == 184
    assert not any({"lastIncomingMessageAt", "contactLastReadAt"} & set(inbox) for inbox in inboxes)
    assert any("contactLastReadAt" in (contact["conversation"] or {}) for contact in answered)


def test_october_counts_up_to_a_limit() -> None:
    contacts = [contact(n, "2026-05-01T00:00:00.000Z") for n in range(10_001)]
    with FakeChatbotx({"edge": contacts, "empty": []}, OCTOBER) as server:
        query = [("perPage", "5000"), ("sort", OLDEST_FIRST)]
        first = ask(server, *query).json()
        assert len(first["data"]) == 1000
        assert list(first) == ["data", "pageCount", "totalCount", "totalCountCapped"]
        assert (first["pageCount"], first["totalCount"]) == (10, 10_000)
        assert first["totalCountCapped"] is True
        assert ids(ask(server, *query, ("page", "11"))) == ["10000"]
        assert ask(server, token="empty").json() == {
            "data": [],
            "pageCount": 0,
            "totalCount": 0,
            "totalCountCapped": False,
        }


def test_october_sends_only_what_is_included(edge_contacts: list[Contact]) -> None:
    parts = {"contactCustomFields", "tags", "contactInboxes", "conversation"}
    with FakeChatbotx({"edge": edge_contacts}, OCTOBER) as server:

        def sent(*include: str) -> set[str]:
            (answered,) = ask(
                server, ("perPage", "1"), *(("include[]", part) for part in include)
            ).json()["data"]
            assert "fullName" in answered
            return parts & set(answered)

        assert sent() == parts
        assert sent("tags", "inboxes", "conversation") == parts - {"contactCustomFields"}
        assert sent("inboxes") == {"contactInboxes"}


@pytest.mark.parametrize(
    ("manners", "status"), [(JUNE, 500), (JULY, 500), (OCTOBER, 401)], ids=["June", "July", "Oct."]
)
def test_an_invalid_token_has_one_code_and_a_status_by_version(
    manners: Manners, status: int
) -> None:
    with FakeChatbotx({"edge": []}, manners) as server:
        answer = ask(server, token="nope")
        assert answer.status_code == status
        assert answer.json()["code"] == "INVALID_CHATBOT_TOKEN"
        assert (server.requests[0].token, server.requests[0].token_ok) == ("nope", False)


def test_october_names_every_parameter_that_is_wrong() -> None:
    with FakeChatbotx({"edge": []}, OCTOBER) as server:
        answer = ask(server, ("page", "0"), ("perPage", "x"))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalidRequestData"
    assert [issue["path"] for issue in answer.json()["data"]["issues"]] == [["page"], ["perPage"]]


def test_a_forbidden_workspace() -> None:
    with FakeChatbotx({"edge": Workspace(forbidden=True)}, OCTOBER) as server:
        answer = ask(server)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_a_base_url_without_api_leads_to_a_page_in_html(edge_server: FakeChatbotx) -> None:
    url = edge_server.base_url.removesuffix("/api") + "/v1/contacts"
    answer = CLIENT.get(url)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/sign-in")
    page = CLIENT.get(url, follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_only_get_is_answered(edge_server: FakeChatbotx) -> None:
    url = f"{edge_server.base_url}/v1/contacts"
    with httpx.Client(headers=AS_EDGE) as client:
        assert client.post(url, json={"a": 1}).status_code == 404
        assert client.head(url).status_code == 404
        assert client.get(url).status_code == 200
    assert [request.method for request in edge_server.requests] == ["POST", "HEAD", "GET"]


def test_a_server_that_ignores_sort(edge_contacts: list[Contact]) -> None:
    with FakeChatbotx({"edge": edge_contacts}, replace(JULY, ignores_sort=True)) as server:
        assert ids(ask(server, ("sort", OLDEST_FIRST)))[0] == edge_contacts[-1]["id"]


def test_a_server_that_ignores_filters(edge_contacts: list[Contact]) -> None:
    with FakeChatbotx({"edge": edge_contacts}, replace(JULY, ignores_filter=True)) as server:
        query = [("sort", OLDEST_FIRST), *created("gte", "2027-01-01T00:00:00.000Z")]
        assert ids(ask(server, *query))[0] == edge_contacts[0]["id"]


def test_the_rate_limit_is_a_fixed_window_for_each_workspace() -> None:
    now = [100.0]
    manners = replace(OCTOBER, rate_limit=RateLimit(2, 10))
    with FakeChatbotx({"a": [], "b": []}, manners, clock=lambda: now[0]) as server:

        def statuses(token: str, count: int) -> list[int]:
            return [ask(server, token=token).status_code for _ in range(count)]

        assert statuses("a", 3) == [200, 200, 429]
        assert statuses("b", 1) == [200]
        now[0] = 109.9
        refusal = ask(server, token="a")
        assert (refusal.status_code, refusal.json()["code"]) == (429, "tooManyRequests")
        assert "Retry-After" not in refusal.headers
        assert refusal.json()["message"].endswith("Retry after 1s.")
        now[0] = 110.0
        assert statuses("a", 3) == [200, 200, 429]


def test_the_rate_limit_of_an_address_comes_before_the_token() -> None:
    manners = replace(OCTOBER, address_rate_limit=RateLimit(2, 10))
    with FakeChatbotx({"edge": []}, manners) as server:
        answers = [ask(server, token=token) for token in ("nope", "edge", "nope", "edge")]
        assert [answer.status_code for answer in answers] == [401, 200, 429, 429]


def test_october_allows_120_requests_in_10_seconds() -> None:
    with FakeChatbotx({"edge": []}, OCTOBER, clock=lambda: 0.0) as server:
        url = f"{server.base_url}/v1/contacts"
        with httpx.Client(headers=AS_EDGE) as client:
            statuses = [client.get(url).status_code for _ in range(121)]
    assert statuses == [200] * 120 + [429]


def test_retry_after_in_seconds_is_what_is_left_of_the_window() -> None:
    now = [100.0]
    manners = replace(OCTOBER, rate_limit=RateLimit(1, 10, retry_after="seconds"))
    with FakeChatbotx({"edge": []}, manners, clock=lambda: now[0]) as server:
        ask(server)
        now[0] = 103.5
        assert ask(server).headers["Retry-After"] == "7"


def test_retry_after_may_be_a_date() -> None:
    manners = replace(OCTOBER, rate_limit=RateLimit(1, 10, retry_after="date"))
    with FakeChatbotx({"edge": []}, manners, clock=lambda: 0.0) as server:
        before = time.time()
        ask(server)
        until = parsedate_to_datetime(ask(server).headers["Retry-After"]).timestamp()
    assert before + 10 <= until <= time.time() + 11


def test_contacts_can_be_inserted_deleted_and_updated_while_the_server_runs() -> None:
    with FakeChatbotx({"edge": [contact(1), contact(2)]}) as server:
        workspace = server.workspaces["edge"]
        query = ("sort", OLDEST_FIRST)
        assert ids(ask(server, query)) == ["1", "2"]
        workspace.insert(contact(3, "2026-05-01T00:00:00.000Z"))
        assert ids(ask(server, query)) == ["3", "1", "2"]
        workspace.delete("1")
        assert ids(ask(server, query)) == ["3", "2"]
        workspace.update("2", tags=[{"id": "601"}])
        assert ask(server, query).json()["data"][1] == contact(2, tags=[{"id": "601"}])
        workspace.update("2", createdAt="2026-04-01T00:00:00.000Z")
        assert ids(ask(server, query)) == ["2", "3"]
        assert [held["id"] for held in workspace.contacts] == ["2", "3"]
        assert len(workspace) == 2


def test_an_update_keeps_what_is_stored_but_not_sent() -> None:
    with FakeChatbotx({"edge": [contact(1, _createdAtMicros=5), contact(2)]}) as server:
        server.workspaces["edge"].update("1", tags=[])
        assert ids(ask(server, ("sort", OLDEST_FIRST))) == ["2", "1"]


def test_an_update_shows_in_answers_that_leave_parts_out() -> None:
    with FakeChatbotx({"edge": [contact(1, tags=["old"])]}, OCTOBER) as server:
        assert ask(server, ("include[]", "tags")).json()["data"] == [contact(1, tags=["old"])]
        server.workspaces["edge"].update("1", tags=["new"])
        assert ask(server, ("include[]", "tags")).json()["data"] == [contact(1, tags=["new"])]


def test_a_workspace_has_no_two_contacts_with_one_id() -> None:
    with pytest.raises(ValueError, match="already has a contact with id 1"):
        Workspace([contact(1), contact(1)])


def test_a_contact_deleted_between_two_pages_makes_another_slip_through() -> None:
    def delete_one(server: FakeChatbotx, request: RecordedRequest) -> None:
        if request.value("page") == "2":
            server.workspaces["edge"].delete("0")

    with FakeChatbotx(
        {"edge": [contact(n) for n in range(10)]}, between_requests=delete_one
    ) as server:
        pages = [
            ids(ask(server, ("page", page), ("perPage", "5"), ("sort", OLDEST_FIRST)))
            for page in ("1", "2")
        ]
    assert pages == [["0", "1", "2", "3", "4"], ["6", "7", "8", "9"]]


def test_what_a_hook_raises_fails_the_test_that_set_it() -> None:
    def broken(server: FakeChatbotx, request: RecordedRequest) -> None:
        raise KeyError("no such contact")

    with (
        pytest.raises(KeyError, match="no such contact"),
        FakeChatbotx({"edge": []}, between_requests=broken) as server,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        ask(server)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DATABASE_DOWN, id="database down"),
        pytest.param(gateway_error(502), id="bad gateway"),
        pytest.param(gateway_error(503), id="unavailable"),
        pytest.param(gateway_error(504), id="gateway timeout"),
        pytest.param(too_many_requests("3"), id="too many requests"),
        pytest.param(error_answer(403, "FORBIDDEN"), id="forbidden"),
        pytest.param(SIGN_IN_PAGE, id="html with status 200"),
        pytest.param(Answer(200, b"[]"), id="not an object"),
        pytest.param(redirect("http://127.0.0.1:9/api/v1/contacts", 302), id="redirect"),
    ],
)
def test_a_fault_can_be_any_whole_answer(fault: Answer, edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(fault)
    answer = ask(edge_server)
    assert answer.status_code == fault.status
    assert answer.content == fault.body
    assert answer.headers.get("Content-Type") == fault.content_type
    assert set(fault.headers) <= {(name.title(), value) for name, value in answer.headers.items()}
    assert ask(edge_server).status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(Dropped(), httpx.ReadError, id="reset"),
        pytest.param(Dropped(reset=False), httpx.RemoteProtocolError, id="closed"),
        pytest.param(CutShort(), httpx.RemoteProtocolError, id="cut short"),
        pytest.param(CutShort(share=0), httpx.RemoteProtocolError, id="no body at all"),
        pytest.param(CutShort(chunked=True), httpx.RemoteProtocolError, id="cut short in chunks"),
    ],
)
def test_a_connection_can_break_before_or_in_the_answer(
    fault: Fault, error: type[httpx.HTTPError], edge_server: FakeChatbotx
) -> None:
    edge_server.faults = in_turn(fault)
    with httpx.Client(headers=AS_EDGE) as client:
        with pytest.raises(error):
            client.get(f"{edge_server.base_url}/v1/contacts")
        assert client.get(f"{edge_server.base_url}/v1/contacts").status_code == 200


def test_a_garbled_answer_is_no_json(edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(Garbled())
    answer = ask(edge_server)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_a_flood_has_the_size_it_was_given(edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(Flood(1_000_000))
    assert len(ask(edge_server).content) == 1_000_000 + len('{"data":["')


def test_a_client_can_turn_away_from_a_flood(edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(Flood(10**12))
    with CLIENT.stream("GET", f"{edge_server.base_url}/v1/contacts", headers=AS_EDGE) as answer:
        next(answer.iter_bytes())
    assert ask(edge_server).status_code == 200


def test_a_drip_never_ends(edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(Drip(0.01))
    with CLIENT.stream("GET", f"{edge_server.base_url}/v1/contacts", headers=AS_EDGE) as answer:
        blanks = answer.iter_bytes()
        assert [next(blanks) for _ in range(5)] == [b" "] * 5


def test_a_late_answer_is_right(edge_server: FakeChatbotx) -> None:
    edge_server.faults = in_turn(Late(0.2))
    began = time.monotonic()
    assert len(ids(ask(edge_server))) == 20
    assert time.monotonic() - began >= 0.2


def test_seeded_faults_repeat_and_let_each_question_through_in_the_end() -> None:
    def statuses(seed: int) -> list[int]:
        faults = seeded_faults(seed, rate=0.5, kinds=[DATABASE_DOWN], at_most_in_a_row=2)
        with FakeChatbotx({"edge": []}, faults=faults) as server:
            return [ask(server, ("page", str(n % 3 + 1))).status_code for n in range(60)]

    answered = statuses(1)
    assert answered == statuses(1)
    assert answered != statuses(2)
    assert set(answered) == {200, 500}
    for page in range(3):
        one_question = "".join("." if status == 200 else "x" for status in answered[page::3])
        assert "xxx" not in one_question


def test_latency_and_skipped_rows_take_time() -> None:
    contacts = [contact(n) for n in range(30)]
    manners = replace(JULY, seconds_per_skipped_contact=0.01)
    with FakeChatbotx({"edge": contacts}, manners) as server:

        def seconds(page: int) -> float:
            began = time.monotonic()
            ask(server, ("page", str(page)), ("perPage", "10"))
            return time.monotonic() - began

        assert seconds(page=3) >= 0.2
        server.latency = 0.15
        assert seconds(page=1) >= 0.15


def test_requests_are_recorded_with_what_a_test_may_ask_about(edge_server: FakeChatbotx) -> None:
    before = time.monotonic()
    ask(edge_server, ("page", "2"), ("include[]", "tags"), ("include[]", "inboxes"))
    (request,) = edge_server.requests
    assert (request.number, request.method, request.path) == (1, "GET", "/api/v1/contacts")
    assert request.query == (("page", "2"), ("include[]", "tags"), ("include[]", "inboxes"))
    assert (request.value("page"), request.value("perPage")) == ("2", None)
    assert request.headers["authorization"] == "Bearer edge"
    assert request.token_ok
    assert before <= request.at <= time.monotonic()


def test_the_most_requests_at_a_time_are_counted(edge_server: FakeChatbotx) -> None:
    ask(edge_server)
    ask(edge_server)
    assert edge_server.max_in_flight == 1
    edge_server.faults = lambda request: Late(3600)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask, edge_server) for _ in range(3)]
        while edge_server.max_in_flight < 3:
            time.sleep(0.01)
        edge_server.close()
    assert all(each.exception() for each in asked)
    assert edge_server.max_in_flight == 3


def test_a_connection_is_kept_until_it_is_idle_for_too_long(edge_server: FakeChatbotx) -> None:
    edge_server.idle_seconds = 1
    host, port = edge_server.base_url.removeprefix("http://").removesuffix("/api").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for _ in range(2):
            connection.sendall(b"GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"Not found" in connection.recv(65536)
        assert connection.recv(65536) == b""


@pytest.mark.parametrize(
    "fault", [Late(3600), Drip(3600), Flood(10**12), None], ids=["late", "drip", "flood", "idle"]
)
def test_closing_is_immediate_and_leaves_no_threads(fault: Fault | None) -> None:
    before = set(threading.enumerate())
    with FakeChatbotx({"edge": []}, faults=in_turn(fault)) as server:
        host, port = server.base_url.removeprefix("http://").removesuffix("/api").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(b"GET /api/v1/contacts HTTP/1.1\r\nHost: x\r\n\r\n")
            while not server.max_in_flight:
                time.sleep(0.01)
            server.close()
            assert set(threading.enumerate()) == before


def test_synthetic_contacts_are_plausible() -> None:
    contacts = list(synthetic_contacts(2000, seed=5))
    sizes = [len(json.dumps(one, ensure_ascii=False, separators=(",", ":"))) for one in contacts]
    imported = [
        one
        for one in contacts
        if one["createdAt"] == IMPORTED_AT.strftime("%Y-%m-%dT%H:%M:%S.318Z")
        and one["_createdAtMicros"] == IMPORTED_AT.microsecond % 1000
    ]
    by_time = sorted(contacts, key=lambda one: (one["createdAt"], one["_createdAtMicros"]))
    falls = sum(int(one["id"]) > int(later["id"]) for one, later in pairwise(by_time))
    assert 2200 < sum(sizes) / len(sizes) < 2700
    assert len(imported) >= 0.02 * 2000
    assert len({one["id"] for one in contacts}) == 2000
    assert all(len(one["id"]) == 19 and int(one["id"]) < 2**63 for one in contacts)
    assert 0 < falls < 100
    assert contacts == list(synthetic_contacts(2000, seed=5))
    assert contacts != list(synthetic_contacts(2000, seed=6))


def test_it_can_be_started_by_hand() -> None:
    command = [sys.executable, "-m", "tests.fake_chatbotx", "--contacts", "30", "--token", "mine"]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            base_url = process.stdout.readline().split()[-1]
            token = process.stdout.readline().split()[-1]
            answer = CLIENT.get(
                f"{base_url}/v1/contacts", headers={"Authorization": f"Bearer {token}"}
            )
        finally:
            process.terminate()
    assert token == "mine"
    assert len(ids(answer)) == 20
