"""Findings about contacts gained and lost: channels, countries and days that differ from before.

Periods are compared as on the pages: the elapsed part of the period with an equally long part of
the previous one. The unfinished day never makes a finding by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from lib.engines.questions import Engine
from lib.insights.causes import Subset, in_words
from lib.insights.chance import pace, z_of
from lib.insights.finding import (
    URGENCY,
    Finding,
    known,
    largest,
    new_contacts,
    number_or,
)
from lib.metrics import audience
from lib.metrics.terms import Terms
from lib.query import presets
from lib.query.presets import Comparison
from lib.query.view import View
from lib.reference import formatting
from lib.reference.pages import PagePath
from lib.reference.periods import ONE_DAY, Period, day_of
from lib.store.dimensions import CHANNEL, COUNTRY, Dimension

FEWER, MORE = 0.5, 2.0
"""Pace of new contacts, as a multiple of the previous pace: falls below the first and rises above
the second are listed."""

DRY = 0.2
"""At or below this multiple of the previous count a channel "dried up"."""

LEAST_NEW = {"channel": 20, "country": 50}
"""Minimum of new contacts, by dimension. Higher for countries: there are more of them, and most
bring few."""

SHORTEST_COMPARED = 7
"""In days. Shorter periods would compare a Sunday to a Saturday."""


def channels_changed(view: View) -> Iterator[Finding]:
    """Channels that bring less than half, or more than twice, of what they did: see `_changes`."""
    for change in _changes(view, CHANNEL):
        name = view.options.name(CHANNEL, change.key)
        if change.fell and change.new <= DRY * change.previous:
            what = f"{name} dried up"
        elif change.fell:
            what = f"{name} brought less than half of what it did"
        else:
            what = f"{name} took off"
        yield change.finding(view, what, "channels")


def countries_changed(view: View) -> Iterator[Finding]:
    """Like `channels_changed`, but at most one fall and one rise: countries move together with
    their channels."""
    found = []
    for change in _changes(view, COUNTRY):
        name = view.options.name(COUNTRY, change.key)
        than = "less than half of" if change.fell else "more than twice"
        what = f"New contacts from {name} came to {than} what they were"
        found.append(change.finding(view, what, "countries"))
    for fell in (True, False):
        yield from largest(each for each in found if each.rule.endswith("dried-up") == fell)


@dataclass(frozen=True)
class _Change:
    """New contacts of one key, in the period and in the one before. `bound` is the end of the pace
    interval that is closer to no change."""

    dimension: Dimension
    key: str
    new: int
    previous: int
    fell: bool
    bound: float
    before: Comparison

    def finding(self, view: View, what: str, page: PagePath) -> Finding:
        rule = f"{self.dimension.key}-{'dried-up' if self.fell else 'took-off'}"
        most, listed = ("most", "below") if self.fell else ("least", "above")
        made_of = "" if self.fell else in_words(view, Subset(((self.dimension, self.key),)))
        return Finding(
            rule,
            f"{what}: {new_contacts(self.new)} {view.during}, after "
            f"{number_or(self.previous, 'none')} {self.before.with_preposition}"
            + (f"; {made_of}." if made_of else "."),
            f"Allowing for chance, and leaving out the busiest day, at {most} "
            f"{formatting.percent(self.bound)} of the pace before; listed {listed} "
            f"{formatting.percent(FEWER if self.fell else MORE)}.",
            page,
            narrow=((self.dimension, self.key),),
            verb=f"See the {formatting.number(self.new)}" if self.new > 1 else "See what changed",
            weight=abs(self.new - self.previous) * URGENCY[rule],
        )


def _changes(view: View, dimension: Dimension) -> Iterator[_Change]:
    """Keys whose pace interval (`pace`) lies entirely below `FEWER` or above `MORE`.

    The larger of the two counts is taken without its busiest day: an import is not a trend, and the
    months after one are not a fall. Tags are not compared: many are assigned long after the first
    contact, so the newest contacts always have fewer.
    """
    before = _comparable(view)
    if before is None:
        return
    view = _against(view, before)
    table = known(view, dimension)
    least = LEAST_NEW[dimension.key]
    table = table[table["new"] + table["new_before"] >= least]
    z, elapsed = z_of(len(table)), _elapsed(view.terms)
    new_at_most, before_at_most = (
        view.compute(audience.busiest_days, view.terms, dimension, days, fact)
        for days, fact in ((view.terms.period, "new"), (_days_before(view.terms), "new_before"))
    )
    for key, new, previous in zip(
        table.index, table["new"].tolist(), table["new_before"].tolist(), strict=True
    ):
        _, high = pace(new, previous - int(before_at_most.get(key, 0)), z, elapsed)
        low, _ = pace(new - int(new_at_most.get(key, 0)), previous, z, elapsed)
        if previous >= least and high < FEWER:
            yield _Change(dimension, str(key), new, previous, True, high, before)
        elif new >= least and low > MORE:
            yield _Change(dimension, str(key), new, previous, False, low, before)


LEAST_BLOCKED = 20
BLOCKED_MORE = 1.5


def blocked_more(view: View) -> Iterator[Finding]:
    """More contacts blocked us than before: by half, and by more than chance explains (`pace`).
    Both are relative to the number of subscribers, since a larger audience loses more."""
    before = _comparable(view)
    if before is None:
        return
    view = _against(view, before)
    total = view.compute(audience.audience, view.terms)
    lost, previous = total.lost, total.lost_before
    if lost < LEAST_BLOCKED:
        return
    growth = _growth(view)
    low = pace(lost, previous, z_of(), _elapsed(view.terms))[0] / growth
    if lost >= BLOCKED_MORE * previous * growth and low > 1:
        yield Finding(
            "blocked-more",
            f"{formatting.counted(lost, 'contact')} were blocked {view.during}, after "
            f"{number_or(previous, 'none')} {before.with_preposition}.",
            "Allowing for chance and for the growth of the audience, at least "
            f"{formatting.percent(low)} of the pace before. Listed from "
            f"{formatting.number(LEAST_BLOCKED)} contacts and half as many again as before.",
            "channels",
            verb="Compare the channels",
            weight=(lost - previous) * URGENCY["blocked-more"],
        )


def _growth(view: View) -> float:
    """Growth factor of the mean number of subscribers since the previous period, at least 1."""
    before = replace(view.terms, period=_days_before(view.terms))
    now, then = (
        float(view.compute(audience.subscribers_by_day, terms).mean())
        for terms in (view.terms, before)
    )
    return max(1.0, now / then) if then > 0 else 1.0


WEEKS = 8
LEAST_WEEKS = 5
SPREADS = 5
LEAST_DIFFERENCE = 20


def outlier_day(view: View) -> Iterator[Finding]:
    """The finished day whose number of new contacts deviates most from what is usual for its
    weekday.

    The usual number is the median of the same weekday in the 8 weeks before, of which at least 5
    must lie after the first contact. The spread is their median absolute deviation, scaled to the
    standard deviation of a normal distribution (Hampel 1974), but at least that of Poisson counts.
    Up to half of the days may be outliers without moving either.
    """
    first = view.compute(first_day, view.terms)
    period = view.terms.period
    yesterday = day_of(view.terms.as_of, view.terms.timezone) - ONE_DAY
    if first is None or max(period.start, first) > min(period.end, yesterday):
        return
    start, end = max(period.start, first), min(period.end, yesterday)
    before = timedelta(weeks=WEEKS)
    longer = replace(view.terms, period=Period(start - before, end, period.timezone))
    daily = view.compute(audience.by_day, longer)["new"].to_numpy(dtype=float)
    daily[: max(0, (first - longer.period.start).days)] = np.nan
    days = np.arange(before.days, len(daily))
    history = daily[days - 7 * np.arange(1, WEEKS + 1)[:, None]]
    is_known = (~np.isnan(history)).sum(axis=0) >= LEAST_WEEKS
    days, history = days[is_known], history[:, is_known]
    usual = np.nanmedian(history, axis=0)
    deviation = np.nanmedian(np.abs(history - usual), axis=0) * _MAD_TO_SD
    spread = np.maximum(deviation, np.sqrt(np.maximum(usual, 1)))
    away = np.abs(daily[days] - usual)
    away[(away <= SPREADS * spread) | (away < LEAST_DIFFERENCE)] = 0
    if not away.any():
        return
    place = int(away.argmax())
    day = longer.period.start + timedelta(days=int(days[place]))
    new, often = int(daily[days[place]]), float(usual[place])
    weekday = formatting.weekday(day)
    made_of = in_words(view, Subset.of_day(day)) if new > often else ""
    question = "an import or a campaign" if new > often else "did something not work"
    why = f". {made_of[0].upper()}{made_of[1:]}." if made_of else f": {question}?"
    weeks = int((~np.isnan(history[:, place])).sum())
    limit = max(SPREADS * float(spread[place]), LEAST_DIFFERENCE)
    yield Finding(
        "outlier-day",
        f"{weekday}, {formatting.day(day)} brought {new_contacts(new)}, where a {weekday} usually "
        f"brings {number_or(round(often), 'none')}{why}",
        f"The usual is the median of this weekday in the {formatting.number(weeks)} weeks before. "
        f"Listed when a day differs by more than {formatting.number(limit)}.",
        "overview",
        day=day,
        verb=f"Look at {weekday}",
        weight=float(away[place]) * URGENCY["outlier-day"],
    )


_MAD_TO_SD = 1.4826


def _comparable(view: View) -> Comparison | None:
    """The comparison period, whether or not the page shows one. None if too few days of the period
    have elapsed, or if the workspace did not exist for the whole of the previous one."""
    terms, choice = view.terms, view.choice
    found = view.comparison or presets.compared(
        terms.period, choice.preset, "previous", terms.as_of
    )
    first = view.compute(first_day, terms)
    begun = (day_of(terms.as_of, terms.timezone) - terms.period.start).days + 1
    if (
        found is None
        or first is None
        or min(begun, terms.period.number_of_days) < SHORTEST_COMPARED
    ):
        return None
    return found if first <= found.period.start else None


def _against(view: View, before: Comparison) -> View:
    """The same view with that comparison."""
    return replace(view, terms=replace(view.terms, compared=before.span))


def _days_before(terms: Terms) -> Period:
    """The days of the comparison; the last one may be covered only in part."""
    last = terms.before.end - timedelta(microseconds=1)
    start = day_of(terms.before.start, terms.timezone)
    return Period(start, max(start, day_of(last, terms.timezone)), terms.timezone)


def _elapsed(terms: Terms) -> float:
    """Elapsed time of the period, as a multiple of the comparison's duration."""
    now = min(terms.as_of, terms.period.end_moment) - terms.period.first_moment
    then = terms.before.end - terms.before.start
    return now / then if then else 0.0


def first_day(asked: Engine, terms: Terms) -> date | None:
    """Day of the workspace's first subscription, ignoring filters; None without contacts."""
    existing = asked.whole.span(terms.subscription)
    return None if existing is None else day_of(existing[0], terms.timezone)
