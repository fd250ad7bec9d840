"""What became of those who came in the same month: "Cohorts" of the metrics."""

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.memory import Facts, Keys, tally, times
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import midnight, stamps
from lib.store.tables import Tables


def facts(terms: Terms) -> Facts:
    """What `cohorts` has counted."""
    return {
        "still_active": is_active(),
        "broadcast": is_active() & ~nw.col("broadcast").is_null(),
        "active_30d": is_active() & (nw.col("last_activity") >= terms.ago(days=30)),
    }


def cohorts(tables: Tables, terms: Terms) -> pd.DataFrame:
    """A row per month of the subscription time in the reporting zone, indexed by its first day.

    Columns (int64): contacts; still_active, those not blocked; and of these broadcast, opted in to
    broadcasts, and active_30d, active in the last 30 days.
    """
    return tally(tables, facts, terms, by=_months(tables, terms))


def _months(tables: Tables, terms: Terms) -> Keys:
    """The month of each contact's subscription."""
    moments = times(tables, terms.subscription)
    happened = ~np.isnat(moments)
    if not happened.any():
        return Keys(np.full(len(moments), -1), pd.DatetimeIndex([], name="month"))
    first, last = moments[happened].min(), moments[happened].max()
    # A zone's month may begin a day before or after the one of UTC.
    start, end = np.array([first - _DAY, last + _DAY], dtype="datetime64[M]").clip(*_CALENDAR)
    months = np.arange(start, end + 1)
    edges = stamps([midnight(month, terms.timezone) for month in months.astype("M8[D]").tolist()])
    labels = pd.DatetimeIndex(months, name="month")
    return Keys(np.where(happened, edges.searchsorted(moments, "right") - 1, -1), labels)


_DAY = np.timedelta64(1, "D")
_CALENDAR = np.array(["0001-01", "9999-12"], dtype="datetime64[M]")
