"""Alert rules: each judges a reading and gives its reason.

A rule that compares with what is usual allows for chance: over 30 days of ordinary data the
probability that it begins an alert is at most `CHANCE`, all of its judgements together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import exp, log
from statistics import median
from typing import Literal

from lib.insights import changed
from lib.insights.finding import Finding
from lib.insights.readings import DAYS, ONE_HOUR, WEEKS, WEEKS_OF_DAYS, Reading
from lib.insights.usual import bound
from lib.metrics.workload import Queue, Wait
from lib.reference import formatting
from lib.reference.pages import PagePath
from lib.reference.periods import ONE_DAY, day_of
from lib.settings.notifications import AlertRules, Limit
from lib.store.dimensions import CHANNEL

CHANCE = 0.05
"""Probability that a rule begins an alert within `DAYS` days in which nothing was unusual."""

OLD = timedelta(hours=6)
"""Data older than this is not judged, unless `data_hours` sets another limit."""

EASED = 0.9
"""Hysteresis: an alert about a number ends at this share of its limit, so that it does not begin
again with the next contact."""

CLOCK_SKEW = timedelta(minutes=5)

Verdict = Literal["firing", "fine", "unknown"]


@dataclass(frozen=True)
class Judged:
    """A rule's verdict on a reading. `key` is the rule, with its subject if it has several: two
    disconnected inboxes are two alerts. Texts are plain and may contain input from strangers."""

    key: str
    verdict: Verdict
    sentence: str = ""
    why: str = ""
    page: PagePath = "workload"
    narrow: tuple[tuple[str, str], ...] = ()
    queue: Queue | None = None
    wait: Wait | None = None
    days: tuple[date, date] | None = None
    """First and last day to look at; None for those of the view."""

    @property
    def rule(self) -> str:
        return self.key.partition("/")[0]


def judge(
    rules: AlertRules, reading: Reading, now: datetime, firing: frozenset[str] = frozenset()
) -> list[Judged]:
    """Judge the reading at `now` by each configured rule. `firing` holds the keys of the alerts
    that have begun.

    Old data cannot be judged. In data that may be incomplete, a number is a lower bound: it can
    begin an alert but never end one. That few or none came cannot be judged at all if contacts may
    have been missed.
    """
    found = [*_about_data(rules, reading, now)]
    if is_old(rules, reading, now):
        known = [key for key in firing if key != "data_hours"]
        return found + [Judged(key, "unknown") for key in {*_rules_set(rules), *known}]
    for judged in _about_contacts(rules, reading, firing):
        is_doubtful = not reading.complete and judged.verdict == "fine"
        found.append(Judged(judged.key, "unknown") if is_doubtful else judged)
    return found


def is_old(rules: AlertRules, reading: Reading, now: datetime) -> bool:
    most = OLD if rules.data_hours is None else timedelta(hours=rules.data_hours)
    return not -CLOCK_SKEW <= now - reading.as_of <= most


def _rules_set(rules: AlertRules) -> Iterator[str]:
    for rule in ("waiting_hours", "backlog", "unassigned", "handed_over", "opt_outs"):
        if getattr(rules, rule) is not None:
            yield rule
    if rules.new_stopped:
        yield "new_stopped"


def _about_data(rules: AlertRules, reading: Reading, now: datetime) -> Iterator[Judged]:
    if rules.data_hours is None:
        return
    age = now - reading.as_of
    if age < -CLOCK_SKEW:
        yield Judged("data_hours", "unknown")
    elif age > timedelta(hours=rules.data_hours):
        yield Judged(
            "data_hours",
            "firing",
            f"The data is older than {formatting.duration(rules.data_hours)}.",
            f"It is of {formatting.moment(reading.as_of, reading.timezone)}. Until it is fetched "
            "again nothing else can be judged.",
            "data",
        )
    elif not reading.complete:
        yield Judged(
            "data_hours",
            "firing",
            "The data may not be complete.",
            "Contacts may have been missed while it was fetched; the page says why.",
            "data",
        )
    else:
        yield Judged("data_hours", "fine")


def _about_contacts(
    rules: AlertRules, reading: Reading, firing: frozenset[str]
) -> Iterator[Judged]:
    yield from _waiting(rules, reading)
    yield from _counted("backlog", rules.backlog, reading, reading.waiting, firing)
    yield from _counted("unassigned", rules.unassigned, reading, reading.unassigned, firing)
    yield from _counted("handed_over", rules.handed_over, reading, reading.handed_over, firing)
    yield from _opt_outs(rules, reading)
    if rules.inbox_disconnected:
        yield from _inboxes(reading, firing)
    if rules.new_stopped:
        yield _new_stopped(reading)
    yield from _findings(rules, reading, firing)


def _waiting(rules: AlertRules, reading: Reading) -> Iterator[Judged]:
    if rules.waiting_hours is None:
        return
    longest = reading.longest_wait_hours
    if longest is None or longest <= rules.waiting_hours:
        yield Judged("waiting_hours", "fine")
        return
    yield Judged(
        "waiting_hours",
        "firing",
        f"Somebody has waited {formatting.duration(longest)} for an answer.",
        f"Alerts when a person waits longer than {formatting.duration(rules.waiting_hours)}. "
        f"{formatting.counted(reading.waiting, 'person waits', 'people wait')} in all.",
        queue="waiting",
    )


@dataclass(frozen=True)
class _Phrases:
    singular: str
    plural: str
    queue: Queue | None


_PHRASES = {
    "backlog": _Phrases("person waits for an answer", "people wait for an answer", "waiting"),
    "unassigned": _Phrases("conversation is with nobody", "conversations are with nobody", None),
    "handed_over": _Phrases(
        "conversation was handed over and nobody took it",
        "conversations were handed over and nobody took them",
        "orphaned",
    ),
}


def _counted(
    rule: str, limit: Limit | None, reading: Reading, value: int, firing: frozenset[str]
) -> Iterator[Judged]:
    """Judge a current number against a limit, or against the same hour of previous days."""
    if limit is None:
        return
    phrases = _PHRASES[rule]
    sentence = f"{formatting.counted(value, phrases.singular, phrases.plural)}."
    if limit == "usual":
        usual = _usual_of_hour(rule, reading, has_begun=rule in firing)
        if usual is None:
            yield Judged(rule, "unknown")
            return
        most, often, days = usual
        why = (
            f"The usual number at this hour is {formatting.number(often)}, the median of "
            f"{formatting.counted(days, 'day')}; alerts above {formatting.number(int(most))}, "
            "which chance alone seldom reaches."
        )
    else:
        most = limit * EASED if rule in firing else limit
        why = f"Alerts above {formatting.number(limit)}."
    yield Judged(
        rule,
        "firing" if value > most else "fine",
        sentence,
        why,
        queue=phrases.queue,
    )


LEAST_DAYS = 14
LEAST_ABOVE = 10
"""In people: the minimum excess that is worth a message."""

_JUDGEMENTS = DAYS * 24 * 2
"""Judgements of a current number in `DAYS` days. There may be more refreshes per hour, but they see
mostly the same people."""


def _usual_of_hour(
    rule: str, reading: Reading, *, has_begun: bool
) -> tuple[float, float, int] | None:
    """The limit at this hour, the median, and the number of days they rest on; None if too few days
    are recorded.

    To end an alert, the number has to fall below a lower limit than the one that began it.
    """
    values = at_this_hour(reading, rule)
    if len(values) < LEAST_DAYS:
        return None
    chance = CHANCE / _JUDGEMENTS
    limit = bound(values, 0.01 if has_begun else chance)
    if limit is None:
        return None
    middle = median(values)
    return max(limit, middle + (LEAST_ABOVE if not has_begun else 0)), middle, len(values)


_LEVEL = {"backlog": "waiting", "unassigned": "unassigned", "handed_over": "handed_over"}


def at_this_hour(reading: Reading, rule: str) -> list[int]:
    """The number at this hour on each previous day on which it was recorded."""
    found = []
    for near in reading.levels_at_this_hour:
        known = (getattr(level, _LEVEL[rule]) for level in near)
        value = next((each for each in known if each is not None), None)
        if value is not None:
            found.append(value)
    return found


def _opt_outs(rules: AlertRules, reading: Reading) -> Iterator[Judged]:
    """Judge yesterday's opt-outs, against a limit or against the same weekday of previous weeks."""
    limit = rules.opt_outs
    if limit is None:
        return
    yesterday = day_of(reading.as_of, reading.timezone) - ONE_DAY
    value = reading.opt_outs.get(yesterday)
    if value is None:
        yield Judged("opt_outs", "unknown")
        return
    if limit == "usual":
        weeks = [yesterday - timedelta(weeks=n) for n in range(1, WEEKS_OF_DAYS + 1)]
        values = [reading.opt_outs[day] for day in weeks if day in reading.opt_outs]
        most = bound(values, CHANCE / DAYS)
        if most is None:
            yield Judged("opt_outs", "unknown")
            return
        weekday = formatting.weekday(yesterday)
        often = median(values)
        why = (
            f"A usual {weekday} has {formatting.number(often)}; alerts above "
            f"{formatting.number(int(most))}, which chance alone seldom reaches."
        )
    else:
        most = float(limit)
        why = f"Alerts above {formatting.number(limit)} a day."
    yield Judged(
        "opt_outs",
        "firing" if value > most else "fine",
        f"{formatting.counted(value, 'person', 'people')} opted out on "
        f"{formatting.weekday(yesterday)}, {formatting.day(yesterday)}.",
        why,
        "changes",
        days=(yesterday, yesterday),
    )


