"""May we write to them?"""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from lib.charts.levels import rates as level_rates
from lib.charts.ranking import Ranking
from lib.charts.rates import cohort_shares
from lib.charts.rates import rates as rates_figure
from lib.history.opt_outs import opt_out_rate
from lib.history.reading import transitions
from lib.history.unreadable import unless_unreadable
from lib.metrics import audience, cohorts, opt_in
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.trends import recorded_during
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.rates import SMALL_SAMPLE, Rate
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from lib.ui import cards, charts, clicks, deferred, head, recorded_days

MOST_GROUPS = 15
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "Broadcast": ("broadcast", "Broadcast opt-in", "opted in"),
    "E-mail": ("email", "E-mail opt-in", "opted in"),
    "Verified e-mail": ("email_verified", "Verified e-mail", "verified"),
}
"""By name of the kind: the field of `opt_in.OptIn`, the title, and what the rate says."""

_BESIDE: Mapping[str, str] = {
    "Broadcast": "E-mail",
    "E-mail": "Broadcast",
    "Verified e-mail": "E-mail",
}
"""The kind that the hover text of each adds: whoever wants to write wonders by which way."""


def show(view: View) -> None:
    total = view.compute(audience.audience, view.terms)
    rates = view.compute(opt_in.opt_in)
    sentence = _sentence(rates)
    opted_out = unless_unreadable(lambda: _opted_out(view), "")
    head.show("May we write to them?", f"{sentence} {opted_out}".strip(), view)
    cards.numbers(
        [
            cards.rate_number("broadcast", rates.broadcast),
            cards.rate_number("email", rates.email),
            cards.rate_number("email_verified", rates.email_verified),
        ],
        view,
        about=cards.right_now(view),
    )
    deferred.numbers_are_sent()
    left, right = st.columns(2)
    with left:
        _steps(
            "From contacts to broadcast",
            {
                "Contacts": total.contacts,
                "Active": total.active,
                "On a channel": rates.broadcast.denominator,
                "Broadcast opt-in": rates.broadcast.numerator,
            },
            "steps-broadcast",
            view,
        )
    with right:
        _steps(
            "From contacts to e-mail",
            {
                "Contacts": total.contacts,
                "Active": total.active,
                "With an address": rates.email.denominator,
                "E-mail opt-in": rates.email.numerator,
            },
            "steps-mail",
            view,
        )
    picked = st.segmented_control(
        "Opt-in to", list(_KINDS), default="Broadcast", key="kind", required=True
    )
    kind = picked if picked in _KINDS else "Broadcast"
    groups: list[tuple[Dimension, pd.DataFrame]] = [
        (CHANNEL, view.compute(audience.by_channel, view.terms)),
        (COUNTRY, view.compute(audience.by_country, view.terms)),
        (TAG, view.compute(audience.by_tag, view.terms)),
    ]
    for place, (dimension, counted) in zip(st.columns(3), groups, strict=True):
        with place:
            _rates_by(dimension, counted, kind, view)
    _months(view)
    _over_days(view)


def _sentence(rates: opt_in.OptIn) -> str:
    if not rates.broadcast.denominator:
        return "There is no active contact on any channel to broadcast to."
    mail = f", and mail **{formatting.rate(rates.email)}** of those with an address"
    return (
        f"We may broadcast to **{formatting.rate(rates.broadcast)}** of the active contacts on a "
        f"channel{mail if rates.email.denominator else '; none has an e-mail address'}."
    )


def _opted_out(view: View) -> str:
    """Who opted out in the period, or in the part of it that is recorded."""
    history, period = view.history, view.terms.period
    span = None if history is None else transitions(history, period)
    rate = view.recall(opt_out_rate, period, "broadcast")
    if history is None or span is None or not span.number or not (rate and rate.denominator):
        return ""
    during = escaping.markdown(recorded_during(view))
    if not rate.numerator:
        return f"Nobody opted out of broadcasts {during}."
    return (
        f"**{formatting.number(rate.numerator)}** opted out of broadcasts {during}, "
        f"{formatting.per_thousand(rate)} who could."
    )


def _steps(title: str, steps: Mapping[str, int], key: str, view: View) -> None:
    ranking = Ranking.of(list(steps), list(steps), list(steps.values()))
    charts.show(
        title,
        ranking.figure(),
        Table(
            (
                column("Step", list(steps), of.TEXT),
                column("Contacts", list(steps.values()), of.COUNT),
            )
        ),
        key=key,
        alt=ranking.alt(title),
        view=view,
    )


def _rates_by(dimension: Dimension, counted: pd.DataFrame, kind: str, view: View) -> None:
    field, title, said = _KINDS[kind]
    of_rows = [opt_in.rates_of(row) for _, row in counted.iterrows()]
    found: list[Rate] = [getattr(each, field) for each in of_rows]
    group = dimension.noun
    names = view.names(dimension, counted)
    shown = [row for row, rate in enumerate(found) if rate.denominator][:MOST_GROUPS]
    rows: Sequence[tuple[str, Rate]] = [(names[row], found[row]) for row in shown]
    beside, other, _ = _KINDS[_BESIDE[kind]]
    also = {other: [getattr(of_rows[row], beside) for row in shown]}
    told = [f"{name} {formatting.percent(rate.rate)}" for name, rate in rows[:5]]
    small = [rate.is_small for rate in found]
    charts.show(
        f"{title} by {group}",
        rates_figure(rows, said, also) if rows else None,
        Table(
            (
                column(group.capitalize(), names, of.TEXT),
                column("Opted in", [rate.numerator for rate in found], of.COUNT),
                column("Of", [rate.denominator for rate in found], of.COUNT),
                column("Rate", [rate.rate for rate in found], of.SHARE, muted=small),
                column("Likely range", [rate.interval for rate in found], of.SHARES, muted=small),
            )
        ),
        key=f"rates-{group}",
        alt=f"{title} by {group}: {formatting.listed(told) or 'none'}.",
        view=view,
        clicks=[clicks.on_keys(dimension, [counted.index[row] for row in shown], view)],
        explanation="Dots are rates, lines their likely ranges (95%). Hollow: fewer than "
        f"{SMALL_SAMPLE}.",
    )


def _months(view: View) -> None:
    months = view.compute(cohorts.cohorts, view.terms)
    active = months["still_active"].where(months["still_active"] > 0)
    few = (months["contacts"] < SMALL_SAMPLE).tolist()
    charts.show(
        "By month they joined",
        cohort_shares(months) if len(months) else None,
        lambda: Table(
            (
                column("Month", list(months.index), of.MONTH),
                column("Contacts", months["contacts"], of.COUNT),
                column(
                    "Still active",
                    months["still_active"] / months["contacts"],
                    of.SHARE,
                    muted=few,
                ),
                column("Broadcast opt-in", months["broadcast"] / active, of.SHARE, muted=few),
                column("Active in 30 days", months["active_30d"] / active, of.SHARE, muted=few),
            )
        ),
        key="cohorts",
        alt="Shares still active, opted in and recently active for "
        f"{formatting.counted(len(months), 'month')}.",
        view=view,
        explanation="All contacts by the month in which they joined, whatever the period chosen. "
        "Contacts deleted in ChatbotX are missing from old months. Hollow dots are months of fewer "
        f"than {SMALL_SAMPLE}.",
    )


def _over_days(view: View) -> None:
    """Recorded rates, day by day."""
    recorded_days.show(
        "Opt-in",
        {"broadcast": "Broadcast opt-in", "email": "E-mail opt-in"},
        of.SHARE,
        level_rates,
        view,
        key="opt-in-days",
        hint="The page Changes shows who opted out, and where.",
    )
