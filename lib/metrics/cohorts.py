"""What became of the contacts who came in the same month (metrics.md, "Cohorts")."""

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Bins, Engine, Expressions, Facts
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import Period, day_of


def expressions(terms: Terms) -> Expressions:
    return {
        "still_active": is_active(),
        "broadcast": is_active() & ~nw.col("broadcast").is_null(),
        "active_30d": is_active() & (nw.col("last_activity") >= terms.ago(days=30)),
    }


def cohorts(asked: Engine, terms: Terms) -> pd.DataFrame:
    """A row per month of subscription, in the reporting zone, that has contacts.

    Indexed by the month's first day. Columns (int64): contacts; still_active: not blocked; and of
    those, broadcast: opted in to broadcasts, and active_30d: active in the last 30 days.
    """
    existing = asked.whole.span(terms.subscription)
    if existing is None:
        nobody = pd.DatetimeIndex([], name="month")
        return pd.DataFrame(columns=["contacts", *expressions(terms)], index=nobody, dtype="int64")
    first, last = (day_of(moment, terms.timezone) for moment in existing)
    bins = Bins((terms.subscription,), Period(first, last, terms.timezone), "month")
    counted = asked.over_time(bins, Facts(expressions, (terms,))).iloc[1:-1]
    months = np.array(bins.period.steps("month"), dtype="datetime64[s]")
    table = counted.set_axis(pd.DatetimeIndex(months, name="month"))
    return table[table["contacts"] > 0]
