"""Worth a look: up to five findings that rules pick from the numbers, each with what it rests on.

No finding is made of noise. Where a rule compares, chance is allowed for: an interval has to lie
beyond the threshold, one that is wide enough for all the keys compared. The unfinished day never
makes a finding: it counts as over where a rise is looked for, as not begun where a fall is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import inf
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd

from lib.engines.memory import LINKS, keys_in, links_in, times, where
from lib.metrics import audience, engagement, opt_in, workload
from lib.metrics.terms import Terms
from lib.query.choice import Queue
from lib.query.view import View
from lib.reference import formatting
from lib.reference.countries import UNKNOWN
from lib.reference.periods import ONE_DAY, Period, day_of, stamps
from lib.reference.rates import Rate, newcombe, wilson
from lib.store.dimensions import CHANNEL, COUNTRY, Dimension
from lib.store.tables import Tables

Page = Literal["overview", "channels", "countries", "tags", "opt_in", "workload", "data"]


@dataclass(frozen=True)
class Finding:
    """Something worth a look, and where to look. Texts are plain and may hold what strangers wrote.

    `narrow` are the filters to set, `queue` is the list of conversations that the workload page
    opens with, `day` a single day to look at. The larger the `weight`, the sooner it is told.
    """

    rule: str
    sentence: str
    evidence: str
    page: Page
    narrow: tuple[tuple[Dimension, str], ...] = ()
    queue: Queue | None = None
    day: date | None = None
    weight: float = 0.0


MOST = 5
MOST_OF_ONE_RULE = 2

URGENCY = {
    "orphaned-handoff": 1000,
    "waiting-long": 300,
    "inbox-disconnected": 100,
    "channel-dried-up": 20,
    "country-dried-up": 20,
    "blocked-more": 20,
    "channel-took-off": 3,
    "country-took-off": 3,
    "outlier-day": 3,
    "load-uneven": 1,
    "opt-in-differs": 0.1,
}
"""Times the people concerned it is the weight. A person who waits counts for more than many whom we
could not reach if we wished to, and these for more than those who did not come; what went well can
wait, and what has been so for long is no news. Concerned are, where rules compare, as many as the
numbers differ by."""

ERROR = 0.01
"""The chance that a rule which compares finds something where there is nothing, all keys together.
The page is opened daily: at the 5 % of the intervals on screen it would cry wolf every month."""


def findings(view: View) -> list[Finding]:
    """At most `MOST`, at most two of one rule, by weight descending, then rule and sentence."""
    told: Counter[str] = Counter()
    kept = []
    for each in every_finding(view):
        told[each.rule] += 1
        if told[each.rule] <= MOST_OF_ONE_RULE:
            kept.append(each)
    return kept[:MOST]


def every_finding(view: View) -> list[Finding]:
    """All there are, in the same order."""
    return sorted(
        (each for rule in _RULES for each in rule(view)),
        key=lambda each: (-each.weight, each.rule, each.sentence),
    )


# Those who wait


def _orphaned_handoff(view: View) -> Iterator[Finding]:
    """Somebody awaits a reply, the bot is off, and neither an agent nor a team has them."""
    waiting = view.compute(workload.longest_waits, view.terms)
    if waiting.orphaned:
        yield Finding(
            "orphaned-handoff",
            f"{formatting.counted(waiting.orphaned, 'person waits', 'people wait')} for an "
            f"answer that "
            "nobody is assigned to give.",
            "The bot is off, and the conversation is with no agent and no team. "
            f"The longest wait is {formatting.duration(waiting.orphaned_hours)}; "
            "a single person is enough to be listed.",
            "workload",
            queue="orphaned",
            weight=waiting.orphaned * URGENCY["orphaned-handoff"],
        )


def _waiting_long(view: View) -> Iterator[Finding]:
    """Somebody is in the last bucket of the waiting time: 7 days and more."""
    load = view.compute(workload.workload, view.terms)
    longest = view.compute(workload.longest_waits, view.terms).hours
    long = load.waiting["over_7d"]
    if long:
        have = "person has" if long == 1 else "people have"
        yield Finding(
            "waiting-long",
            f"{formatting.number(long)} {have} waited for an answer for 7 days or more.",
            f"That is {formatting.rate(Rate(long, load.awaiting_reply))} of those who await one. "
            f"The longest wait is {formatting.duration(longest)}.",
            "workload",
            queue="waiting",
            weight=long * URGENCY["waiting-long"],
        )


LEAST_AGENTS = 3
LEAST_HELD = 20
UNEVEN = 2
"""Times the equal share."""


def _load_uneven(view: View) -> Iterator[Finding]:
    """The busiest agent holds more than twice the equal share, by the lower end of the Wilson
    interval; the busiest was picked from all, so it is as wide as for that many comparisons.

    Not under a filter: some agents serve only one team or country. Nobody is named.
    """
    if view.choice.is_filtered:
        return
    held = view.compute(workload.by_agent, view.terms)["open"].tolist()
    agents, total = len(held), sum(held)
    if agents < LEAST_AGENTS or total < LEAST_HELD:
        return
    busiest, equal = Rate(max(held), total), 1 / agents
    low, _ = wilson(busiest, _z(agents))
    if low > UNEVEN * equal:
        yield Finding(
            "load-uneven",
            f"One agent holds {formatting.rate(busiest)} of the open conversations that "
            f"{formatting.number(agents)} agents share.",
            f"An equal share would be {formatting.percent(equal)}. Allowing for chance, the "
            f"busiest "
            f"holds at least {formatting.percent(low)}; listed above "
            f"{formatting.percent(UNEVEN * equal)}.",
            "workload",
            weight=(busiest.numerator - total * equal) * URGENCY["load-uneven"],
        )


# Those whom we cannot reach, and may not


def _inbox_disconnected(view: View) -> Iterator[Finding]:
    """An inbox says that it is not connected, and no connected one reaches some of its contacts.

    An inbox that does not say is not taken for a broken one.
    """
    table = view.compute(engagement.inboxes)
    table = table[(table["at_risk"] > 0) & table["status"].notna()]
    chosen = view.choice.keys(CHANNEL)
    rows = zip(table["name"], table["channel"], table["status"], table["at_risk"], strict=True)
    for name, channel, status, at_risk in rows:
        if status == engagement.CONNECTED or (chosen and channel not in chosen):
            continue
        channel = None if pd.isna(channel) else channel
        on = f" of {view.options.name(CHANNEL, channel)}" if channel else ""
        inbox = f"An inbox{on}" if pd.isna(name) else f"The inbox “{name}”"
        state = "disconnected" if status == "disconnected" else "not connected"
        known = {option.key for option in view.options.of(CHANNEL)}
        yield Finding(
            "inbox-disconnected",
            f"{inbox} is {state}: nothing else reaches "
            f"{formatting.counted(int(at_risk), 'contact')}.",
            f"Its status is “{status}”, and these active contacts are in no inbox that is "
            "connected. A single contact is enough to be listed.",
            "channels",
            narrow=((CHANNEL, channel),) if channel in known else (),
            weight=int(at_risk) * URGENCY["inbox-disconnected"],
        )


OPT_IN_GAP = -0.10


def _opt_in_differs(view: View) -> Iterator[Finding]:
    """Broadcast opt-in is lower by more than ten points on a channel, or in a country, than among
    all others: Newcombe's interval of the difference (method 10, 1998) ends below it."""
    total = view.compute(opt_in.opt_in).broadcast
    yield from _largest(_lower_opt_ins(view, CHANNEL, "on", total))
    yield from _largest(_lower_opt_ins(view, COUNTRY, "in", total))


