"""Those who come and go: channels, countries and days that differ from before.

A period is compared as pages compare it: as far as it is over, with as much of the one before. The
unfinished day makes no finding by itself.
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
    Page,
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
from lib.reference.periods import ONE_DAY, Period, day_of
from lib.store.dimensions import CHANNEL, COUNTRY, Dimension

FEWER, MORE = 0.5, 2.0
"""The new contacts of a day against those of a day before: a fall and a rise that are listed."""

DRY = 0.2
"""From here down a channel is said to have dried up."""

LEAST_NEW = {"channel": 20, "country": 50}
"""There are more countries, and most of them bring few."""

SHORTEST_COMPARED = 7
"""Days: shorter periods compare a Sunday to a Saturday."""


def channels_changed(view: View) -> Iterator[Finding]:
    """A channel brings less than half, or more than twice, of what it did: see `_changes`."""
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
    """As `channels_changed`; one of each, for countries move together with their channels."""
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
    """New contacts of a key in the period and in what it is compared with. `bound` is the end of
    the interval of the pace that is nearer to no change."""

    dimension: Dimension
    key: str
    new: int
    previous: int
    fell: bool
    bound: float
    before: Comparison

    def finding(self, view: View, what: str, page: Page) -> Finding:
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
    """The keys whose interval of the pace (`pace`) lies below `FEWER` or above `MORE`.

    The larger of the two numbers goes without its busiest day, for an import is no trend, and the
    months after it are no fall. Tags are not compared: many are given long after the first contact,
    so that the newest contacts always have fewer.
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
    """Of as many subscribers more were blocked than before: by half, and by more than chance
    explains (`pace`). A larger audience loses more, and that is no news."""
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
    """How many times as many subscribers there were as in the period before, on average; 1 if they
    became fewer."""
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
    """The finished day whose new contacts differ most from the usual of its weekday.

    The usual is the median of the same weekday in the 8 weeks before it, at least 5 of them since
    the first contact. The spread is their median absolute deviation, scaled to the standard
    deviation of a normal distribution (Hampel 1974), and no less than that of Poisson counts. Half
    of the days may be odd without moving either.
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
        f"The usual is the median of the {formatting.number(weeks)} {weekday}s before. "
        f"Listed when a day differs by more than {formatting.number(limit)}.",
        "overview",
        day=day,
        verb=f"Look at {weekday}",
        weight=float(away[place]) * URGENCY["outlier-day"],
    )


_MAD_TO_SD = 1.4826


# What may be compared


def _comparable(view: View) -> Comparison | None:
    """What the period is compared with, whether or not pages are asked to compare; None where too
    little of it is over, or the workspace did not exist all through what came before."""
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
    """The same view, compared with this."""
    return replace(view, terms=replace(view.terms, compared=before.span))


def _days_before(terms: Terms) -> Period:
    """The days that are compared with, the last perhaps in part."""
    last = terms.before.end - timedelta(microseconds=1)
    start = day_of(terms.before.start, terms.timezone)
    return Period(start, max(start, day_of(last, terms.timezone)), terms.timezone)


def _elapsed(terms: Terms) -> float:
    """How long the period has lasted, as a multiple of the time that it is compared with."""
    now = min(terms.as_of, terms.period.end_moment) - terms.period.first_moment
    then = terms.before.end - terms.before.start
    return now / then if then else 0.0


def first_day(asked: Engine, terms: Terms) -> date | None:
    """Of the first subscription of the whole workspace, whatever the filters."""
    existing = asked.whole.span(terms.subscription)
    return None if existing is None else day_of(existing[0], terms.timezone)
