"""Who is waiting, and for whom?"""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from lib.charts.levels import counts
from lib.charts.ranking import Ranking
from lib.charts.stack import Part, Stack
from lib.charts.style import AMBER, PETROL, RUST
from lib.metrics import workload
from lib.metrics.workload import Wait
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.outputs.shown import TableShown
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.store.dimensions import AGENT, TEAM, Dimension
from lib.ui import (
    answers,
    cards,
    charts,
    clicks,
    deferred,
    head,
    recorded_days,
    recorder,
    rights,
    sidebar,
    tables,
)
from lib.ui.cards import Number

AGES: Mapping[Wait, str] = {
    "under_1h": "under 1 h",
    "1h_4h": "1–4 h",
    "4h_24h": "4–24 h",
    "1d_3d": "1–3 d",
    "3d_7d": "3–7 d",
    "over_7d": "7 d and more",
}
MOST_LISTED = 10_000
"""Rows of a queue that an engine other than memory returns: the only ones that would grow with the
workspace."""

_LOW = 150
"""Height in pixels of a trend, so that two screens show the whole page."""

_LATE = {"3d_7d": AMBER, "over_7d": RUST}
_QUEUES = {
    "waiting": ("**{} conversation waits** for a person", "**{} conversations wait** for a person"),
    "orphaned": (
        "**{} conversation was** handed over and nobody took it",
        "**{} conversations were** handed over and nobody took them",
    ),
    "unread": ("**{} conversation is** unread", "**{} conversations are** unread"),
}
"""How many are in each queue, in Markdown: one, and several."""


def show(view: View) -> None:
    load = view.compute(workload.workload, view.terms)
    agents = view.compute(workload.by_agent, view.terms)
    agents = agents.assign(name=view.names(AGENT, agents))
    head.show("Who is waiting, and for whom?", _sentence(view, load, agents), view)
    cards.numbers(
        [
            Number(
                "awaiting_reply",
                load.awaiting_reply,
                note=f"of {formatting.number(load.open)} open, "
                f"{formatting.number(load.left_to_bot)} left to the bot",
            ),
            Number("never_answered", load.never_answered),
            Number("unassigned", load.unassigned),
            Number("orphaned_handoff", load.orphaned_handoff),
        ],
        view,
        about=cards.right_now(view),
    )
    deferred.numbers_are_sent()
    if view.terms.bot_answers and not view.compute(workload.server_tells):
        st.caption(
            "This server does not say whether a bot has answered, so conversations in which it is "
            "on count as left to the bot. If it never answers, say so under Settings."
        )
    left, right = st.columns([2, 3])
    with left:
        _ageing(view, load)
    with right:
        _agents(view, agents)
    left, right = st.columns([2, 3])
    with left:
        _backlog(view)
    with right:
        answers.show_weeks(view, height=_LOW)
    _queue(view)


def _sentence(view: View, load: workload.Workload, agents: pd.DataFrame) -> str:
    if not load.open:
        return "There is no open conversation."
    if not load.awaiting_reply and load.left_to_bot:
        left = "is" if load.left_to_bot == 1 else "are"
        return (
            f"Nobody waits for a person: of {formatting.counted(load.open, 'open conversation')}, "
            f"{formatting.number(load.left_to_bot)} {left} left to the bot."
        )
    if not load.awaiting_reply:
        if load.open == 1:
            return "Nobody is waiting: the only open conversation is answered."
        many = formatting.number(load.open)
        return f"Nobody is waiting: all {many} open conversations are answered."
    long = load.waiting["over_7d"]
    if load.awaiting_reply == 1:
        others = f" of {formatting.number(load.open)} open ones" if load.open > 1 else ""
        which = f"**1 conversation**{others} waits"
        aged = ", and has waited for a week or more" if long else ""
    else:
        many = formatting.counted(load.awaiting_reply, "conversation")
        which = f"**{many}** of {formatting.number(load.open)} open ones wait"
        aged = f", {formatting.number(long)} of them for a week or more" if long else ""
    unassigned = formatting.counted(load.unassigned, "open one is", "open ones are")
    sentence = f"{which} for a person{aged}; {unassigned} assigned to nobody."
    if len(agents) and agents["awaiting_reply"].max():
        busiest = agents.iloc[int(agents["awaiting_reply"].argmax())]
        sentence += (
            f" {escaping.markdown(str(busiest['name']))} has the most: "
            f"{formatting.number(busiest['awaiting_reply'])} of those who wait, and "
            f"{formatting.counted(int(busiest['open']), 'open conversation')} in all."
        )
    return sentence


def _ageing(view: View, load: workload.Workload) -> None:
    """Waiting times. A click on a bar filters the queue; another click removes that."""
    waiting = [load.waiting[age] for age in AGES]
    choice, picked = view.choice, view.choice.wait
    ranking = Ranking.of(
        list(AGES), list(AGES.values()), waiting, what="waiting", chosen=[picked] if picked else []
    )
    charts.show(
        "How long they have waited",
        ranking.figure(_LATE),
        Table(
            (
                column("Waiting for", list(AGES.values()), of.TEXT),
                column("Conversations", waiting, of.COUNT),
            )
        ),
        key="ageing",
        alt=ranking.alt("Conversations that wait for a person, by waiting time"),
        view=view,
        clicks=[[choice.listing("waiting", age if age != picked else None) for age in AGES]],
        hint="A click on a bar shows those conversations in the list below.",
    )


