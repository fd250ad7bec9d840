"""Open conversations: who is waiting, and for whom (metrics.md, "Workload").

No field of the API says who had the last word. Servers set `contactRepliedAt` for web chat only, or
for all channels; they pause a bot with `botResumeAt` and never set `botEnabled` back; and only the
newest say when something was sent. `expressions` infers the state from these fields.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Bins, Engine, Expressions, Fact, Facts
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import edge_stamps
from lib.store.dimensions import AGENT, CHANNEL, MISSING, TEAM, Dimension

AGES: dict[str, tuple[float, float]] = {
    "under_1h": (0, 1),
    "1h_4h": (1, 4),
    "4h_24h": (4, 24),
    "1d_3d": (24, 72),
    "3d_7d": (72, 168),
    "over_7d": (168, float("inf")),
}
"""Buckets of the waiting time in hours, lower edge included, upper excluded."""


@dataclass(frozen=True)
class Workload:
    """Number of open conversations, and how many of them each fact of `expressions` is true of.

    `waiting` counts those that await a reply by bucket of `AGES`.
    """

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
    """How evenly open conversations are distributed among agents; both None if none has any.

    `gini` is the Gini coefficient, 0 if all have the same number; `top_share` is the busiest
    agent's share, from 0 to 1.
    """

    gini: float | None
    top_share: float | None


def is_open() -> nw.Expr:
    """Expression: an active contact has a conversation that is not archived."""
    return nw.col("has_conversation") & nw.col("archived_at").is_null() & is_active()


def is_bot_on(as_of: datetime) -> nw.Expr:
    """Expression: the bot is on at `as_of` (UTC).

    A paused bot takes over again at `botResumeAt`, although `botEnabled` stays false.
    """
    resumed = (nw.col("bot_resume") <= as_of).fill_null(value=False)
    return nw.col("bot_enabled") | resumed


def is_last_word(bot_on: nw.Expr) -> nw.Expr:
    """Expression: the contact wrote, and nobody has answered since.

    A sent message counts as an answer only while the bot is on. While it is off, the contact waits
    for a person, and what was sent may be a broadcast.
    """
    return _awaits_people() & ~(bot_on & _at_or_after("sent", "wrote"))


def _awaits_people() -> nw.Expr:
    return ~nw.col("wrote").is_null() & ~_at_or_after("admin_replied", "wrote")


def _at_or_after(column: str, other: str) -> nw.Expr:
    return (nw.col(column) >= nw.col(other)).fill_null(value=False)


def _after(column: str, other: str) -> nw.Expr:
    return (nw.col(column) > nw.col(other)).fill_null(value=False)


def is_free() -> nw.Expr:
    """Expression: neither an agent nor a team is assigned."""
    return nw.col("assignee").is_null() & nw.col("team").is_null()


def may_await_reply(bot_on: nw.Expr) -> nw.Expr:
    """Expression: if the contact has the last word, no bot can have had it: the bot is off, or the
    server reports sent messages."""
    return ~bot_on | nw.col("tells")


def _signs(as_of: datetime) -> Expressions:
    """What the facts follow from."""
    return {
        "open": is_open(),
        "by_agent": ~nw.col("assignee").is_null(),
        "by_team": ~nw.col("team").is_null(),
        "bot_on": is_bot_on(as_of),
        "tells": nw.col("tells"),
        "awaits_people": _awaits_people(),
        "sent_since": _at_or_after("sent", "wrote"),
        "has_no_admin": nw.col("admin_replied").is_null(),
        "no_admin_reply": _after("contact_replied", "admin_replied"),
        "unread": _after("last_activity", "agent_read"),
        "never_read": ~nw.col("last_activity").is_null() & nw.col("agent_read").is_null(),
        "follow_up": nw.col("followed"),
    }


_ORPHANS = "waiting_orphans"
"""Those who await a reply although the bot is off and nobody is assigned."""


def expressions(signs: Expressions, bot_answers: bool) -> Expressions:
    """The facts that `Workload` and the breakdowns count among contacts with an open conversation.

    A contact who has the last word awaits a reply if no bot can have given it: the bot is off, or
    the server reports sent messages and there is none, or by configuration the bot never answers.
    """
    by_agent, by_team, bot_on = (signs[name] for name in ("by_agent", "by_team", "bot_on"))
    last_word = signs["awaits_people"] & ~(bot_on & signs["sent_since"])
    awaiting = last_word & (~bot_on | signs["tells"]) if bot_answers else last_word
    return {
        "assigned_agent": by_agent,
        "assigned_team_only": ~by_agent & by_team,
        "unassigned": ~by_agent & ~by_team,
        "awaiting_reply": awaiting,
        "left_to_bot": last_word & ~awaiting,
        "never_answered": awaiting & signs["has_no_admin"],
        "no_admin_reply": signs["no_admin_reply"],
        "unread": signs["unread"],
        "never_read": signs["never_read"],
        "with_human": ~bot_on,
        "orphaned_handoff": ~bot_on & ~by_agent & ~by_team,
        _ORPHANS: awaiting & ~bot_on & ~by_agent & ~by_team,
        "follow_up": signs["follow_up"],
    }


def facts(terms: Terms) -> Facts:
    """The facts that are counted; they do not depend on the period."""
    return Facts(expressions, (terms.bot_answers,), on=Facts(_signs, (terms.as_of,)))


def _openness() -> Expressions:
    return {"open": is_open()}


OPEN = Facts(_openness).of("open")
"""The contacts with an open conversation."""


def _of_open(terms: Terms, name: str) -> Fact:
    """The contacts with an open conversation for which the fact of that name is true."""
    on = Facts(_signs, (terms.as_of,))
    return Facts(_among_open, (name, terms.bot_answers), on=on).of(name)


def _among_open(signs: Expressions, name: str, bot_answers: bool) -> Expressions:
    return {name: signs["open"] & expressions(signs, bot_answers)[name]}


def workload(asked: Engine, terms: Terms) -> Workload:
    row = asked.count(facts(terms), among=OPEN).iloc[0]
    numbers = {str(name): int(row[name]) for name in row.index.drop(["contacts", _ORPHANS])}
    among = _of_open(terms, "awaiting_reply")
    lows = [low for low, _ in AGES.values() if low]
    longer = asked.until("wrote", [terms.as_of - timedelta(hours=low) for low in lows], among=among)
    counts = -np.diff([numbers["awaiting_reply"], *longer, 0])
    waiting = {age: int(number) for age, number in zip(AGES, counts, strict=True)}
    return Workload(open=int(row["contacts"]), waiting=waiting, **numbers)


def server_tells(asked: Engine) -> bool:
    """Whether the server reports for any contact when something was sent.

    Without that, a bot that answered cannot be told from one that did not. Always of the whole
    workspace.
    """
    return bool(asked.whole.count(Facts(_telling)).iloc[0]["tells"])


def _telling() -> Expressions:
    return {"tells": nw.col("tells")}


def waiting_hours(since: pd.Series, terms: Terms) -> pd.Series:
    """Hours from these times (UTC) to `as_of`; 0 for times in the future, since clocks differ."""
    hours: pd.Series = (pd.Timestamp(terms.as_of) - since).dt.total_seconds() / 3600
    return hours.clip(lower=0)


@dataclass(frozen=True)
class LongestWaits:
    """The longest waits, in hours; None if nobody waits.

    `hours` is over all contacts who await a reply, `orphaned_hours` over the `orphaned` of them:
    the bot is off and nobody is assigned.
    """

    hours: float | None
    orphaned: int
    orphaned_hours: float | None


def longest_waits(asked: Engine, terms: Terms) -> LongestWaits:
    counted = asked.count(facts(terms), among=OPEN).iloc[0]
    names = [name for name in ("awaiting_reply", _ORPHANS) if counted[name]]
    if not names:
        return LongestWaits(None, 0, None)
    firsts = asked.firsts("wrote", among=[_of_open(terms, name) for name in names])
    hours = waiting_hours(pd.Series(firsts, dtype="datetime64[us, UTC]"), terms)
    known = dict(zip(names, hours.tolist(), strict=True))
    return LongestWaits(known.get("awaiting_reply"), int(counted[_ORPHANS]), known.get(_ORPHANS))


def by_agent(asked: Engine, terms: Terms) -> pd.DataFrame:
    """A row per agent assigned anywhere in the workspace, indexed by id; by open desc., then id.

    Columns: name; open, awaiting_reply, never_answered, unread, follow_up; oldest_wait_hours,
    median_wait_hours (NaN if nobody waits).
    """
    return _by(asked, terms, AGENT)


def by_team(asked: Engine, terms: Terms) -> pd.DataFrame:
    """Like `by_agent`, for teams, whether or not the conversation is also assigned to an agent."""
    return _by(asked, terms, TEAM)


def _by(asked: Engine, terms: Terms, holder: Dimension) -> pd.DataFrame:
    names = asked.names("agents" if holder is AGENT else "teams")
    seen = asked.whole.count(by=holder, with_missing=False).index
    known = names[names["id"].isin(seen)]
    counted = asked.count(facts(terms), holder, among=OPEN, with_missing=False)
    counted = counted.rename(columns={"contacts": "open"})
    columns = ["open", "awaiting_reply", "never_answered", "unread", "follow_up"]
    waits = asked.middles("wrote", holder, among=_of_open(terms, "awaiting_reply"))
    hours = pd.DataFrame({name: waiting_hours(waits[name], terms) for name in waits})
    ids = known["id"].to_numpy()
    table = pd.DataFrame({"name": known["name"].to_numpy()}, index=pd.Index(ids, dtype="str"))
    table = table.join(counted[columns].reindex(ids, fill_value=0))
    table["oldest_wait_hours"] = hours["first"].reindex(ids).to_numpy()
    middle = (hours["lower"] + hours["upper"]) / 2
    table["median_wait_hours"] = middle.reindex(ids).to_numpy()
    return _by_load(table)


def awaiting_by(asked: Engine, terms: Terms, dimension: Dimension) -> pd.Series:
    """Conversations that await a reply, by value of the dimension, including the missing one."""
    return asked.count(by=dimension, among=_of_open(terms, "awaiting_reply"))["contacts"]


def by_agent_and_channel(asked: Engine) -> pd.DataFrame:
    """Open conversations by agent (rows, sorted by id) and channel (columns, largest first).

    int64. The key `MISSING` stands for no agent and for no channel. A contact on two channels
    counts in each.
    """
    found = asked.cross(AGENT, CHANNEL, among=OPEN)
    # "No agent" is the first row, since the empty string sorts first; among columns of equal size,
    # "no channel" is the last.
    table = found.pivot(index="one", columns="other", values="contacts").fillna(0).astype("int64")
    table = table.sort_index()[sorted(table.columns, key=lambda key: (key == MISSING, key))]
    table = table.rename_axis(index=None, columns=None)
    return table[table.sum().sort_values(ascending=False, kind="stable").index]


def backlog_by_day(asked: Engine, terms: Terms) -> pd.DataFrame:
    """How today's backlog built up: of the conversations in it now, how many were in it already.

    Columns awaiting_reply, unassigned (int64), at the start of the period and at the end of each of
    its days, indexed by moment (UTC). Waiting counts from the contact's message, being unassigned
    from the last activity: ChatbotX does not say what was answered or assigned in between.
    """
    since = {"awaiting_reply": "wrote", "unassigned": "last_activity"}
    counts = {}
    for name, column in since.items():
        found = asked.over_time(Bins((column,), terms.period), among=_of_open(terms, name))
        counts[name] = found["contacts"].cumsum().to_numpy()[:-1]
    moments = pd.DatetimeIndex(edge_stamps(terms.period), name="moment")
    return pd.DataFrame(counts, index=moments)


Queue = Literal["waiting", "orphaned", "unread"]
_IN_QUEUE = {"waiting": "awaiting_reply", "orphaned": "orphaned_handoff", "unread": "unread"}

Wait = Literal["any", "under_1h", "1h_4h", "4h_24h", "1d_3d", "3d_7d", "over_7d"]
_WAITS: dict[str, tuple[float, float]] = {"any": (0, float("inf"))} | AGES


def queue(
    asked: Engine, terms: Terms, which: Queue, most: int, wait: Wait | None = None
) -> tuple[int, pd.DataFrame]:
    """The number of open conversations in a queue, and the `most` longest in it, oldest first. With
    `wait`, only of those that await a reply, for that long.

    `waiting`: awaiting a reply, since the contact's message. `orphaned`: the bot is off and nobody
    is assigned. `unread`: activity since an agent last read. The last two count from the last
    activity, or from the contact's message if that awaits a reply. Rows without a time come last.

    Columns: conversation (id); since (UTC), hours: since when and for how long; assignee, team
    (ids); awaiting, never_answered (bool); channels (tuple of keys).
    """
    columns = Facts(_queued, (terms.as_of, terms.bot_answers))
    among = _of_open(terms, _IN_QUEUE[which])
    if wait is not None:
        among = Facts(_waiting_in_queue, (terms.as_of, terms.bot_answers, which, wait)).of("listed")
    many, found = asked.rows(columns, among=among, by="since", most=most, also=CHANNEL)
    texts = {name: found[name].astype("str") for name in ("conversation", "assignee", "team")}
    found = found.assign(**texts, hours=waiting_hours(found["since"], terms))
    return many, found.rename(columns={CHANNEL.key: "channels"})


def _waiting_in_queue(as_of: datetime, bot_answers: bool, which: Queue, wait: Wait) -> Expressions:
    known = expressions(_signs(as_of), bot_answers)
    low, high = _WAITS[wait]
    listed = is_open() & known[_IN_QUEUE[which]] & known["awaiting_reply"]
    if low:
        listed &= nw.col("wrote") <= as_of - timedelta(hours=low)
    if np.isfinite(high):
        listed &= nw.col("wrote") > as_of - timedelta(hours=high)
    return {"listed": listed}


def _queued(as_of: datetime, bot_answers: bool) -> Expressions:
    known = expressions(_signs(as_of), bot_answers)
    awaiting = known["awaiting_reply"].fill_null(value=False)
    return {
        "conversation": nw.col("conversation"),
        "since": nw.when(awaiting).then(nw.col("wrote")).otherwise(nw.col("last_activity")),
        "assignee": nw.col("assignee"),
        "team": nw.col("team"),
        "awaiting": awaiting,
        "never_answered": known["never_answered"].fill_null(value=False),
    }


def _by_load(table: pd.DataFrame) -> pd.DataFrame:
    by_id = table.loc[sorted(table.index, key=_id_order)]
    return by_id.sort_values("open", ascending=False, kind="stable")


def _id_order(key: str) -> tuple[int, str]:
    """Sort key that orders ids as numbers, although they are text: 99 before 101."""
    return len(key), key


def balance(open_per_agent: list[int]) -> Balance:
    """The balance of open conversations over all agents, given the number of each."""
    held, agents = sum(open_per_agent), len(open_per_agent)
    if not held:
        return Balance(None, None)
    weighted = sum(
        (2 * rank - agents - 1) * load for rank, load in enumerate(sorted(open_per_agent), 1)
    )
    return Balance(weighted / (agents * held), max(open_per_agent) / held)
