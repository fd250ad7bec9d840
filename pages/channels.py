"""Where do subscriptions come from?"""

import pandas as pd
import streamlit as st

from lib.charts import figures
from lib.metrics import audience, engagement
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import day_of
from lib.store.dimensions import CHANNEL
from lib.ui import cards
from lib.ui.cards import Number


def show(view: View) -> None:
    terms = view.terms
    total = view.compute(audience.audience, terms)
    channels = view.compute(audience.by_channel, terms)

    if total.new:
        best = str(channels["new"].idxmax())
        sentence = (
            f"**{formatting.markdown(formatting.channel_name(best))}** brought "
            f"{formatting.number(int(channels['new'].max()))} of the "
            f"{formatting.number(total.new)} new contacts "
            f"{view.during}."
        )
    else:
        sentence = f"No channel brought a new contact {view.during}."
    fall = channels["new"] - channels["new_before"]
    if view.compares and len(fall) and fall.min() < 0:
        worst = str(fall.idxmin())
        sentence += (
            f" {formatting.markdown(formatting.channel_name(worst))} fell most: "
            f"{formatting.number(int(channels['new'][worst]))}, after "
            f"{formatting.number(int(channels['new_previous'][worst]))} in {view.before}."
        )
    cards.headline("Where do subscriptions come from?", sentence, view)

    engaged = view.compute(engagement.engagement, terms)
    several, pairs = view.compute(audience.several_channels)
    cards.numbers(
        [
            Number("new", formatting.number(total.new), total.new, total.new_before),
            Number("contacts", formatting.number(total.contacts)),
            Number("window_24h", formatting.number(engaged.window_24h)),
            Number("reach_at_risk", formatting.number(engaged.reach_at_risk), more_is="bad"),
        ],
        view,
    )

    daily = view.compute(audience.new_by_day_and_channel, terms)
    step = figures.step_for(terms.period.number_of_days)
    table = figures.stepped(figures.by_size(daily), step).rename_axis("From")
    cards.chart(
        "New contacts over time",
        figures.new_by_channel(daily, step, day_of(terms.as_of, terms.timezone))
        if total.new
        else None,
        table.rename(columns=formatting.channel_name).reset_index(),
        key="new-by-channel",
        if_empty=f"Nobody came {view.during}. Choose another period to see who did.",
        alt=f"{formatting.counted(total.new, 'new contact')} {view.during}, by channel: "
        + (
            formatting.listed(
                f"{formatting.channel_name(str(key))} {formatting.number(value)}"
                for key, value in channels["new"].items()
                if value
            )
            or "none"
        )
        + ".",
        view=view,
        clicks=[[view.choice.toggled(CHANNEL, str(key))] * len(table) for key in table.columns],
        explanation="A contact on two channels counts in both.",
    )

    cards.breakdown_table(
        "Channels",
        channels,
        "channel",
        key="channels",
        view=view,
        note="A contact on two channels counts in both, so channels do not add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**, of them "
        f"{formatting.number(total.new)} new.",
    )

    left, right = st.columns([2, 3])
    with left:
        cards.table(
            "On several channels",
            pd.DataFrame(
                {
                    "One": [formatting.channel_name(str(key)) for key in pairs["a"]],
                    "Other": [formatting.channel_name(str(key)) for key in pairs["b"]],
                    "Contacts": pairs["contacts"],
                }
            ),
            key="pairs",
            view=view,
            note=f"{formatting.counted(several, 'contact')} on more than one channel; those on "
            "three count "
            "in three pairs.",
        )
    with right:
        inboxes = view.compute(engagement.inboxes)
        cards.table(
            "Inboxes",
            pd.DataFrame(
                {
                    "Inbox": [
                        formatting.NOTHING if pd.isna(name) else name for name in inboxes["name"]
                    ],
                    "Channel": [
                        formatting.NOTHING if pd.isna(key) else formatting.channel_name(key)
                        for key in inboxes["channel"]
                    ],
                    "Status": [
                        formatting.NOTHING if pd.isna(each) else each for each in inboxes["status"]
                    ],
                    "Contacts": inboxes["contacts"].to_numpy(),
                    "At risk": inboxes["at_risk"].to_numpy(),
                }
            ),
            key="inboxes",
            view=view,
            note="At risk are active contacts whom no other inbox that is connected reaches.",
        )