def _inboxes(reading: Reading, firing: frozenset[str]) -> Iterator[Judged]:
    keys = set()
    for inbox in reading.inboxes:
        key = f"inbox_disconnected/{inbox.key}"
        keys.add(key)
        name = "An inbox" if inbox.name is None else f"The inbox “{inbox.name}”"
        reach = (
            f": nothing else reaches {formatting.counted(inbox.at_risk, 'contact')}"
            if inbox.at_risk
            else ""
        )
        yield Judged(
            key,
            "firing",
            f"{name} is not connected{reach}.",
            f"Its status is “{inbox.status}”.",
            "channels",
            narrow=((CHANNEL.key, inbox.channel),) if inbox.channel else (),
        )
    yield from _ended("inbox_disconnected", keys, firing)


def _ended(rule: str, still: set[str], firing: frozenset[str]) -> Iterator[Judged]:
    """End the firing alerts of a rule that no longer apply."""
    for key in firing - still:
        if key.partition("/")[0] == rule:
            yield Judged(key, "fine")


LEAST_EXPECTED = 1.5 * log(DAYS * 24 / CHANCE)
"""Minimum of expected new contacts for their absence to be an alert. If contacts arrive
independently, none instead of these is rarer than `CHANCE` over all hours of `DAYS` days; half as
many again because they arrive in bursts."""


