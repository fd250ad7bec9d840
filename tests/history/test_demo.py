"""The demo workspace has a past: made up, and consistent with its present."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lib.history import events
from lib.history.demo import DAYS, demo_past
from lib.history.filters import Filter
from lib.history.memory import Past
from lib.history.reading import changes, events_in
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.dimensions import CHANNEL
from lib.store.snapshot import Snapshot, fetch
from lib.store.workspace import connect

AS_OF = datetime(2026, 11, 28, 12, tzinfo=UTC)
MONTH = Period.last(30, AS_OF, "America/Sao_Paulo")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    with connect(Settings(), as_of=AS_OF) as client:
        return fetch(client, began=AS_OF, is_demo=True)


@pytest.fixture(scope="module")
def past(snapshot: Snapshot) -> Past:
    return demo_past(snapshot)


def test_it_is_made_in_two_seconds_of_processor(snapshot: Snapshot) -> None:
    began = time.process_time()
    demo_past(snapshot)
    # Twice that, for machines on which everything else runs too.
    assert time.process_time() - began < 4


def test_it_has_a_state_for_each_of_sixty_days_and_ends_with_the_present(
    past: Past, snapshot: Snapshot
) -> None:
    assert len(past.recorded) == DAYS + 1
    assert past.since == AS_OF - timedelta(days=DAYS)
    assert past.latest.tables is snapshot.tables


def test_the_same_snapshot_has_the_same_past(past: Past, snapshot: Snapshot) -> None:
    assert changes(demo_past(snapshot), MONTH).bridge == changes(past, MONTH).bridge  # type: ignore[union-attr]  # both are there


def test_something_of_every_kind_has_happened(past: Past) -> None:
    found = changes(past, MONTH)
    assert found is not None
    quiet = {kind for kind in events.KINDS if not found.events[kind]}
    assert quiet == {"channel_removed"}
    assert found.by_day["joined"].gt(0).all()
    assert (found.agents["received"] > 0).sum() == 9
    assert found.levels is not None
    assert len(found.levels) == 30
    assert events_in(past, MONTH, by=[CHANNEL]).by_key("broadcast_out", CHANNEL)["whatsapp"] > 10


def test_it_adds_up_under_a_filter(past: Past) -> None:
    found = changes(past, MONTH, Filter({"channel": ["whatsapp"]}))
    assert found is not None
    bridge = found.bridge
    assert found.levels is not None
    assert bridge.closing == found.levels["active"].iloc[-1]
    assert bridge.moved_in > 0
    before = changes(
        past,
        Period.last(30, AS_OF - timedelta(days=30), MONTH.timezone),
        Filter({"channel": ["whatsapp"]}),
    )
    assert before is not None
    assert before.bridge.closing == bridge.opening


def test_numbers_go_on_into_the_present_without_a_leap(past: Past) -> None:
    found = changes(past, MONTH)
    assert found is not None
    assert found.levels is not None
    for name in ("active", "open", "unassigned", "broadcast"):
        level = found.levels[name].to_numpy()
        assert abs(level[-1] / level[-2] - 1) < 0.2, name
    assert np.median(found.by_day["joined"]) > 20
