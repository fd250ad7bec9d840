"""Thirty simultaneous viewers on 100,000 contacts, and ten tabs open for an hour.

The viewers speak Streamlit's protocol without a browser. In the same run, the same is done with an
empty Streamlit page under Streamlit's own settings; the difference is ours.
"""

import asyncio
import re
import shutil
import tempfile
import time
from itertools import combinations, cycle
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.rerunning import CHANNELS, EMPTY_PAGE, PAGES, snapshot_of
from benchmarks.serving import ROOT, serve
from benchmarks.table import Row
from lib import settings
from lib.store.storage import store_of
from lib.web import paint_signals

CONTACTS = 100_000
VIEWERS = 30
CHANGES = 8
"""Changes of filter or page per viewer."""

THINKING = 5.0
"""Seconds between changes: somebody who only glances at the page."""

TABS = 10
AN_HOUR = 240
"""Share of the fifteen-second interval at which a page checks the data's freshness."""

REFRESHES = 4


def rows() -> list[Row]:
    empty = Path(tempfile.mkdtemp()) / "empty.py"
    empty.write_text(EMPTY_PAGE)
    folder = tempfile.mkdtemp()
    environment = {
        "CHATBOTX_TOKEN": "bench",
        "CHATBOTX_OPEN_ACCESS": "yes",
        "CHATBOTX_BASE_URL": "http://127.0.0.1:9/api",  # nobody listens
        "CHATBOTX_SNAPSHOT_DIR": folder,
        "CHATBOTX_REFRESH_MINUTES": "10080",
    }
    store = store_of(settings.load(environment, {}))
    assert store is not None
    store.commit(store.head(), snapshot_of(CONTACTS))
    with serve(empty, {}, folder=empty.parent) as (address, _):
        nothing = asyncio.run(_look(address, VIEWERS))
    with serve(ROOT / "app.py", environment) as (address, process):
        alone = asyncio.run(_look(address, 1))
        together = asyncio.run(_look(address, VIEWERS))
        peak = _memory(process, "VmHWM")
    shutil.rmtree(folder)
    return [
        Row.at_most(
            f"median answer to another page or filter / that of an empty page, {VIEWERS} viewers, "
            f"{CONTACTS:,} contacts",
            f"{_described(together)}; empty page: {_described(nothing)}; one viewer alone: "
            f"{_described(alone)}",
            median(together) / median(nothing),
            3,
            " ×",
        ),
        Row.at_most(
            f"peak memory of the server with {VIEWERS} viewers, {CONTACTS:,} contacts",
            f"{peak / 1e6:.0f} MB",
            peak / 1e6,
            600,
            " MB",
        ),
        _soak(),
    ]


def _described(seconds: list[float]) -> str:
    slow = quantiles(seconds, n=20)[-1]
    return f"median {median(seconds) * 1000:.0f} ms, 95 % within {slow * 1000:.0f} ms"


def _soak() -> Row:
    """Ten tabs of the demo workspace, whose timers go through an hour at once."""
    with serve(ROOT / "app.py", {}) as (address, process):
        levels = asyncio.run(_stay(address, process))
    shown = ", ".join(f"{level / 1e6:.0f}" for level in levels)
    return Row.at_most(
        f"memory after an hour of {TABS} open tabs and {REFRESHES} refreshes / after a quarter",
        f"{shown} MB after each quarter",
        levels[-1] / levels[0],
        1.1,
        " ×",
    )


async def _look(address: str, viewers: int) -> list[float]:
    """Times from each change to the end of the run that answers it."""
    seconds = await asyncio.gather(*(_viewer(address, number) for number in range(viewers)))
    return [each for times in seconds for each in times]


async def _viewer(address: str, number: int) -> list[float]:
    choices = cycle(combinations(CHANNELS, 2 + number % 3))
    times = []
    async with _tab(address) as socket:
        await _run(socket, "", "")
        await asyncio.sleep(number * THINKING / VIEWERS)
        for change in range(CHANGES):
            query = urlencode({"channel": next(choices), "period": "all"}, doseq=True)
            page = PAGES[(number + change) % len(PAGES)]
            started = time.perf_counter()
            await _run(socket, query, "" if page == "overview" else page)
            times.append(time.perf_counter() - started)
            await asyncio.sleep(THINKING)
    return times


