"""The demo workspace's fabricated past is consistent with its present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lib.demo.company import AGENT_IDS, OVERLOADED
from lib.engines.questions import Filter
from lib.history import events, levels
from lib.history.demo import DAYS, LATE, Reconstruction, demo_past
from lib.history.memory import Past
from lib.history.reading import changes, events_in
from lib.reference.periods import Period, day_of
from lib.settings import Settings
from lib.store.dimensions import CHANNEL
from lib.store.snapshot import Snapshot, fetch
from lib.store.workspace import connect
from tests import effort

AS_OF = datetime(2026, 11, 28, 12, tzinfo=UTC)
MONTH = Period.last(30, AS_OF, "America/Sao_Paulo")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    with connect(Settings(), as_of=AS_OF) as client:
        return fetch(client, began=AS_OF, is_demo=True)


@pytest.fixture(scope="module")
def past(snapshot: Snapshot) -> Past:
    return demo_past(snapshot)


def test_it_has_a_state_for_each_of_sixty_days_and_ends_with_the_present(
    past: Past, snapshot: Snapshot
) -> None:
    days = {day_of(moment, "UTC") for moment in past.moments}
    assert len(days) == DAYS + 1
    assert past.since == AS_OF.replace(hour=LATE) - timedelta(days=DAYS)
    assert past.latest.tables is snapshot.tables


def test_the_same_snapshot_has_the_same_past(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.history.demo.DAYS", days := effort.of(DAYS))
    period = Period.last(days - 1, AS_OF, MONTH.timezone)
    one, other = (changes(demo_past(snapshot), period) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.bridge.joined > 20
    assert one.bridge == other.bridge


def test_something_of_every_kind_has_happened(past: Past) -> None:
    found = changes(past, MONTH)
    assert found is not None
    assert [kind for kind in events.KINDS if not found.events[kind]] == []
    assert found.by_day["joined"].gt(0).all()
    assert (found.agents["received"] > 0).sum() == 9
    assert found.levels is not None
    assert len(found.levels) == 30
    assert events_in(past, MONTH, by=[CHANNEL]).by_key("broadcast_out", CHANNEL)["whatsapp"] > 10


def test_it_adds_up_under_a_filter(past: Past) -> None:
    found = changes(past, MONTH, Filter.to({"channel": ["whatsapp"]}))
    assert found is not None
    bridge = found.bridge
    assert found.levels is not None
    assert bridge.closing == found.levels["active"].iloc[-1]
    assert bridge.moved_in > 0
    before = changes(
        past,
        Period.last(30, AS_OF - timedelta(days=30), MONTH.timezone),
        Filter.to({"channel": ["whatsapp"]}),
    )
    assert before is not None
    assert before.bridge.closing == bridge.opening


def test_numbers_go_on_into_the_present_without_a_leap(past: Past) -> None:
    found = changes(past, Period.last(DAYS, AS_OF, MONTH.timezone))
    assert found is not None
    assert found.levels is not None
    for name in levels.NUMBERS:
        steps = np.abs(np.diff(found.levels[name].to_numpy()))
        assert steps[-1] <= steps[:-1].max() * 1.25, name
    assert np.median(found.by_day["joined"]) > 20


def test_the_bridge_of_all_days_leads_to_the_present(past: Past, snapshot: Snapshot) -> None:
    found = changes(past, Period.last(DAYS, AS_OF, MONTH.timezone))
    assert found is not None
    bridge = found.bridge
    change = bridge.joined + bridge.unblocked - bridge.blocked - bridge.deleted
    assert bridge.opening + change == bridge.closing
    assert bridge.closing == snapshot.tables.contacts["blocked"].isna().sum()


def test_people_answer_in_hours_and_who_has_too_much_takes_longest(past: Past) -> None:
    found = changes(past, MONTH)
    assert found is not None
    assert found.response.median_hours is not None
    assert 3 < found.response.median_hours < 12
    assert found.response.answered > 1_000
    hours = found.agents["median_response_hours"]
    assert hours.between(1, 24).all()
    assert hours[AGENT_IDS[OVERLOADED]] > 1.5 * found.response.median_hours


def test_a_channel_and_its_inbox_come_and_go_together(snapshot: Snapshot) -> None:
    as_of = AS_OF - timedelta(days=30)
    tables = Reconstruction(snapshot, np.random.default_rng(7)).tables(as_of)
    channel_of = tables.inboxes.assign(id=tables.inboxes["id"].astype("str")).set_index("id")
    inboxes = tables.contact_inboxes.astype({"inbox": "str"})
    told = set(zip(inboxes["contact"], inboxes["inbox"].map(channel_of["channel"]), strict=True))
    channels = tables.contact_channels.astype({"channel": "str"})
    assert set(zip(channels["contact"], channels["channel"], strict=True)) == told
