"""Ten viewers at once on 100,000 contacts: what a change of filter takes each, and the peak memory
of the server. The viewers speak the protocol of Streamlit's page without a browser."""

import asyncio
import shutil
import tempfile
import time
from itertools import combinations, cycle
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.rerunning import CHANNELS, PAGES, ROOT, serve, snapshot_of
from benchmarks.table import Row
from lib import settings
from lib.store.storage import store_of

CONTACTS = 100_000
VIEWERS = 10
CHANGES = 8
"""Of filter or page, by each viewer."""

THINKING = 5.0
"""Seconds between two of them: somebody who only glances at what is shown."""


def rows() -> list[Row]:
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
    with serve(ROOT / "app.py", environment) as (address, process):
        alone = asyncio.run(_look(address, 1))
        together = asyncio.run(_look(address, VIEWERS))
        peak = _peak(process)
    shutil.rmtree(folder)
    return [
        Row.at_most(
            f"answer to a change of filter, {VIEWERS} viewers at once, {CONTACTS:,} contacts",
            f"median {median(together) * 1000:.0f} ms, slowest {max(together) * 1000:.0f} ms; "
            f"one viewer alone {median(alone) * 1000:.0f} ms",
            median(together),
            0.5,
            " s",
        ),
        Row.at_most(
            f"peak memory of the server with {VIEWERS} viewers, {CONTACTS:,} contacts",
            f"{peak / 1e6:.0f} MB",
            peak / 1e9,
            1,
            " GB",
        ),
    ]


async def _look(address: str, viewers: int) -> list[float]:
    """The times from each change to the end of the run that answers it."""
    seconds = await asyncio.gather(*(_viewer(address, number) for number in range(viewers)))
    return [each for times in seconds for each in times]


async def _viewer(address: str, number: int) -> list[float]:
    url = address.replace("http", "ws") + "/_stcore/stream"
    choices = cycle(combinations(CHANNELS, 2 + number % 3))
    times = []
    async with connect(
        url,
        origin=Origin(address),
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
    ) as socket:
        await _run(socket, "", "")
        await asyncio.sleep(number * THINKING / 10)
        for change in range(CHANGES):
            query = urlencode({"channel": next(choices), "period": "all"}, doseq=True)
            page = PAGES[(number + change) % len(PAGES)]
            times.append(await _run(socket, query, "" if page == "overview" else page))
            await asyncio.sleep(THINKING)
    return times


async def _run(socket: ClientConnection, query: str, page: str) -> float:
    """Asks for a page as the browser does, and waits until its script has run."""
    ask = BackMsg()
    ask.rerun_script.query_string = query
    ask.rerun_script.page_name = page
    started = time.perf_counter()
    await socket.send(ask.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await socket.recv(decode=False))
        if answer.WhichOneof("type") == "script_finished":
            return time.perf_counter() - started


def _peak(process: int) -> int:
    """The highest resident set of a process so far, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