def _new_stopped(reading: Reading) -> Judged:
    """Alert if the last finished hours brought no new contacts although at least `LEAST_EXPECTED`
    were expected."""
    counts, end = reading.new_by_hour, reading.hours_end
    if end is None or len(counts) < (7 * WEEKS + 1) * 24:
        return Judged("new_stopped", "unknown")
    silent = next((n for n, count in enumerate(reversed(counts)) if count), len(counts))
    expected = sum(_usual_of(len(counts) - 1 - n, counts) for n in range(min(silent, 7 * 24)))
    if expected < LEAST_EXPECTED:
        return Judged("new_stopped", "fine")
    began = end - silent * ONE_HOUR
    if reading.missing_until is not None and reading.missing_until >= began:
        return Judged("new_stopped", "unknown")
    since = formatting.moment(began, reading.timezone)
    return Judged(
        "new_stopped",
        "firing",
        f"No new contacts have come since {since}.",
        f"By what is usual at these hours, about {formatting.number(expected)} should have; alerts "
        f"from {formatting.number(LEAST_EXPECTED)}, which by chance would be missed once in "
        f"{formatting.number(exp(LEAST_EXPECTED))} times.",
        "channels",
    )


def _usual_of(place: int, counts: Sequence[int]) -> float:
    """Expected new contacts in an hour: the mean of that hour over previous days or over previous
    weeks, whichever is smaller (shops close on Sundays)."""
    days = [counts[place - 24 * n] for n in range(1, 7 * WEEKS + 1) if place >= 24 * n]
    weeks = [counts[place - 168 * n] for n in range(1, WEEKS + 1) if place >= 168 * n]
    if not days or not weeks:
        return 0
    return min(sum(days) / len(days), sum(weeks) / len(weeks))


_OF_FEWER = ("channel-dried-up", "country-dried-up")
"""Findings that contacts who were missed could make."""


def _findings(rules: AlertRules, reading: Reading, firing: frozenset[str]) -> Iterator[Judged]:
    keys = set()
    starts, missing_until = reading.begins, reading.missing_until
    may_miss = missing_until is not None and (starts is None or missing_until >= starts)
    for finding in reading.findings:
        if finding.rule not in rules.findings:
            continue
        key = _key_of(finding)
        keys.add(key)
        if may_miss and finding.rule in _OF_FEWER:
            yield Judged(key, "unknown")
            continue
        yield Judged(
            key,
            "firing",
            finding.sentence,
            finding.evidence,
            finding.page,
            tuple((dimension.key, key) for dimension, key in finding.narrow),
            finding.queue,
            finding.wait,
            finding.days,
        )
    for judged in _ended("findings", keys, firing):
        is_told = reading.is_recorded or judged.key.split("/")[1] not in changed.RULES
        yield judged if is_told else Judged(judged.key, "unknown")


def _key_of(finding: Finding) -> str:
    """The key of a finding's alert: another odd day is another one, but a period that moves on
    from day to day is the same."""
    what = [f"{dimension.key}={key}" for dimension, key in finding.narrow]
    if finding.subject:
        what.append(finding.subject)
    if finding.day is not None and finding.since is None:
        what.append(finding.day.isoformat())
    return "/".join(["findings", finding.rule, *([",".join(what)] if what else [])])
