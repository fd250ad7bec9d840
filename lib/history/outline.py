"""The report's `changes` (history.md, "In the report")."""

from typing import Any

import pandas as pd

from lib.history import events, levels
from lib.history.reading import Changes
from lib.reference import json_values
from lib.reference.json_values import Json

BRIDGE = ("opening", "joined", "unblocked", "blocked", "deleted", "closing")
"""Without a filter no contact moves in or out."""

_NUMBERS = ("contacts", "active", "open", "awaiting_reply", "unassigned")


def of(changes: Changes, *, bot_answers: bool = True) -> Json:
    """Changes as JSON: times are ISO 8601 in UTC, rates are fractions with six decimals, hours have
    two.

    `bot_answers` is the setting of that name: if a bot does not answer by itself, contacts left to
    it count as awaiting a reply.
    """
    return {
        "recorded_since": json_values.time(changes.recorded_since),
        "opening": json_values.time(changes.opening),
        "closing": json_values.time(changes.closing),
        "snapshots": changes.snapshots,
        "bridge": {name: getattr(changes.bridge, name) for name in BRIDGE},
        "events": {kind: changes.events[kind] for kind in events.KINDS},
        "by_day": [
            {"day": str(day)} | {kind: int(row[kind]) for kind in events.DAILY}
            for day, row in changes.by_day.iterrows()
        ],
        "response": {
            "answered": changes.response.answered,
            "timed": changes.response.timed,
            "median_hours": json_values.rounded(changes.response.median_hours, 2),
        },
        "agents": [
            {"user_id": str(agent)}
            | {name: int(row[name]) for name in ("received", "given_away", "closed", "answered")}
            | {"median_response_hours": json_values.rounded(row["median_response_hours"], 2)}
            for agent, row in changes.agents.iterrows()
        ],
        "levels": [
            _level(str(day), row, bot_answers)
            for day, row in (
                changes.levels if changes.levels is not None else _NO_LEVELS
            ).iterrows()
        ],
    }


_NO_LEVELS = pd.DataFrame()


def _level(day: str, row: "pd.Series[Any]", bot_answers: bool) -> Json:
    numbers = {name: int(row[name]) for name in _NUMBERS}
    if not bot_answers:
        numbers["awaiting_reply"] += int(row["left_to_bot"])
    return {
        "day": day,
        **numbers,
        "broadcast": json_values.rate(levels.rate(row, "broadcast")),
        "email": json_values.rate(levels.rate(row, "email")),
    }