def _lower_opt_ins(view: View, dimension: Dimension, phrase: str, total: Rate) -> Iterator[Finding]:
    table = _known(view, dimension)
    pairs = {}
    for key, on_channel, broadcast in zip(
        table.index, table["on_channel"], table["broadcast"], strict=True
    ):
        own = Rate(int(broadcast), int(on_channel))
        rest = Rate(total.numerator - own.numerator, total.denominator - own.denominator)
        if not (own.is_small or rest.is_small):
            pairs[str(key)] = own, rest
    for key, (own, rest) in pairs.items():
        _, high = newcombe(own, rest, _z(len(pairs)))
        if high < OPT_IN_GAP:
            gap = (rest.rate or 0) - (own.rate or 0)
            yield Finding(
                "opt-in-differs",
                f"Fewer people {phrase} {view.options.name(dimension, key)} have opted in to "
                f"broadcasts: {formatting.percent(own.rate)}, against "
                f"{formatting.percent(rest.rate)} of all "
                "others.",
                f"{formatting.rate(own)} against {formatting.rate(rest)}. Allowing for chance, the "
                f"difference is {formatting.points(high)} or more; listed beyond "
                f"{formatting.points(OPT_IN_GAP)}.",
                "opt_in",
                narrow=((dimension, key),),
                weight=own.denominator * gap * URGENCY["opt-in-differs"],
            )


# Those who come and go


FEWER, MORE = 0.5, 2.0
"""The new contacts of a day against those of a day before: a fall and a rise that are listed."""

DRY = 0.2
"""From here down a channel is said to have dried up."""

LEAST_NEW = {"channel": 20, "country": 50}
"""There are more countries, and most of them bring few."""

SHORTEST_COMPARED = 7
"""Days: shorter periods compare a Sunday to a Saturday."""


def _channels_changed(view: View) -> Iterator[Finding]:
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


