"""Each page of a large workspace on an engine, as the app draws it: time, memory of its process,
and what crosses between the engine and the dashboard.

The workspace is in a store, as a crawl to disk leaves it, with a recorded history.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks import streaming
from benchmarks.serving import ROOT
from lib import settings
from lib.engines.chosen import ChosenSource
from tests import apache_spark
from tests.switching import PATHS, switch_page

CHANNELS = (("whatsapp",), ("telegram",))
"""Filters, one after the other: the first choice also starts the engine."""

PATIENCE = 3600.0


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
    choices = CHANNELS[: int(os.environ.get("CHOICES", len(CHANNELS)))]
    pages: dict[str, dict[str, float]] = {}
    for path in os.environ.get("PAGES", ",".join(PATHS)).split(","):
        dashboard = AppTest.from_file(ROOT / "pages/frame.py", default_timeout=PATIENCE)
        dashboard.run()
        if path != "overview":
            switch_page(dashboard, path)
        found = []
        for channels in choices:
            before, started = monitor.bytes(), time.perf_counter()
            dashboard.multiselect(key="pick-channel").set_value([*channels])
            dashboard.run()
            took, after = time.perf_counter() - started, monitor.bytes()
            assert not dashboard.exception, dashboard.exception
            found.append({name: after[name] - before[name] for name in after} | {"seconds": took})
        pages[path] = {name: max(each[name] for each in found) for name in found[0]}
        told = ", ".join(f"{name} {figure:,.1f}" for name, figure in pages[path].items())
        print(f"  {path}: {told}", file=sys.stderr, flush=True)
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
            streaming.environment(folder)
            | {
                "CHATBOTX_ENGINE": address,
                "SPARK_MONITOR": f"http://127.0.0.1:{port}",
                # Traffic, unlike time, does not depend on what was asked first.
                "CHOICES": "1",
            }
        )


if __name__ == "__main__":
    apache_spark.end_with_this_process()
    print(json.dumps(on_spark(Path(sys.argv[1])) if sys.argv[1:] else main()))
