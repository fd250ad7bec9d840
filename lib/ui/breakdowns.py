"""Table of a dimension: contacts, new contacts and opt-ins by group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from lib.charts.ranking import Ranking
from lib.charts.steps import step_for, stepped
from lib.metrics import audience, opt_in, tails, workload
from lib.metrics.tails import Counted
from lib.outputs import columns as of
from lib.outputs.columns import Column, Table, column
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.rates import SMALL_SAMPLE
from lib.store.dimensions import Dimension
from lib.ui import charts, clicks, tables
from lib.ui.tables import Rows


def breakdown(counted: pd.DataFrame, dimension: Dimension, view: View) -> Table:
    """The table for the result of `audience.by_channel` and similar functions, a row per group."""
    contacts = view.compute(audience.audience, view.terms).contacts
    rates = [opt_in.rates_of(row) for _, row in counted.iterrows()]
    waiting = view.compute(workload.awaiting_by, view.terms, dimension)
    few, few_mail = (
        (counted[base] < SMALL_SAMPLE).tolist() for base in ("on_channel", "with_email")
    )
    made = [
        column(dimension.noun.capitalize(), view.names(dimension, counted), of.TEXT),
        column("Contacts", counted["contacts"], of.COUNT),
        column("New", _new(counted, view), of.COUNT),
        *_changes(counted, view),
        *_trends(counted, dimension, view),
        column("Broadcast opt-in", [each.broadcast.rate for each in rates], of.SHARE, muted=few),
        column("Share of contacts", counted["contacts"] / max(1, contacts), of.SHARE, detail=True),
        column(
            "Broadcast likely range",
            [each.broadcast.interval for each in rates],
            of.SHARES,
            muted=few,
            detail=True,
        ),
        column(
            "E-mail opt-in",
            [each.email.rate for each in rates],
            of.SHARE,
            muted=few_mail,
            detail=True,
        ),
        column(
            "E-mail likely range",
            [each.email.interval for each in rates],
            of.SHARES,
            muted=few_mail,
            detail=True,
        ),
        column("Active", counted["active"], of.COUNT, detail=True),
        column("Blocked", counted["contacts"] - counted["active"], of.COUNT, detail=True),
        column(
            "Waiting for a person",
            waiting.reindex(counted.index, fill_value=0),
            of.COUNT,
            detail=True,
        ),
    ]
    return Table(tuple(made), view.filters)


def _new(counted: pd.DataFrame, view: View) -> Sequence[int | None]:
    """New contacts; none, instead of 0, in a period that has not begun."""
    new: list[int] = counted["new"].tolist()
    return [each or None for each in new] if view.is_to_come else new


def _changes(counted: pd.DataFrame, view: View) -> list[Column]:
    """Changes in number, and in per cent where a percentage is meaningful."""
    if not view.compares:
        return []
    new, before = counted["new"].tolist(), counted["new_before"].tolist()
    changes = [
        now / then - 1 if formatting.has_percentage(now, then) else None
        for now, then in zip(new, before, strict=True)
    ]
    return [
        column("Change", counted["new"] - counted["new_before"], of.SIGNED),
        column("Change in %", changes, of.CHANGE),
        column("New before", counted["new_before"], of.COUNT, detail=True),
    ]


def _trends(counted: pd.DataFrame, dimension: Dimension, view: View) -> list[Column]:
    daily = view.compute(audience.new_by_step, view.terms, dimension)
    trends = stepped(daily, step_for(view.terms.period.number_of_days))
    if len(trends) < 2 or view.is_to_come:
        return []
    nobody = [0] * len(trends)
    drawn = [trends[key].tolist() if key in trends else nobody for key in counted.index]
    return [column("Trend", drawn, of.TREND)]


def show(
    title: str,
    counted: pd.DataFrame,
    dimension: Dimension,
    *,
    key: str,
    view: View,
    note: str,
) -> None:
    """Draw the table of a dimension. A click on a row filters the dashboard by it."""
    tables.show(
        title,
        breakdown(counted, dimension, view),
        key=key,
        view=view,
        note=f"{note}{_within_filter(view, dimension)} Grey rates rest on fewer than "
        f"{SMALL_SAMPLE} contacts.",
        rows=rows(counted, dimension, view),
    )


def rows(counted: pd.DataFrame, dimension: Dimension, view: View) -> Rows:
    """What a click on each row does, and which rows are chosen."""
    chosen = set(view.choice.keys(dimension))
    return Rows(
        clicks.on_keys(dimension, counted.index, view),
        [str(key) in chosen for key in counted.index],
    )


def rose_most(counted: pd.DataFrame, dimension: Dimension, view: View) -> str:
    """The group whose new contacts rose most, as a sentence in Markdown. Empty if none rose, or if
    none of those that rose has enough to speak of."""
    known = counted.drop(dimension.missing.key, errors="ignore")
    rise = (known["new"] - known["new_before"]).where(known["new"] >= SMALL_SAMPLE, 0)
    if not view.compares or len(known) < 2 or rise.max() <= 0:
        return ""
    key = str(rise.idxmax())
    before = int(known["new_before"][key])
    return (
        f"{escaping.markdown(view.options.name(dimension, key))} rose most: "
        f"{formatting.number(int(known['new'][key]))} new {view.during}, after "
        f"{formatting.number(before) if before else 'none'} {view.before}."
    )


@dataclass(frozen=True, eq=False)
class Ranked:
    """A ranking, and the breakdown behind its table."""

    ranking: Ranking
    counted: pd.DataFrame


def ranked(view: View, dimension: Dimension, counted: Counted, most: int) -> Ranked:
    """Rank the groups of a dimension, ignoring its own filter, so that a filter does not empty its
    own chart."""
    whole = view.without(dimension)
    found = whole.compute(audience.by, whole.terms, dimension)
    ordered = found.sort_values(counted, ascending=False, kind="stable")
    ordered = ordered[ordered[counted] > 0]

    def outside(shown: tuple[str, ...]) -> int:
        return whole.compute(tails.outside, whole.terms, dimension, shown, counted)

    ranking = Ranking.of(
        [str(key) for key in ordered.index],
        whole.names(dimension, ordered),
        ordered[counted].tolist(),
        what="new contacts" if counted == "new" else "contacts",
        most=most,
        outside=outside,
        chosen=view.choice.keys(dimension),
    )
    return Ranked(ranking, found)


def ranking(
    view: View,
    dimension: Dimension,
    *,
    key: str,
    most: int,
    counted: Counted,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw the chart of a ranking, with its table."""
    found = ranked(view, dimension, counted, most)
    whole = view.without(dimension)
    charts.ranking(
        f"{'New contacts' if counted == 'new' else 'Contacts'} by {dimension.noun}",
        found.ranking,
        lambda: breakdown(found.counted, dimension, whole),
        dimension=dimension,
        key=key,
        view=view,
        colours=colours,
        explanation=f"A contact with two {dimension.label.lower()} counts in both."
        if dimension.has_several
        else None,
        note=beyond_filter(
            view, dimension, found.ranking.keys, has_tail=found.ranking.tail is not None
        ),
        if_empty=f"{view.nothing('No new contacts')} “All” shows everybody."
        if counted == "new"
        else f"No {dimension.label.lower()} to show.",
    )


def _within_filter(view: View, dimension: Dimension) -> str:
    """Why a table shows other numbers than the faded bars of a chart (`beyond_filter`)."""
    if not view.choice.keys(dimension):
        return ""
    return f" Only contacts that pass the filter by {dimension.noun} are counted."


def beyond_filter(
    view: View, dimension: Dimension, drawn: Iterable[str], *, has_tail: bool = False
) -> str | None:
    """What faded bars count, if the dashboard is filtered by `dimension`, whose own charts ignore
    that filter; None if none of the `drawn` keys, and no tail of others, is faded."""
    chosen = view.choice.keys(dimension)
    if not chosen or not (has_tail or set(drawn) - set(chosen)):
        return None
    others = dimension.label.lower()
    return f"Faded: the other {others}, counted as without the filter by {dimension.noun}."


def pick_counted(key: str) -> Counted:
    """Switch between new contacts of the period and all contacts."""
    names: dict[str, Counted] = {"New": "new", "All": "contacts"}
    picked = st.segmented_control(
        "Count", list(names), default="New", key=key, required=True, label_visibility="collapsed"
    )
    found: Literal["contacts", "new"] = names.get(picked or "New", "new")
    return found
