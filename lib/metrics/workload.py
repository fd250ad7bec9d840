"""Who is waiting, and for whom? "Workload" of the metrics: all among open conversations."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from lib.metrics.counts import Facts, tally, where
from lib.metrics.terms import Terms, is_active
from lib.tables import Tables

AGES: dict[str, tuple[float, float]] = {
    "under_1h": (float("-inf"), 1),
    "1h_4h": (1, 4),
    "4h_24h": (4, 24),
    "1d_3d": (24, 72),
    "3d_7d": (72, 168),
    "over_7d": (168, float("inf")),
}
"""Hours of the buckets of the waiting time, lower edge included."""


@dataclass(frozen=True)
class Workload:
    """Open conversations, and how many of them …; `waiting` counts those that wait, by age."""

    open: int
    assigned_agent: int
    assigned_team_only: int
    unassigned: int
    awaiting_reply: int
    never_answered: int
    no_admin_reply: int
    unread: int
    never_read: int
    with_human: int
    orphaned_handoff: int
    follow_up: int
    waiting: dict[str, int]


@dataclass(frozen=True)
class Balance:
    """How evenly open conversations lie on agents; both None when no agent holds any.

    `gini` is 0 when all hold the same; `top_share` is the busiest agent's part.
    """

    gini: float | None
    top_share: float | None


def is_open() -> nw.Expr:
    """A conversation that is not archived, of an active contact."""
    return nw.col("has_conversation") & ~nw.col("archived") & is_active()


def is_awaiting_reply() -> nw.Expr:
    replied, answered = nw.col("contact_replied"), nw.col("admin_replied")
    return ~replied.is_null() & (answered.is_null() | (replied > answered))


def is_unread() -> nw.Expr:
    return (nw.col("last_activity") > nw.col("agent_read")).fill_null(value=False)


def facts() -> Facts:
    """What `Workload` and the breakdowns count among the contacts with an open conversation."""
    by_agent, by_team = ~nw.col("assignee").is_null(), ~nw.col("team").is_null()
    awaiting, with_human = is_awaiting_reply(), ~nw.col("bot_enabled")
    return {
        "assigned_agent": by_agent,
        "assigned_team_only": ~by_agent & by_team,
        "unassigned": ~by_agent & ~by_team,
        "awaiting_reply": awaiting,
        "never_answered": awaiting & nw.col("admin_replied").is_null(),
        "no_admin_reply": awaiting & ~nw.col("admin_replied").is_null(),
        "unread": is_unread(),
        "never_read": ~nw.col("last_activity").is_null() & nw.col("agent_read").is_null(),
        "with_human": with_human,
        "orphaned_handoff": with_human & ~by_agent & ~by_team,
        "follow_up": nw.col("followed"),
    }


def workload(tables: Tables, terms: Terms) -> Workload:
    conversations = with_open_conversation(tables)
    row = tally(conversations, facts).iloc[0]
    numbers = {name: int(row[name]) for name in facts()}
    hours = _waits(conversations, terms, [])["hours"]
    begins = [low for low, _ in AGES.values()]
    by_age = np.bincount(np.searchsorted(begins, hours, "right") - 1, minlength=len(AGES))
    waiting = {age: int(number) for age, number in zip(AGES, by_age, strict=True)}
    return Workload(open=int(row["contacts"]), waiting=waiting, **numbers)


def with_open_conversation(tables: Tables) -> Tables:
    """Those of the contacts."""
    return tables.whole.select(where("open", tables, _openness))


def _openness() -> Facts:
    return {"open": is_open()}


def open_conversations(tables: Tables) -> pd.DataFrame:
    """The contacts with an open conversation, with the columns that workload is about, indexed by
    their row number in `tables.contacts`."""
    columns = [
        "conversation",
        "has_conversation",
        "assignee",
        "team",
        "bot_enabled",
        "followed",
        "archived",
        "blocked",
        "last_activity",
        "contact_replied",
        "admin_replied",
        "agent_read",
    ]
    return _taken(tables, where("open", tables, _openness), columns)


def _taken(tables: Tables, mask: np.ndarray, columns: list[str]) -> pd.DataFrame:
    """Columns of those of the contacts where `mask`, a boolean for each of the whole workspace, is
    true; indexed by row number in `tables.contacts`."""
    rows = np.flatnonzero(mask)
    taken = tables.whole.contacts[columns].take(rows)
    return taken if tables.mask is None else taken.set_axis(tables.mask.cumsum()[rows] - 1)


def waiting_hours(conversations: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    """Those of the open conversations that await a reply, with a column `hours`: how long."""
    waiting = nw.from_native(conversations).filter(is_awaiting_reply()).to_native()
    since = pd.Timestamp(terms.as_of) - waiting["contact_replied"]
    return waiting.assign(hours=since.dt.total_seconds() / 3600)


def by_agent(tables: Tables, terms: Terms) -> pd.DataFrame:
    """A row per agent ever seen as an assignee, indexed by id, by open descending, then id.

    Columns: name; open, awaiting_reply, never_answered, unread, follow_up; oldest_wait_hours,
    median_wait_hours (missing when none waits).
    """
    return _by(tables, terms, "assignee", tables.agents)


def by_team(tables: Tables, terms: Terms) -> pd.DataFrame:
    """As `by_agent`, for teams, whether or not an agent holds the conversation too."""
    return _by(tables, terms, "team", tables.teams)


def _by(tables: Tables, terms: Terms, key: str, known: pd.DataFrame) -> pd.DataFrame:
    seen = tally(tables.whole, facts, by=key).index
    known = known[known["id"].isin(seen)]
    conversations = with_open_conversation(tables)
    counted = tally(conversations, facts, by=key).rename(columns={"contacts": "open"})
    columns = ["open", "awaiting_reply", "never_answered", "unread", "follow_up"]
    waits = _waits(conversations, terms, [key]).groupby(key, observed=True)["hours"]
    ids = known["id"].to_numpy()
    table = pd.DataFrame({"name": known["name"].to_numpy()}, index=pd.Index(ids, dtype="str"))
    table = table.join(counted[columns].reindex(ids, fill_value=0))
    table["oldest_wait_hours"] = waits.max().reindex(ids).to_numpy()
    table["median_wait_hours"] = waits.median().reindex(ids).to_numpy()
    return _by_load(table)


def _waits(conversations: Tables, terms: Terms, columns: list[str]) -> pd.DataFrame:
    """`waiting_hours` with fewer columns."""
    waiting = where("awaiting_reply", conversations, facts)
    columns = [*columns, "contact_replied", "admin_replied"]
    return waiting_hours(_taken(conversations, waiting, columns), terms)


def _by_load(table: pd.DataFrame) -> pd.DataFrame:
    by_id = table.loc[sorted(table.index, key=_id_order)]
    return by_id.sort_values("open", ascending=False, kind="stable")


def _id_order(key: str) -> tuple[int, str]:
    """Ids are numbers written as text: 99 comes before 101."""
    return len(key), key


def balance(open_per_agent: list[int]) -> Balance:
    """The Gini coefficient and the busiest share of open conversations over all agents."""
    held, agents = sum(open_per_agent), len(open_per_agent)
    if not held:
        return Balance(None, None)
    weighted = sum(
        (2 * rank - agents - 1) * load for rank, load in enumerate(sorted(open_per_agent), 1)
    )
    return Balance(weighted / (agents * held), max(open_per_agent) / held)
