from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from lib.chatbotx.client import Query
from lib.chatbotx.errors import Cancelled, TooSlow
from lib.settings import Settings
from lib.store.snapshot import fetch
from lib.store.workspace import connect, inbox_url
from tests.fake_chatbotx import JULY, FakeChatbotx, Late

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def test_without_a_token_it_is_the_demo_company() -> None:
    with connect(Settings(), as_of=AS_OF) as client:
        snapshot = fetch(client, began=AS_OF)
    assert snapshot.contacts == 20_000
    assert snapshot.tables.contacts["created"].max() < AS_OF
    assert snapshot.verdict.complete


def test_with_a_token_it_is_the_workspace_of_the_token(edge_server: FakeChatbotx) -> None:
    with connect(Settings(token="edge", base_url=edge_server.base_url)) as client:
        assert client.contacts(Query()).received == 50
    assert edge_server.requests[0].token == "edge"


def test_numbers_without_a_calling_code_are_of_the_configured_region() -> None:
    contacts = [{"id": "1", "createdAt": "2026-05-10T00:00:00.000Z", "phoneNumber": "11987654321"}]
    with FakeChatbotx({"here": contacts}) as server:
        configured = Settings(token="here", base_url=server.base_url, default_region="BR")
        with connect(configured) as client:
            snapshot = fetch(client, began=AS_OF)
    assert snapshot.tables.contacts["country"].tolist() == ["BR"]


def test_the_configured_pace_is_kept(edge_server: FakeChatbotx) -> None:
    configured = Settings(token="edge", base_url=edge_server.base_url, requests_per_10s=1)
    cancelled = threading.Event()
    with connect(configured, cancelled=cancelled) as client:
        client.contacts(Query())
        cancel = threading.Timer(0.05, cancelled.set)
        cancel.start()
        with pytest.raises(Cancelled):
            client.contacts(Query())
        cancel.join()
    assert len(edge_server.requests) == 1


def test_the_configured_time_is_kept(edge_server: FakeChatbotx) -> None:
    edge_server.faults = lambda request: Late(3600)  # longer than a test may take
    configured = Settings(token="edge", base_url=edge_server.base_url, max_minutes=0.002)
    with connect(configured) as client, pytest.raises(TooSlow):
        client.contacts(Query())


def test_so_many_connections_are_opened_as_configured() -> None:
    contacts = [
        {"id": str(number), "createdAt": f"2026-05-10T00:{number // 60:02}:{number % 60:02}.000Z"}
        for number in range(1, 600)
    ]
    with FakeChatbotx({"many": contacts}, JULY, latency=0.01) as server:
        with connect(Settings(token="many", base_url=server.base_url, connections=3)) as client:
            fetch(client, began=AS_OF)
        assert server.max_in_flight == 3


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://app.chatbotx.io/api", "https://app.chatbotx.io"),
        ("https://api.example.com/api", "https://api.example.com"),
        ("https://example.com/api/chat/api", "https://example.com/api/chat"),
        ("https://example.com/api/chat", "https://example.com/api/chat"),
        ("https://example.com/my-api", "https://example.com/my-api"),
        ("https://example.com:8443/api", "https://example.com:8443"),
    ],
)
def test_a_conversation_is_shown_where_the_api_is_without_the_last_part(
    base_url: str, origin: str
) -> None:
    url = inbox_url(Settings(token="t", base_url=base_url), "299")
    assert url == f"{origin}/space/299/inbox?conversationId="


@pytest.mark.parametrize(
    ("workspace", "quoted"),
    [("../admin", "..%2Fadmin"), ("1?next=//x", "1%3Fnext%3D%2F%2Fx"), ("1#a b", "1%23a%20b")],
)
def test_a_workspace_cannot_lead_elsewhere(workspace: str, quoted: str) -> None:
    url = inbox_url(Settings(token="t", base_url="https://example.com/api"), workspace)
    assert url == f"https://example.com/space/{quoted}/inbox?conversationId="


def test_the_demo_has_no_chatbotx_to_show_a_conversation_in() -> None:
    assert inbox_url(Settings(), "299") is None


@pytest.mark.parametrize("workspace", [None, ""])
def test_a_workspace_that_did_not_say_its_id_has_no_place_to_look_at(
    workspace: str | None,
) -> None:
    assert inbox_url(Settings(token="t"), workspace) is None
