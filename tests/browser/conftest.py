"""The dashboard as people use it: a cold server, Chromium, and no network but this machine."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.fake_chatbotx import FakeChatbotx

ROOT = Path(__file__).parents[2]

_PROBES = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")
"""On a deep link Streamlit's page first looks for its server below the page's own path."""


def _chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        message = "No Chromium: install the package chromium, or name one in CHROMIUM."
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path, edge_server: FakeChatbotx) -> Iterator[Serve]:
    """`serve(token=…)` starts the dashboard on the recorded workspace (or, with `token=None`, the
    demo one) and returns its address. No page has been asked of it before. `bound` is the address
    that the server listens at; other settings by name."""
    servers: list[subprocess.Popen[bytes]] = []

    def serve(token: str | None = "edge", bound: str = "127.0.0.1", **others: str) -> str:
        port = _free_port()
        given = {"base_url": edge_server.base_url, "snapshot_dir": str(tmp_path / "cache")}
        if token is not None:
            given["token"] = token
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CHATBOTX_", "STREAMLIT_"))
        }
        given |= others
        environment |= {f"CHATBOTX_{name.upper()}": value for name, value in given.items()}
        # A developer's own secrets must not reach a test.
        environment["HOME"] = str(tmp_path)
        with (tmp_path / f"server-{port}.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py"]
                + [f"--server.port={port}", f"--server.address={bound}"]
                + ["--server.fileWatcherType=none", "--server.headless=true"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        servers.append(server)
        address = f"http://127.0.0.1:{port}"
        _wait_until_healthy(address, server)
        return address

    yield serve
    for server in servers:
        server.terminate()
    for server in servers:
        assert server.wait(10) is not None


@dataclass
class Trouble:
    """What must not happen on any page."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not _PROBES.search(url):
            self.errors.append(f"{message.text} {url}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.foreign.append(request.url)


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """`open_page(address, width=…, dark=…)` opens a page and waits until it has settled. At the
    end, the test fails for any error in the console and any request to another host."""
    trouble = Trouble()
    contexts = []

    def open_page(address: str, width: int = 1440, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        trouble.watch(page)
        page.goto(address)
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not trouble.errors
    assert not trouble.foreign


def settle(page: Page) -> None:
    """Waits until the script has run and what it draws is there."""
    page.wait_for_selector("h1", timeout=30_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=30_000)
    assert not page.locator("[data-testid=stException]").count()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            assert server.poll() is None, "the server ended at start-up"
            time.sleep(0.1)
    pytest.fail("the server did not start")
