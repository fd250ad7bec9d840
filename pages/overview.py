"""How is our audience doing?"""

import streamlit as st

from lib import cards, countries, figures, words
from lib.cards import Number
from lib.metrics import audience, opt_in, workload
from lib.periods import day_of
from lib.view import View

view: View = st.session_state["view"]
terms = view.terms
today = day_of(terms.as_of, terms.timezone)

total = view.see(audience.audience, terms)
channels = view.see(audience.by_channel, terms)
rates = view.see(opt_in.opt_in)
load = view.see(workload.workload, terms)
daily = view.see(audience.by_day, terms)
subscribers = view.see(audience.subscribers_by_day, terms)

sentence = f"**{words.counted(total.new, 'new contact')}** {view.during}"
if view.compares:
    sentence += f", {words.compared(total.new, total.new_previous, view.before)}"
if total.new:
    best = str(channels["new"].idxmax())
    share = words.percent(int(channels["new"].max()) / total.new)
    sentence += f". {words.markdown(words.channel_name(best))} brought {share} of them"
sentence += f". {words.counted(load.awaiting_reply, 'conversation')} "
sentence += "awaits a reply." if load.awaiting_reply == 1 else "await a reply."
cards.headline("How is our audience doing?", sentence, view)

cards.numbers(
    [
        Number("contacts", words.number(total.contacts), trend=subscribers.tolist()),
        Number(
            "new",
            words.number(total.new),
            total.new,
            total.new_previous,
            trend=daily["new"].tolist(),
        ),
        Number(
            "net",
            words.signed(total.net),
            total.net,
            total.net_previous,
            trend=(daily["new"] - daily["lost"]).cumsum().tolist(),
        ),
    ],
    view,
)
cards.numbers(
    [
        cards.rate_number("broadcast", rates.broadcast),
        cards.rate_number("email", rates.email),
        Number("awaiting_reply", words.number(load.awaiting_reply)),
        Number("unassigned", words.number(load.unassigned)),
    ],
    view,
)

step = figures.step_for(terms.period.number_of_days)
cards.chart(
    "New and lost contacts",
    figures.growth(daily, step, today),
    lambda: (
        figures.stepped(daily, step)
        .rename(columns={"new": "New", "lost": "Lost"})
        .rename_axis("From")
        .reset_index()
    ),
    key="growth",
    alt=f"{words.counted(total.new, 'new contact')} and {words.number(total.lost)} lost "
    f"{view.during}.",
    view=view,
)

left, right = st.columns(2)
with left:
    new = channels["new"].sort_values(ascending=False, kind="stable")
    new = new[new > 0]
    names = [words.channel_name(key) for key in new.index]
    cards.chart(
        "New contacts by channel",
        figures.ranking(
            dict(zip(names, new.tolist(), strict=True)),
            "new",
            {name: figures.channel_colour(key) for name, key in zip(names, new.index, strict=True)},
        ),
        lambda: cards.breakdown(
            channels, [words.channel_name(key) for key in channels.index], "Channel", view
        ),
        key="overview-channels",
        alt="New contacts by channel: "
        + (
            words.listed(
                f"{name} {words.number(value)}" for name, value in zip(names, new, strict=True)
            )
            or "none"
        )
        + ".",
        view=view,
        explanation="A contact on two channels counts in both.",
    )
with right:
    by_country = view.see(audience.by_country, terms)
    country_names = [countries.country_name(key) for key in by_country.index]
    cards.chart(
        "Contacts by country",
        figures.ranking(
            dict(zip(country_names, by_country["contacts"].tolist(), strict=True)),
            "contacts",
            most=8,
        ),
        lambda: cards.breakdown(by_country, country_names, "Country", view),
        key="overview-countries",
        alt=f"Most contacts are in {country_names[0]}: "
        f"{words.number(by_country['contacts'].iloc[0])} of {words.number(total.contacts)}.",
        view=view,
    )

tags = view.see(audience.by_tag, terms)
tag_names = [view.options.name("tag", str(key)) for key in tags.index]
cards.chart(
    "Contacts by tag",
    figures.ranking(
        dict(zip(tag_names, tags["contacts"].tolist(), strict=True)), "contacts", most=10
    ),
    lambda: cards.breakdown(tags, tag_names, "Tag", view),
    key="overview-tags",
    alt=f"The largest of {words.counted(len(tags), 'group')} by tag is {tag_names[0]}, with "
    f"{words.counted(int(tags['contacts'].iloc[0]), 'contact')}.",
    view=view,
    explanation="A contact with two tags counts in both.",
)
