"""The complete server: its responses and its log."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from lib.web import paint_signals
from lib.web.requests import MOST_QUERY_BYTES
from tests.serving import dashboard

HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "x-frame-options",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard with the demo workspace, shared by all tests of this file."""
    with dashboard(tmp_path_factory.mktemp("dashboard")) as address:
        yield address


def stream(address: str, *, name: str = "127.0.0.1", origin: str | None = None) -> ClientConnection:
    """Open a web socket as a page of `origin`, by default our own, under the host name `name`."""
    port = address.rsplit(":", 1)[1]
    return connect(
        f"ws://{name}:{port}/_stcore/stream",
        sock=socket.create_connection(("127.0.0.1", int(port))),
        additional_headers={"Origin": origin or f"http://{name}:{port}"},
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        proxy=None,
    )


def exhaust(connection: ClientConnection) -> None:
    """Receive messages until the server closes the connection, which raises ConnectionClosed."""
    while True:
        connection.recv(timeout=60)


def run(connection: ClientConnection, query: str = "") -> list[ForwardMsg]:
    """Run the script for a page with this query string; return its messages."""
    message = BackMsg()
    message.rerun_script.query_string = query
    return ask(connection, message)


def ask(connection: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """Send a message; return the server's messages until the script run that it starts has ended.

    The script may restart by itself, once the history of the workspace has been recorded.
    """
    connection.send(message.SerializeToString())
    found = []
    while True:
        received = ForwardMsg()
        data = connection.recv(timeout=60)
        assert isinstance(data, bytes)
        received.ParseFromString(data)
        found.append(received)
        _paint(connection, data)
        if (
            received.WhichOneof("type") == "script_finished"
            and received.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        ):
            return found


def _paint(connection: ClientConnection, data: bytes) -> None:
    """Request the image by which a browser says that it has painted the first part of a page."""
    for path in re.findall(rf"{paint_signals.PATH}\?[\w-]+".encode(), data):
        given = connection.request.headers if connection.request is not None else {}
        headers = {name: given[name] for name in ("Host", "Cookie") if name in given}
        port = connection.remote_address[1]
        httpx.get(f"http://127.0.0.1:{port}/{path.decode()}", headers=headers, timeout=60)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/channels", 200),
        ("/no-such-page", 200),
        ("/app/static/world_110m.json", 200),
        ("/app/static/nothing", 404),
        ("/app/static/%2e%2e/frame.py", 400),
        ("/media/nothing.csv", 404),
        ("/_stcore/health", 200),
        ("/_stcore/host-config", 200),
        ("/_stcore/metrics", 404),
        ("/_stcore/script-health-check", 404),
        ("/_stcore/upload_file/a/b", 404),
        ("/_stcore/bidi-components/x/y.js", 404),
        ("/_stcore/agent/openapi.json", 404),
        ("/component/x/index.html", 404),
    ],
)
def test_every_answer_has_the_headers_and_only_what_is_needed_is_open(
    address: str, path: str, status: int
) -> None:
    answer = httpx.get(f"{address}{path}")
    assert answer.status_code == status
    assert set(answer.headers) >= HEADERS
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/_stcore/upload_file/a/b", "/_stcore/agent/interact"])
def test_nothing_can_be_written(address: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"{address}{path}", content=b"x" * 10_000_000)
    assert answer.status_code in (404, 405)
    assert set(answer.headers) >= HEADERS


def test_the_page_s_own_script_is_the_one_that_is_allowed(address: str) -> None:
    answer = httpx.get(address)
    assert len(re.findall("<script>", answer.text)) == 1
    assert answer.headers["content-security-policy"].count("'sha256-") == 1


def test_a_page_of_another_origin_cannot_open_a_web_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        stream(address, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    assert set(dict(refused.value.response.headers.raw_items())) >= HEADERS


def test_a_page_that_has_its_name_point_here_cannot_open_a_web_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        stream(address, name="rebound.evil.example")
    assert refused.value.response.status_code == 421


def test_the_web_socket_opens_with_the_headers(address: str) -> None:
    with stream(address) as connection:
        assert connection.response is not None
        assert set(dict(connection.response.headers.raw_items())) >= HEADERS


@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"tag={number}" for number in range(3_500)),
        "&".join(f"unknown{number}=1" for number in range(2_000)),
        "channel=" + "x" * 30_000,
        "from=" + "9" * 30_000,
        "%00%FF%F0%9F=%&=&&tag=%ED%A0%80",
    ],
    ids=["many values", "many names", "a long value", "a long number", "no text"],
)
def test_a_page_bears_any_address_that_is_let_through(address: str, query: str) -> None:
    assert len(query) <= MOST_QUERY_BYTES
    assert httpx.get(f"{address}/?{query}").status_code == 200
    with stream(address) as connection:
        sent = run(connection, query)
        while sent[-1].script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            sent = run(connection, query)  # the demo's history has just been recorded
    assert sent[-1].script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    # The page's widgets echo the query string, and nothing else does.
    assert sum(message.ByteSize() for message in sent) < 3_000_000


