"""Whatever happens to a workspace, its recorded history adds up: compared with plain loops."""

from __future__ import annotations

from datetime import datetime

from hypothesis import HealthCheck, given, settings

from lib.chatbotx.crawl import Range
from lib.engines.questions import Filter
from lib.history.memory import Past
from lib.history.reading import changes
from lib.reference.periods import Period
from lib.store.dimensions import MISSING
from tests import effort
from tests.history import plain_history as plain
from tests.history.generated import Json, filters, periods, workspaces
from tests.history.states import tables_of


def passes(limits: Filter, each: Json) -> bool:
    has = {
        "channel": plain.channels(each) or {MISSING},
        "country": {each["country"] or "unknown"},
        "tag": plain.tags(each) or {MISSING},
        "source": plain.sources(each) or {MISSING},
        "team": held_by(each, "assignedInboxTeamId"),
        "agent": held_by(each, "assignedUserId"),
    }
    return all(has[dimension.key] & keys for dimension, keys in limits.by_dimension)


def held_by(each: Json, name: str) -> set[str]:
    conversation = each["conversation"]
    return {conversation[name] or MISSING} if conversation else set()


@settings(max_examples=effort.of(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(workspaces(), periods, filters())
def test_it_adds_up_to_the_last_contact_in_every_period_zone_and_selection(
    states: list[tuple[datetime, list[Json], tuple[Range, ...]]], period: Period, limits: Filter
) -> None:
    past, oracle = Past(), plain.Past()
    for moment, each, doubtful in states:
        past.record(moment, tables_of(each), doubtful)
        oracle.record(moment, each, [(range_.first, range_.last) for range_ in doubtful])
    found = changes(past, period, limits)
    if states[0][0] >= period.end_moment:
        assert found is None
        return
    assert found is not None
    expected = oracle.changes(
        period.start, period.end, period.timezone, lambda each: passes(limits, each)
    )
    bridge = found.bridge
    assert (found.opening, found.closing) == (expected["opening"], expected["closing"])
    assert bridge.opening == expected["active_opening"]
    assert bridge.closing == expected["active_closing"]
    assert bridge.closing == (
        bridge.opening
        + bridge.joined
        + bridge.unblocked
        - bridge.blocked
        - bridge.deleted
        + bridge.moved_in
        - bridge.moved_out
    )
    if limits.is_empty:
        assert (bridge.moved_in, bridge.moved_out) == (0, 0)
    assert bridge.deleted == expected["deleted_active"]
    assert found.events == {kind: expected["events"][kind] for kind in found.events}
    for kind in found.by_day:
        assert {(day, kind): n for day, n in found.by_day[kind].items() if n} == {
            key: n for key, n in expected["days"].items() if key[1] == kind
        }
    response = found.response
    assert (response.answered, response.timed) == (expected["answered"], expected["timed"])
    if expected["median_hours"] is None:
        assert response.median_hours is None
    else:
        assert response.median_hours is not None
        assert abs(response.median_hours - expected["median_hours"]) < 1e-6