def _countries_changed(view: View) -> Iterator[Finding]:
    """As `_channels_changed`; one of each, for countries move together with their channels."""
    found = []
    for change in _changes(view, COUNTRY):
        name = view.options.name(COUNTRY, change.key)
        than = "less than half of" if change.fell else "more than twice"
        what = f"New contacts from {name} came to {than} what they were"
        found.append(change.finding(view, what, "countries"))
    for fell in (True, False):
        yield from _largest(each for each in found if each.rule.endswith("dried-up") == fell)


@dataclass(frozen=True)
class _Change:
    """New contacts of a key in the period and in the one before. `bound` is the end of the interval
    of the pace that is nearer to no change."""

    dimension: Dimension
    key: str
    new: int
    previous: int
    fell: bool
    bound: float

    def finding(self, view: View, what: str, page: Page) -> Finding:
        rule = f"{self.dimension.key}-{'dried-up' if self.fell else 'took-off'}"
        most, listed = ("most", "below") if self.fell else ("least", "above")
        return Finding(
            rule,
            f"{what}: {_new(self.new)} {view.during}, after "
            f"{_or(self.previous, 'none')} in {view.before}.",
            f"Allowing for chance, and leaving out the busiest day, at {most} "
            f"{formatting.percent(self.bound)} of the pace before; listed {listed} "
            f"{formatting.percent(FEWER if self.fell else MORE)}.",
            page,
            narrow=((self.dimension, self.key),),
            weight=abs(self.new - self.previous) * URGENCY[rule],
        )


def _changes(view: View, dimension: Dimension) -> Iterator[_Change]:
    """The keys whose interval of the pace (`pace`) lies below `FEWER` or above `MORE`.

    The larger of the two numbers goes without its busiest day, for an import is no trend, and the
    months after it are no fall. Tags are not compared: many are given long after the first contact,
    so that the newest contacts always have fewer.
    """
    if not _is_comparable(view):
        return
    table = _known(view, dimension)
    table = table[table["new"] + table["new_previous"] >= LEAST_NEW[dimension.key]]
    z, elapsed, least = _z(len(table)), _elapsed(view.terms), LEAST_NEW[dimension.key]
    new_at_most, previous_at_most = (
        view.compute(_busiest_days, view.terms, dimension.key, fact)
        for fact in ("new", "new_previous")
    )
    for key, new, previous in zip(
        table.index, table["new"].tolist(), table["new_previous"].tolist(), strict=True
    ):
        _, high = pace(new, previous - int(previous_at_most[key]), z, elapsed.finished)
        low, _ = pace(new - int(new_at_most[key]), previous, z, elapsed.begun)
        if previous >= least and high < FEWER:
            yield _Change(dimension, str(key), new, previous, True, high)
        elif new >= least and low > MORE:
            yield _Change(dimension, str(key), new, previous, False, low)


