"""Where do new contacts come from?"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from lib.charts.growth import new_by_channel, stacked
from lib.charts.steps import stepped
from lib.charts.style import CHANNEL_COLOURS
from lib.metrics import audience, engagement
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.periods import day_of
from lib.reference.rates import SMALL_SAMPLE
from lib.store.dimensions import CHANNEL, SOURCE
from lib.ui import breakdowns, cards, charts, deferred, head, tables
from lib.ui.cards import Number


def show(view: View) -> None:
    total = view.compute(audience.audience, view.terms)
    channels = view.compute(audience.by_channel, view.terms)
    sentence = _sentence(view, total, channels)
    head.show("Where do new contacts come from?", sentence, view, explains=True)
    engaged = view.compute(engagement.engagement, view.terms)
    cards.numbers(
        [
            Number("new", total.new, total.new_before),
            Number(
                "lost",
                total.lost,
                total.lost_before,
                more_is="bad",
            ),
            Number("net", total.net, total.net_before, say=formatting.signed),
        ],
        view,
    )
    cards.numbers(
        [
            Number("contacts", total.contacts),
            Number("window_24h", engaged.window_24h),
            Number("reach_at_risk", engaged.reach_at_risk, more_is="bad"),
        ],
        view,
        about=cards.right_now(view),
    )
    deferred.numbers_are_sent()
    _over_time(view, total)
    breakdowns.show(
        "Channels",
        channels,
        CHANNEL,
        key="channels",
        view=view,
        note="A contact on two channels counts in both, so channels do not add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**"
        + ("." if view.is_to_come else f", of them {formatting.number(total.new)} new."),
    )
    sources = view.compute(audience.by_source, view.terms)
    if len(sources):
        breakdowns.show(
            "Sources",
            sources,
            SOURCE,
            key="sources",
            view=view,
            note="How contacts came into their inboxes. A contact with two sources counts in both.",
        )
    left, right = st.columns([2, 3])
    with left:
        _several(view)
    with right:
        _inboxes(view)


def _sentence(view: View, total: audience.Audience, channels: pd.DataFrame) -> str:
    known = channels.drop(audience.NONE, errors="ignore")
    # With one channel chosen, other channels of the same contacts brought nobody, and it brought
    # all.
    if chosen := view.choice.keys(CHANNEL):
        known = known[known.index.isin(chosen)]
    if not known["new"].sum():
        sentence = view.nothing("No channel brought new contacts")
    else:
        best = str(known["new"].idxmax())
        new = int(known["new"].max())
        brought = (
            formatting.counted(new, "new contact")
            if len(chosen) == 1 or new == total.new
            else f"{formatting.number(new)} of the {formatting.counted(total.new, 'new contact')}"
        )
        name = escaping.markdown(formatting.channel_name(best))
        sentence = f"**{name}** brought {brought} {view.during}."
    enough = known["new_before"] >= SMALL_SAMPLE
    fall = (known["new"] - known["new_before"]).where(enough, 0)
    if view.compares and len(fall) > 1 and fall.min() < 0:
        worst = str(fall.idxmin())
        sentence += (
            f" {escaping.markdown(formatting.channel_name(worst))} fell most: "
            f"{formatting.number(int(known['new'][worst]))}, after "
            f"{formatting.number(int(known['new_before'][worst]))} {view.before}."
        )
    return sentence


def _over_time(view: View, total: audience.Audience) -> None:
    """New contacts by channel over time; for a single day, by channel only."""
    if view.terms.period.number_of_days == 1:
        breakdowns.ranking(
            view,
            CHANNEL,
            key="new-by-channel-of-day",
            most=12,
            counted="new",
            colours=CHANNEL_COLOURS,
        )
        return
    chosen = view.choice.keys(CHANNEL)
    # A filter must not empty its own chart: the other channels stay, faded.
    whole = view.without(CHANNEL)
    daily = whole.compute(audience.new_by_step, whole.terms, CHANNEL)
    step = view.terms.period.step
    table = stepped(stacked(daily, chosen), step)
    today = day_of(view.terms.as_of, view.terms.timezone)
    each_once = stepped(whole.compute(audience.by_day, whole.terms), step)["new"].tolist()
    named = [(formatting.channel_name(str(key)), table[key]) for key in table.columns]
    told = [f"{name} {formatting.number(int(new.sum()))}" for name, new in named]
    charts.show(
        f"New contacts per {step}",
        new_by_channel(daily, step, today, [] if chosen else each_once, chosen)
        if len(daily) and daily.to_numpy().any()
        else None,
        lambda: Table(
            (
                column("From", list(table.index), of.DAY),
                *(column(name, new, of.COUNT) for name, new in named),
                *(() if chosen else (column("Each once", each_once, of.COUNT),)),
            ),
            whole.filters,
        ),
        key="new-by-channel",
        if_empty=f"{view.nothing('No new contacts')} Choose another period to see more.",
        alt=f"{formatting.counted(total.new, 'new contact')} {view.during}, by channel: "
        f"{formatting.listed(told) or 'none'}.",
        view=view,
        clicks=[[view.choice.toggled(CHANNEL, str(key))] * len(table) for key in table.columns],
        note=_counted_twice(table, [] if chosen else each_once)
        or breakdowns.beyond_filter(view, CHANNEL, map(str, table.columns)),
        explanation="A contact on two channels is in the parts of both.",
    )


def _counted_twice(table: pd.DataFrame, each_once: Sequence[int]) -> str | None:
    """Why bars are higher than the numbers above them, if any is."""
    if not each_once or table.sum(axis=1).tolist() == list(each_once):
        return None
    return (
        "Bars count a contact on two channels in both parts; the numbers above them count each "
        "contact once."
    )


def _several(view: View) -> None:
    several, pairs = view.compute(audience.several_channels)
    tables.show(
        "On several channels",
        Table(
            (
                column(
                    "First channel", [formatting.channel_name(str(a)) for a in pairs["a"]], of.TEXT
                ),
                column(
                    "Second channel", [formatting.channel_name(str(b)) for b in pairs["b"]], of.TEXT
                ),
                column("Contacts", pairs["contacts"], of.COUNT),
            )
        ),
        key="pairs",
        view=view,
        note=f"{formatting.counted(several, 'contact')} on more than one channel; those on three "
        "count in three pairs.",
    )


def _inboxes(view: View) -> None:
    inboxes = view.compute(engagement.inboxes)
    tables.show(
        "Inboxes",
        Table(
            (
                column("Inbox", inboxes["name"].astype(object).tolist(), of.TEXT),
                column(
                    "Channel",
                    [
                        None if pd.isna(key) else formatting.channel_name(key)
                        for key in inboxes["channel"]
                    ],
                    of.TEXT,
                ),
                column("Contacts", inboxes["contacts"], of.COUNT),
                column("Can't be reached now", inboxes["at_risk"], of.COUNT),
                column("Status", inboxes["status"].astype(object).tolist(), of.TEXT),
            )
        ),
        key="inboxes",
        view=view,
        note="Active contacts whom no other inbox that is connected reaches can't be reached now.",
    )
