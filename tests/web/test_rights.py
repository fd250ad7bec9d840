"""Access that ends while a page is open, and identities meant for others.

Hand-made clients against a real server.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.fake_chatbotx import EDGE_CONTACTS, FakeChatbotx
from tests.identities import AUTH, cookies_of, stream_as
from tests.serving import dashboard
from tests.test_app import ask, exhaust, run

HOURS = 0.25
"""How long an identity is valid: the shortest time that can be set."""

INVITED = f'[access]\nemails = ["ana@example.com", "ben@example.com"]\nhours = {HOURS}\n'


@pytest.fixture
def address(tmp_path: Path, edge_server: FakeChatbotx) -> Iterator[str]:
    with with_sign_in(tmp_path, edge_server) as address:
        yield address


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one for tests that change nothing."""
    folder, contacts = tmp_path_factory.mktemp("dashboard"), json.loads(EDGE_CONTACTS.read_bytes())
    with FakeChatbotx({"edge": contacts}) as server, with_sign_in(folder, server) as address:
        yield address


@contextmanager
def with_sign_in(folder: Path, server: FakeChatbotx) -> Iterator[str]:
    """The address of a dashboard that has fetched the recorded workspace."""
    file = folder / ".streamlit" / "secrets.toml"
    file.parent.mkdir()
    file.write_text(
        f'CHATBOTX_TOKEN = "edge"\nCHATBOTX_BASE_URL = "{server.base_url}"\n{AUTH}{INVITED}'
    )
    with dashboard(folder) as address:
        while not list(folder.glob("cache/*/**/contacts*")):
            time.sleep(0.1)
        yield address


def fragments_in(sent: list[ForwardMsg]) -> set[str]:
    """The ids of all fragments of a page."""
    found = {message.delta.fragment_id for message in sent if message.HasField("delta")}
    return {each for each in found if each} | {
        message.auto_rerun.fragment_id for message in sent if message.HasField("auto_rerun")
    }


def buttons_in(sent: list[ForwardMsg]) -> set[str]:
    return {
        message.delta.new_element.button.id
        for message in sent
        if message.delta.new_element.HasField("button")
    }


def pictures_in(sent: list[ForwardMsg]) -> set[str]:
    whole = b"".join(each.SerializeToString() for each in sent)
    return {found.decode() for found in re.findall(rb"/media/[\w.]+", whole)}


def files_in(sent: list[ForwardMsg]) -> set[str]:
    """The ids of files that are created on demand."""
    offered = {message.delta.new_element.download_button.deferred_file_id for message in sent}
    return offered - {""}


def session_of(sent: list[ForwardMsg]) -> str:
    (session,) = {each.new_session.initialize.session_id for each in sent} - {""}
    return session


def file_of(connection: ClientConnection, file_id: str, session: str) -> str:
    """Request a file; return its path, or "" if it is not created."""
    message = BackMsg()
    message.backend_operation_request.request_id = file_id
    message.backend_operation_request.session_id = session
    message.backend_operation_request.deferred_file.file_id = file_id
    connection.send(message.SerializeToString())
    while True:
        received = ForwardMsg()
        received.ParseFromString(connection.recv(timeout=60, decode=False))
        if received.WhichOneof("type") == "backend_operation_response":
            return str(received.backend_operation_response.deferred_file.url)


def shows_numbers(sent: list[ForwardMsg]) -> bool:
    # Not "137" alone, which may stand in an identifier.
    return b"137 contacts" in b"".join(each.SerializeToString() for each in sent)