def _busiest_days(tables: Tables, terms: Terms, by: str, fact: str) -> pd.Series:
    """For each channel or country, the new contacts of the day that brought most of them, in the
    period (`fact` is new) or the one before (new_previous)."""
    keys = (links_in if by in LINKS else keys_in)(tables, by)
    among = keys.among(where(fact, tables, audience.facts, terms))
    edges = stamps((terms.period if fact == "new" else terms.period.previous).edges())
    days = edges.searchsorted(times(tables, terms.subscription)[among.contact], "right")
    cells, counts = np.unique(
        among.codes.astype(np.int64) * (len(edges) + 1) + days, return_counts=True
    )
    busiest = np.zeros(len(keys.labels), dtype=np.int64)
    is_key = cells >= 0
    np.maximum.at(busiest, cells[is_key] // (len(edges) + 1), counts[is_key])
    return pd.Series(busiest, index=keys.labels)


LEAST_BLOCKED = 20
BLOCKED_MORE = 1.5


def _blocked_more(view: View) -> Iterator[Finding]:
    """Of as many subscribers more were blocked than before: by half, and by more than chance
    explains (`pace`). A larger audience loses more, and that is no news."""
    total = view.compute(audience.audience, view.terms)
    lost, previous = total.lost, total.lost_previous
    if not _is_comparable(view) or lost < LEAST_BLOCKED:
        return
    growth = _growth(view)
    low = pace(lost, previous, _z(), _elapsed(view.terms).begun)[0] / growth
    if lost >= BLOCKED_MORE * previous * growth and low > 1:
        yield Finding(
            "blocked-more",
            f"{formatting.counted(lost, 'contact')} were blocked {view.during}, after "
            f"{_or(previous, 'none')} in {view.before}.",
            "Allowing for chance and for the growth of the audience, at least "
            f"{formatting.percent(low)} of the pace before. Listed from "
            f"{formatting.number(LEAST_BLOCKED)} contacts and half as many again as before.",
            "overview",
            weight=(lost - previous) * URGENCY["blocked-more"],
        )


def _growth(view: View) -> float:
    """How many times as many subscribers there were as in the period before, on average; 1 if they
    became fewer."""
    before = replace(view.terms, period=view.terms.period.previous)
    now, then = (
        float(view.compute(audience.subscribers_by_day, terms).mean())
        for terms in (view.terms, before)
    )
    return max(1.0, now / then) if then > 0 else 1.0


WEEKS = 8
LEAST_WEEKS = 5
SPREADS = 5
LEAST_DIFFERENCE = 20


def _outlier_day(view: View) -> Iterator[Finding]:
    """The finished day whose new contacts differ most from the usual of its weekday.

    The usual is the median of the same weekday in the 8 weeks before it, at least 5 of them since
    the first contact. The spread is their median absolute deviation, scaled to the standard
    deviation of a normal distribution (Hampel 1974), and no less than that of Poisson counts. Half
    of the days may be odd without moving either.
    """
    first = view.compute(_first_day, view.terms)
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
    question = "an import or a campaign" if new > often else "did something not work"
    weeks = int((~np.isnan(history[:, place])).sum())
    limit = max(SPREADS * float(spread[place]), LEAST_DIFFERENCE)
    yield Finding(
        "outlier-day",
        f"{weekday}, {formatting.day(day)} brought {_new(new)}, where a {weekday} usually brings "
        f"{_or(round(often), 'none')}: {question}?",
        f"The usual is the median of the {formatting.number(weeks)} {weekday}s before. "
        f"Listed when a day differs by more than {formatting.number(limit)}.",
        "overview",
        day=day,
        weight=float(away[place]) * URGENCY["outlier-day"],
    )


_MAD_TO_SD = 1.4826


_RULES: tuple[Callable[[View], Iterable[Finding]], ...] = (
    _orphaned_handoff,
    _waiting_long,
    _load_uneven,
    _inbox_disconnected,
    _opt_in_differs,
    _channels_changed,
    _countries_changed,
    _blocked_more,
    _outlier_day,
)


# What may be compared


def _known(view: View, dimension: Dimension) -> pd.DataFrame:
    """The breakdown without what is missing or unknown, and, under a filter of the same dimension,
    with no other keys than it lets pass: the finding narrows to one of them."""
    breakdown = audience.by_channel if dimension is CHANNEL else audience.by_country
    table = view.compute(breakdown, view.terms)
    table = table.drop(index=[audience.NONE, UNKNOWN], errors="ignore")
    chosen = view.choice.keys(dimension)
    return table[table.index.isin(chosen)] if chosen else table


def _is_comparable(view: View) -> bool:
    """Whether the period is long enough and the workspace existed all through the one before."""
    period = view.terms.period
    first = view.compute(_first_day, view.terms)
    return (
        view.choice.preset != "all"
        and period.number_of_days >= SHORTEST_COMPARED
        and first is not None
        and first <= period.previous.start
    )


def _first_day(tables: Tables, terms: Terms) -> date | None:
    """Of the first subscription of the whole workspace, whatever the filters."""
    first = tables.whole.contacts[terms.subscription].min()
    return None if pd.isna(first) else day_of(first.to_pydatetime(), terms.timezone)


@dataclass(frozen=True)
class _Elapsed:
    """The shares of the days of a period that have ended, and that have begun."""

    finished: float
    begun: float


def _elapsed(terms: Terms) -> _Elapsed:
    days = terms.period.number_of_days
    before_today = (day_of(terms.as_of, terms.timezone) - terms.period.start).days
    finished, begun = (min(max(each, 0), days) for each in (before_today, before_today + 1))
    return _Elapsed(finished / days, begun / days)


# What chance allows for


def _z(comparisons: int = 1) -> float:
    """Of the normal distribution, two-sided, for `ERROR` in all of the comparisons together
    (Bonferroni)."""
    return NormalDist().inv_cdf(1 - ERROR / (2 * max(1, comparisons)))


def pace(new: int, previous: int, z: float, elapsed: float = 1) -> tuple[float, float]:
    """The interval of how many come per day, as a multiple of the days before.

    Given their sum, one of two Poisson counts is binomial (Przyborowski and Wilenski 1940); a share
    s of it in the period, of which `elapsed` is over, means a pace of s / (1 - s) / elapsed.
    """
    if not elapsed:
        return 0.0, inf
    low, high = wilson(Rate(new, new + previous), z)
    return low / (1 - low) / elapsed, high / (1 - high) / elapsed if high < 1 else inf


# Words


def _largest(found: Iterable[Finding]) -> list[Finding]:
    """The one of the largest weight, if there is any."""
    return sorted(found, key=lambda each: (-each.weight, each.sentence))[:1]


def _new(value: int) -> str:
    return formatting.counted(value, "new contact") if value else "no new contacts"


def _or(value: int, nothing: str) -> str:
    return formatting.number(value) if value else nothing
