"""Two processes killed around sending: each message arrives once, or the record says that nobody
knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import effort

SEEDS = 200 if effort.IS_WHOLE else 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
@pytest.mark.parametrize(("kept", "seeds"), [("folder", SEEDS), ("bucket", max(8, SEEDS // 10))])
def test_whatever_is_killed_when_each_message_arrives_once_or_is_said_to_be_unclear(
    tmp_path: Path, kept: str, seeds: int, request: pytest.FixtureRequest
) -> None:
    endpoint = [request.getfixturevalue("endpoint")] if kept == "bucket" else []
    program = [sys.executable, "-m", "tests.outputs.notify.killing"]
    done = subprocess.run(
        [*program, str(tmp_path), "1", str(seeds), *endpoint],
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )
    assert done.returncode == 0, done.stderr
    stories = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(stories) == seeds
    outcomes: Counter[str] = Counter()
    for story in stories:
        assert story["failed"] == 0, story
        arrived = Counter(map(kind_of, story["arrived"]))
        rows: dict[str, list[str]] = {}
        for kind, state, began in story["rows"]:
            rows.setdefault(kind if kind == "digest" else f"{began}", []).append(state)
        # One digest; one message for an alert that begins, and one for its end.
        assert all(len(states) == 1 for states in rows.values()), story
        assert "digest" in rows, story
        for what, (state,) in rows.items():
            if state == "given up":  # ended before it could be sent
                assert what == "[]", story
                continue
            assert state in ("done", "unclear"), story
            assert arrived[what] <= 1, story
            # Messages recorded as done have arrived; where it is unknown, the record says so.
            assert state == "unclear" or arrived[what] == 1, story
            outcomes[f"{state}, arrived {arrived[what]} times"] += 1
        assert set(arrived) <= set(rows), story
        assert "[True]" in rows or "[False]" not in rows, story
    # Processes die at points of every kind.
    assert min(outcomes.values()) > 0
    assert len(outcomes) >= (3 if seeds >= 200 else 2), outcomes


def kind_of(subject: str) -> str:
    if "Over:" in subject:
        return "[False]"
    return "[True]" if "people wait" in subject else "digest"
