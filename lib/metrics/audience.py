"""Size, growth and composition of the audience (metrics.md, "Audience")."""

from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Bins, Engine, Expressions, Facts
from lib.metrics import opt_in
from lib.metrics.terms import Terms, is_active, within
from lib.reference.periods import ONE_DAY, Period, Span
from lib.reference.timezones import has_whole_hours
from lib.store.dimensions import (
    CHANNEL,
    COUNTRY,
    COUNTRY_SOURCE,
    MISSING,
    SOURCE,
    TAG,
    Dimension,
)

NONE = MISSING
"""The key of contacts without a channel, a tag or a source."""


@dataclass(frozen=True)
class Audience:
    """Numbers of contacts in the workspace, or in a selection of it.

    `new` and `lost` are those of the terms' period. `_previous` is the whole period before, and
    `_before` the span that the terms compare with, by default the previous period to date.
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


def _spans(terms: Terms) -> dict[str, Span]:
    """The spans by the ending of a fact's name."""
    previous = terms.period.previous.span
    return {"": terms.period.span, "_previous": previous, "_before": terms.before}


def _signs(terms: Terms) -> Expressions:
    """Whether a contact is active, and had subscribed or was blocked when a span began or ended."""
    edges = sorted({edge for span in _spans(terms).values() for edge in (span.start, span.end)})
    times = {"new": terms.subscription, "lost": "blocked"}
    return {"active": is_active()} | {
        f"{name} from {edge}": nw.col(column) >= edge
        for name, column in times.items()
        for edge in edges
    }


def _expressions(signs: Expressions, terms: Terms) -> Expressions:
    return {"active": signs["active"]} | {
        f"{name}{ending}": signs[f"{name} from {span.start}"] & ~signs[f"{name} from {span.end}"]
        for name in ("new", "lost")
        for ending, span in _spans(terms).items()
    }


def facts(terms: Terms) -> Facts:
    """The facts that `Audience` counts."""
    return Facts(_expressions, (terms,), on=Facts(_signs, (terms,)))


def with_opt_in(terms: Terms) -> Facts:
    """The facts that the breakdowns count."""
    return replace(facts(terms), beside=opt_in.FACTS)


def audience(asked: Engine, terms: Terms) -> Audience:
    row = asked.count(facts(terms)).iloc[0]
    return Audience(**{str(name): int(row[name]) for name in row.index})


def by(asked: Engine, terms: Terms, dimension: Dimension) -> pd.DataFrame:
    """A row per value of the dimension, and one for contacts without a value.

    A contact with two values counts in each. Indexed by key, by contacts descending, then key.
    Columns: contacts, active, new, new_previous, new_before, lost, lost_previous, lost_before, and
    a numerator and a denominator for each rate of `opt_in`.
    """
    counted = asked.count(with_opt_in(terms), dimension)
    return counted.sort_index().sort_values("contacts", ascending=False, kind="stable")


def by_channel(asked: Engine, terms: Terms) -> pd.DataFrame:
    return by(asked, terms, CHANNEL)


def by_tag(asked: Engine, terms: Terms) -> pd.DataFrame:
    """Like `by`, plus a column `tag` with its name, which is missing for contacts without tags."""
    counted = by(asked, terms, TAG)
    names = asked.names("tags").set_index("id")["name"]
    return counted.assign(tag=names.reindex(counted.index).to_numpy())


def by_source(asked: Engine, terms: Terms) -> pd.DataFrame:
    """Like `by`; empty if no contact of the workspace has a source, as on older servers."""
    counted = by(asked, terms, SOURCE)
    return counted if has_sources(asked) else counted.iloc[:0]


def has_sources(asked: Engine) -> bool:
    """Whether the server says for any contact of the workspace how it came into an inbox."""
    return bool(asked.whole.count(Facts(_sourced)).iloc[0]["has_source"])


def _sourced() -> Expressions:
    return {"has_source": nw.col("sources") > 0}


def by_country(asked: Engine, terms: Terms) -> pd.DataFrame:
    """Like `by`; each contact has exactly one country, so the rows add up to the total."""
    return by(asked, terms, COUNTRY)


def country_sources(asked: Engine) -> "pd.Series[int]":
    """Number of contacts by the source that decided their country, in descending order."""
    counted = asked.count(by=COUNTRY_SOURCE, with_missing=False)["contacts"]
    return counted.sort_values(ascending=False, kind="stable")


def by_day(asked: Engine, terms: Terms) -> pd.DataFrame:
    """New and lost contacts on each day of the period: int64 columns new, lost, indexed by day."""
    columns = {"new": terms.subscription, "lost": "blocked"}
    counted = {name: _per_step(asked, column, terms) for name, column in columns.items()}
    return pd.DataFrame(counted, index=_days(terms))


