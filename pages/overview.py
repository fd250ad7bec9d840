"""How is our audience doing?"""

from dataclasses import replace

import streamlit as st

from lib.charts import figures
from lib.insights.findings import Finding, findings
from lib.metrics import audience, opt_in, workload
from lib.query import url
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import day_of
from lib.store.dimensions import CHANNEL, COUNTRY, TAG
from lib.ui import cards, navigation, sidebar
from lib.ui.cards import Number


def show(view: View) -> None:
    terms = view.terms
    today = day_of(terms.as_of, terms.timezone)

    total = view.compute(audience.audience, terms)
    channels = view.compute(audience.by_channel, terms)
    rates = view.compute(opt_in.opt_in)
    rates_over_time = view.compute(opt_in.over_time, terms)
    load = view.compute(workload.workload, terms)
    backlog = view.compute(workload.backlog_by_day, terms)
    daily = view.compute(audience.by_day, terms)
    subscribers = view.compute(audience.subscribers_by_day, terms)

    sentence = f"**{formatting.counted(total.new, 'new contact')}** {view.during}"
    if view.compares:
        sentence += f", {formatting.compared(total.new, total.new_before, view.before)}"
    if total.new and len(view.choice.keys(CHANNEL)) != 1:
        best = str(channels["new"].idxmax())
        share = formatting.percent(int(channels["new"].max()) / total.new)
        sentence += (
            f". {formatting.markdown(formatting.channel_name(best))} brought {share} of them"
        )
    sentence += f". {formatting.counted(load.awaiting_reply, 'conversation')} "
    sentence += "awaits a reply." if load.awaiting_reply == 1 else "await a reply."
    cards.headline("How is our audience doing?", sentence, view)

    def since_then(fact: str, now: int, what: str) -> str:
        """How many of those in the backlog came to be there in the period."""
        return f"{formatting.number(now - int(backlog[fact].iloc[0]))} {what} {view.during}"

    cards.numbers(
        [
            Number(
                "contacts",
                formatting.number(total.contacts),
                change=formatting.signed(total.new) if view.compares else None,
                note=view.during if view.compares else None,
                trend=subscribers.tolist(),
            ),
            Number(
                "new",
                formatting.number(total.new),
                total.new,
                total.new_before,
                trend=figures.stepped(daily, figures.step_for(len(daily)))["new"].tolist(),
            ),
            Number(
                "net",
                formatting.signed(total.net),
                total.net,
                total.net_before,
                trend=(daily["new"] - daily["lost"]).cumsum().tolist(),
            ),
        ],
        view,
    )
    cards.numbers(
        [
            cards.rate_number(
                "broadcast",
                rates.broadcast,
                rates_over_time["broadcast"],
                compares=view.compares,
            ),
            cards.rate_number(
                "email", rates.email, rates_over_time["email"], compares=view.compares
            ),
            Number(
                "awaiting_reply",
                formatting.number(load.awaiting_reply),
                note=since_then("awaiting_reply", load.awaiting_reply, "wrote"),
                trend=backlog["awaiting_reply"].tolist(),
            ),
            Number(
                "unassigned",
                formatting.number(load.unassigned),
                note=since_then("unassigned", load.unassigned, "last active"),
                trend=backlog["unassigned"].tolist(),
            ),
        ],
        view,
    )

    def choice_of(finding: Finding) -> Choice:
        """The choice under which a finding can be seen."""
        choice = replace(view.choice, queue=finding.queue or view.choice.queue)
        for dimension, key in finding.narrow:
            choice = choice.limited_to(dimension, (key,))
        return choice.on_days(finding.day, finding.day) if finding.day else choice

    def where(finding: Finding) -> str:
        """The page of a finding and what of it, in Markdown: "Channels · WhatsApp"."""
        parts = [finding.page.replace("_", "-").capitalize()]
        parts += [formatting.shortened(view.options.name(*limit)) for limit in finding.narrow]
        if finding.queue:
            parts.append(sidebar.QUEUE_NAMES[finding.queue].lower())
        if finding.day:
            parts.append(formatting.day(finding.day))
        return formatting.markdown(" · ".join(parts))

    def link_to(finding: Finding) -> None:
        label, icon = where(finding), ":material/arrow_forward:"
        about, choice = f"Look at: {formatting.markdown(finding.sentence)}", choice_of(finding)
        if finding.page == "overview":
            st.button(
                label,
                help=about,
                icon=icon,
                type="tertiary",
                on_click=sidebar.set_choice,
                args=(choice,),
            )
            return
        navigation.link(
            finding.page, label, parameters=url.parameters(choice), icon=icon, about=about
        )

    with st.container(border=True, key="worth-a-look"):
        st.header(
            "Worth a look",
            anchor=False,
            help="Picked by rules from the numbers: at most five, the most urgent first. "
            "Differences count only where chance does not explain them.",
        )
        found = findings(view)
        if not found:
            st.caption("Nothing stands out: no backlog, no broken inbox, no unusual day.")
        for finding in found:
            text, link = st.columns([5, 2], vertical_alignment="center")
            with text:
                st.markdown(
                    f"{formatting.markdown(finding.sentence)} "
                    f":gray[{formatting.markdown(finding.evidence)}]"
                )
            with link:
                link_to(finding)
        cards.note_points(
            "Worth a look",
            [
                f"**{formatting.markdown(each.sentence)}** {formatting.markdown(each.evidence)}"
                for each in found
            ],
        )

    step = figures.step_for(terms.period.number_of_days)
    stepped = figures.stepped(daily, step)
    cards.chart(
        "New and lost contacts",
        figures.growth(daily, step, today) if total.new or total.lost else None,
        lambda: (
            stepped.rename(columns={"new": "New", "lost": "Lost"}).rename_axis("From").reset_index()
        ),
        key="growth",
        if_empty=f"Nobody came and nobody was lost {view.during}. Choose another period to see "
        "more.",
        alt=f"{formatting.counted(total.new, 'new contact')} and {formatting.number(total.lost)} "
        f"lost {view.during}.",
        view=view,
        clicks=[cards.clicks_on_steps(stepped.index, step, view)] * 2,
    )

    left, right = st.columns(2)
    with left:
        new = channels["new"].sort_values(ascending=False, kind="stable")
        new = new[new > 0]
        names = view.names(CHANNEL, new.to_frame())
        cards.chart(
            "New contacts by channel",
            figures.ranking(
                dict(zip(names, new.tolist(), strict=True)),
                "new",
                {
                    name: figures.channel_colour(key)
                    for name, key in zip(names, new.index, strict=True)
                },
            )
            if len(new)
            else None,
            lambda: cards.breakdown(channels, "channel", "Channel", view),
            key="overview-channels",
            if_empty=f"Nobody came {view.during}.",
            alt="New contacts by channel: "
            + (
                formatting.listed(
                    f"{name} {formatting.number(value)}"
                    for name, value in zip(names, new, strict=True)
                )
                or "none"
            )
            + ".",
            view=view,
            clicks=[cards.clicks_on(CHANNEL, new.index, view)],
            explanation="A contact on two channels counts in both.",
        )
    with right:
        by_country = view.compute(audience.by_country, terms)
        country_names = view.names(COUNTRY, by_country)
        cards.chart(
            "Contacts by country",
            figures.ranking(
                dict(zip(country_names, by_country["contacts"].tolist(), strict=True)),
                "contacts",
                most=8,
            ),
            lambda: cards.breakdown(by_country, "country", "Country", view),
            key="overview-countries",
            alt=f"Most contacts are in {country_names[0]}: "
            f"{formatting.number(by_country['contacts'].iloc[0])} of "
            f"{formatting.number(total.contacts)}.",
            view=view,
            clicks=[cards.clicks_on(COUNTRY, by_country.index[:8], view)],
        )

    tags = view.compute(audience.by_tag, terms)
    tag_names = view.names(TAG, tags)
    cards.chart(
        "Contacts by tag",
        figures.ranking(
            dict(zip(tag_names, tags["contacts"].tolist(), strict=True)), "contacts", most=10
        ),
        lambda: cards.breakdown(tags, "tag", "Tag", view),
        key="overview-tags",
        alt=f"The largest of {formatting.counted(len(tags), 'group')} by tag is {tag_names[0]}, "
        f"with {formatting.counted(int(tags['contacts'].iloc[0]), 'contact')}.",
        view=view,
        clicks=[cards.clicks_on(TAG, tags.index[:10], view)],
        explanation="A contact with two tags counts in both.",
    )
