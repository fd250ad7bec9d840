"""Are they still with us? "Engagement" of the metrics: all among active contacts."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.memory import Facts, links, links_in, tally, times
from lib.metrics.terms import Terms, is_active
from lib.store.tables import Tables

CONNECTED = "connected"


@dataclass(frozen=True)
class Engagement:
    """`active_Nd`: either side was active in the last N days. `window_24h`: wrote to us in the last
    24 hours; None where the server does not say. `reach_at_risk`: no inbox of theirs works."""

    active_7d: int
    active_30d: int
    window_24h: int | None
    reach_at_risk: int


def facts(terms: Terms) -> Facts:
    """What `engagement` has counted."""
    return {
        "active_7d": is_active() & (nw.col("last_activity") >= terms.ago(days=7)),
        "active_30d": is_active() & (nw.col("last_activity") >= terms.ago(days=30)),
        "window_24h": is_active() & (nw.col("last_incoming") >= terms.ago(hours=24)),
    }


def engagement(tables: Tables, terms: Terms) -> Engagement:
    counted = tally(tables, facts, terms).iloc[0]
    # Asked of the whole workspace: of a few contacts none may have written to us.
    is_told = not np.isnat(times(tables, "last_incoming")).all()
    at_risk = _at_risk(tables)
    return Engagement(
        active_7d=int(counted["active_7d"]),
        active_30d=int(counted["active_30d"]),
        window_24h=int(counted["window_24h"]) if is_told else None,
        reach_at_risk=int((at_risk if tables.mask is None else at_risk & tables.mask).sum()),
    )


def inboxes(tables: Tables) -> pd.DataFrame:
    """A row per inbox, indexed by id: name, channel, status; contacts, active and at_risk (those
    of its active contacts that no other inbox reaches), by contacts descending."""
    found = links(tables, "inbox")
    is_blocked = ~np.isnat(times(tables, "blocked"))
    table = tables.inboxes.set_index("id")
    for name, among in {
        "contacts": np.ones_like(is_blocked),
        "active": ~is_blocked,
        "at_risk": _at_risk(tables),
    }.items():
        codes = found.codes[among.take(found.contact)]
        counts = pd.Series(np.bincount(codes, minlength=len(found.labels)), index=found.labels)
        table[name] = counts.reindex(table.index, fill_value=0)
    return table.sort_index().sort_values("contacts", ascending=False, kind="stable")


def _at_risk(tables: Tables) -> np.ndarray:
    """For each contact of the whole workspace, whether it is active and has inboxes, none of which
    is connected."""
    found = links_in(tables, "inbox")
    connected = tables.inboxes.loc[tables.inboxes["status"] == CONNECTED, "id"]
    is_connected = found.labels.isin(connected)
    has_inbox, has_connected = np.zeros((2, len(tables.whole.contacts)), dtype=np.bool_)
    has_inbox[found.contact] = True
    has_connected[found.contact[is_connected.take(found.codes)]] = True
    return np.isnat(times(tables, "blocked")) & has_inbox & ~has_connected
