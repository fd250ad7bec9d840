"""Run the dashboard and the fake ChatbotX in processes of their own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]

_PATIENCE = 120
"""Maximum seconds for a process to start, and to end, on a busy machine."""


@contextmanager
def dashboard(
    folder: Path,
    *,
    app: Path | None = None,
    bound: str = "127.0.0.1",
    files: int | None = None,
    **environment: str,
) -> Iterator[str]:
    """Run a fresh server on this machine; yields its URL.

    Its store and its log, `server.log`, are in `folder`. `app` is its main file, `bound` the
    address it listens on, `environment` all CHATBOTX_ and STREAMLIT_ variables that it sees. A real
    workspace is open to everybody, unless the folder has secrets or the environment says
    otherwise. `files` limits its open files.
    """
    port = free_port()
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CHATBOTX_", "STREAMLIT_"))
    }
    if "CHATBOTX_TOKEN" in environment and not (folder / ".streamlit/secrets.toml").exists():
        environment = {"CHATBOTX_OPEN_ACCESS": "yes"} | environment
    clean |= {"HOME": str(folder), "CHATBOTX_SNAPSHOT_DIR": str(folder / "cache")}
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [*_allowing(files), sys.executable, "-m", "streamlit", "run", str(app or "app.py")]
            + [f"--server.port={port}", f"--server.address={bound}"]
            + ["--server.fileWatcherType=none", "--server.headless=true"],
            cwd=ROOT,
            env=clean | {"PYTHONPATH": str(ROOT)} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_healthy(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(_PATIENCE)


def _allowing(files: int | None) -> list[str]:
    """The start of a command that limits the open files of its process."""
    return [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]


@contextmanager
def chatbotx(token: str, **options: object) -> Iterator[str]:
    """Run the fake API with these options of its command; yields its base URL."""
    given = [f"--{name}={value}" for name, value in options.items()]
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_chatbotx", "--token", token, *given],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None, "the server did not start"
        yield found.group()
    finally:
        server.terminate()
        server.wait(_PATIENCE)
        if server.stdout is not None:
            server.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=10) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            assert server.poll() is None, "the server ended at start-up"
            time.sleep(0.1)
    raise AssertionError("the server did not start")
