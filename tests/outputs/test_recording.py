"""`--record` and `changes`: four states of a workspace, fetched, stored and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_chatbotx import JULY, FakeChatbotx, Workspace
from tests.outputs.test_report import EXPECTED, Command, rounded, run

__all__ = ["run"]  # the fixture

HISTORY = Path(__file__).parents[1] / "data" / "history"

STATES = {
    "edge-1": "2026-10-23T06:15:00Z",
    "edge-2": "2026-10-24T23:40:00Z",
    "edge-3": "2026-10-27T09:00:00Z",
    "edge-4": "2026-11-02T18:30:00Z",
}
PERIODS = {
    "changes-berlin": ("Europe/Berlin", "2026-10-24", "2026-11-02"),
    "changes-sao-paulo-week": ("America/Sao_Paulo", "2026-10-25", "2026-10-31"),
}


@pytest.fixture
def recorded(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run the command after each state has been recorded, as of its time."""
    states = {name: json.loads((HISTORY / f"{name}.json").read_text("utf-8")) for name in STATES}
    monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOTX_TOKEN", "edge")
    with FakeChatbotx({"edge": states["edge-1"]}, manners=JULY) as server:
        monkeypatch.setenv("CHATBOTX_BASE_URL", server.base_url)
        for name, moment in STATES.items():
            server.workspaces["edge"] = Workspace(states[name])
            assert run("--record", "--as-of", moment).err == ""
        yield run


@pytest.mark.parametrize("name", PERIODS)
def test_what_changed_is_what_is_to_be_said(recorded: Command, name: str) -> None:
    zone, start, end = PERIODS[name]
    asked = ("--as-of", STATES["edge-4"], "--timezone", zone, "--from", start, "--to", end)
    expected = json.loads((EXPECTED / f"{name}.json").read_text("utf-8"))
    assert recorded(*asked).report["changes"] == rounded(expected)


def test_what_is_recorded_twice_is_recorded_once(recorded: Command) -> None:
    asked = ("--as-of", STATES["edge-4"], "--from", "2026-10-24", "--to", "2026-11-02")
    once: Any = recorded(*asked).report["changes"]
    assert recorded("--record", *asked).report["changes"] == once


def test_an_older_snapshot_is_not_recorded_and_that_is_said(recorded: Command) -> None:
    found = recorded("--record", "--as-of", STATES["edge-1"])
    assert found.status == 0
    assert "what changed is not recorded: the clock says" in found.err


def test_without_anything_recorded_there_are_no_changes(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOTX_TOKEN", "edge")
    with FakeChatbotx({"edge": []}, manners=JULY) as server:
        monkeypatch.setenv("CHATBOTX_BASE_URL", server.base_url)
        assert "changes" not in run().report
    assert not (tmp_path / "store").exists()
