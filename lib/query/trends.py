"""Trends from recorded history: a value per day of the period, or a gap."""

import logging

import numpy as np
import pandas as pd

from lib.engines.errors import EngineError
from lib.history.reading import daily_levels
from lib.query.view import View
from lib.store.delta import Unreadable
from lib.store.place import StoreError

log = logging.getLogger(__name__)


def recorded_levels(view: View) -> pd.DataFrame | None:
    """Levels at the end of each day of the period, NaN where nothing was recorded.

    Indexed by day. Columns: open, awaiting_reply, unassigned, and the rates broadcast and email.
    None if nothing was recorded in the period, if levels cannot answer the current filters, or if
    the store cannot be read (the page of changes says so).
    """
    period = view.terms.period
    try:
        levels = view.recall(daily_levels, period)
    except (StoreError, Unreadable, EngineError) as why:
        log.warning("Recorded levels cannot be read: %s.", why)
        return None
    if levels is None or levels.empty:
        return None
    whole = levels.reindex(pd.Index(list(period.days()), name="day"))
    waiting = whole["awaiting_reply"]
    if not view.terms.bot_answers:
        waiting = waiting + whole["left_to_bot"]
    return pd.DataFrame(
        {
            "open": whole["open"],
            "awaiting_reply": waiting,
            "unassigned": whole["unassigned"],
            "broadcast": _rate(whole["broadcast"], whole["on_channel"]),
            "email": _rate(whole["email"], whole["with_email"]),
        },
        dtype="float64",
    )


def _rate(part: "pd.Series[float]", of: "pd.Series[float]") -> "pd.Series[float]":
    return part / of.where(of > 0, np.nan)