def test_a_megabyte_in_an_address_is_refused(address: str) -> None:
    answer = httpx.get(f"{address}/?tag={'x' * 60_000}")
    assert answer.status_code == 414
    assert set(answer.headers) >= HEADERS
    with stream(address) as connection, pytest.raises(ConnectionClosed) as hung_up:
        run(connection, "tag=" + "x" * 1_000_000)
    assert hung_up.value.rcvd is not None
    assert hung_up.value.rcvd.code == 1009


@pytest.mark.parametrize("message", [b"\xff" * 100, "text", b"\x00"], ids=["noise", "text", "zero"])
def test_a_malformed_message_ends_only_its_own_web_socket(
    address: str, message: bytes | str
) -> None:
    with stream(address) as connection:
        connection.send(message)
        with pytest.raises(ConnectionClosed):
            exhaust(connection)
    assert httpx.get(f"{address}/_stcore/health").text == "ok"


def test_the_operator_says_who_may_show_the_dashboard_in_a_frame(tmp_path: Path) -> None:
    """And what is no setting is in the log from the start."""
    intranet = "https://intranet.example.com"
    with dashboard(
        tmp_path, CHATBOTX_FRAME_ANCESTORS=intranet, CHATBOTX_TIMEZON="secret-value"
    ) as address:
        policy = httpx.get(address).headers["content-security-policy"]
    assert policy.endswith(f"; frame-ancestors 'self' {intranet}")
    written = (tmp_path / "server.log").read_text("utf-8")
    assert "CHATBOTX_FRAME_ANCESTORS" not in written
    assert "CHATBOTX_TIMEZON is not a setting" in written
    assert "secret-value" not in written


def test_no_other_policy_can_be_added_with_the_pages_that_may_show_it(tmp_path: Path) -> None:
    with dashboard(tmp_path, CHATBOTX_FRAME_ANCESTORS="*; script-src *") as address:
        policy = httpx.get(address).headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'self'")
    written = (tmp_path / "server.log").read_text("utf-8")
    assert "CHATBOTX_FRAME_ANCESTORS must be" in written
    assert "script-src *" not in written


def test_secrets_out_of_reach_end_the_server_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".streamlit/secrets.toml").mkdir(parents=True)
    with pytest.raises(AssertionError, match="ended at start-up"), dashboard(tmp_path):
        pass
    written = (tmp_path / "server.log").read_text("utf-8")
    assert "The dashboard cannot start." in written
    assert "secrets.toml cannot be read: it must be a file" in written
    assert "Traceback" not in written


FAILING = """
from pathlib import Path
import streamlit as st
import app as ours
app = st.App(Path(__file__).with_name("failing.py"), lifespan=ours.lifespan,
             on_script_error=ours.last_resort)
"""
FAILS = """
import streamlit as st
st.title("Before")
raise RuntimeError("token cbx_secret_token, Bearer abc.def, https://example.com/?q=Ana, "
                   "ana@example.com")
"""


def test_an_unexpected_error_shows_a_number_and_the_log_has_it_without_secrets(
    tmp_path: Path,
) -> None:
    (tmp_path / "failing.py").write_text(FAILS)
    (tmp_path / "main.py").write_text(FAILING)
    main = tmp_path / "main.py"
    known: dict[str, Any] = {
        "CHATBOTX_TOKEN": "cbx_secret_token",
        "CHATBOTX_BASE_URL": "http://127.0.0.1:9",
    }
    with dashboard(tmp_path, app=main, **known) as address, stream(address) as connection:
        sent = run(connection)
    # Streamlit tells every page the path of its main script, error or not.
    page = "".join(str(message) for message in sent if message.HasField("delta"))
    assert "This could not be shown" in page
    (reference,) = {
        message.delta.new_element.code.code_text
        for message in sent
        if message.delta.new_element.HasField("code")
    }
    written = (tmp_path / "server.log").read_text("utf-8")
    assert re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", reference)
    assert f"Reference {reference}" in written
    assert "RuntimeError: token …" in written
    for text in ("cbx_secret", "abc.def", "?q=", "ana@"):
        assert text not in written
    for text in ("RuntimeError", "failing.py", "Traceback", "cbx_secret"):
        assert text not in page
