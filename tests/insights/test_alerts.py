"""When alerts begin and end, and what is reported."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from lib.insights.alerts import Alert, advance, changes, mark_told
from lib.insights.finding import Finding
from lib.insights.readings import Inbox, Reading
from lib.insights.rules import Judged, Verdict, judge
from lib.settings import AlertRules
from lib.store.dimensions import CHANNEL
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


HOURS = tuple([5] * 24 * 57 + [0] * 12)
"""Five new contacts an hour for eight weeks and a day, then none for half a day."""


@pytest.mark.parametrize(
    ("missing_until", "verdict"),
    [
        (None, "firing"),
        (NOW - timedelta(days=300), "firing"),
        (NOW - timedelta(hours=1), "unknown"),
    ],
    ids=["complete", "an old import in doubt", "the latest hours in doubt"],
)
def test_contacts_that_may_have_been_missed_have_not_stopped_coming(
    missing_until: datetime | None, verdict: Verdict
) -> None:
    reading = Reading(
        NOW,
        complete=missing_until is None,
        missing_until=missing_until,
        new_by_hour=HOURS,
        hours_end=NOW.replace(minute=0),
    )
    (judged,) = judge(AlertRules(new_stopped=True), reading, NOW)
    assert judged.verdict == verdict


@pytest.mark.parametrize(
    ("days_ago", "verdict"), [(300, "firing"), (1, "unknown")], ids=["before the period", "in it"]
)
def test_a_channel_whose_contacts_may_have_been_missed_has_not_dried_up(
    days_ago: int, verdict: Verdict
) -> None:
    finding = Finding("channel-dried-up", "Zalo dried up.", "", "channels")
    reading = Reading(
        NOW,
        complete=False,
        missing_until=NOW - timedelta(days=days_ago),
        begins=NOW - timedelta(days=30),
        findings=(finding,),
    )
    (judged,) = judge(AlertRules(findings=("channel-dried-up",)), reading, NOW)
    assert judged.verdict == verdict


def test_a_finding_from_history_is_not_over_while_nothing_is_recorded() -> None:
    rules = AlertRules(findings=("backlog-grows", "outlier-day"))
    going_on = frozenset({"findings/backlog-grows", "findings/outlier-day"})
    said = {
        (is_recorded, each.key): each.verdict
        for is_recorded in (True, False)
        for each in judge(rules, Reading(NOW, is_recorded=is_recorded), NOW, going_on)
    }
    assert said == {
        (True, "findings/backlog-grows"): "fine",
        (True, "findings/outlier-day"): "fine",
        (False, "findings/backlog-grows"): "unknown",
        (False, "findings/outlier-day"): "fine",
    }


def told_of(first: Finding, *then: Finding) -> list[tuple[str, bool]]:
    """Sentences about `then`, after an alert about `first` has been reported; True: a beginning."""
    rules = AlertRules(findings=(first.rule,))
    alerts = advance({}, judge(rules, Reading(NOW, findings=(first,)), NOW), NOW)
    alerts = mark_told(alerts, changes(alerts, NOW))
    after = judge(rules, Reading(NOW, findings=then), NOW, frozenset(alerts))
    return [(each.sentence, each.began) for each in changes(advance(alerts, after, NOW), NOW)]


def test_another_odd_day_is_another_alert() -> None:
    def odd(day: int) -> Finding:
        return Finding("opt-outs-more", f"Many on {day}.", "", "changes", day=date(2026, 11, day))

    assert told_of(odd(20), odd(20)) == []
    assert told_of(odd(20), odd(24)) == [("Many on 24.", True), ("Many on 20.", False)]


def test_a_week_that_moves_on_is_the_same_alert() -> None:
    def slow(end: int) -> Finding:
        return Finding(
            "answers-slower", f"Slow until {end}.", "", "changes",
            since=date(2026, 11, end - 6), day=date(2026, 11, end),
        )  # fmt: skip

    assert told_of(slow(23), slow(24)) == []


def test_findings_about_two_inboxes_of_a_channel_are_two_alerts() -> None:
    def broken(inbox: str) -> Finding:
        return Finding(
            "inbox-disconnected", f"{inbox} is off.", "", "channels",
            narrow=((CHANNEL, "whatsapp"),), subject=inbox,
        )  # fmt: skip

    assert told_of(broken("1"), broken("1"), broken("2")) == [("2 is off.", True)]
    assert told_of(broken("1"), broken("2")) == [("2 is off.", True), ("1 is off.", False)]


def test_the_usual_of_an_even_number_of_weeks_is_the_mean_of_the_middle_two() -> None:
    yesterday = NOW.date() - timedelta(days=1)
    counts = [0, 0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 10]
    before = {yesterday - timedelta(weeks=n): count for n, count in enumerate(counts, 1)}
    reading = Reading(NOW, opt_outs=before | {yesterday: 900})
    (judged,) = judge(AlertRules(opt_outs="usual"), reading, NOW)
    assert judged.why.startswith("A usual Tuesday has 5;")
