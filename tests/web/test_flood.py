"""Floods by one viewer against a real server: the others are still served."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed

from tests.serving import dashboard
from tests.test_app import run, stream

IN_TIME = 1.0
"""Maximum median seconds for the health check on an otherwise idle machine."""

FOR_A_PAGE = 3.0
"""Maximum median seconds for another viewer's page."""

PATIENCE = 120
"""Timeout in seconds for any single response."""


@dataclass
class Watch:
    """Polls the health check of a server; `seconds` holds the duration of each response."""

    address: str
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(PATIENCE)

    def _ask(self) -> None:
        while not self._ends.wait(0.05):
            began = time.monotonic()
            try:
                assert httpx.get(f"{self.address}/_stcore/health", timeout=PATIENCE).text == "ok"
            except (httpx.HTTPError, AssertionError) as error:
                self.failures.append(repr(error))
            self.seconds.append(time.monotonic() - began)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A dashboard that may open fewer files than a flood opens connections."""
    with dashboard(folder, files=1024) as address:
        wait_for_data(address)
        yield address


def wait_for_data(address: str) -> None:
    with stream(address) as connection:
        while b"contacts as of" not in b"".join(
            each.SerializeToString() for each in run(connection)
        ):
            time.sleep(0.2)


@pytest.fixture
def busy(address: str) -> float:
    """Seconds that a page takes without a flood, since other tests may keep the machine busy."""
    return max(seconds_for_a_page(address) for _ in range(3))


def seconds_for_a_page(address: str) -> float:
    began = time.monotonic()
    with stream(address) as other:
        run(other, "period=all")
    return time.monotonic() - began


def reruns(kind: str) -> list[bytes]:
    """A thousand messages, each of which triggers a script run."""
    found = []
    for number in range(1000):
        message = BackMsg()
        if kind == "stopping" and number % 2:
            message.stop_script = True
        else:
            message.rerun_script.query_string = f"tag={number}"
            message.rerun_script.page_name = ("", "channels", "workload")[number % 3]
        found.append(message.SerializeToString())
    return found


@pytest.mark.parametrize("kind", ["reruns", "stopping"])
def test_a_thousand_messages_of_one_tab_keep_nobody_waiting(
    address: str, busy: float, kind: str
) -> None:
    with stream(address) as flooding, Watch(address) as watch:
        # The server may close the connection of a client that does not read, which is fine.
        sender = threading.Thread(target=_send, args=(flooding, reruns(kind)), daemon=True)
        sender.start()
        seconds = []
        for _ in range(5):
            time.sleep(0.3)
            seconds.append(seconds_for_a_page(address))
    sender.join(PATIENCE)
    assert not watch.failures
    assert median(watch.seconds) < IN_TIME + 3 * busy
    assert median(seconds) < FOR_A_PAGE + 3 * busy


def _send(connection: object, messages: list[bytes]) -> None:
    with suppress(ConnectionClosed, OSError):
        for message in messages:
            connection.send(message)  # type: ignore[attr-defined]


def test_a_thousand_half_requests_keep_nobody_waiting_and_fill_no_log(
    address: str, folder: Path, busy: float, raised_limit: int
) -> None:
    log = folder / "server.log"
    before = log.stat().st_size
    with ExitStack() as clients:
        port = int(address.rsplit(":", 1)[1])
        for _ in range(raised_limit):
            client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            clients.enter_context(client)
            with suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with Watch(address) as watch:
            while len(watch.seconds) < 20:
                time.sleep(0.05)
        assert not watch.failures
        assert median(watch.seconds) < IN_TIME + 3 * busy
        with stream(address) as connection:
            run(connection)
    assert log.stat().st_size - before < 20_000


@pytest.fixture
def raised_limit() -> Iterator[int]:
    """The number of connections to open; raises this process's file limit accordingly."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = 1200
    if hard != resource.RLIM_INFINITY and hard < number + 200:
        pytest.skip("this machine allows too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + 200), hard))
    yield number
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_hundred_unfinished_messages_take_no_memory(address: str) -> None:
    port = int(address.rsplit(":", 1)[1])
    before = memory_of(port)
    with ExitStack() as clients:
        for _ in range(100):
            client = clients.enter_context(stream(address))
            # A frame that announces 9 MB, without its last byte.
            client.socket.sendall(b"\x82\xff" + (9_000_000).to_bytes(8, "big") + b"\0\0\0\0")
            with suppress(OSError):
                client.socket.sendall(b"x" * 300_000)
        time.sleep(1)
        assert memory_of(port) - before < 60_000_000
        assert httpx.get(f"{address}/_stcore/health", timeout=PATIENCE).text == "ok"


def memory_of(port: int) -> int:
    """The resident set size, in bytes, of the server at this address."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            command = (status.parent / "cmdline").read_bytes()
            if f"--server.port={port}".encode() in command:
                (line,) = (
                    line for line in status.read_text().splitlines() if line.startswith("VmRSS")
                )
                return int(line.split()[1]) * 1024
    raise AssertionError("no server listens there")
