"""What changed?"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from lib.charts import changes as figures
from lib.charts.steps import step_for, stepped
from lib.history.opt_outs import opt_out_rate
from lib.history.reading import Bridge, Changes, begins, changes, events_in
from lib.insights.pace import paces
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.trends import drawn_days, during, recorded_during, titled
from lib.query.view import TO_COME, View
from lib.reference import escaping, formatting
from lib.reference.periods import Period, day_of
from lib.reference.rates import FEW_ANSWERS, Rate
from lib.store.dimensions import AGENT, TAG
from lib.store.place import StoreError, Unreadable
from lib.ui import answers, cards, charts, clicks, deferred, departed, head, tables
from lib.ui.cards import Number

QUESTION = "What changed?"
MOST_GROUPS = 12


def show(view: View) -> None:
    try:
        _show(view)
    except (StoreError, Unreadable) as why:
        st.error(
            f"What was recorded cannot be read: {escaping.markdown(str(why))}. The numbers of "
            "the other pages are current all the same.",
            icon=":material/history_toggle_off:",
        )


def _show(view: View) -> None:
    found = view.recall(changes, view.terms.period)
    if view.history is None:
        head.show(QUESTION, _NOTHING_RECORDED, view)
        _what_it_will_show()
        return
    if view.is_to_come:
        head.show(QUESTION, TO_COME, view)
        return
    if found is None:
        since = formatting.moment(begins(view.history), view.terms.timezone)
        head.show(
            QUESTION,
            f"Nothing was recorded before the end of this period: recording began "
            f"{escaping.markdown(since)}. Choose a later period.",
            view,
        )
        return
    told = [_sentence(found, view), answers.compared(view) or ""]
    head.show(QUESTION, " ".join(told).strip(), view)
    if not found.snapshots:
        _what_it_will_show()
        return
    st.caption(escaping.markdown(_compared(found, view)))
    _numbers(found, view)
    _bridge(found, view)
    days = drawn_days(view)
    around = view.recall(changes, days)
    shown = found if around is None else around
    _came_and_left(shown, days, view)
    departed.show(view)
    _tags(view)
    answers.show(view)
    _agents(found, view)


_NOTHING_RECORDED = (
    "Nothing has been recorded yet. Changes are found by comparing one snapshot of the workspace "
    "with the next, because ChatbotX keeps no history of it."
)


def _what_it_will_show() -> None:
    cards.points(
        "What this page shows from the second snapshot on",
        [
            "Who joined, was blocked or deleted, to the last contact.",
            "Who opted out of broadcasts, and on which channel, with which tag, in which country.",
            "Which tags grow and which shrink.",
            "How many people were answered, how quickly, and what agents handed over.",
        ],
    )


def _sentence(found: Changes, view: View) -> str:
    bridge, zone = found.bridge, view.terms.timezone
    if not found.snapshots:
        since = formatting.moment(found.recorded_since, zone)
        return (
            f"Recorded since {escaping.markdown(since)}: "
            f"**{formatting.counted(bridge.closing, 'contact')}** "
            f"{'is' if bridge.closing == 1 else 'are'} not blocked. There is no second snapshot in "
            "this period to compare with."
        )
    net = bridge.closing - bridge.opening
    parts = [f"{formatting.number(bridge.joined)} joined"]
    parts += [
        f"{formatting.number(number)} {what}"
        for number, what in (
            (bridge.unblocked, "came back"),
            (bridge.moved_in, "moved into these filters"),
            (bridge.blocked, "were blocked" if bridge.blocked != 1 else "was blocked"),
            (bridge.deleted, "were deleted" if bridge.deleted != 1 else "was deleted"),
            (bridge.moved_out, "moved out of these filters"),
            (found.events["broadcast_out"], "opted out of broadcasts"),
        )
        if number
    ]
    grown = (
        f"**{formatting.counted(abs(net), 'contact')} {'more' if net > 0 else 'fewer'}**"
        if net
        else "**As many contacts** as before"
    )
    return f"{grown} {escaping.markdown(recorded_during(view))}: {formatting.listed(parts)}."


def _compared(found: Changes, view: View) -> str:
    """Between which snapshots, and since when history exists if the period began earlier."""
    zone = view.terms.timezone
    text = (
        f"Compared: {formatting.counted(found.snapshots + 1, 'snapshot')} from "
        f"{formatting.moment(found.opening, zone)} to {formatting.moment(found.closing, zone)}."
    )
    if found.opening > view.terms.period.first_moment:
        text += " What happened earlier in this period was not recorded."
    return text


def _numbers(found: Changes, view: View) -> None:
    """Each number with its change from the previous period, if that was recorded."""
    bridge, response = found.bridge, found.response
    rate = view.recall(opt_out_rate, view.terms.period, "broadcast")
    joined = Number("joined", bridge.joined, note=recorded_during(view))
    left = Number(
        "left",
        bridge.blocked + bridge.deleted,
        more_is="bad",
        note=f"{formatting.number(bridge.blocked)} blocked, "
        f"{formatting.number(bridge.deleted)} deleted",
    )
    opted_out = Number(
        "opted_out",
        found.events["broadcast_out"],
        more_is="bad",
        note=_per_thousand(rate) if rate is not None and rate.denominator else None,
    )
    answered = Number(
        "response",
        response.median_hours,
        more_is="bad",
        say=formatting.duration,
        note=f"{formatting.number(response.timed)} of "
        f"{formatting.counted(response.answered, 'answer')} timed",
    )
    found_paces = paces(view)
    if found_paces is not None:
        now, before, part = found_paces.now, found_paces.before, found_paces.part

        def moved(card: Number, new: int, old: int) -> Number:
            counted = f"{formatting.number(new)} {part}, " if part else ""
            change = formatting.change(new, old)
            return replace(card, change=change, note=f"{counted}vs {formatting.number(old)}")

        joined = moved(joined, now.joined, before.joined)
        left = moved(left, now.left, before.left)
        opted_out = moved(opted_out, now.opted_out, before.opted_out)
        if now.response_hours is not None and before.response_hours is not None:
            answered = replace(
                answered,
                change=formatting.signed_duration(now.response_hours - before.response_hours),
                note=(f"{part}, " if part else "")
                + f"vs {formatting.duration(before.response_hours)}",
            )
    cards.numbers([joined, left, opted_out, answered], view)
    deferred.numbers_are_sent()


def _per_thousand(rate: Rate) -> str:
    return f"{formatting.per_thousand(rate)} of {formatting.number(rate.denominator)} opted in"


def _steps(bridge: Bridge) -> list[tuple[str, int]]:
    """Steps from the opening to the closing number; moves are listed only if a filter allows
    any."""
    steps = [
        ("Joined", bridge.joined),
        ("Unblocked", bridge.unblocked),
        ("Moved in", bridge.moved_in),
        ("Blocked", -bridge.blocked),
        ("Deleted", -bridge.deleted),
        ("Moved out", -bridge.moved_out),
    ]
    return [step for step in steps if step[1] or not step[0].startswith("Moved")]


def _bridge(found: Changes, view: View) -> None:
    bridge, zone = found.bridge, view.terms.timezone
    first, last = (
        f"On {formatting.day(day_of(moment, zone))}" for moment in (found.opening, found.closing)
    )
    if first == last:
        first, last = "At the opening", "At the closing"
    steps = _steps(bridge)
    rows = [(first, bridge.opening), *steps, (last, bridge.closing)]
    told = [f"{name.lower()} {formatting.signed(number)}" for name, number in steps if number]
    charts.show(
        "From opening to closing",
        figures.bridge((first, bridge.opening), steps, last),
        Table(
            (
                column("Step", [name for name, _ in rows], of.TEXT),
                column("Contacts", [number for _, number in rows], of.COUNT),
            )
        ),
        key="bridge",
        alt=f"From {formatting.number(bridge.opening)} to "
        f"{formatting.counted(bridge.closing, 'contact')}: {formatting.listed(told) or 'no change'}"
        ".",
        view=view,
        explanation="Contacts that are not blocked. The steps add up exactly. Bars show the "
        "difference from the opening. Under a filter, contacts that gained or lost what is asked "
        "for move in and out.",
    )


def _came_and_left(found: Changes, days: Period, view: View) -> None:
    """Arrivals, departures and opt-outs on `days`; `found` covers the same days."""
    by_day = found.by_day
    daily = pd.DataFrame(
        {
            "came": by_day["joined"] + by_day["unblocked"],
            "left": by_day["blocked"] + by_day["deleted"],
            "opted_out": by_day["broadcast_out"],
        }
    )
    step = step_for(len(daily))
    table = stepped(by_day, step)
    came, left, out = (int(daily[name].sum()) for name in ("came", "left", "opted_out"))
    zone = view.terms.timezone
    since, today = day_of(found.opening, zone), day_of(view.terms.as_of, zone)
    charts.show(
        titled(f"Who came, left and opted out per {step}", days, view),
        figures.came_and_left(daily, step, since, today) if came + left + out else None,
        lambda: Table(
            (
                column("From", list(pd.DatetimeIndex(table.index)), of.DAY),
                column("Joined", table["joined"], of.COUNT),
                column("Unblocked", table["unblocked"], of.COUNT),
                column("Blocked", table["blocked"], of.COUNT),
                column("Deleted", table["deleted"], of.COUNT),
                column("Opted in", table["broadcast_in"], of.COUNT, detail=True),
                column("Opted out", table["broadcast_out"], of.COUNT),
                column("Closed", table["closed"], of.COUNT, detail=True),
                column("Answered", table["answered"], of.COUNT, detail=True),
            )
        ),
        key="came-and-left",
        alt=f"{formatting.number(came)} came, {formatting.number(left)} left and "
        f"{formatting.number(out)} opted out of broadcasts {during(days, view)}.",
        view=view,
        clicks=[clicks.on_steps(pd.DatetimeIndex(table.index), step, days, view)] * 3,
        explanation="Came: joined or unblocked. Left: blocked or deleted, on two days if both "
        "happened. What ChatbotX keeps no time for counts on the day of the snapshot that shows "
        "it.",
        if_empty=f"Nobody came, left or opted out {during(days, view)}.",
    )


def _tags(view: View) -> None:
    events = view.recall(events_in, view.terms.period)
    if events is None:
        return
    counted = pd.DataFrame(
        {"added": events.by_value("tag_added"), "removed": events.by_value("tag_removed")}
    )
    counted = counted.fillna(0).astype("int64")
    counted["net"] = counted["added"] - counted["removed"]
    order = counted["net"].abs().sort_values(ascending=False, kind="stable").index
    counted = counted.loc[order]
    names = view.names(TAG, counted)
    rows = [
        (name, int(added), int(removed))
        for name, added, removed in zip(names, counted["added"], counted["removed"], strict=True)
    ]
    told = [f"{name} {formatting.signed(added - removed)}" for name, added, removed in rows[:5]]
    charts.show(
        "Tags that grew and shrank",
        figures.grew_and_shrank(rows[:MOST_GROUPS]) if rows else None,
        Table(
            (
                column("Tag", names, of.TEXT),
                column("Added", counted["added"], of.COUNT),
                column("Removed", counted["removed"], of.COUNT),
                column("Net", counted["net"], of.SIGNED),
            )
        ),
        key="tags-changed",
        alt=f"Tags by how often they were added and removed: {formatting.listed(told) or 'none'}.",
        view=view,
        clicks=[clicks.on_keys(TAG, counted.index[:MOST_GROUPS], view)] * 2,
        explanation="How often a tag was added to a contact and removed. A tag that is deleted in "
        "ChatbotX is removed from all its contacts.",
        if_empty=f"No tag was added or removed {view.during}.",
    )


def _agents(found: Changes, view: View) -> None:
    agents = found.agents
    tables.show(
        "Hand-overs and answers by agent",
        Table(
            (
                column("Agent", view.names(AGENT, agents), of.TEXT),
                column("Received", agents["received"], of.COUNT),
                column("Given away", agents["given_away"], of.COUNT),
                column("Closed", agents["closed"], of.COUNT),
                column("Answered", agents["answered"], of.COUNT),
                column(
                    "Median response time",
                    agents["median_response_hours"],
                    of.HOURS,
                    muted=(agents["timed"] < FEW_ANSWERS).tolist(),
                ),
                column("Timed answers", agents["timed"], of.COUNT, detail=True),
            )
        ),
        key="agents-changed",
        view=view,
        note=f"Grey medians rest on fewer than {FEW_ANSWERS} answers.",
        rows=tables.Rows(clicks.on_keys(AGENT, agents.index, view)),
    )
