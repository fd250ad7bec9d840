"""Rules that compare with the usual: silent on ordinary data, quick when something is wrong.

The bound: in 30 ordinary days, a rule begins an alert with a probability of at most 5 %.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.insights.past import Level
from lib.insights.readings import Reading
from lib.insights.rehearsal import Rehearsal, rehearse
from lib.insights.rules import CHANCE, LEAST_EXPECTED, judge
from lib.query.choice import Choice
from lib.reference.periods import ONE_DAY
from lib.settings import AlertRules
from tests import effort
from tests.insights.alerting import NOW, MadeUpPast, Quiet, quiet_history

HISTORIES = 200 if effort.IS_WHOLE else 20
USUAL = AlertRules(
    backlog="usual",
    unassigned="usual",
    handed_over="usual",
    opt_outs="usual",
    new_stopped=True,
    data_hours=6,
)
RULES = ("backlog", "unassigned", "handed_over", "opt_outs", "new_stopped", "data_hours")

HOUR = timedelta(hours=1)


def rehearsed(quiet: Quiet, rules: AlertRules = USUAL) -> Rehearsal:
    now = Reading(NOW, new_by_hour=quiet.new_by_hour, hours_end=NOW.replace(minute=0, second=0))
    return rehearse(rules, quiet.past, Choice(), now)


def test_quiet_histories_have_no_more_alerts_than_chance_explains() -> None:
    began = dict.fromkeys(RULES, 0)
    for seed in range(HISTORIES):
        said = rehearsed(quiet_history(seed))
        assert said.untold == ()
        for rule in {each.key for each in said.episodes}:
            began[rule] += 1
    # At 5 % each, this many or more would occur in less than one of 1,000 such tests.
    most = {20: 6, 200: 22}[HISTORIES]
    assert all(number <= most for number in began.values()), began
    assert CHANCE == 0.05


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("rule", ["waiting", "unassigned", "handed_over"])
def test_a_backlog_that_doubles_is_told_at_the_next_refresh(seed: int, rule: str) -> None:
    quiet = quiet_history(seed)
    name = "backlog" if rule == "waiting" else rule
    levels = quiet.past.recorded
    at = [getattr(level, rule) for level in levels]
    trouble = replace(levels[-1], **{rule: 2 * max(at) + 20})
    quiet.past.recorded[-1] = trouble
    (episode,) = [each for each in rehearsed(quiet).episodes if each.key == name and not each.ended]
    assert episode.began == trouble.at


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_opt_outs_of_a_bad_campaign_are_told_the_next_morning(seed: int) -> None:
    quiet = quiet_history(seed)
    yesterday = NOW.date() - ONE_DAY
    usual = max(quiet.past.opted_out.values())
    quiet.past.opted_out[yesterday] = 3 * usual + 20
    episodes = [each for each in rehearsed(quiet).episodes if each.key == "opt_outs"]
    assert episodes[-1].ended is None
    # The first refresh of the next day.
    assert episodes[-1].began == NOW.replace(hour=0, minute=0)
    assert "Tuesday" in episodes[-1].sentence


def test_a_broken_inbox_is_told_once_enough_people_should_have_come() -> None:
    quiet = quiet_history(3)
    silent = 24
    hours = quiet.new_by_hour[:-silent] + (0,) * silent
    broken = Quiet(quiet.past, hours)
    (episode,) = [each for each in rehearsed(broken).episodes if each.key == "new_stopped"]
    assert episode.ended is None
    expected, passed = 0.0, 0
    for place in range(len(hours) - silent, len(hours)):
        weeks = [quiet.new_by_hour[place - 168 * n] for n in range(1, 5)]
        days = [hours[place - 24 * n] for n in range(1, 29)]
        expected += min(sum(weeks) / 4, sum(days) / 28)
        passed += 1
        if expected >= LEAST_EXPECTED:
            break
    ended = NOW.replace(minute=0) - (silent - passed) * HOUR
    assert timedelta(0) <= episode.began - ended <= HOUR


def test_a_shop_that_is_closed_on_sundays_is_not_broken_on_sundays() -> None:
    # A Sunday evening: no contacts since Saturday, as on every Sunday.
    end = NOW.replace(day=29, hour=22, minute=0)
    hours = []
    for back in range(60 * 24, 0, -1):
        moment = end - back * HOUR
        hours.append(0 if moment.weekday() == 6 else 20)
    reading = Reading(end, new_by_hour=tuple(hours), hours_end=end)
    (judged,) = judge(AlertRules(new_stopped=True), reading, end)
    assert judged.verdict == "fine"


def test_a_server_that_stood_still_is_told_when_its_data_has_grown_old() -> None:
    quiet = quiet_history(4)
    levels = quiet.past.recorded
    quiet.past.recorded = levels[:-60] + levels[-40:]
    rules = AlertRules(data_hours=6)
    (episode,) = rehearsed(quiet, rules).episodes
    last = levels[-61].at
    assert last + timedelta(hours=6) <= episode.began <= last + timedelta(hours=7)
    assert episode.ended == levels[-40].at


def test_where_nothing_is_recorded_nothing_can_be_said() -> None:
    said = rehearse(
        AlertRules(backlog="usual", opt_outs="usual", waiting_hours=4),
        MadeUpPast(),
        Choice(),
        Reading(NOW),
    )
    assert said.episodes == ()
    assert set(said.untold) == {"backlog", "opt_outs", "waiting_hours"}


def test_with_thirteen_days_nothing_is_usual_yet() -> None:
    levels = [Level(NOW - n * ONE_DAY, 100, 5, 5) for n in range(13, 0, -1)]
    reading = Reading(NOW, waiting=500, levels=levels)
    (judged,) = judge(AlertRules(backlog="usual"), reading, NOW)
    assert judged.verdict == "unknown"


def test_the_same_hour_is_that_of_the_zone_through_a_change_of_the_clock() -> None:
    # Berlin: 10:30 is 09:30 UTC from 25 October on, and 08:30 UTC before.
    now = NOW.replace(month=11, day=5, hour=9)
    levels = []
    for back in range(28, 0, -1):
        at = now - back * ONE_DAY
        if at.date().isoformat() < "2026-10-25":
            at -= HOUR
        levels += [Level(at, 100, 40, 0), Level(at + HOUR, 100, 999, 0)]
    reading = Reading(now, "Europe/Berlin", waiting=60, levels=levels)
    (judged,) = judge(AlertRules(backlog="usual"), reading, now)
    assert judged.why.startswith("The usual number at this hour is 40, the median of 28 days")
