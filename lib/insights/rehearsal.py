"""Rehearsal: what alert rules would have done in the last 30 days, before they are switched on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from lib.insights.alerts import Alert, advance, changes, mark_told
from lib.insights.past import Past
from lib.insights.readings import DAYS, ONE_HOUR, WEEKS, WEEKS_OF_DAYS, Reading
from lib.insights.rules import OLD, Judged, judge
from lib.query.choice import Choice
from lib.reference.periods import ONE_DAY, Period, day_of
from lib.settings.notifications import AlertRules


@dataclass(frozen=True)
class Episode:
    """An alert that would have begun, and when it would have ended (None: it would still be
    firing)."""

    key: str
    began: datetime
    ended: datetime | None
    sentence: str


@dataclass(frozen=True)
class Rehearsal:
    """What the rules would have done since `start`. `untold` are the rules that the record cannot
    answer for: they need data that is not recorded, or a longer record."""

    start: datetime
    judgements: int
    episodes: tuple[Episode, ...]
    untold: tuple[str, ...]


_NOT_RECORDED: tuple[str, ...] = ("waiting_hours", "inbox_disconnected", "findings")


def rehearse(
    rules: AlertRules,
    past: Past,
    choice: Choice,
    now: Reading,
) -> Rehearsal:
    """Replay the last 30 days, refresh by refresh as recorded. `now` is the latest reading; its
    hourly counts say when new contacts came."""
    rules_told = replace(rules, waiting_hours=None, inbox_disconnected=False, findings=())
    start = now.as_of - timedelta(days=DAYS)
    learned = timedelta(weeks=WEEKS)
    levels = past.levels(choice, start - learned, now.as_of)
    if any(level.handed_over is None for level in levels):
        rules_told = replace(rules_told, handed_over=None)
    today = day_of(now.as_of, now.timezone)
    days = Period(today - (DAYS + 7 * WEEKS_OF_DAYS) * ONE_DAY, today, now.timezone)
    opt_outs = past.opt_outs(choice, days)
    most = OLD if rules.data_hours is None else timedelta(hours=rules.data_hours)
    alerts: dict[str, Alert] = {}
    episodes: list[Episode] = []
    told: set[str] = set()
    judgements = 0
    first = 0
    for place, level in enumerate(levels):
        if level.at < start:
            continue
        while levels[first].at < level.at - learned - ONE_DAY:
            first += 1
        reading = Reading(
            as_of=level.at,
            timezone=now.timezone,
            waiting=level.waiting,
            unassigned=level.unassigned,
            handed_over=level.handed_over or 0,
            levels=levels[first:place],
            opt_outs=opt_outs,
        )
        reading = _with_hours(reading, now)
        previous = levels[place - 1].at if place else level.at
        if level.at - previous > most:
            # No refresh for that long: judge the previous data once more, at the moment it became
            # old.
            old = replace(reading, as_of=previous)
            _judge(rules_told, old, previous + most + timedelta(minutes=1), alerts, episodes)
        said = _judge(rules_told, reading, level.at, alerts, episodes)
        told |= {each.rule for each in said if each.verdict != "unknown"}
        judgements += 1
    configured = _configured(rules)
    untold = tuple(rule for rule in configured if rule in _NOT_RECORDED or rule not in told)
    return Rehearsal(start, judgements, tuple(episodes), untold)


def _judge(
    rules: AlertRules,
    reading: Reading,
    at: datetime,
    alerts: dict[str, Alert],
    episodes: list[Episode],
) -> Sequence[Judged]:
    """Advance `alerts`, and note in `episodes` what began and what ended."""
    firing = frozenset(key for key, alert in alerts.items() if alert.firing)
    judged = judge(rules, reading, at, firing)
    after = advance(alerts, judged, at)
    for change in changes(after, at):
        if change.began:
            episodes.append(Episode(change.key, at, None, change.sentence))
        else:
            place = max(n for n, each in enumerate(episodes) if each.key == change.key)
            episodes[place] = replace(episodes[place], ended=at)
    alerts.clear()
    alerts.update(mark_told(after, changes(after, at)))
    return judged


def _with_hours(reading: Reading, now: Reading) -> Reading:
    """The reading with those hourly counts of the latest reading that were finished at its time."""
    if now.hours_end is None:
        return reading
    hours = max(0, -((reading.as_of - now.hours_end) // ONE_HOUR))
    counts = now.new_by_hour[: len(now.new_by_hour) - hours]
    return replace(reading, new_by_hour=counts, hours_end=now.hours_end - hours * ONE_HOUR)


def _configured(rules: AlertRules) -> list[str]:
    values = {each.name: getattr(rules, each.name) for each in fields(rules)}
    return [
        name for name, value in values.items() if value not in (None, ()) and value is not False
    ]
