"""Alert state machine: what is firing, and which changes are still to be reported.

    fine ──▶ firing ──▶ fine        the verdict of the rules at each refresh
      └── unknown ──┘               old or possibly incomplete data: never ends an alert

An alert is reported when it begins and when it ends, and not in between. What to report is derived
from the current state and from what was last reported, so it does not matter what happened
meanwhile: a killed process, quiet hours, a snooze.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from lib.insights.rules import Judged, Verdict
from lib.metrics.workload import Queue, Wait
from lib.reference.pages import PagePath

LONGEST_SNOOZE = timedelta(days=30)


@dataclass(frozen=True)
class Alert:
    """State of one rule, or of one subject of a rule (such as one inbox), as of the last refresh.
    Times are UTC; the texts may contain input from strangers.

    `since` is when `firing` last changed. `told` is whether the last message about this alert said
    that it had begun. `known` is whether the last refresh could judge the rule; if not, the other
    fields are carried over from before.
    """

    key: str
    firing: bool
    since: datetime
    known: bool = True
    told: bool = False
    sentence: str = ""
    why: str = ""
    page: PagePath = "workload"
    narrow: tuple[tuple[str, str], ...] = ()
    queue: Queue | None = None
    wait: Wait | None = None
    days: tuple[date, date] | None = None
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
        """Whether the alert is snoozed at `now`. A snooze longer than the maximum does not count:
        it can only come from a clock that was set back."""
        until = self.snoozed_until
        return until is not None and now < until <= now + LONGEST_SNOOZE

    def snoozed(self, until: datetime | None) -> "Alert":
        """A copy that is snoozed until then; None ends the snooze."""
        return replace(self, snoozed_until=until)


Alerts = Mapping[str, Alert]


def advance(alerts: Alerts, judged: Iterable[Judged], at: datetime) -> dict[str, Alert]:
    """The alerts after the judgements of data as of `at`."""
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
        # The message that an alert has ended repeats what it was about.
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
            wait=said.wait,
            days=said.days,
            snoozed_until=before.snoozed_until if before is not None else None,
        )
    for key, alert in alerts.items():
        # Not judged this time. If it has ended, that may still have to be reported; if it is
        # firing, its rule is no longer configured, so it is dropped.
        if key not in after and not alert.firing and (alert.told or alert.is_snoozed(at)):
            after[key] = alert
    return after


@dataclass(frozen=True)
class Change:
    """A change to report: an alert has begun, or it has ended."""

    key: str
    began: bool
    since: datetime
    sentence: str
    why: str
    page: PagePath
    narrow: tuple[tuple[str, str], ...] = ()
    queue: Queue | None = None
    wait: Wait | None = None
    days: tuple[date, date] | None = None


def changes(alerts: Alerts, now: datetime) -> list[Change]:
    """Changes to report now: those that began first, then those that ended, each by time."""
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
            alert.wait,
            alert.days,
        )
        for alert in alerts.values()
        if alert.known and alert.firing != alert.told and not alert.is_snoozed(now)
    ]
    return sorted(found, key=lambda change: (not change.began, change.since, change.key))


def mark_told(alerts: Alerts, told: Iterable[Change]) -> dict[str, Alert]:
    """The alerts after a message about these changes has been queued."""
    after = dict(alerts)
    for change in told:
        if change.key in after:
            after[change.key] = replace(after[change.key], told=change.began)
    return after
