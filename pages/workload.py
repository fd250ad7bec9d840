"""Who is waiting, and for whom?"""

import pandas as pd
import streamlit as st

from lib import cards, figures, words
from lib.cards import Number
from lib.metrics import workload
from lib.view import View

view: View = st.session_state["view"]
terms = view.terms
load = view.see(workload.workload, terms)
agents = view.see(workload.by_agent, terms)
teams = view.see(workload.by_team, terms)
balance = workload.balance(agents["open"].tolist())
longest = agents["oldest_wait_hours"].max()

if not load.open:
    sentence = "There is no open conversation."
elif not load.awaiting_reply:
    sentence = (
        f"Nobody is waiting: all {words.counted(load.open, 'open conversation')} are answered."
    )
else:
    sentence = (
        f"**{words.counted(load.awaiting_reply, 'conversation')}** of "
        f"{words.number(load.open)} open ones "
        + ("awaits" if load.awaiting_reply == 1 else "await")
        + f" a reply, {words.number(load.never_answered)} of them never answered; "
        f"{words.number(load.waiting['over_7d'])} for a week or more. "
        f"{words.number(load.unassigned)} open ones are assigned to nobody."
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
cards.numbers([Number(term, words.number(getattr(load, term))) for term in shown], view)

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
        figures.columns(waiting, "waiting"),
        pd.DataFrame({"Waiting for": list(waiting), "Conversations": list(waiting.values())}),
        key="ageing",
        alt="Conversations awaiting a reply by waiting time: "
        + words.listed(f"{label} {words.number(value)}" for label, value in waiting.items())
        + ".",
        view=view,
        explanation="Of the conversations awaiting a reply.",
    )


def named(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """With a name for everybody, those without one by their id."""
    names = [
        f"{kind} {key}" if pd.isna(name) else name
        for key, name in zip(table.index, table["name"], strict=True)
    ]
    return table.assign(name=names)


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


agents, teams = named(agents, "Agent"), named(teams, "Team")
with right:
    by_name = agents.sort_values("name") if len(agents) else agents
    cards.chart(
        "Open conversations per agent",
        figures.load(by_name),
        readable(by_name, "Agent"),
        key="agents",
        alt=f"Open conversations of {words.counted(len(agents), 'agent')}, by name; "
        + (
            f"the busiest holds {words.percent(balance.top_share)} of those that agents hold."
            if balance.top_share is not None
            else "none holds any."
        ),
        view=view,
        explanation="By name: a distribution, not a ranking of people.",
    )

if balance.gini is not None:
    cards.numbers(
        [
            Number("gini", f"{balance.gini:.2f}"),
            Number("top_share", words.percent(balance.top_share)),
            Number("assigned_agent", words.number(load.assigned_agent)),
            Number("assigned_team_only", words.number(load.assigned_team_only)),
            Number("no_admin_reply", words.number(load.no_admin_reply)),
            Number("unread", words.number(load.unread)),
        ],
        view,
    )
cards.table(
    "Per agent",
    readable(by_name, "Agent"),
    key="agent-table",
    view=view,
    note="Everybody who was ever assigned a conversation, so that a free agent shows as 0.",
)
cards.table("Per team", readable(teams, "Team"), key="team-table", view=view)
