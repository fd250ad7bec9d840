"""Alerts: what has begun and is not over yet. Told at both ends, and not in between.

    fine ──▶ firing ──▶ fine        what the rules say of each refresh
      └── unknown ──┘               old data, or data that may not be complete: nothing ends by it

What is to be told follows from what is the case and what was told last, whatever happened between:
a process that was killed, hours of quiet, a snooze.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.insights.findings import Page
from lib.insights.rules import Judged, Verdict
from lib.query.choice import Queue

LONGEST_SNOOZE = timedelta(days=30)


@dataclass(frozen=True)
class Alert:
    """One rule, or one subject of it, as of the last refresh. Times are UTC; texts may hold what
    strangers wrote.

    `since` is when `firing` became what it is, `told` whether the last message about it said that
    it had begun. What is `known` follows from that refresh; else it is as it was before.
    """

    key: str
    firing: bool
    since: datetime
    known: bool = True
    told: bool = False
    sentence: str = ""
    why: str = ""
    page: Page = "workload"
    narrow: tuple[tuple[str, str], ...] = ()
    queue: Queue | None = None
    snoozed_until: datetime | None = None

    @property
    def rule(self) -> str:
        return self.key.partition("/")[0]

    @property
    def state(self) -> Verdict:
        if not self.known:
            return "unknown"
        return "firing" if self.firing else "fine"

    def is_snoozed(self, now: datetime) -> bool:
        """A clock that was set back does not lengthen a snooze beyond the longest there is."""
        until = self.snoozed_until
        return until is not None and now < until <= now + LONGEST_SNOOZE

    def snoozed(self, until: datetime | None) -> "Alert":
        """None wakes it."""
        return replace(self, snoozed_until=until)


Alerts = Mapping[str, Alert]


def advance(alerts: Alerts, judged: Iterable[Judged], at: datetime) -> dict[str, Alert]:
    """The alerts after one more judgement of data of that time."""
    after = {}
    for each in judged:
        before = alerts.get(each.key)
        if each.verdict == "unknown":
            after[each.key] = (
                Alert(each.key, firing=False, since=at, known=False)
                if before is None
                else replace(before, known=False)
            )
            continue
        firing = each.verdict == "firing"
        is_same = before is not None and before.firing == firing
        # The message that it is over says what it was.
        said = each if firing or before is None else before
        after[each.key] = Alert(
            key=each.key,
            firing=firing,
            since=before.since if is_same and before is not None else at,
            told=before.told if before is not None else False,
            sentence=said.sentence,
            why=said.why,
            page=said.page,
            narrow=said.narrow,
            queue=said.queue,
            snoozed_until=before.snoozed_until if before is not None else None,
        )
    for key, alert in alerts.items():
        # Nothing was said of it. That it is over is still to be told; one that goes on belongs to a
        # rule that is no longer set.
        if key not in after and not alert.firing and (alert.told or alert.is_snoozed(at)):
            after[key] = alert
    return after


@dataclass(frozen=True)
class Change:
    """What is to be told of an alert: that it has begun, or that it is over."""

    key: str
    began: bool
    since: datetime
    sentence: str
    why: str
    page: Page
    narrow: tuple[tuple[str, str], ...] = ()
    queue: Queue | None = None


def changes(alerts: Alerts, now: datetime) -> list[Change]:
    """What is to be told now: what has begun first, in the order in which it did."""
    found = [
        Change(
            alert.key,
            alert.firing,
            alert.since,
            alert.sentence,
            alert.why,
            alert.page,
            alert.narrow,
            alert.queue,
        )
        for alert in alerts.values()
        if alert.known and alert.firing != alert.told and not alert.is_snoozed(now)
    ]
    return sorted(found, key=lambda change: (not change.began, change.since, change.key))


def mark_told(alerts: Alerts, told: Iterable[Change]) -> dict[str, Alert]:
    """The alerts once a message about these changes is on its way."""
    after = dict(alerts)
    for change in told:
        if change.key in after:
            after[change.key] = replace(after[change.key], told=change.began)
    return after
