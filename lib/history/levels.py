"""Levels as of each recorded snapshot (history.md, "Levels").

The numbers are those of the metrics, for the workspace and for each value of each dimension.
Contacts left to the bot are counted separately, so that the `bot_answers` setting can be applied
when reading.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, Literal

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from lib.engines.memory import MemoryEngine
from lib.engines.questions import Expressions, Facts, Filter
from lib.history.recorded import Recorded
from lib.metrics import opt_in, workload
from lib.metrics.terms import is_active
from lib.reference.rates import Rate
from lib.store.dimensions import DIMENSIONS, MISSING
from lib.store.tables import Tables

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
    if limits.recorded_only or len(limits.limits) != 1:
        return None
    ((dimension, keys),) = limits.by_dimension
    return None if dimension.has_several and len(keys) > 1 else (dimension.key, keys)


_SHARED = ("is_open", "bot_on", "is_free", "last_word")
"""Columns added by `_prepared`."""


def facts() -> Expressions:
    """Expressions counted in a level besides the number of contacts, as the metrics define them,
    over contacts with the columns of `_SHARED`.

    Counts `last_word` instead of `left_to_bot`, which is faster to compute: the latter is its
    difference to `awaiting_reply`.
    """
    is_open, bot_on, is_free, last_word = map(nw.col, _SHARED)
    reach = opt_in.FACTS.expressions()
    return {
        "active": is_active(),
        "open": is_open,
        "awaiting_reply": last_word & workload.may_await_reply(bot_on),
        "unassigned": is_open & is_free,
        "last_word": last_word,
        "handed_over": is_open & ~bot_on & is_free,
        **{name: reach[name] for name in ("on_channel", "broadcast", "with_email", "email")},
    }


def _prepared(tables: Tables, as_of: datetime) -> Tables:
    """The tables with columns for what several facts share, so that each is computed once."""
    contacts = tables.contacts
    parts = (workload.is_open(), workload.is_bot_on(as_of), workload.is_free())
    with_parts = _with(contacts, dict(zip(_SHARED[:3], parts, strict=True)))
    is_open, bot_on = nw.col("is_open"), nw.col("bot_on")
    whole = _with(with_parts, {"last_word": is_open & workload.is_last_word(bot_on)})
    return Tables(**tables.frames() | {"contacts": whole})


def _with(contacts: pd.DataFrame, added: Expressions) -> pd.DataFrame:
    # Narwhals' own `with_columns` visits each of the other columns.
    found = nw.from_native(contacts, eager_only=True).select(**added)
    return contacts.assign(**{name: found[name].to_numpy() for name in added})


def levels(recorded: Recorded) -> pa.Table:
    """Levels of a recorded snapshot (`SCHEMA`): of the workspace, and of each value that occurs."""
    as_of = recorded.as_of
    asked, wanted = MemoryEngine(_prepared(recorded.tables, as_of)), Facts(facts)
    counted = {TOTAL: asked.count(wanted).set_axis([MISSING])}
    for dimension in DIMENSIONS:
        counted[dimension.key] = asked.count(wanted, dimension)
    sizes = [len(rows) for rows in counted.values()]
    places = pa.array(np.repeat(np.arange(len(sizes)), sizes))
    seen = pa.scalar(as_of.astimezone(UTC), pa.timestamp("us", tz="UTC"))
    # All in one: row-wise or column-wise conversion takes longer than counting.
    keys = np.concatenate([rows.index.to_numpy(dtype=object) for rows in counted.values()])
    numbers = np.concatenate([rows.to_numpy() for rows in counted.values()]).astype(np.int32)
    by_name = dict(zip(counted[TOTAL].columns, numbers.T, strict=True))
    by_name["left_to_bot"] = by_name["last_word"] - by_name["awaiting_reply"]
    columns = {
        "seen": pa.repeat(seen, sum(sizes)),
        "dimension": pa.array(list(counted)).take(places),
        "key": pa.array(keys, pa.string()),
        **{name: pa.array(by_name[name]) for name in NUMBERS},
    }
    return pa.table(columns, SCHEMA)


def rate(row: pd.Series, kind: Literal["broadcast", "email"]) -> Rate:
    """The opt-in rate of a level."""
    denominator = "on_channel" if kind == "broadcast" else "with_email"
    return Rate(int(row[kind]), int(row[denominator]))
