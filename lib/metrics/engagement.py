"""Recent activity and reachability of active contacts (metrics.md, "Engagement")."""

from dataclasses import dataclass

import narwhals as nw
import pandas as pd

from lib.engines.questions import Engine, Expressions, Facts
from lib.metrics.terms import Terms, is_active
from lib.store.dimensions import INBOX
from lib.store.tables import CONNECTED as CONNECTED


@dataclass(frozen=True)
class Engagement:
    """Numbers of active contacts.

    `active_Nd`: either side was active in the last N days. `window_24h`: wrote to us in the last 24
    hours; None if the server does not say when contacts wrote. `reach_at_risk`: has inboxes, none
    of which is connected.
    """

    active_7d: int
    active_30d: int
    window_24h: int | None
    reach_at_risk: int


def expressions(terms: Terms) -> Expressions:
    return {
        "active_7d": is_active() & (nw.col("last_activity") >= terms.ago(days=7)),
        "active_30d": is_active() & (nw.col("last_activity") >= terms.ago(days=30)),
        "window_24h": is_active() & (nw.col("last_incoming") >= terms.ago(hours=24)),
    }


def _reach() -> Expressions:
    return {
        "active": is_active(),
        "at_risk": is_active() & (nw.col("inboxes") > 0) & ~nw.col("reachable"),
    }


def engagement(asked: Engine, terms: Terms) -> Engagement:
    counted = asked.count(Facts(expressions, (terms,), Facts(_reach))).iloc[0]
    # Of the whole workspace, since a small selection may simply contain nobody who wrote.
    is_told = asked.whole.span("last_incoming") is not None
    return Engagement(
        active_7d=int(counted["active_7d"]),
        active_30d=int(counted["active_30d"]),
        window_24h=int(counted["window_24h"]) if is_told else None,
        reach_at_risk=int(counted["at_risk"]),
    )


def inboxes(asked: Engine) -> pd.DataFrame:
    """A row per inbox, indexed by id, by contacts descending, then id.

    Columns: name, channel, status; contacts; active; at_risk: active contacts without a connected
    inbox.
    """
    table = asked.names("inboxes").set_index("id")
    counted = asked.count(Facts(_reach), INBOX, with_missing=False)
    table = table.join(counted.reindex(table.index, fill_value=0))
    return table.sort_index().sort_values("contacts", ascending=False, kind="stable")
