"""Broadcast opt-outs, blocks and deletions by channel, tag or country ("Where people left")."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from lib.charts import changes as figures
from lib.history.opt_outs import departures
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.view import View
from lib.reference import formatting
from lib.reference.rates import SMALL_SAMPLE, Rate
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from lib.ui import cards, charts, clicks

MOST_GROUPS = 12
_GROUPS: dict[str, Dimension] = {"Channel": CHANNEL, "Tag": TAG, "Country": COUNTRY}


def show(view: View) -> None:
    """Draw the chart and its table. Raises StoreError and Unreadable."""
    cards.headed("Where people left")
    picked = st.segmented_control(
        "By", list(_GROUPS), default="Channel", key="left-by", required=True
    )
    name = picked if picked in _GROUPS else "Channel"
    dimension = _GROUPS[name]
    counted = view.recall(departures, view.terms.period, dimension, "broadcast")
    if counted is None:
        return
    rates = [
        None if pd.isna(could) else Rate(int(out), max(int(could), int(out)))
        for out, could in zip(counted["opted_out"], counted["could"], strict=True)
    ]
    names = view.names(dimension, counted)
    shown = [
        (row, rate)
        for row, rate in enumerate(rates)
        if rate is not None and rate.denominator and (rate.numerator or row < MOST_GROUPS)
    ][:MOST_GROUPS]
    told = [f"{names[row]} {formatting.per_thousand(rate)}" for row, rate in shown[:5]]
    few = [rate is None or rate.denominator < SMALL_SAMPLE for rate in rates]
    charts.show(
        f"Opt-outs from broadcasts per {formatting.number(1000)} opted in, by {dimension.noun}",
        figures.per_thousand([(names[row], rate) for row, rate in shown], "opted out")
        if shown
        else None,
        Table(
            (
                column(name, names, of.TEXT),
                column("Opted out", counted["opted_out"], of.COUNT),
                column("Could have", _whole(counted["could"]), of.COUNT),
                column("Share", [rate and rate.rate for rate in rates], of.SHARE, muted=few),
                column(
                    "Likely range",
                    [rate and rate.interval for rate in rates],
                    of.SHARES,
                    muted=few,
                    detail=True,
                ),
                column("Blocked", counted["blocked"], of.COUNT, detail=True),
                column("Deleted", counted["deleted"], of.COUNT, detail=True),
            )
        ),
        key="departures",
        alt=f"Opt-outs of those opted in, by {dimension.noun}: {formatting.listed(told) or 'none'}"
        ".",
        view=view,
        clicks=[clicks.on_keys(dimension, [counted.index[row] for row, _ in shown], view)],
        explanation="Of those opted in as the period opened, or since. Dots are rates, lines their "
        f"likely ranges (95%). Hollow: fewer than {SMALL_SAMPLE}.",
        if_empty="Nobody could opt out, or the filters need more than is recorded: remove them to "
        "see rates.",
    )


def _whole(values: "pd.Series[float]") -> Sequence[int | None]:
    return [None if np.isnan(value) else int(value) for value in values]
