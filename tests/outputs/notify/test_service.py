"""The server's notification thread; without recipients it costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lib import settings
from lib.outputs.notify import service
from lib.refresh import refreshers
from tests.fake_chatbotx import FakeChatbotx
from tests.outputs.notify.conftest import Hook
from tests.serving import ROOT

RUN = """
import asyncio, sys, threading
import app

async def main():
    async with app.lifespan(app.app):
        await asyncio.sleep(0.2)
        loaded = {"apprise", "cronsim", "requests", "smtplib", "lib.outputs.notify",
                  "lib.outputs.deliveries", "lib.outputs.digest", "lib.insights.alerts"}
        print("LOADED", sorted(loaded & set(sys.modules)))
        print("THREADS", sorted(t.name for t in threading.enumerate() if t.name == "notify"))

asyncio.run(main())
"""


def started(home: Path) -> list[str]:
    """Output of a started server with the secrets in that home folder."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=home,
        env={"HOME": str(home), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("LOADED", "THREADS"))]


def test_nothing_is_loaded_and_no_thread_runs_for_those_who_do_not_use_it(tmp_path: Path) -> None:
    loaded, threads = started(tmp_path)
    # Streamlit itself may load requests; nothing of ours may.
    assert loaded in ("LOADED []", "LOADED ['requests']", "LOADED ['requests', 'smtplib']")
    assert threads == "THREADS []"


def test_a_thread_runs_for_those_who_do(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        '[notify.x]\nchat = "json://127.0.0.1:1/"\n[notify.x.alerts]\nbacklog = 1000000\n'
    )
    loaded, threads = started(tmp_path)
    assert "lib.insights.alerts" in loaded
    assert threads == "THREADS ['notify']"


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_an_alert_begins_and_ends_with_the_refreshes_of_the_server(
    hook: Hook,
    edge_server: FakeChatbotx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'[notify.x]\nchat = "json://127.0.0.1:{hook.port}/"\n[notify.x.alerts]\nbacklog = 0\n'
    )
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", (secrets,))
    monkeypatch.setattr(service, "SECONDS", 0.05)
    monkeypatch.setenv("CHATBOTX_TOKEN", "edge")
    monkeypatch.setenv("CHATBOTX_BASE_URL", edge_server.base_url)
    monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path / "store"))
    settings.read_again()
    configuration = settings.configuration()
    refresher = refreshers.refresher_of(configuration.workspaces[0])
    service.start(configuration)
    try:
        until(lambda: len(hook.requests) == 1)
        assert b"wait for an answer" in hook.requests[0][1]
        # Everybody who waits is deleted.
        workspace = edge_server.workspaces["edge"]
        for each in list(workspace.contacts):
            if each.get("conversation"):
                workspace.delete(each["id"])
        refresher.refresh()
        until(lambda: len(hook.requests) == 2)
        assert b"Over: " in hook.requests[1][1]
    finally:
        service.stop()
        refreshers.stop_all()
    assert len(hook.requests) == 2
