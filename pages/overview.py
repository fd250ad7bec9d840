"""How is our audience doing?"""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from lib.charts.growth import growth, new_by_hour
from lib.charts.steps import Step, step_for, stepped, stepped_alongside
from lib.charts.style import CHANNEL_COLOURS
from lib.insights.findings import SHOWN, Finding, findings
from lib.metrics import audience, opt_in, workload
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.outputs.html import Pointer, findings_html
from lib.query import url
from lib.query.trends import between_ends, moved
from lib.query.view import TO_COME, View
from lib.reference import escaping, formatting
from lib.reference.periods import day_of
from lib.reference.rates import SMALL_SAMPLE
from lib.store.dimensions import CHANNEL, COUNTRY, SOURCE, TAG
from lib.ui import (
    breakdowns,
    cards,
    charts,
    clicks,
    deferred,
    head,
    navigation,
)
from lib.ui.cards import Number


def show(view: View) -> None:
    total = view.compute(audience.audience, view.terms)
    load = view.compute(workload.workload, view.terms)
    head.show("How is our audience doing?", _sentence(view, total, load), view, explains=True)
    _of_period(view, total)
    _of_right_now(view, load)
    deferred.numbers_are_sent()
    _worth_a_look(view)
    _growth(view, total)
    _where_from(view)


def _usual(view: View) -> str:
    """The usual number for the weekday of a single day, up to the same time of day."""
    period = view.terms.period
    if period.number_of_days != 1:
        return ""
    value = view.compute(audience.usual, view.terms).value
    if value is None:
        return ""
    then = "" if view.terms.as_of >= period.end_moment else " by then"
    weekday = formatting.weekday(period.start)
    often = formatting.number(round(value)) if round(value) else "none"
    return f"; a usual {weekday} has {often}{then}"


def _sentence(view: View, total: audience.Audience, load: workload.Workload) -> str:
    if view.is_to_come and not total.new:
        sentence = TO_COME.removesuffix(".")
    else:
        sentence = f"**{formatting.counted(total.new, 'new contact')}** {view.during}"
        # Comparing zero with zero says nothing.
        if view.compares and (total.new or total.new_before):
            sentence += f", {formatting.compared(total.new, total.new_before, view.before)}"
            sentence += _usual(view)
    known = view.compute(audience.by_channel, view.terms)["new"].drop(
        audience.NONE, errors="ignore"
    )
    # Other channels of the same contacts did not bring them.
    if chosen := view.choice.keys(CHANNEL):
        known = known[known.index.isin(chosen)]
    if total.new and len(chosen) != 1 and known.sum():
        best = escaping.markdown(formatting.channel_name(str(known.idxmax())))
        # Of few, a percentage would say more than is known.
        share = formatting.number(int(known.max()))
        if total.new >= SMALL_SAMPLE:
            share = formatting.part_of(int(known.max()), total.new)
        brought = f"{share} of them" if total.new > 1 else "it"
        sentence += f". {best} brought {brought}"
    waiting = formatting.counted(load.awaiting_reply, "conversation")
    verb = "waits" if load.awaiting_reply == 1 else "wait"
    return f"{sentence}. Right now {waiting} {verb} for a person."


def _of_period(view: View, total: audience.Audience) -> None:
    """Cards of the period: who came, and what it changed."""
    terms = view.terms
    daily = view.compute(audience.by_day, terms)
    joined = total.contacts - total.new + daily["new"].cumsum()
    ends_now = terms.period.end >= day_of(terms.as_of, terms.timezone) >= terms.period.start
    cards.numbers(
        [
            Number(
                "new",
                total.new,
                total.new_before,
                trend=stepped(daily, step_for(len(daily)))["new"].tolist(),
            ),
            Number(
                "net",
                total.net,
                total.net_before,
                say=formatting.signed,
                trend=(daily["new"] - daily["lost"]).cumsum().tolist(),
            ),
            Number(
                "contacts",
                total.contacts,
                note=("" if ends_now else "right now: ")
                + f"{formatting.number(total.active)} active, "
                f"{formatting.number(total.blocked)} blocked",
                trend=joined.tolist() if ends_now else None,
            ),
        ],
        view,
    )


def _of_right_now(view: View, load: workload.Workload) -> None:
    """Cards of what no period bears on, each with its recorded change over the period."""
    levels = between_ends(view)
    cards.numbers(
        [
            replace(_opt_in(view, levels), trend=_trend(levels, "broadcast")),
            _backlog(view, levels, "awaiting_reply", load.awaiting_reply, "wrote"),
            _backlog(view, levels, "unassigned", load.unassigned, "last active"),
        ],
        view,
        about=cards.right_now(view),
    )


def _opt_in(view: View, levels: pd.DataFrame | None) -> Number:
    # As recorded, or else from the opt-in times of contacts that still exist.
    if levels is None or moved(levels, "broadcast") is None:
        levels = view.compute(opt_in.over_time, view.terms)
    return cards.rate_number(
        "broadcast",
        view.compute(opt_in.opt_in).broadcast,
        levels["broadcast"],
        # History loads after the first page, and would then replace a change shown before.
        compares=view.compares and view.history is not None,
        during=view.during,
    )


