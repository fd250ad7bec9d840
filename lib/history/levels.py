"""Levels as of each recorded snapshot (history.md, "Levels").

The numbers are those of the metrics, for the workspace and for each value of each dimension.
Contacts left to the bot are counted separately, so that the `bot_answers` setting can be applied
when reading.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.engines.memory import MemoryEngine
from lib.engines.questions import Expressions, Facts
from lib.history.filters import Filter
from lib.history.recorded import Recorded
from lib.metrics import opt_in, workload
from lib.metrics.terms import is_active
from lib.reference.rates import Rate
from lib.store.dimensions import DIMENSIONS, MISSING

TOTAL: Final = ""
"""Takes the place of a dimension for levels of the whole workspace."""

NUMBERS: Final = (
    "contacts",
    "active",
    "open",
    "awaiting_reply",
    "left_to_bot",
    "unassigned",
    "on_channel",
    "broadcast",
    "with_email",
    "email",
    "handed_over",
)

SCHEMA: Final = pa.schema(
    [
        pa.field("seen", pa.timestamp("us", tz="UTC")),
        pa.field("dimension", pa.string()),
        pa.field("key", pa.string()),
        *(pa.field(name, pa.int32()) for name in NUMBERS),
    ]
)
"""seen: time of the snapshot, UTC. dimension: `TOTAL`, or one of channel, country, tag, source,
agent, team. key: the value, `MISSING` for contacts without one.

on_channel and with_email are the denominators of the rates broadcast and email. handed_over: open
conversations that the bot handed over and nobody took; missing where an earlier version recorded.
"""


def asked_for(limits: Filter) -> tuple[str, Collection[str]] | None:
    """The dimension and keys whose levels add up to those of a filter.

    None if there are none: levels are recorded for one dimension at a time, and with two channels,
    tags or sources a contact that has both would count twice.
    """
    if limits.is_empty:
        return TOTAL, ()
    if limits.recorded_only or len(limits.asked) != 1:
        return None
    dimension, keys = limits.asked[0]
    return None if dimension.has_several and len(keys) > 1 else (dimension.key, keys)


def facts(as_of: datetime) -> Expressions:
    """Expressions counted in a level besides the number of contacts, as the metrics define them.

    Counts `last_word` instead of `left_to_bot`, which is faster to compute: the latter is its
    difference to `awaiting_reply`.
    """
    is_open, reach = workload.is_open(), opt_in.expressions()
    load = workload.expressions(as_of, True)
    return {
        "active": is_active(),
        "open": is_open,
        **{name: is_open & load[name] for name in ("awaiting_reply", "unassigned")},
        "last_word": is_open & workload.has_last_word(as_of),
        "handed_over": is_open & load["orphaned_handoff"],
        **{name: reach[name] for name in ("on_channel", "broadcast", "with_email", "email")},
    }


def levels(recorded: Recorded) -> pa.Table:
    """Levels of a recorded snapshot (`SCHEMA`): of the workspace, and of each value that occurs."""
    asked, as_of = MemoryEngine(recorded.tables), recorded.as_of
    wanted = Facts(facts, (as_of,))
    counted = {TOTAL: asked.count(wanted).set_axis([MISSING])}
    for dimension in DIMENSIONS:
        counted[dimension.key] = asked.count(wanted, dimension)
    sizes = [len(rows) for rows in counted.values()]
    places = pa.array(np.repeat(np.arange(len(sizes)), sizes))
    seen = pa.scalar(as_of.astimezone(UTC), pa.timestamp("us", tz="UTC"))
    columns = {
        "seen": pa.repeat(seen, sum(sizes)),
        "dimension": pa.array(list(counted)).take(places),
        "key": pa.array([key for rows in counted.values() for key in rows.index], pa.string()),
    }
    for rows in counted.values():
        rows["left_to_bot"] = rows["last_word"] - rows["awaiting_reply"]
    for name in NUMBERS:
        numbers = np.concatenate([rows[name].to_numpy() for rows in counted.values()])
        columns[name] = pa.array(numbers.astype(np.int32))
    return pa.table(columns, SCHEMA)


def rate(row: pd.Series, kind: Literal["broadcast", "email"]) -> Rate:
    """The opt-in rate of a level."""
    denominator = "on_channel" if kind == "broadcast" else "with_email"
    return Rate(int(row[kind]), int(row[denominator]))
