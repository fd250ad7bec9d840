"""The servers and browsers that are measured, in processes of their own."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import free_port

ROOT = Path(__file__).parents[1]


def chromium() -> str | None:
    """Paths of the browser, the headless build first."""
    return (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium-headless-shell")
        or shutil.which("chromium")
    )


@contextmanager
def serve(
    script: Path, environment: dict[str, str], *, folder: Path = ROOT
) -> Iterator[tuple[str, int]]:
    """Start a Streamlit server with the settings in `folder`; returns its address and process."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
        + ["--server.address=127.0.0.1", "--server.headless=true"]
        + ["--server.fileWatcherType=none", "--browser.gatherUsageStats=false"],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(20)
