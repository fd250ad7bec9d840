"""Who is waiting, and for whom?"""

from urllib.parse import quote

import pandas as pd
import streamlit as st

from lib.charts import figures
from lib.metrics import workload
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting
from lib.store.dimensions import AGENT, CHANNEL, MISSING, TEAM
from lib.ui import cards, sidebar
from lib.ui.cards import Number

MOST_LISTED = 100


def show(view: View) -> None:
    terms = view.terms
    load = view.compute(workload.workload, terms)
    agents = view.compute(workload.by_agent, terms)
    teams = view.compute(workload.by_team, terms)
    balance = workload.balance(agents["open"].tolist())

    if not load.open:
        sentence = "There is no open conversation."
    elif not load.awaiting_reply:
        sentence = (
            f"Nobody is waiting: all {formatting.counted(load.open, 'open conversation')} "
            "are answered."
        )
    else:
        sentence = (
            f"**{formatting.counted(load.awaiting_reply, 'conversation')}** of "
            f"{formatting.number(load.open)} open ones "
            + ("awaits" if load.awaiting_reply == 1 else "await")
            + f" a reply, {formatting.number(load.never_answered)} of them never answered; "
            f"{formatting.number(load.waiting['over_7d'])} for a week or more. "
            f"{formatting.number(load.unassigned)} open ones are assigned to nobody."
        )
    _, oldest = view.compute(workload.queue, terms, "waiting", MOST_LISTED)
    if len(oldest):
        holder = oldest["assignee"].iloc[0]
        sentence += (
            f" The longest has waited {formatting.duration(float(oldest['hours'].iloc[0]))}"
            + (
                ", and nobody is assigned."
                if pd.isna(holder)
                else f", with {formatting.markdown(view.options.name(AGENT, str(holder)))}."
            )
        )
    cards.headline("Who is waiting, and for whom?", sentence, view)

    shown = (
        "open",
        "awaiting_reply",
        "never_answered",
        "unassigned",
        "orphaned_handoff",
        "with_human",
        "follow_up",
        "never_read",
    )
    cards.numbers([Number(term, formatting.number(getattr(load, term))) for term in shown], view)

    ages = {
        "under 1 h": "under_1h",
        "1–4 h": "1h_4h",
        "4–24 h": "4h_24h",
        "1–3 d": "1d_3d",
        "3–7 d": "3d_7d",
        "7 d and more": "over_7d",
    }
    waiting = {label: load.waiting[age] for label, age in ages.items()}
    left, right = st.columns([2, 3])
    with left:
        cards.chart(
            "How long they have waited",
            figures.ranking(waiting, "waiting"),
            pd.DataFrame({"Waiting for": list(waiting), "Conversations": list(waiting.values())}),
            key="ageing",
            alt="Conversations awaiting a reply by waiting time: "
            + formatting.listed(
                f"{label} {formatting.number(value)}" for label, value in waiting.items()
            )
            + ".",
            view=view,
            explanation="Of the conversations awaiting a reply.",
        )

    def readable(table: pd.DataFrame, kind: str) -> pd.DataFrame:
        return pd.DataFrame(
            {
                kind: table["name"],
                "Open": table["open"],
                "Awaiting reply": table["awaiting_reply"],
                "Never answered": table["never_answered"],
                "Unread": table["unread"],
                "Follow-up": table["follow_up"],
                "Oldest wait (h)": table["oldest_wait_hours"],
                "Median wait (h)": table["median_wait_hours"],
            }
        )

    agents = agents.assign(name=view.names(AGENT, agents)).sort_values("name", kind="stable")
    teams = teams.assign(name=view.names(TEAM, teams))
    with right:
        cards.chart(
            "Open conversations per agent",
            figures.load(agents) if len(agents) else None,
            lambda: readable(agents, "Agent"),
            key="agents",
            alt=f"Open conversations of {formatting.counted(len(agents), 'agent')}, by name; "
            + (
                f"the busiest holds {formatting.percent(balance.top_share)} of those that agents "
                "hold."
                if balance.top_share is not None
                else "none holds any."
            ),
            view=view,
            clicks=[cards.clicks_on(AGENT, agents.index, view)] * 3,
            explanation="By name: a distribution, not a ranking of people.",
            if_empty="No agent was ever assigned a conversation.",
        )

    cards.headed("Conversations")
    sidebar.pick_queue(view.choice)
    many, listed = view.compute(workload.queue, terms, view.choice.queue, MOST_LISTED)
    kinds = {
        "waiting": (
            "Longest waiting",
            "conversation awaits a reply",
            "conversations await a reply",
        ),
        "orphaned": ("Orphaned hand-offs", "orphaned hand-off", "orphaned hand-offs"),
        "unread": ("Unread", "unread conversation", "unread conversations"),
    }
    title, one, several = kinds[view.choice.queue]
    found = pd.DataFrame(
        {
            "Waiting (h)": listed["hours"],
            "Since": [formatting.moment_of(each, terms.timezone) for each in listed["since"]],
            "Channel": [
                formatting.listed(map(formatting.channel_name, keys))
                if keys
                else formatting.NOTHING
                for keys in listed["channels"]
            ],
            "Agent": [
                formatting.NOTHING if pd.isna(key) else view.options.name(AGENT, key)
                for key in listed["assignee"]
            ],
            "Team": [
                formatting.NOTHING if pd.isna(key) else view.options.name(TEAM, key)
                for key in listed["team"]
            ],
            "State": [
                "never answered" if never else "awaiting a reply" if awaiting else "answered"
                for never, awaiting in zip(
                    listed["never_answered"], listed["awaiting"], strict=True
                )
            ],
        }
    )
    links = {}
    if view.inbox_url is not None and len(found):
        found["ChatbotX"] = [
            view.inbox_url + quote(str(each), safe="") if pd.notna(each) else None
            for each in listed["conversation"]
        ]
        links["ChatbotX"] = st.column_config.LinkColumn(display_text="Open", width="small")
    cards.table(
        title,
        found,
        key=f"queue-{view.choice.queue}",
        view=view,
        note=f"**{formatting.counted(many, one, several)}**"
        + (
            f"; these are the {formatting.number(len(found))} oldest. "
            if many > len(found)
            else ". "
        )
        + ("The link opens a conversation in ChatbotX." if links else "")
        + (" The demo workspace has no ChatbotX to open them in." if view.snapshot.is_demo else ""),
        columns=links,
    )

    lines = view.compute(workload.by_agent_and_channel)
    order = sorted(
        lines.index, key=lambda key: (key == MISSING, view.options.name(AGENT, key).casefold())
    )
    lines = lines.reindex(order)
    names = [view.options.name(AGENT, key) for key in lines.index]

    def cell(agent: str, channel: str) -> Choice:
        """Limited to one agent on one channel, or no longer so."""
        both = view.choice.limited_to(AGENT, (agent,)).limited_to(CHANNEL, (channel,))
        return both if both != view.choice else both.limited_to(AGENT, ()).limited_to(CHANNEL, ())

    heads = [formatting.channel_name(key) for key in lines.columns]
    cards.chart(
        "Agents and channels",
        figures.grid(lines, names, heads, "open") if len(lines) else None,
        lambda: (
            lines.set_axis(heads, axis="columns")
            .assign(Agent=names)
            .set_index("Agent")
            .reset_index()
        ),
        key="agents-channels",
        alt=f"Open conversations of {formatting.counted(len(names), 'agent')} by channel; the "
        "most, "
        + (
            f"{formatting.number(int(lines.to_numpy().max()))}, are with "
            f"{names[int(lines.max(axis=1).argmax())]}."
            if len(lines)
            else "none."
        ),
        view=view,
        clicks=[
            [
                cell(str(lines.index[row]), str(lines.columns[column]))
                for row, column in figures.filled(lines)
            ]
        ],
        explanation="Open conversations. A contact on two channels counts in both.",
        if_empty="There is no open conversation.",
    )

    if balance.gini is not None:
        cards.numbers(
            [
                Number("gini", formatting.decimal(balance.gini)),
                Number("top_share", formatting.percent(balance.top_share)),
                Number("assigned_agent", formatting.number(load.assigned_agent)),
                Number("assigned_team_only", formatting.number(load.assigned_team_only)),
                Number("no_admin_reply", formatting.number(load.no_admin_reply)),
                Number("unread", formatting.number(load.unread)),
            ],
            view,
        )
    cards.table(
        "Per agent",
        readable(agents, "Agent"),
        key="agent-table",
        view=view,
        note="Everybody who was ever assigned a conversation, so that a free agent shows as 0. By "
        "name.",
        clicks=cards.clicks_on(AGENT, agents.index, view),
    )
    cards.table(
        "Per team",
        readable(teams, "Team"),
        key="team-table",
        view=view,
        clicks=cards.clicks_on(TEAM, teams.index, view),
    )
