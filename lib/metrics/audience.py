"""How many there are, come and go: "Audience" of the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lib.engines.memory import (
    Facts,
    Links,
    before_edges,
    keys_in,
    links,
    pairs,
    places,
    tally,
    times,
    where,
)
from lib.metrics import opt_in
from lib.metrics.terms import Terms, is_active, within
from lib.store.dimensions import MISSING
from lib.store.tables import Tables

NONE = MISSING
"""The key of contacts without a channel, or without a tag."""

Key = Literal["channel", "country", "tag", "source"]
_NUMBERS = {"channel": "channels", "tag": "tags", "source": "sources"}
"""The column that says how many of a key a contact has."""


@dataclass(frozen=True)
class Audience:
    """Contacts of the workspace, or of a selection of it; the period is that of the terms.

    `previous` is the whole period before, `before` what the terms compare with, by default as much
    of it as the period is over.
    """

    contacts: int
    active: int
    new: int
    new_previous: int
    new_before: int
    lost: int
    lost_previous: int
    lost_before: int

    @property
    def blocked(self) -> int:
        return self.contacts - self.active

    @property
    def net(self) -> int:
        return self.new - self.lost

    @property
    def net_before(self) -> int:
        return self.new_before - self.lost_before


def facts(terms: Terms) -> Facts:
    """What `Audience` has counted; the breakdowns have the facts of `opt_in` counted too."""
    return {
        "active": is_active(),
        "new": within(terms.subscription, terms.period.span),
        "new_previous": within(terms.subscription, terms.period.previous.span),
        "new_before": within(terms.subscription, terms.before),
        "lost": within("blocked", terms.period.span),
        "lost_previous": within("blocked", terms.period.previous.span),
        "lost_before": within("blocked", terms.before),
    }


def audience(tables: Tables, terms: Terms) -> Audience:
    row = tally(tables, facts, terms).iloc[0]
    return Audience(**{name: int(row[name]) for name in row.index})


def by_channel(tables: Tables, terms: Terms) -> pd.DataFrame:
    """A row per channel and one keyed `none`; a contact on two channels counts once in each.

    Indexed by channel, by contacts descending, then key. Columns: contacts, active, new,
    new_previous, new_before, lost, lost_previous, lost_before, and a numerator and a denominator
    for each rate of `opt_in`.
    """
    return _by_link(tables, terms, "channel")


def by_tag(tables: Tables, terms: Terms) -> pd.DataFrame:
    """As `by_channel`, indexed by tag id, with a column `tag`: its name (missing for `none`)."""
    counted = _by_link(tables, terms, "tag")
    names = tables.tags.set_index("id")["name"]
    counted.insert(0, "tag", names.reindex(counted.index).to_numpy())
    return counted


def by_source(tables: Tables, terms: Terms) -> pd.DataFrame:
    """As `by_channel`, of how contacts came into an inbox; empty where no contact of the workspace
    says so, as servers did not tell before."""
    if not len(tables.whole.contact_sources):
        return tally(tables, facts, terms, also=opt_in.facts, by="source")
    return _by_link(tables, terms, "source")


def by_country(tables: Tables, terms: Terms) -> pd.DataFrame:
    """As `by_channel`, indexed by country (alpha-2 or `unknown`). These add up to the total."""
    return _ordered(tally(tables, facts, terms, also=opt_in.facts, by="country"))


def country_sources(tables: Tables) -> pd.Series:
    """Contacts by the rule that told their country, by their number descending."""
    keys = keys_in(tables, "country_source")
    codes = keys.codes if tables.mask is None else keys.codes[tables.mask]
    counts = np.bincount(codes + 1, minlength=len(keys.labels) + 1)[1:]
    found = pd.Series(counts, index=keys.labels, name="contacts")
    return found[found > 0].sort_values(ascending=False, kind="stable")


def by_day(tables: Tables, terms: Terms) -> pd.DataFrame:
    """New and lost contacts of each day of the period: int64 columns, indexed by day."""
    days = terms.period.number_of_days
    joined = _day_of(tables, terms, terms.subscription, where("new", tables, facts, terms))
    left = _day_of(tables, terms, "blocked", where("lost", tables, facts, terms))
    return pd.DataFrame(
        {"new": np.bincount(joined, minlength=days), "lost": np.bincount(left, minlength=days)},
        index=_days(terms),
    )


def new_by_day_and_channel(tables: Tables, terms: Terms) -> pd.DataFrame:
    """`new_by_day_and` channel."""
    return new_by_day_and(tables, terms, "channel")


def new_by_day_and(tables: Tables, terms: Terms, key: Key) -> pd.DataFrame:
    """New contacts of each day of the period, a column per channel, country or tag that has any;
    indexed by day. A contact on two channels, or with two tags, counts in each."""
    days = terms.period.number_of_days
    is_new = where("new", tables, facts, terms)
    joined = _day_of(tables, terms, terms.subscription, is_new)
    if key == "country":
        found = keys_in(tables, key).among(is_new)
        return _by_day(joined, found.codes, found.labels, terms)
    day_of = np.zeros(len(is_new), dtype=np.intp)
    day_of[is_new] = joined
    found = links(tables, key, among=is_new)
    table = _by_day(day_of.take(found.contact), found.codes, found.labels, terms)
    has_none = tables.whole.contacts[_NUMBERS[key]].to_numpy()[is_new] == 0
    if has_none.any():
        table[NONE] = np.bincount(joined[has_none], minlength=days)
    return table


def _by_day(days: np.ndarray, codes: np.ndarray, labels: pd.Index, terms: Terms) -> pd.DataFrame:
    shape = terms.period.number_of_days, len(labels)
    counts = np.bincount(days * len(labels) + codes, minlength=shape[0] * shape[1]).reshape(shape)
    occurring = np.flatnonzero(counts.any(axis=0))
    return pd.DataFrame(counts[:, occurring], index=_days(terms), columns=labels[occurring])


def subscribers_by_day(tables: Tables, terms: Terms) -> pd.Series:
    """Subscribers at the end of each day of the period, of the contacts that still exist.

    Those with a subscription time by then, less those of them blocked by then. Nobody has ceased
    to be one before becoming one: a block that came first counts from the subscription.
    """
    selected = slice(None) if tables.mask is None else tables.mask
    joined = places(tables, terms.subscription, terms.period)[selected]
    left = np.maximum(joined, places(tables, "blocked", terms.period)[selected])
    there = before_edges(joined, terms.period) - before_edges(left, terms.period)
    return pd.Series(there[1:], index=_days(terms), name="subscribers")


def arrivals(tables: Tables, terms: Terms) -> pd.DataFrame:
    """New contacts of the period by local weekday (rows, 0 is Monday) and hour (columns)."""
    is_new = where("new", tables, facts, terms)
    utc = pd.DatetimeIndex(times(tables, terms.subscription)[is_new]).tz_localize("UTC")
    local = utc.tz_convert(terms.timezone)
    counts = np.bincount(local.day_of_week * 24 + local.hour, minlength=7 * 24).reshape(7, 24)
    return pd.DataFrame(
        counts, index=pd.RangeIndex(7, name="weekday"), columns=pd.RangeIndex(24, name="hour")
    )


def several_channels(tables: Tables) -> tuple[int, pd.DataFrame]:
    """How many contacts are on several channels, and which pairs: columns a, b, contacts."""
    found = links(tables, "channel")
    several = int((np.bincount(found.contact) > 1).sum())
    return several, pairs(found).rename(columns={"both": "contacts"})


def _by_link(tables: Tables, terms: Terms, by: str) -> pd.DataFrame:
    """By a link, with a row `MISSING` for contacts that have none of them, if there are any."""
    linked = tally(tables, facts, terms, also=opt_in.facts, by=by)
    rows = np.flatnonzero(tables.whole.contacts[_NUMBERS[by]].to_numpy() == 0)
    nothing = Links(np.zeros_like(rows), pd.Index([NONE], dtype="str"), rows)
    without = tally(tables, facts, terms, also=opt_in.facts, by=nothing)
    return _ordered(pd.concat([linked, without]).rename_axis(by) if len(without) else linked)


def _ordered(counted: pd.DataFrame) -> pd.DataFrame:
    return counted.sort_index().sort_values("contacts", ascending=False, kind="stable")


def _days(terms: Terms) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(terms.period.days()), name="day")


def _day_of(tables: Tables, terms: Terms, column: str, among: np.ndarray) -> np.ndarray:
    """For each time in `column` of the contacts `among` those of the whole workspace, all of which
    lie in the period, the number of its day; the first one is 0."""
    return places(tables, column, terms.period)[among].astype(np.intp) - 1


Breakdown = Callable[[Tables, Terms], pd.DataFrame]
"""`by_channel`, `by_country` or `by_tag`."""
