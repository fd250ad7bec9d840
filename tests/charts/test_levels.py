"""Recorded levels, day by day."""

from __future__ import annotations

from math import isnan, nan

import pandas as pd

from lib.charts.levels import counts, rates

DAYS = pd.Index(["2026-11-01", "2026-11-02", "2026-11-03"], name="day")


def test_a_day_that_was_not_recorded_is_a_gap() -> None:
    levels = pd.DataFrame({"awaiting_reply": [5, nan, 7], "unassigned": [1, nan, 2]}, DAYS)
    figure = counts(levels, {"awaiting_reply": "Waiting for a person", "unassigned": "Unassigned"})
    waiting, unassigned = figure.data
    assert isnan(waiting.y[1])
    assert waiting.connectgaps is False
    assert list(unassigned.y[[0, 2]]) == [1, 2]
    assert waiting.customdata[0] == "Sun 1 Nov 2026: 5 waiting for a person"


def test_small_counts_have_ticks_at_whole_numbers_even_beside_a_gap() -> None:
    levels = pd.DataFrame({"awaiting_reply": [2, nan, 3]}, DAYS)
    assert counts(levels, {"awaiting_reply": "Waiting for a person"}).layout.yaxis.dtick == 1


def test_rates_are_written_in_per_cent_on_a_scale_that_ends_at_all() -> None:
    levels = pd.DataFrame({"broadcast": [0.25, 0.5, 0.75]}, DAYS)
    figure = rates(levels, {"broadcast": "Broadcast opt-in"})
    assert figure.data[0].customdata[2] == "Tue 3 Nov 2026: 75.0% broadcast opt-in"
    assert list(figure.layout.yaxis.range) == [0, 1.02]