async def _stay(address: str, process: int) -> list[int]:
    """Resident memory after each quarter of the hour."""
    tabs = [await _tab(address).__aenter__() for _ in range(TABS)]
    parts: dict[int, set[str]] = {}
    levels = []
    for number, tab in enumerate(tabs):
        page = PAGES[number % len(PAGES)]
        while not (parts.get(number)):
            sent = await _run(tab, "", "" if page == "overview" else page)
            whole = b"".join(each.SerializeToString() for each in sent)
            if b"contacts as of" in whole:
                parts[number] = _timed(sent)
    for quarter in range(REFRESHES):
        button = await _refresh_button(tabs[0])
        parts[0] = _timed(await _ask(tabs[0], _pressing(button)))
        for _ in range(AN_HOUR // REFRESHES):
            await asyncio.gather(*(_tick(tab, parts[number]) for number, tab in enumerate(tabs)))
        for number, tab in enumerate(tabs):
            page = PAGES[(number + quarter) % len(PAGES)]
            sent = await _run(tab, "", "" if page == "overview" else page)
            parts[number] = _timed(sent)
        levels.append(_memory(process, "VmRSS"))
    for tab in tabs:
        await tab.close()
    return levels


async def _refresh_button(tab: ClientConnection) -> str:
    """ID of the refresh button, which is absent while a refresh runs."""
    while True:
        sent = await _run(tab, "", "")
        found = re.findall(
            rb"\$\$ID-\w+-None|\$\$ID-[\w-]+",
            b"".join(
                each.delta.new_element.button.id.encode()
                for each in sent
                if each.delta.new_element.button.label == "Refresh"
            ),
        )
        if found:
            return str(found[0].decode())
        await asyncio.sleep(0.5)


def _pressing(button: str) -> BackMsg:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id=button, trigger_value=True)
    return message


def _timed(sent: list[ForwardMsg]) -> set[str]:
    """The fragments that a page reruns by timers."""
    return {each.auto_rerun.fragment_id for each in sent} - {""}


async def _tick(tab: ClientConnection, parts: set[str]) -> None:
    """Reruns that a tab's timers request. Forgets fragments that a run in between has replaced:
    Streamlit answers nothing to a request for one that does not exist."""
    for part in [*parts]:
        message = BackMsg()
        message.rerun_script.fragment_id = part
        message.rerun_script.is_auto_rerun = True
        try:
            await asyncio.wait_for(_ask(tab, message), 5)
        except TimeoutError:
            parts.discard(part)


def _tab(address: str) -> connect:
    return connect(
        address.replace("http", "ws") + "/_stcore/stream",
        origin=Origin(address),
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        # What a busy server does to its viewers is measured rather than ended.
        ping_interval=None,
    )


async def _run(socket: ClientConnection, query: str, page: str) -> list[ForwardMsg]:
    """Request a page as the browser does, and wait until its script has run."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.page_name = page
    return await _ask(socket, message)


async def _ask(socket: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """Messages up to the end of the run that answers the request, skipping runs from before and
    runs abandoned for it or for one that started by itself."""
    await socket.send(message.SerializeToString())
    sent: list[ForwardMsg] = []
    # For a fragment that no longer exists, an end is reported without a start.
    has_begun = bool(message.rerun_script.fragment_id)
    while True:
        answer = ForwardMsg()
        frame = await socket.recv(decode=False)
        answer.ParseFromString(frame)
        sent.append(answer)
        await _paint(socket, frame)
        kind = answer.WhichOneof("type")
        has_begun |= kind == "new_session"
        if (
            kind == "script_finished"
            and has_begun
            and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        ):
            return sent


async def _paint(socket: ClientConnection, frame: bytes) -> None:
    """Request the image by which a browser says that it has painted what came so far."""
    for path in re.findall(rf"{paint_signals.PATH}\?[\w-]+".encode(), frame):
        host, port = socket.remote_address[:2]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % (path, port)
        )
        await reader.read()
        writer.close()


def _memory(process: int, name: str) -> int:
    """Resident set of a process in bytes: current (VmRSS) or peak (VmHWM)."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
