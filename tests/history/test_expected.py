"""The recorded workspace at four times, and its expected history."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lib.history import outline
from lib.history.memory import Past
from lib.history.reading import changes
from lib.reference.periods import Period
from tests.engines.answering import KINDS, Kind
from tests.history.states import at, past_of, read_by

DATA = Path(__file__).parents[1] / "data"

MOMENTS = {
    "edge-1": at("2026-10-23T06:15:00"),
    "edge-2": at("2026-10-24T23:40:00"),
    "edge-3": at("2026-10-27T09:00:00"),
    "edge-4": at("2026-11-02T18:30:00"),
}
PERIODS = {
    "changes-berlin": Period(date(2026, 10, 24), date(2026, 11, 2), "Europe/Berlin"),
    "changes-sao-paulo-week": Period(date(2026, 10, 25), date(2026, 10, 31), "America/Sao_Paulo"),
}


def rounded(expected: Any, name: str = "") -> Any:
    """Hours to two decimals, rates to six, as in every report."""
    if isinstance(expected, dict):
        return {key: rounded(value, key) for key, value in expected.items()}
    if isinstance(expected, list):
        return [rounded(each) for each in expected]
    if isinstance(expected, float):
        return round(expected, 2 if name.endswith("hours") else 6)
    return expected


@pytest.fixture(scope="module")
def past() -> Past:
    states = [
        (moment, json.loads((DATA / "history" / f"{name}.json").read_text("utf-8")))
        for name, moment in MOMENTS.items()
    ]
    return past_of(*states)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PERIODS)
def test_what_changed_is_what_is_to_be_said(past: Past, name: str, kind: Kind) -> None:
    expected = json.loads((DATA / "expected" / f"{name}.json").read_text("utf-8"))
    found = changes(read_by(kind, past), PERIODS[name])
    assert found is not None
    assert outline.of(found) == rounded(expected)