def _per_step(asked: Engine, column: str, terms: Terms) -> np.ndarray:
    counted: np.ndarray = asked.over_time(Bins((column,), terms.period))["contacts"].to_numpy()
    return counted[1:-1]


def new_by_step(asked: Engine, terms: Terms, dimension: Dimension) -> pd.DataFrame:
    """New contacts over the period, a row per step and an int64 column per value that has any.

    Indexed by the first day of each step; longer periods have longer steps (`Period.step`). The
    column of contacts without a value is last. A contact with two values counts in each.
    """
    bins = Bins((terms.subscription,), terms.period, terms.period.step)
    found = asked.cross(bins, dimension, among=facts(terms).of("new"))
    keys = list(dict.fromkeys(sorted(found["other"], key=lambda key: (key == MISSING, key))))
    counts = np.zeros((bins.steps, len(keys)), dtype=np.int64)
    position = {key: number for number, key in enumerate(keys)}
    counts[found["one"] - 1, [position[key] for key in found["other"]]] = found["contacts"]
    steps = pd.DatetimeIndex(terms.period.steps(bins.step), name="day")
    return pd.DataFrame(counts, index=steps, columns=pd.Index(keys, dtype="str"))


def busiest_days(
    asked: Engine,
    terms: Terms,
    dimension: Dimension,
    period: Period,
    fact: Literal["new", "new_before"],
) -> "pd.Series[int]":
    """For each value, how many contacts came on its busiest day of `period`.

    Of the contacts for which `fact` is true. Values without any are left out.
    """
    bins = Bins((terms.subscription,), period)
    found = asked.cross(bins, dimension, among=facts(terms).of(fact), with_missing=False)
    return found.groupby("other")["contacts"].max()


def subscribers_by_day(asked: Engine, terms: Terms) -> "pd.Series[int]":
    """Subscribers at the end of each day of the period, among contacts that still exist.

    Contacts subscribed by then minus those of them blocked by then. A block that precedes the
    subscription counts from the subscription.
    """
    joined, left = (
        asked.over_time(Bins(columns, terms.period))["contacts"].cumsum().to_numpy()
        for columns in ((terms.subscription,), (terms.subscription, "blocked"))
    )
    return pd.Series((joined - left)[1:-1], index=_days(terms), name="subscribers")


def arrivals(asked: Engine, terms: Terms) -> pd.DataFrame:
    """New contacts of the period by local weekday (7 rows, 0 is Monday) and hour (24 columns)."""
    # Offsets of time zones are multiples of a quarter of an hour, most of an hour.
    minutes = 60 if has_whole_hours(terms.timezone, terms.period.span) else 15
    counted = asked.per_interval(terms.subscription, minutes, among=facts(terms).of("new"))
    local = pd.DatetimeIndex(counted.index).tz_convert(terms.timezone)
    hours = local.day_of_week * 24 + local.hour
    counts = np.bincount(hours, weights=counted.to_numpy(), minlength=7 * 24).astype(np.int64)
    return pd.DataFrame(
        counts.reshape(7, 24),
        index=pd.RangeIndex(7, name="weekday"),
        columns=pd.RangeIndex(24, name="hour"),
    )


@dataclass(frozen=True)
class Usual:
    """Median of new contacts on the same weekday in the weeks before.

    Counted up to the same time of day if the day is not over, and over those `weeks` in which the
    workspace already had contacts. None if there are fewer than `LEAST_WEEKS`.
    """

    value: float | None
    weeks: int


WEEKS = 8
LEAST_WEEKS = 5


def usual(asked: Engine, terms: Terms) -> Usual:
    """The usual number of new contacts on the day of the terms' period, which must be one day."""
    spans = terms.period.same_weekdays(terms.as_of, WEEKS)
    row = asked.count(Facts(_in_spans, (terms.subscription, spans))).iloc[0]
    existing = asked.whole.span(terms.subscription)
    lived = [span for span in spans if existing is not None and existing[0] < span.start + ONE_DAY]
    if len(lived) < LEAST_WEEKS:
        return Usual(None, len(lived))
    counts = [int(row[str(number)]) for number in range(len(lived))]
    return Usual(float(median(counts)), len(lived))


def _in_spans(column: str, spans: tuple[Span, ...]) -> Expressions:
    return {str(number): within(column, span) for number, span in enumerate(spans)}


def several_channels(asked: Engine) -> tuple[int, pd.DataFrame]:
    """The number of contacts on several channels, and a row per pair: a, b (keys), contacts."""
    several = int(asked.count(Facts(_several)).iloc[0]["on_several"])
    return several, asked.pairs(CHANNEL).rename(columns={"both": "contacts"})


def _several() -> Expressions:
    return {"on_several": nw.col("channels") > 1}


def _days(terms: Terms) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(terms.period.days()), name="day")
