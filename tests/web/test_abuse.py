"""Viewers cannot make the server connect anywhere, or fetch more than it should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus

from tests.fake_chatbotx import EDGE_CONTACTS, FakeChatbotx
from tests.serving import ROOT, dashboard
from tests.test_app import ask, run, stream

_WITNESS = """
import sys

def witness(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        address = arguments[1] if event == "socket.connect" else arguments[:2]
        with open({path!r}, "a") as file:
            file.write(repr(address) + "\\n")

sys.addaudithook(witness)
"""


@dataclass(frozen=True)
class Witnessed:
    """A dashboard, its ChatbotX server, and a log of its connections and DNS lookups."""

    address: str
    chatbotx: FakeChatbotx
    connections: Path

    def others(self) -> list[str]:
        """The addresses it connected to or looked up, other than ChatbotX and itself."""
        known = {urlsplit(url).port for url in (self.chatbotx.base_url, self.address)}
        lines = self.connections.read_text("utf-8").splitlines()
        return [line for line in lines if not any(f"'127.0.0.1', {port}" in line for port in known)]


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witnessed]:
    with FakeChatbotx({"edge": json.loads(EDGE_CONTACTS.read_text("utf-8"))}) as server:
        yield from _witness(tmp_path_factory.mktemp("dashboard"), server)


def _witness(folder: Path, server: FakeChatbotx) -> Iterator[Witnessed]:
    connections = folder / "connections"
    connections.touch()
    (folder / "sitecustomize.py").write_text(_WITNESS.format(path=str(connections)), "utf-8")
    with dashboard(
        folder,
        PYTHONPATH=f"{folder}:{ROOT}",
        CHATBOTX_TOKEN="edge",
        CHATBOTX_BASE_URL=server.base_url,
    ) as address:
        with stream(address) as connection:
            while not _has_recorded(folder):
                run(connection)
        assert connections.read_text("utf-8"), "the witness has seen nothing"
        yield Witnessed(address, server, connections)


def _has_recorded(folder: Path) -> bool:
    """Whether the first crawl is saved: after that, no further request to ChatbotX is due."""
    return any(folder.glob("cache/*/snapshots/_delta_log/*.json"))


def test_no_parameter_of_an_address_makes_the_server_fetch_anything(witnessed: Witnessed) -> None:
    with FakeChatbotx({"edge": []}) as elsewhere:
        target = elsewhere.base_url
        names = (
            *("base_url", "CHATBOTX_BASE_URL", "url", "host", "redirect_uri", "next", "proxy"),
            *("channel", "country", "tag", "team", "period", "from", "tz", "basis", "source"),
        )
        query = urlencode(
            dict.fromkeys(names, target) | {"token": "empty", "CHATBOTX_TOKEN": "empty"}
        )
        before = len(witnessed.chatbotx.requests)
        for path in ("", "channels", "data", target, f"media/{target}", f"app/static/{target}"):
            httpx.get(f"{witnessed.address}/{path}?{query}")
        with stream(witnessed.address) as connection:
            sent = run(connection, query)
        assert elsewhere.requests == []
    assert sent[-1].script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    assert witnessed.others() == []
    assert len(witnessed.chatbotx.requests) == before
    assert {request.token for request in witnessed.chatbotx.requests} == {"edge"}


def test_a_stranger_s_page_makes_the_server_look_up_nothing(witnessed: Witnessed) -> None:
    httpx.get(f"{witnessed.address}/_stcore/health", headers={"Origin": "https://evil.example"})
    with pytest.raises(InvalidStatus):
        stream(witnessed.address, origin="https://evil.example")
    assert witnessed.others() == []


def test_many_viewers_cause_no_request_to_chatbotx(witnessed: Witnessed) -> None:
    before = len(witnessed.chatbotx.requests)
    for _ in range(10):
        with stream(witnessed.address) as connection:
            run(connection)
    assert len(witnessed.chatbotx.requests) == before


def test_a_hand_made_message_runs_only_our_pages(witnessed: Witnessed) -> None:
    message = BackMsg()
    message.rerun_script.page_name = "../../etc/passwd"
    message.rerun_script.page_script_hash = "0" * 32
    message.rerun_script.widget_states.widgets.add(id="$$ID-0-x", json_value=json.dumps({"a": 1}))
    with stream(witnessed.address) as connection:
        sent = ask(connection, message)
    assert b"root:" not in b"".join(each.SerializeToString() for each in sent)
    assert httpx.get(f"{witnessed.address}/_stcore/health").text == "ok"
    assert witnessed.others() == []
