"""When alerts begin and end, and what is reported."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lib.insights.alerts import Alert, advance, changes, mark_told
from lib.insights.finding import Finding
from lib.insights.readings import Inbox, Reading
from lib.insights.rules import Judged, Verdict, judge
from lib.settings import AlertRules
from tests.insights.alerting import NOW

BACKLOG = AlertRules(backlog=100)


def step(
    alerts: dict[str, Alert], verdict: Verdict, hours: float = 0
) -> tuple[dict[str, Alert], list[bool]]:
    """The alerts after a judgement, all reported; and what was reported (True: a beginning)."""
    after = advance(alerts, [Judged("backlog", verdict, "200 people wait.")], NOW)
    told = changes(after, NOW + timedelta(hours=hours))
    return mark_told(after, told), [change.began for change in told]


def story(*verdicts: Verdict) -> list[list[bool]]:
    alerts: dict[str, Alert] = {}
    said = []
    for verdict in verdicts:
        alerts, told = step(alerts, verdict)
        said.append(told)
    return said


def test_both_ends_are_told_and_nothing_in_between() -> None:
    assert story("fine", "firing", "firing", "firing", "fine", "fine") == [
        [], [True], [], [], [False], [],
    ]  # fmt: skip


def test_an_alert_about_a_finding_leads_where_the_finding_does() -> None:
    """To its days, and to the conversations that it counts."""
    first, last = date(2026, 11, 17), date(2026, 11, 23)
    found = (
        Finding("outlier-day", "Monday brought 99.", "", "overview", day=last),
        Finding("answers-slower", "Answers take longer.", "", "changes", since=first, day=last),
        Finding("waiting-long", "3 wait.", "", "workload", queue="waiting", wait="over_7d"),
    )
    rules = AlertRules(findings=tuple(each.rule for each in found))
    begun = advance({}, judge(rules, Reading(NOW, findings=found), NOW), NOW)
    told = {change.sentence: change for change in changes(begun, NOW)}
    assert told["Monday brought 99."].days == (last, last)
    assert told["Answers take longer."].days == (first, last)
    assert (told["3 wait."].queue, told["3 wait."].wait) == ("waiting", "over_7d")


def test_what_fires_at_the_first_look_is_told() -> None:
    assert story("firing") == [[True]]


def test_what_is_unknown_neither_begins_nor_ends() -> None:
    assert story("unknown", "firing", "unknown", "unknown", "firing", "fine") == [
        [], [True], [], [], [], [False],
    ]  # fmt: skip


def test_what_ends_while_it_is_unknown_is_told_when_it_is_known() -> None:
    assert story("firing", "unknown", "fine") == [[True], [], [False]]


def test_what_comes_and_goes_before_anybody_could_be_told_is_not_told() -> None:
    begun = advance({}, [Judged("backlog", "firing", "200 people wait.")], NOW)
    assert changes(advance(begun, [Judged("backlog", "fine")], NOW), NOW) == []


def test_a_snooze_keeps_silent_and_what_is_still_so_is_told_afterwards() -> None:
    alerts = advance({}, [Judged("backlog", "firing", "200 people wait.")], NOW)
    until = NOW + timedelta(hours=4)
    alerts = {key: alert.snoozed(until) for key, alert in alerts.items()}
    assert changes(alerts, NOW) == []
    alerts = advance(alerts, [Judged("backlog", "firing", "300 people wait.")], NOW)
    assert changes(alerts, until - timedelta(seconds=1)) == []
    (told,) = changes(alerts, until)
    assert (told.began, told.sentence) == (True, "300 people wait.")


def test_an_end_during_a_snooze_is_told_after_it() -> None:
    alerts, _ = step({}, "firing")
    alerts = {key: alert.snoozed(NOW + timedelta(hours=4)) for key, alert in alerts.items()}
    alerts, told = step(alerts, "fine")
    assert told == []
    _, told = step(alerts, "fine", hours=4)
    assert told == [False]


def test_a_clock_set_back_lengthens_no_snooze_for_ever() -> None:
    alert = Alert("backlog", True, NOW, snoozed_until=NOW + timedelta(hours=4))
    assert not alert.is_snoozed(NOW - timedelta(days=365))


def test_the_end_says_what_is_over() -> None:
    alerts, _ = step({}, "firing")
    after = advance(alerts, [Judged("backlog", "fine", "80 people wait.")], NOW)
    (told,) = changes(after, NOW)
    assert (told.began, told.sentence) == (False, "200 people wait.")


def test_an_alert_whose_rule_is_no_longer_set_goes_in_silence() -> None:
    alerts, _ = step({}, "firing")
    assert advance(alerts, judge(AlertRules(), Reading(NOW), NOW, frozenset(alerts)), NOW) == {}


def test_two_inboxes_are_two_alerts() -> None:
    rules = AlertRules(inbox_disconnected=True)

    def inbox(key: str) -> Inbox:
        return Inbox(key, f"name of {key}", "whatsapp", "disconnected", 5)

    one = advance({}, judge(rules, Reading(NOW, inboxes=(inbox("1"),)), NOW), NOW)
    told = changes(one, NOW)
    assert [each.key for each in told] == ["inbox_disconnected/1"]
    alerts = mark_told(one, told)
    reading = Reading(NOW, inboxes=(inbox("2"),))
    alerts = advance(alerts, judge(rules, reading, NOW, frozenset(alerts)), NOW)
    assert [(each.key, each.began) for each in changes(alerts, NOW)] == [
        ("inbox_disconnected/2", True),
        ("inbox_disconnected/1", False),
    ]


def test_a_number_around_its_limit_does_not_begin_again_and_again() -> None:
    alerts: dict[str, Alert] = {}
    said = []
    for waiting in (99, 101, 99, 101, 95, 102, 90, 95):
        firing = frozenset(key for key, alert in alerts.items() if alert.firing)
        judged = judge(BACKLOG, Reading(NOW, waiting=waiting), NOW, firing)
        alerts = advance(alerts, judged, NOW)
        told = changes(alerts, NOW)
        alerts = mark_told(alerts, told)
        said += [(waiting, each.began) for each in told]
    assert said == [(101, True), (90, False)]


@pytest.mark.parametrize(
    ("rules", "reading"),
    [
        (AlertRules(waiting_hours=4), Reading(NOW, longest_wait_hours=4.1, waiting=1)),
        (AlertRules(backlog=2), Reading(NOW, waiting=3)),
        (AlertRules(unassigned=0), Reading(NOW, unassigned=1)),
        (AlertRules(handed_over=0), Reading(NOW, handed_over=1)),
        (AlertRules(data_hours=2), Reading(NOW - timedelta(hours=2.1))),
        (AlertRules(data_hours=2), Reading(NOW, complete=False)),
    ],
)
def test_each_limit_is_told_beyond_itself_with_a_sentence(
    rules: AlertRules, reading: Reading
) -> None:
    (judged,) = judge(rules, reading, NOW)
    assert judged.verdict == "firing"
    assert judged.sentence.endswith(".")
    assert judged.why.endswith(".")


def test_at_the_limit_nothing_is_told() -> None:
    rules = AlertRules(waiting_hours=4, backlog=3, unassigned=1, handed_over=1, data_hours=2)
    reading = Reading(
        NOW - timedelta(hours=2), longest_wait_hours=4, waiting=3, unassigned=1, handed_over=1
    )
    assert {each.verdict for each in judge(rules, reading, NOW)} == {"fine"}


def test_of_old_data_nothing_is_fine() -> None:
    rules = AlertRules(
        waiting_hours=4, backlog=3, unassigned="usual", new_stopped=True, data_hours=6
    )
    old = Reading(NOW - timedelta(hours=7), longest_wait_hours=99)
    said = {each.key: each.verdict for each in judge(rules, old, NOW, frozenset({"findings/x"}))}
    assert said.pop("data_hours") == "firing"
    assert set(said) == {"waiting_hours", "backlog", "unassigned", "new_stopped", "findings/x"}
    assert set(said.values()) == {"unknown"}


def test_data_from_the_future_tells_nothing() -> None:
    rules = AlertRules(backlog=3, data_hours=6)
    ahead = Reading(NOW + timedelta(hours=1), waiting=99)
    assert {each.verdict for each in judge(rules, ahead, NOW)} == {"unknown"}


def test_data_that_may_not_be_complete_is_enough_to_begin_and_not_to_end() -> None:
    few, many = Reading(NOW, waiting=3, complete=False), Reading(NOW, waiting=300, complete=False)
    assert [each.verdict for each in judge(BACKLOG, few, NOW)] == ["unknown"]
    assert [each.verdict for each in judge(BACKLOG, many, NOW)] == ["firing"]


def test_an_inbox_of_partial_data_that_is_no_longer_seen_is_not_over() -> None:
    rules = AlertRules(inbox_disconnected=True)
    reading = Reading(NOW, complete=False)
    (judged,) = judge(rules, reading, NOW, frozenset({"inbox_disconnected/1"}))
    assert judged.verdict == "unknown"
