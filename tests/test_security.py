"""SECURITY.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "SECURITY.md").read_text("utf-8")
LINES = [line for line in TEXT.splitlines() if line.startswith("| ") and "| test |" not in line]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip()[:40])
def test_each_line_of_the_threat_model_points_to_tests_that_exist(line: str) -> None:
    cell = line.rstrip("| ").rsplit("|", 1)[1]
    named = re.findall(r"`([^`]+)`", cell)
    assert named, "no test shows it"
    files = [TESTS / name for name in named if name.endswith(".py")]
    written = "".join(path.read_text("utf-8") for path in files)
    for name in named:
        if not name.endswith(".py"):
            assert f"def {name}(" in written, f"{name} is in none of {files}"
