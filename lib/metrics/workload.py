"""Who is waiting, and for whom? "Workload" of the metrics: all among open conversations.

No field says who had the last word. Servers write `contactRepliedAt` for web chat only, or for all
channels; they pause a bot with `botResumeAt` and never set `botEnabled` back; and only the newest
tell that something was sent. `facts` draws the conclusions.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.memory import (
    Facts,
    Keys,
    Links,
    before_edges,
    keys_in,
    links,
    places,
    tally,
    times,
    where,
)
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import stamps
from lib.store.dimensions import MISSING
from lib.store.tables import Tables

AGES: dict[str, tuple[float, float]] = {
    "under_1h": (0, 1),
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
    left_to_bot: int
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
    return nw.col("has_conversation") & nw.col("archived_at").is_null() & is_active()


def is_bot_on(as_of: datetime) -> nw.Expr:
    """A paused bot takes over again at `botResumeAt`, while `botEnabled` stays false."""
    resumed = (nw.col("bot_resume") <= as_of).fill_null(value=False)
    return nw.col("bot_enabled") | resumed


def has_last_word(as_of: datetime) -> nw.Expr:
    """The contact wrote, and nobody has answered since.

    What was sent answers only while the bot is on. While it is off, people wait for a person, and
    a broadcast is sent too.
    """
    return (
        ~nw.col("wrote").is_null()
        & ~_at_or_after("admin_replied", "wrote")
        & ~(is_bot_on(as_of) & _at_or_after("sent", "wrote"))
    )


def _at_or_after(column: str, other: str) -> nw.Expr:
    return (nw.col(column) >= nw.col(other)).fill_null(value=False)


def _after(column: str, other: str) -> nw.Expr:
    return (nw.col(column) > nw.col(other)).fill_null(value=False)


def facts(as_of: datetime, bot_answers: bool) -> Facts:
    """What `Workload` and the breakdowns count among the contacts with an open conversation.

    Whoever has the last word awaits a reply where no bot can have given it: it is off, or the
    server tells that nothing was sent, or the operator said that it never answers.
    """
    by_agent, by_team = ~nw.col("assignee").is_null(), ~nw.col("team").is_null()
    last_word, with_human = has_last_word(as_of), ~is_bot_on(as_of)
    awaiting = last_word & (with_human | nw.col("tells")) if bot_answers else last_word
    return {
        "assigned_agent": by_agent,
        "assigned_team_only": ~by_agent & by_team,
        "unassigned": ~by_agent & ~by_team,
        "awaiting_reply": awaiting,
        "left_to_bot": last_word & ~awaiting,
        "never_answered": awaiting & nw.col("admin_replied").is_null(),
        "no_admin_reply": _after("contact_replied", "admin_replied"),
        "unread": _after("last_activity", "agent_read"),
        "never_read": ~nw.col("last_activity").is_null() & nw.col("agent_read").is_null(),
        "with_human": with_human,
        "orphaned_handoff": with_human & ~by_agent & ~by_team,
        "follow_up": nw.col("followed"),
    }


def workload(tables: Tables, terms: Terms) -> Workload:
    conversations = with_open_conversation(tables)
    row = _tally(conversations, terms).iloc[0]
    numbers = {str(name): int(row[name]) for name in row.index.drop("contacts")}
    hours = _waits(conversations, terms, [])["hours"]
    begins = [low for low, _ in AGES.values()]
    by_age = np.bincount(np.searchsorted(begins, hours, "right") - 1, minlength=len(AGES))
    waiting = {age: int(number) for age, number in zip(AGES, by_age, strict=True)}
    return Workload(open=int(row["contacts"]), waiting=waiting, **numbers)


def server_tells(tables: Tables) -> bool:
    """Whether the server says of any contact when something was sent: else nobody can tell a bot
    that answered from one that did not. Asked of the whole workspace."""
    return bool(tables.whole.contacts["tells"].any())


def with_open_conversation(tables: Tables) -> Tables:
    """Those of the contacts."""
    return tables.whole.select(where("open", tables, _openness))


def _openness() -> Facts:
    return {"open": is_open()}


def _taken(tables: Tables, mask: np.ndarray, columns: list[str]) -> pd.DataFrame:
    """Columns of those of the contacts where `mask`, a boolean for each of the whole workspace, is
    true; indexed by row number in `tables.contacts`."""
    rows = np.flatnonzero(mask)
    taken = tables.whole.contacts[columns].take(rows)
    return taken if tables.mask is None else taken.set_axis(tables.mask.cumsum()[rows] - 1)


def waiting_hours(since: pd.Series, terms: Terms) -> pd.Series:
    """How long those have waited who wrote at these times; 0 from the future, as clocks differ."""
    hours: pd.Series = (pd.Timestamp(terms.as_of) - since).dt.total_seconds() / 3600
    return hours.clip(lower=0)


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
    seen = _tally(tables.whole, terms, by=key).index
    known = known[known["id"].isin(seen)]
    conversations = with_open_conversation(tables)
    counted = _tally(conversations, terms, by=key).rename(columns={"contacts": "open"})
    columns = ["open", "awaiting_reply", "never_answered", "unread", "follow_up"]
    waits = _waits(conversations, terms, [key]).groupby(key, observed=True)["hours"]
    ids = known["id"].to_numpy()
    table = pd.DataFrame({"name": known["name"].to_numpy()}, index=pd.Index(ids, dtype="str"))
    table = table.join(counted[columns].reindex(ids, fill_value=0))
    table["oldest_wait_hours"] = waits.max().reindex(ids).to_numpy()
    table["median_wait_hours"] = waits.median().reindex(ids).to_numpy()
    return _by_load(table)


def awaiting_by(tables: Tables, terms: Terms, key: str) -> pd.Series:
    """Conversations that await a reply, by a value of `channel`, `country` or `tag`; `none` for
    contacts without one."""
    number = {"channel": "channels", "tag": "tags"}.get(key)
    conversations = with_open_conversation(tables)
    waiting = _tally(conversations, terms, by=key)["awaiting_reply"]
    if number is not None:
        rows = np.flatnonzero(tables.whole.contacts[number].to_numpy() == 0)
        nothing = Links(np.zeros_like(rows), pd.Index([MISSING], dtype="str"), rows)
        without = _tally(conversations, terms, by=nothing)["awaiting_reply"]
        waiting = pd.concat([waiting, without])
    return waiting


def by_agent_and_channel(tables: Tables) -> pd.DataFrame:
    """Open conversations per agent (rows, by id; `none`: nobody) and channel (columns, by their
    number descending; `none`: no channel). A contact on two channels counts in each."""
    is_open = with_open_conversation(tables).mask
    holders = keys_in(tables, "assignee")
    found = links(tables, "channel", among=is_open)
    width = len(found.labels) + 1
    without = np.flatnonzero((tables.whole.contacts["channels"].to_numpy() == 0) & is_open)
    contact = np.concatenate([found.contact, without])
    channel = np.concatenate([found.codes, np.full(len(without), width - 1)])
    holder = holders.codes.take(contact).astype(np.int64) + 1
    rows = len(holders.labels) + 1
    counts = np.bincount(holder * width + channel, minlength=rows * width).reshape(rows, width)
    table = pd.DataFrame(counts, [MISSING, *holders.labels], [*found.labels, MISSING])
    table = table.loc[table.any(axis=1), table.any(axis=0)]
    return table[table.sum().sort_values(ascending=False, kind="stable").index]


def backlog_by_day(tables: Tables, terms: Terms) -> pd.DataFrame:
    """Of the conversations that are now `awaiting_reply`, and `unassigned`: how many had been so
    quiet since before the period began, and since before the end of each of its days. int64,
    indexed by moment (UTC).

    Waiting counts from the contact's message, being unassigned from the last activity: ChatbotX
    does not tell what was answered or assigned in between.
    """
    conversations = with_open_conversation(tables)
    since = {"awaiting_reply": "wrote", "unassigned": "last_activity"}
    counts = {}
    for fact, column in since.items():
        found = places(tables, column, terms.period)[_where(fact, conversations, terms)]
        counts[fact] = before_edges(found, terms.period)
    moments = pd.DatetimeIndex(stamps(terms.period.edges()), name="moment")
    return pd.DataFrame(counts, index=moments)


Queue = Literal["waiting", "orphaned", "unread"]
_IN_QUEUE = {"waiting": "awaiting_reply", "orphaned": "orphaned_handoff", "unread": "unread"}


def queue(tables: Tables, terms: Terms, which: Queue, most: int) -> tuple[int, pd.DataFrame]:
    """How many open conversations are in a queue, and those `most` of them that are in it longest.

    `waiting`: awaiting a reply, by the contact's message. `orphaned`: the bot is off and nobody is
    assigned; `unread`: activity after an agent last read; these by the last activity, or by the
    contact's message where that is what is unanswered. Those without a time come last.

    Columns: conversation (id); since (UTC), hours: since when and how long; assignee, team (ids);
    awaiting, never_answered (bool); channels: the keys, a tuple.
    """
    conversations = with_open_conversation(tables)
    mask = _where(_IN_QUEUE[which], conversations, terms)
    awaits = _where("awaiting_reply", conversations, terms)
    since = times(tables, "last_activity").copy()
    since[awaits] = times(tables, "wrote")[awaits]
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(since[rows], kind="stable")[:most]]  # NaT is last
    contacts = tables.whole.contacts
    taken = contacts[["conversation", "assignee", "team"]].take(rows).reset_index(drop=True)
    moments = pd.Series(pd.DatetimeIndex(since[rows]).tz_localize("UTC"))
    chosen = np.zeros(len(contacts), dtype=np.bool_)
    chosen[rows] = True
    found = links(tables, "channel", among=chosen)
    channels: dict[int, tuple[str, ...]] = dict.fromkeys(rows.tolist(), ())
    for contact, channel in zip(found.contact.tolist(), found.labels[found.codes], strict=True):
        channels[contact] += (channel,)
    return int(mask.sum()), pd.DataFrame(
        {
            "conversation": taken["conversation"].astype("str"),
            "since": moments,
            "hours": waiting_hours(moments, terms),
            "assignee": taken["assignee"].astype("str"),
            "team": taken["team"].astype("str"),
            "awaiting": awaits[rows],
            "never_answered": _where("never_answered", conversations, terms)[rows],
            "channels": pd.Series(list(channels.values()), dtype="object"),
        }
    )


def _waits(conversations: Tables, terms: Terms, columns: list[str]) -> pd.DataFrame:
    """These columns of those who await a reply, and their `hours`."""
    waiting = _where("awaiting_reply", conversations, terms)
    taken = _taken(conversations, waiting, [*columns, "wrote"])
    return taken.assign(hours=waiting_hours(taken["wrote"], terms))


def _tally(tables: Tables, terms: Terms, by: str | Keys | None = None) -> pd.DataFrame:
    return tally(tables, facts, terms.as_of, terms.bot_answers, by=by)


def _where(fact: str, tables: Tables, terms: Terms) -> np.ndarray:
    return where(fact, tables, facts, terms.as_of, terms.bot_answers)


@dataclass(frozen=True)
class LongestWaits:
    """In hours, of all who await a reply, and of those of them who are orphaned and how many these
    are; None where nobody waits."""

    hours: float | None
    orphaned: int
    orphaned_hours: float | None


def longest_waits(tables: Tables, terms: Terms) -> LongestWaits:
    conversations = with_open_conversation(tables)
    waiting = _where("awaiting_reply", conversations, terms)
    orphaned = waiting & _where("orphaned_handoff", conversations, terms)
    wrote = times(tables, "wrote")

    def longest(who: np.ndarray) -> float | None:
        since = pd.Series(pd.DatetimeIndex(wrote[who]).tz_localize("UTC"))
        return float(waiting_hours(since, terms).max()) if len(since) else None

    return LongestWaits(longest(waiting), int(orphaned.sum()), longest(orphaned))


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