def _agents(view: View, agents: pd.DataFrame) -> None:
    """What each agent or team holds, drawn and counted in one row, those with waiting people
    first."""
    ordered = agents.sort_values(["awaiting_reply", "open"], ascending=False, kind="stable")
    tables.show(
        "Open conversations per agent",
        _holders(ordered),
        key="agents",
        view=view,
        note="Bars: never answered (red), waiting again (amber), answered (blue)."
        if len(agents)
        else "No agent was ever assigned a conversation.",
        rows=tables.Rows(
            clicks.on_keys(AGENT, ordered.index, view),
            [str(key) in view.choice.keys(AGENT) for key in ordered.index],
        ),
    )


def _holders(table: pd.DataFrame) -> Table:
    """What agents hold, and how long people have waited for them."""
    longest = int(table["open"].max()) if len(table) else 0
    bars = [
        Stack(
            (
                Part("never answered", never, RUST),
                Part("waiting again", waiting - never, AMBER),
                Part("answered", held - waiting, PETROL),
            ),
            longest,
        )
        for never, waiting, held in zip(
            table["never_answered"].tolist(),
            table["awaiting_reply"].tolist(),
            table["open"].tolist(),
            strict=True,
        )
    ]
    return Table(
        (
            column("Agent", table["name"], of.TEXT),
            column("Load", bars, of.STACK),
            column("Open", table["open"], of.COUNT),
            column("Waiting", table["awaiting_reply"], of.COUNT),
            column("Oldest wait", table["oldest_wait_hours"], of.HOURS),
            column("Median wait", table["median_wait_hours"], of.HOURS),
            column("Never answered", table["never_answered"], of.COUNT, detail=True),
            column("Unread", table["unread"], of.COUNT, detail=True),
            column("Follow-up", table["follow_up"], of.COUNT, detail=True),
        )
    )


def _queue(view: View) -> None:
    """All conversations of a list, longest waiting first."""
    with st.container(border=True, key="queue-list"):
        choice = view.choice
        many, listed = _listed(view)
        title = sidebar.QUEUE_NAMES[choice.queue]
        one, several = _QUEUES[choice.queue]
        limit = _limit_of(choice)
        note = (one if many == 1 else several).format(formatting.number(many))
        if limit:
            note += f": {limit}" if choice.queue == "waiting" else f", waiting {limit}"
        note += "."
        if many != len(listed):
            first = "longest waits" if choice.queue == "waiting" else "longest idle"
            note += f" Only the {formatting.number(MOST_LISTED)} {first} are listed."
        if view.inbox_url is not None:
            note += (
                " The link opens a conversation in ChatbotX, which shows only its latest ones: if "
                "it does not open, search for it there."
            )
        if view.snapshot.is_demo:
            note += " The demo has no ChatbotX to open them in."
        with st.container(horizontal=True, vertical_alignment="center", key="queue-controls"):
            st.header("Conversations", anchor=False, width="content")
            sidebar.pick_queue(choice)
            if limit:
                st.button(
                    f"Waiting {limit}",
                    key="chip-wait",
                    icon=":material/close:",
                    help="List all of them.",
                    on_click=rights.callback(sidebar.revise),
                    args=(choice, choice.listing(choice.queue)),
                )
            st.caption(note)
        table = _conversations(listed, view)
        recorder.note(TableShown(title, table, note))
        tables.body(table, title=title, key=f"queue-{choice.queue}", view=view)


def _limit_of(choice: Choice) -> str:
    """What the list is limited to, in words; empty if it is whole."""
    if choice.wait is None or (choice.queue, choice.wait) == ("waiting", "any"):
        return ""
    return "for a person" if choice.wait == "any" else AGES[choice.wait]


def _listed(view: View) -> tuple[int, pd.DataFrame]:
    """How many are in the queue, and those to list: from memory, all of them."""
    most = view.snapshot.contacts if view.source is None else MOST_LISTED
    choice = view.choice
    return view.compute(workload.queue, view.terms, choice.queue, most, choice.wait)


def _conversations(listed: pd.DataFrame, view: View) -> Table:
    # As plain values: iterating over a Series of Arrow texts is slow.
    def named(dimension: Dimension, keys: "pd.Series[Any]") -> list[str | None]:
        names = {key: view.options.name(dimension, key) for key in keys.dropna().unique()}
        return [names.get(key) for key in keys.tolist()]

    # Whoever does not wait in the other lists counts from the last activity.
    all_wait = view.choice.queue == "waiting" or view.choice.wait is not None
    made = [
        column("Waiting" if all_wait else "Waiting or idle", listed["hours"], of.HOURS),
        column("Channel", [_channels(keys) for keys in listed["channels"].tolist()], of.TEXT),
        column("Agent", named(AGENT, listed["assignee"]), of.TEXT),
        column(
            "State",
            [
                "never answered" if never else "waiting" if awaiting else "answered"
                for never, awaiting in zip(
                    listed["never_answered"], listed["awaiting"], strict=True
                )
            ],
            of.TEXT,
        ),
        column("Team", named(TEAM, listed["team"]), of.TEXT),
        column("Since", listed["since"], of.time_in(view.terms.timezone)),
    ]
    if view.inbox_url is not None:
        opens = [
            view.inbox_url + quote(each, safe="") if isinstance(each, str) else None
            for each in listed["conversation"].tolist()
        ]
        made.insert(4, column("ChatbotX", opens, of.LINK))
    return Table(tuple(made))


def _channels(keys: tuple[str, ...]) -> str | None:
    return formatting.listed(map(formatting.channel_name, keys)) if keys else None


def _backlog(view: View) -> None:
    """The recorded backlog, day by day."""
    recorded_days.show(
        "Backlog",
        {"awaiting_reply": "Waiting for a person", "unassigned": "Unassigned"},
        of.COUNT,
        partial(counts, height=_LOW + 40),
        view,
        key="backlog",
        beside={"open": "Open"},
    )
