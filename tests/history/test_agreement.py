"""Every engine agrees with memory about any history, for any period and filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings

from lib.chatbotx.crawl import Range
from lib.engines.questions import Filter
from lib.history.memory import Past
from lib.history.opt_outs import departures, opt_out_rate
from lib.history.reading import Events, History, changes, events_in
from lib.reference.periods import Period
from lib.store.dimensions import DIMENSIONS
from tests import effort
from tests.engines.answering import OTHERS, Kind
from tests.engines.test_agreement import plain
from tests.history.generated import Json, filters, periods, workspaces
from tests.history.states import read_by, tables_of

ABOUT = ("tag_added", "tag_removed", "channel_added", "channel_removed")


def everything(history: History, period: Period, limits: Filter) -> dict[str, Any]:
    """Every question that is asked of a history."""
    found: Events = events_in(history, period, limits, by=DIMENSIONS)
    middle = period.first_moment + (period.end_moment - period.first_moment) / 2
    asked: dict[str, Callable[[], object]] = {
        "changes": partial(changes, history, period, limits),
        "response since": partial(found.response, since=middle),
        "response before": partial(found.response, before=middle),
        "response by day": partial(found.response_by_day, period, 1.0),
        "received by day": partial(found.received_by_day, period),
        "by agent": found.by_agent,
        "rate": partial(opt_out_rate, history, period, "broadcast", limits),
        **{kind: partial(found.by_value, kind) for kind in ABOUT},
        **{
            f"{kind} by {each.key}": partial(found.by_key, kind, each)
            for each in DIMENSIONS
            for kind in ("broadcast_out", "deleted")
        },
        **{
            f"departures by {each.key}": partial(
                departures, history, period, each, "broadcast", limits
            )
            for each in DIMENSIONS
        },
    }
    return {name: plain(ask()) for name, ask in asked.items()}


@pytest.mark.parametrize("kind", OTHERS)
@settings(max_examples=effort.of(25))
@given(workspaces(), periods, filters())
def test_every_engine_says_what_memory_says(
    kind: Kind,
    states: list[tuple[datetime, list[Json], tuple[Range, ...]]],
    period: Period,
    limits: Filter,
) -> None:
    past = Past()
    for moment, each, doubtful in states:
        past.record(moment, tables_of(each), doubtful)

    expected, found = (everything(read_by(each, past), period, limits) for each in ("memory", kind))

    for name, answer in expected.items():
        assert found[name] == answer, name
