"""May we write to them?"""

import pandas as pd
import streamlit as st

from lib.charts import figures
from lib.metrics import audience, cohorts, opt_in
from lib.query.view import View
from lib.reference import formatting
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from lib.ui import cards


def show(view: View) -> None:
    terms = view.terms
    total = view.compute(audience.audience, terms)
    rates = view.compute(opt_in.opt_in)

    sentence = (
        f"We may broadcast to **{formatting.rate(rates.broadcast)}** of the active contacts on a "
        f"channel, "
        f"and mail **{formatting.rate(rates.email)}** of those with an address."
        if rates.broadcast.denominator
        else "There is no active contact on any channel to broadcast to."
    )
    cards.headline("May we write to them?", sentence, view)

    cards.numbers(
        [
            cards.rate_number("broadcast", rates.broadcast),
            cards.rate_number("email", rates.email),
            cards.rate_number("email_verified", rates.email_verified),
        ],
        view,
    )

    steps = {
        "Contacts": total.contacts,
        "Active": total.active,
        "On a channel": rates.broadcast.denominator,
        "Broadcast opt-in": rates.broadcast.numerator,
    }
    mail_steps = {
        "Contacts": total.contacts,
        "Active": total.active,
        "With an address": rates.email.denominator,
        "E-mail opt-in": rates.email.numerator,
    }
    left, right = st.columns(2)
    for column, title, values in (
        (left, "From contacts to broadcast", steps),
        (right, "From contacts to e-mail", mail_steps),
    ):
        with column:
            cards.chart(
                title,
                figures.ranking(values, "contacts"),
                pd.DataFrame({"Step": list(values), "Contacts": list(values.values())}),
                key="steps-" + ("mail" if column is right else "broadcast"),
                alt=f"{title}: "
                + formatting.listed(
                    f"{name} {formatting.number(value)}" for name, value in values.items()
                )
                + ".",
                view=view,
            )

    kinds = {"Broadcast": "broadcast", "E-mail": "email", "Verified e-mail": "email_verified"}
    kind = st.segmented_control(
        "Opt-in to", list(kinds), default="Broadcast", key="kind", required=True
    )
    kind = kind if kind in kinds else "Broadcast"
    groups: list[tuple[Dimension, pd.DataFrame]] = [
        (CHANNEL, view.compute(audience.by_channel, terms)),
        (COUNTRY, view.compute(audience.by_country, terms)),
        (TAG, view.compute(audience.by_tag, terms)),
    ]
    for column, (dimension, counted) in zip(st.columns(3), groups, strict=True):
        group = dimension.noun
        rates_of_kind = [
            getattr(opt_in.rates_of(row), kinds[kind]) for _, row in counted.iterrows()
        ]
        rows = list(zip(view.names(dimension, counted), rates_of_kind, strict=True))
        has_rate = [place for place, (_, rate) in enumerate(rows) if rate.denominator][:15]
        shown = [rows[place] for place in has_rate]
        keys = [counted.index[place] for place in has_rate]
        with column:
            cards.chart(
                f"{kind} opt-in by {group}" if kind != "Verified e-mail" else f"{kind} by {group}",
                figures.rates(shown, "opted in" if kind != "Verified e-mail" else "verified"),
                pd.DataFrame(
                    {
                        group.capitalize(): [label for label, _ in rows],
                        "Opted in": [rate.numerator for _, rate in rows],
                        "Of": [rate.denominator for _, rate in rows],
                        "Rate": pd.Series([rate.rate for _, rate in rows], dtype="float64"),
                        "95% interval": [formatting.interval(rate) for _, rate in rows],
                    }
                ),
                key=f"rates-{group}",
                alt=f"{kind} by {group}: "
                + (
                    formatting.listed(
                        f"{label} {formatting.percent(rate.rate)}" for label, rate in shown[:5]
                    )
                    or "none"
                )
                + ".",
                view=view,
                clicks=[cards.clicks_on(dimension, keys, view)],
                explanation="Dots are rates, whiskers their 95% intervals. Muted: fewer than 30.",
            )

    months = view.compute(cohorts.cohorts, terms)
    table = pd.DataFrame(
        {
            "Month": months.index,
            "Contacts": months["contacts"].to_numpy(),
            "Still active": (months["still_active"] / months["contacts"]).to_numpy(),
            "Broadcast opt-in": (months["broadcast"] / months["still_active"]).to_numpy(),
            "Active in 30 days": (months["active_30d"] / months["still_active"]).to_numpy(),
        }
    )
    cards.chart(
        "By month of subscription",
        figures.cohort_shares(months) if len(months) else None,
        table,
        key="cohorts",
        alt="Shares still active, opted in and lately active for "
        f"{formatting.counted(len(months), 'month')}.",
        view=view,
        explanation="All contacts by the month in which they subscribed, whatever the period "
        "chosen. Contacts deleted in ChatbotX are missing from old months.",
    )