def test_a_viewer_who_loses_access_gets_nothing_more_and_starts_nothing(
    address: str, edge_server: FakeChatbotx
) -> None:
    began = time.monotonic()
    with stream_as(address, cookies_of(address, "ana@example.com")) as connection:
        while not shows_numbers(run(connection)):
            pass
    left = 6 + 6 * (time.monotonic() - began)  # several times what it takes on this machine
    cookies = cookies_of(address, "ana@example.com", age=HOURS * 3600 - left)
    until = time.monotonic() + left + 0.5
    with stream_as(address, cookies) as connection:
        sent = run(connection)
        assert shows_numbers(sent)
        files = sorted(files_in(sent))
        assert files, "the page offers nothing to download"
        session = session_of(sent)
        downloads = [*pictures_in(sent), file_of(connection, files[0], session)]
        assert all(downloads)
        for download in downloads:
            assert httpx.get(address + download, headers={"Cookie": cookies}).is_success
        assert fragments_in(sent)
        before = len(edge_server.requests)
        time.sleep(max(until - time.monotonic(), 0))
        assert file_of(connection, files[0], session) == ""
        for fragment in fragments_in(sent):
            message = BackMsg()
            message.rerun_script.fragment_id = fragment
            assert not shows_numbers(ask(connection, message)), "a part of a page asks nobody"
        for button in buttons_in(sent):
            message = BackMsg()
            message.rerun_script.widget_states.widgets.add(id=button, trigger_value=True)
            assert not shows_numbers(ask(connection, message))
        assert not shows_numbers(run(connection))
    for download in downloads:
        answer = httpx.get(address + download, headers={"Cookie": cookies})
        assert answer.status_code in (403, 404)
    assert len(edge_server.requests) == before


def test_a_file_is_only_for_the_viewer_to_whom_it_was_offered(shared: str) -> None:
    """Even for another who is invited, and who knows its URL or the id that creates it."""
    ana, ben = (cookies_of(shared, f"{name}@example.com") for name in ("ana", "ben"))
    with stream_as(shared, ana) as of_ana, stream_as(shared, ben) as of_ben:
        while not shows_numbers(sent := run(of_ana)):  # as soon as the first fetch has ended
            pass
        file = sorted(files_in(sent))[0]
        assert file_of(of_ben, file, session_of(run(of_ben))) == ""
        url = shared + file_of(of_ana, file, session_of(sent))
        assert httpx.get(url, headers={"Cookie": ben}).status_code == 404
        again = cookies_of(shared, "ana@example.com", age=60)
        for cookies in (ana, again):
            assert httpx.get(url, headers={"Cookie": cookies}).is_success


def test_asking_for_files_that_are_not_there_does_not_fill_the_log(
    address: str, tmp_path: Path
) -> None:
    with stream_as(address, cookies_of(address, "stranger@example.com")) as connection:
        session = session_of(run(connection))
        for number in range(10):
            assert file_of(connection, f"none-{number}", session) == ""
    assert (tmp_path / "server.log").read_text().count("Traceback") == 1


def test_invalid_messages_and_unknown_fragments_do_not_fill_the_log(
    address: str, tmp_path: Path
) -> None:
    stranger = cookies_of(address, "stranger@example.com")
    with stream_as(address, stranger) as connection:
        run(connection)
        message = BackMsg()
        message.rerun_script.fragment_id = "not there " * 10_000
        for _ in range(5):
            connection.send(message.SerializeToString())
        run(connection)
    for _ in range(5):
        with stream_as(address, stranger) as connection:
            connection.send(b"\0\xff")
            with pytest.raises(ConnectionClosed):
                exhaust(connection)
    written = (tmp_path / "server.log").read_text()
    assert written.count("Traceback") == 1
    assert len(written) < 10_000


@pytest.mark.parametrize(
    "others",
    [
        {"aud": "another-dashboard"},
        {"iss": "https://accounts.evil.example"},
        {"provider": "okta"},
        {"aud": None, "iss": None, "provider": None},
    ],
    ids=["audience", "issuer", "provider", "none of them"],
)
def test_a_cookie_of_another_dashboard_with_the_same_secret_opens_nothing(
    shared: str, others: dict[str, Any]
) -> None:
    with stream_as(shared, cookies_of(shared, "ana@example.com")) as connection:
        while not shows_numbers(run(connection)):  # as soon as the first fetch has ended
            pass
    with stream_as(shared, cookies_of(shared, "ana@example.com", **others)) as connection:
        sent = run(connection)
    assert not shows_numbers(sent)
    assert "Sign in" in str(sent)
