"""Where contacts leave: opt-outs, blocks and deletions by group, and how many could have opted
out."""

from typing import Literal

import numpy as np
import pandas as pd

from lib.engines.questions import Filter
from lib.history import levels
from lib.history.reading import History, events_in, transitions
from lib.reference.periods import Period
from lib.reference.rates import Rate
from lib.store.dimensions import Dimension

Kind = Literal["broadcast", "email"]
"""What is opted out of. The level of the same name counts those opted in."""


def departures(
    history: History, period: Period, dimension: Dimension, kind: Kind, limits: Filter
) -> pd.DataFrame:
    """Opt-outs, blocks and deletions of the period by a dimension; a contact with two values counts
    in each.

    Indexed by key ("" for none), ordered by opted_out, descending, then key. Columns: opted_out;
    could: the number that could have opted out, which is those opted in at the period's opening
    plus those who opted in since, NaN if no level says so (`levels.asked_for`); blocked; deleted.
    """
    found = events_in(history, period, limits, by=(dimension,))
    counted = pd.DataFrame(
        {
            "opted_out": found.by_key(f"{kind}_out", dimension),
            "opted_in": found.by_key(f"{kind}_in", dimension),
            "blocked": found.by_key("blocked", dimension),
            "deleted": found.by_key("deleted", dimension),
        }
    )
    base = _opted_in(history, period, dimension, kind, limits)
    if base is not None:
        counted = counted.reindex(counted.index.union(base.index))
    counted = counted.fillna(0).astype("int64").rename_axis(dimension.key)
    opted_in = counted.pop("opted_in")
    could = np.nan if base is None else base.reindex(counted.index, fill_value=0) + opted_in
    counted.insert(1, "could", could)
    if (asked := dict(limits.by_dimension).get(dimension)) is not None:
        # A contact that passes may have other values too, whose levels are those of all contacts.
        counted["could"] = counted["could"].where(counted.index.isin(asked))
    return counted.sort_index().sort_values("opted_out", ascending=False, kind="stable")


def opt_out_rate(history: History, period: Period, kind: Kind, limits: Filter) -> Rate | None:
    """Share of those who could have opted out that did; None if no level says how many could
    have."""
    asked = levels.asked_for(limits)
    span = transitions(history, period)
    if asked is None or span is None:
        return None
    dimension, keys = asked
    kept = _first_kept(history, span.opening)
    if kept is None:
        return None
    wanted = None if dimension == levels.TOTAL else keys
    opted_in = int(history.levels(dimension, kept, kept, wanted)[kind].sum())
    if kept != span.opening:
        meanwhile = history.between(span.opening, kept, limits)
        opted_in += meanwhile.number(f"{kind}_out") - meanwhile.number(f"{kind}_in")
    found = events_in(history, period, limits)
    could = max(0, opted_in) + found.number(f"{kind}_in")
    opted_out = found.number(f"{kind}_out")
    return Rate(opted_out, max(could, opted_out))


def _opted_in(
    history: History, period: Period, dimension: Dimension, kind: Kind, limits: Filter
) -> "pd.Series[int] | None":
    """Number opted in at the opening, by key; None if levels cannot answer the filter."""
    span = transitions(history, period)
    others = [each for each, _ in limits.by_dimension if each != dimension]
    if span is None or others or limits.recorded_only:
        return None
    kept = _first_kept(history, span.opening)
    if kept is None:
        return None
    if any(asked.has_several and len(keys) > 1 for asked, keys in limits.by_dimension):
        return None
    level = history.levels(dimension.key, kept, kept).set_index("key")[kind]
    opted_in = level.groupby(level.index).sum()
    if kept != span.opening:
        meanwhile = history.between(span.opening, kept, limits, (dimension,))
        out, into = (meanwhile.by_key(f"{kind}_{way}", dimension) for way in ("out", "in"))
        opted_in = opted_in.add(out, fill_value=0).sub(into, fill_value=0)
        opted_in = opted_in.clip(lower=0).astype("int64")
    for _, keys in limits.by_dimension:
        opted_in = opted_in[opted_in.index.isin(keys)]
    return opted_in


def _first_kept(history: History, opening: np.datetime64) -> np.datetime64 | None:
    """Time of the first level from `opening` on; None if the days after it have none.

    Levels older than some weeks are only those of the last snapshot of each day. A period opens
    with another snapshot if recording began in it, or if its days are of another zone.
    """
    seen = history.levels(levels.TOTAL, opening, opening + _SOON)["seen"]
    return np.asarray(seen, dtype="datetime64[us]").min() if len(seen) else None


_SOON = np.timedelta64(2, "D")
"""Longer than any day, in whatever zone."""
