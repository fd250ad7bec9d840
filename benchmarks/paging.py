"""Each page of a large workspace on an engine, as the app draws it: time, memory of its process,
and what crosses between the engine and the dashboard.

The workspace is in a store, as a crawl to disk leaves it, with a recorded history.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks import streaming
from benchmarks.serving import ROOT
from lib import settings
from lib.engines.chosen import ChosenSource
from lib.history.recorder import recorder_of
from tests import apache_spark
from tests.switching import PATHS, switch_page

CHANNELS = (("whatsapp",), ("telegram",))
"""Filters, one after the other: the first choice also starts the engine."""

PATIENCE = 3600.0


def environment(folder: Path) -> dict[str, str]:
    """Environment of a server that shows the store in this folder."""
    return {
        "CHATBOTX_TOKEN": "bench",
        "CHATBOTX_OPEN_ACCESS": "yes",
        "CHATBOTX_BASE_URL": "http://127.0.0.1:9/api",  # nobody listens
        "CHATBOTX_STORE": str(folder),
        "CHATBOTX_ENGINE": "duckdb",
        "CHATBOTX_ENGINE_SECONDS": "600",
        "CHATBOTX_REFRESH_MINUTES": "10080",
    }


def prepare(folder: Path, contacts: int) -> None:
    """Crawl and record twice into a store in this folder, two of a hundred contacts having
    changed."""
    recorder = recorder_of(settings.load(environment(folder), {}))
    assert recorder is not None
    for number in range(2):
        pages = streaming.pages(contacts)
        changed = map(streaming.changed, pages) if number else pages
        spool = folder / f"crawl-{number}"
        as_of = streaming.AS_OF + timedelta(hours=number)
        recorder.save(streaming.crawled(spool, changed, as_of))
        shutil.rmtree(spool)


def measured(variables: Mapping[str, str]) -> dict[str, Any]:
    """For each page the seconds and the bytes of `Monitor`; for all of them the peak of memory in
    MB. In a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.paging"],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | variables,
        timeout=PATIENCE,
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> dict[str, Any]:
    """What `measured` returns."""
    from streamlit.testing.v1 import AppTest

    from lib.refresh import refreshers

    refresher = refreshers.refresher_of(settings.load())
    refresher.wait(600)
    monitor = Monitor(os.environ.get("SPARK_MONITOR"))
    pages: dict[str, dict[str, float]] = {}
    for path in os.environ.get("PAGES", ",".join(PATHS)).split(","):
        dashboard = AppTest.from_file(ROOT / "pages/frame.py", default_timeout=PATIENCE)
        dashboard.run()
        if path != "overview":
            switch_page(dashboard, path)
        found = []
        for channels in CHANNELS:
            before, started = monitor.bytes(), time.perf_counter()
            dashboard.multiselect(key="pick-channel").set_value([*channels])
            dashboard.run()
            took, after = time.perf_counter() - started, monitor.bytes()
            assert not dashboard.exception, dashboard.exception
            found.append({name: after[name] - before[name] for name in after} | {"seconds": took})
        pages[path] = {name: max(each[name] for each in found) for name in found[0]}
    refreshers.stop_all()
    return {"pages": pages, "peak": streaming.status("VmHWM")}


class Monitor:
    """Counts bytes of results, and with the URL of Apache Spark's user interface what it shuffles
    and its tasks return."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._received = 0
        collect = ChosenSource.collect

        def counted(source: ChosenSource, frame: Any) -> Any:
            found = collect(source, frame)
            self._received += found.nbytes
            return found

        ChosenSource.collect = counted  # type: ignore[method-assign, assignment]

    def bytes(self) -> dict[str, float]:
        """All bytes so far."""
        found = {"received": float(self._received)}
        if self._url is None:
            return found
        api = f"{self._url}/api/v1/applications"
        application = _json(api)[0]["id"]
        found |= {"shuffled": 0.0, "returned": 0.0}
        for stage in _json(f"{api}/{application}/stages?details=true&status=complete"):
            found["shuffled"] += stage["shuffleWriteBytes"]
            for task in stage["tasks"].values():
                found["returned"] += task.get("taskMetrics", {}).get("resultSize", 0)
        return found


def _json(url: str) -> Any:
    with urlopen(url, timeout=60) as answer:
        return json.load(answer)


def on_spark(folder: Path) -> dict[str, Any]:
    """`measured` on an Apache Spark of its own; its package has to be installed here."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monitored = {"spark.ui.enabled": "true", "spark.ui.port": str(port)}
    with apache_spark.server(monitored) as address:
        return measured(
            environment(folder)
            | {"CHATBOTX_ENGINE": address, "SPARK_MONITOR": f"http://127.0.0.1:{port}"}
        )


if __name__ == "__main__":
    print(json.dumps(on_spark(Path(sys.argv[1])) if sys.argv[1:] else main()))