def _backlog(view: View, levels: pd.DataFrame | None, fact: str, now: int, what: str) -> Number:
    """A part of the backlog with its recorded change, or else with how many conversations came to
    it in the period: `what` they did."""
    change = moved(levels, fact) if view.compares else None
    note: str | None = view.during
    if view.is_to_come:
        note = None
    elif change is None and view.choice.preset == "all":
        note = None  # all of them came since then
    elif change is None:
        backlog = view.compute(workload.backlog_by_day, view.terms)[fact]
        came = int(backlog.iloc[-1]) - int(backlog.iloc[0])
        note = f"{formatting.number(came)} {what} {view.during}"
    return Number(
        fact,
        now,
        more_is="bad",
        change=None if change is None else formatting.signed(round(change)),
        note=note,
        trend=_trend(levels, fact),
    )


def _trend(levels: pd.DataFrame | None, column: str) -> list[float] | None:
    """The recorded trend over the days of the period, if it makes a line; it cannot be derived from
    the contacts that remain."""
    days = None if levels is None else levels[column].iloc[1:]
    return days.tolist() if days is not None and days.notna().sum() > 1 else None


def _worth_a_look(view: View) -> None:
    found = findings(view)
    pointers = [_pointer(each, view) for each in found]
    with st.container(border=True, key="worth-a-look"):
        st.html(
            findings_html(
                _WORTH_A_LOOK,
                "Picked by rules from the numbers, the most urgent first. Differences count only "
                "where chance does not explain them.",
                pointers[:SHOWN],
                pointers[SHOWN:],
                "Nothing stands out: no wait of a week, no broken inbox, no unusual day.",
            )
        )
    cards.note_points(
        _WORTH_A_LOOK,
        [
            f"**{escaping.markdown(each.sentence)}** {escaping.markdown(each.evidence)}"
            for each in found
        ],
    )


_WORTH_A_LOOK = "Worth a look"


def _pointer(finding: Finding, view: View) -> Pointer:
    link = None
    if finding.leads_elsewhere(view, "overview"):
        link = navigation.address_of(finding.page, url.parameters(finding.choice(view)))
    return Pointer(finding.sentence, finding.evidence, finding.verb, link)


def _growth(view: View, total: audience.Audience) -> None:
    period = view.terms.period
    today = day_of(view.terms.as_of, view.terms.timezone)
    if_empty = (
        f"{view.nothing('No new contacts, and none lost,')} Choose another period to see more."
    )
    if period.number_of_days == 1:
        hours = view.compute(audience.arrivals, view.terms).sum().tolist()
        charts.show(
            "New contacts per hour",
            new_by_hour(hours, _hour(view), _hours_before(view)) if total.new else None,
            Table(
                (
                    column("Hour", [f"{hour:02d}:00" for hour in range(24)], of.TEXT),
                    column("New", hours, of.COUNT),
                )
            ),
            key="growth",
            alt=f"{formatting.counted(total.new, 'new contact')} {view.during}, by hour.",
            view=view,
            if_empty=if_empty,
        )
        return
    daily = view.compute(audience.by_day, view.terms)
    step = step_for(period.number_of_days)
    table = stepped(daily, step)
    charts.show(
        f"New and lost contacts per {step}",
        growth(daily, step, today, _before(view, daily.index, step))
        if total.new or total.lost
        else None,
        lambda: Table(
            (
                column("From", list(table.index), of.DAY),
                column("New", table["new"], of.COUNT),
                column("Lost", table["lost"], of.COUNT),
            )
        ),
        key="growth",
        if_empty=if_empty,
        alt=f"{formatting.counted(total.new, 'new contact')} and {formatting.number(total.lost)} "
        f"lost {view.during}.",
        view=view,
        clicks=[clicks.on_steps(table.index, step, period, view)]
        * 3,  # also on the comparison's line
    )


def _hour(view: View) -> int | None:
    """The current hour, if the period is today."""
    as_of, zone = view.terms.as_of, view.terms.timezone
    is_today = day_of(as_of, zone) == view.terms.period.start
    return as_of.astimezone(ZoneInfo(zone)).hour if is_today else None


def _hours_before(view: View) -> list[int] | None:
    """New contacts of the day to compare with, by hour."""
    if view.comparison is None:
        return None
    terms = replace(view.terms, period=view.comparison.period)
    return [int(new) for new in view.compute(audience.arrivals, terms).sum()]


def _before(view: View, days: pd.Index, step: Step) -> list[int] | None:
    """New contacts of the comparison period, by the steps of `days`."""
    comparison = view.comparison
    if comparison is None:
        return None
    terms = replace(view.terms, period=comparison.period)
    before = stepped_alongside(view.compute(audience.by_day, terms), days, step)
    return [int(new) for new in before["new"]]


def _where_from(view: View) -> None:
    counted = breakdowns.pick_counted("overview-counted")
    left, right = st.columns(2)
    with left:
        breakdowns.ranking(
            view,
            CHANNEL,
            key="overview-channels",
            most=8,
            counted=counted,
            colours=CHANNEL_COLOURS,
        )
    with right:
        breakdowns.ranking(view, COUNTRY, key="overview-countries", most=8, counted=counted)
    others = [(TAG, "overview-tags")]
    if view.options.of(SOURCE):
        others.append((SOURCE, "overview-sources"))
    for place, (dimension, key) in zip(st.columns(len(others)), others, strict=True):
        with place:
            breakdowns.ranking(view, dimension, key=key, most=8, counted=counted)
