"""The dashboard as a process of its own, and the fake ChatbotX as another."""

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
"""Seconds that a process may take to start, and to end: a machine may have other work."""


@contextmanager
def dashboard(
    folder: Path,
    *,
    app: Path | None = None,
    bound: str = "127.0.0.1",
    files: int | None = None,
    **environment: str,
) -> Iterator[str]:
    """A cold server on this machine; gives its address. What it keeps and its log, `server.log`,
    go into `folder`. `app` is another main file, `bound` the address that it listens at;
    `environment` is all that it knows of ours. A real workspace is open unless the folder has
    secrets, or the environment says otherwise. `files` is how many it may have open."""
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
    """What begins a command whose process may have so many files open."""
    return [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]


@contextmanager
def chatbotx(token: str, **options: object) -> Iterator[str]:
    """The fake API, with the options of its command by name; gives its base URL."""
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
