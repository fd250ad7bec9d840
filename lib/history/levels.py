"""How things stood as of each recorded snapshot: "Levels" in the history's definition.

The numbers are those of the metrics, for the workspace and for each value of each dimension. Who is
left to the bot is counted by itself, so that the switch about the bot can be applied when reading.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal

import narwhals as nw
import pandas as pd
import pyarrow as pa

from lib.engines.memory import MemoryEngine
from lib.engines.questions import Expressions, Facts
from lib.history.filters import Filter
from lib.history.recorded import Recorded
from lib.metrics import workload
from lib.metrics.terms import is_active
from lib.reference.rates import Rate
from lib.store.dimensions import DIMENSIONS, MISSING

TOTAL: Final = ""
"""In place of a dimension: the level of the whole workspace."""

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
)

SCHEMA: Final = pa.schema(
    [
        pa.field("seen", pa.timestamp("us", tz="UTC")),
        pa.field("dimension", pa.string()),
        pa.field("key", pa.string()),
        *(pa.field(name, pa.int32()) for name in NUMBERS),
    ]
)
"""seen: as of when the snapshot is, UTC. dimension: `TOTAL`, or one of channel, country, tag,
source, agent, team. key: the value, `MISSING` for contacts without one.
on_channel and with_email are the denominators of the rates broadcast and email."""


def asked_for(limits: Filter) -> tuple[str, Collection[str]] | None:
    """The dimension and the keys whose levels add up to those of a filter; None where there are no
    such: levels are kept by one dimension at a time, and of two channels, tags or sources a contact
    may have both."""
    if limits.is_empty:
        return TOTAL, ()
    if limits.recorded_only or len(limits.asked) != 1:
        return None
    dimension, keys = limits.asked[0]
    return None if dimension.has_several and len(keys) > 1 else (dimension.key, keys)


def facts(as_of: datetime) -> Expressions:
    """What is counted at a level, besides the contacts."""
    by_agent, by_team = ~nw.col("assignee").is_null(), ~nw.col("team").is_null()
    wrote, replied, sent = nw.col("wrote"), nw.col("admin_replied"), nw.col("sent")
    resumed = (nw.col("bot_resume") <= as_of).fill_null(value=False)
    bot = nw.col("bot_enabled") | resumed
    after_reply = ~wrote.is_null() & (replied.is_null() | (wrote > replied))
    after_all = after_reply & (sent.is_null() | (wrote > sent))
    is_open, left = workload.is_open(), bot & ~nw.col("tells")
    active, may = is_active(), nw.col("channels") > 0
    return {
        "active": active,
        "open": is_open,
        "awaiting_reply": is_open & ((~bot & after_reply) | (bot & nw.col("tells") & after_all)),
        "left_to_bot": is_open & left & after_all,
        "unassigned": is_open & ~by_agent & ~by_team,
        "on_channel": active & may,
        "broadcast": active & may & ~nw.col("broadcast").is_null(),
        "with_email": active & nw.col("has_email"),
        "email": active & nw.col("has_email") & nw.col("email_opt_in"),
    }


def levels(recorded: Recorded) -> pa.Table:
    """The levels as of a recorded snapshot (`SCHEMA`): of the workspace, and of each value that any
    of its contacts has."""
    asked, as_of = MemoryEngine(recorded.tables), recorded.as_of
    counted = Facts(facts, (as_of,))
    total = _rows(TOTAL, asked.count(counted).set_axis([MISSING]))
    parts = (_rows(each.key, asked.count(counted, each)) for each in DIMENSIONS)
    found = pd.concat([total, *parts], ignore_index=True)
    found["seen"] = pd.Timestamp(as_of).as_unit("us")
    return pa.Table.from_pandas(found[SCHEMA.names], SCHEMA, preserve_index=False)


def _rows(dimension: str, counted: pd.DataFrame) -> pd.DataFrame:
    keys = counted.index.astype("str")
    return counted.reset_index(drop=True).assign(dimension=dimension, key=keys)


def rate(row: pd.Series, kind: Literal["broadcast", "email"]) -> Rate:
    """The opt-in rate of a level."""
    denominator = "on_channel" if kind == "broadcast" else "with_email"
    return Rate(int(row[kind]), int(row[denominator]))
