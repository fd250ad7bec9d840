"""Findings from history: ten weeks with a snapshot a day, as of 1 July 2026, noon."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lib.chatbotx.crawl import Verdict
from lib.history import events, levels
from lib.history.eager import EagerHistory
from lib.history.reading import History
from lib.history.recorded import Recorded
from lib.insights import changed
from lib.insights.finding import URGENCY, Finding
from lib.insights.findings import every_finding
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.reference.periods import stamps
from lib.settings import Settings
from lib.store.dimensions import CHANNEL, TAG
from lib.store.place import StoreError
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables
from tests import effort
from tests.history import states
from tests.history.states import contact, on, past_of, talk

AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAYS = 70
YESTERDAY = date(2026, 6, 30)  # a Tuesday
RULES = (
    changed.opt_outs_more,
    changed.deleted_more,
    changed.backlog_grows,
    changed.answers_slower,
    changed.load_doubled,
)
MONTH = Choice("30d")


@dataclass(eq=False)
class Recording(EagerHistory):
    """A history given as numbers seen at 23:00 on each of the last days, oldest first.

    hours: response times of the day's answers; received: number of conversations by agent.
    """

    opt_outs: np.ndarray
    deleted: np.ndarray
    waiting: np.ndarray
    hours: list[np.ndarray]
    received: dict[str, np.ndarray]
    missing: set[int] = field(default_factory=set)
    """Days before `AS_OF` without a snapshot, on which nothing is seen."""

    @cached_property
    def moments(self) -> np.ndarray:
        ago = [each for each in range(len(self.opt_outs), 0, -1) if each not in self.missing]
        return stamps([AS_OF - timedelta(days=each) + timedelta(hours=11) for each in ago])

    @property
    def recorded(self) -> np.ndarray:
        return self.moments

    @property
    def since(self) -> datetime:
        return AS_OF - timedelta(days=len(self.opt_outs))

    @property
    def latest(self) -> Recorded:
        raise AssertionError("no rule needs the contacts themselves")

    def events(
        self, after: np.datetime64, until: np.datetime64, columns: Sequence[str]
    ) -> pa.Table:
        rows: list[tuple[np.datetime64, str, str | None, float | None]] = []
        for moment in self.moments[1:]:
            if not after < moment <= until:
                continue
            day = self._day(moment)
            rows += [(moment, "broadcast_out", None, None)] * int(self.opt_outs[day])
            rows += [(moment, "deleted", None, None)] * int(self.deleted[day])
            rows += [(moment, "answered", None, hours) for hours in self.hours[day]]
            for agent, numbers in self.received.items():
                rows += [(moment, "assigned", agent, None)] * int(numbers[day])
        moments, kinds, agents, hours = zip(*rows, strict=True) if rows else ((), (), (), ())
        there = [True] * len(rows)
        given: dict[str, Any] = {
            "kind": kinds,
            "at": np.array(moments, dtype="datetime64[us]"),
            "hours": hours,
            "agent_after": agents,
            "active_before": there,
            "active_after": there,
        }
        nothing = [None] * len(rows)
        return pa.table(
            {
                name: pa.array(given.get(name, nothing)).cast(events.SCHEMA.field(name).type)
                for name in columns
            }
        )

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        seen = [moment for moment in self.moments if first <= moment <= last]
        numbers = dict.fromkeys(levels.NUMBERS, 0)
        return pd.DataFrame(
            [
                {"seen": pd.Timestamp(each, tz="UTC"), "dimension": dimension, "key": ""}
                | numbers
                | {"awaiting_reply": int(self.waiting[self._day(each)])}
                for each in seen
            ],
            columns=levels.SCHEMA.names,
        )

    def _day(self, moment: np.datetime64) -> int:
        return len(self.opt_outs) - 1 - int((self.moments[-1] - moment) // np.timedelta64(1, "D"))


def steady() -> Recording:
    """The same every day: 4 opt-outs, 1 deletion, 20 waiting, 5 answers after 1 to 3 hours, and 3
    conversations for each of two agents."""
    return Recording(
        np.full(DAYS, 4),
        np.full(DAYS, 1),
        np.full(DAYS, 20),
        [np.array([1, 1.5, 2, 2.5, 3])] * DAYS,
        {"101": np.full(DAYS, 3), "102": np.full(DAYS, 3)},
    )


def quiet(random: np.random.Generator) -> Recording:
    """Numbers at constant rates: fewer at weekends, more opt-outs on the day of the weekly
    broadcast, a backlog that agents work off, days on which everybody is slower, occasional
    clean-ups of contacts."""
    weekday = (np.arange(DAYS) + YESTERDAY.weekday() + 1 - DAYS) % 7
    busy = np.where(weekday > 4, 0.4, 1.0)
    waiting, waits = [], 30
    for share in busy:
        waits = random.poisson(18 * share) + random.binomial(waits, 1 - 0.6 * share)
        waiting.append(waits)
    pace = random.lognormal(0, 0.2, DAYS)
    return Recording(
        random.poisson(np.where(weekday == 3, 25, 6 * busy) * random.gamma(20, 1 / 20, DAYS)),
        random.poisson(np.where(random.random(DAYS) < 0.15, 12, 1)),
        np.array(waiting),
        [
            random.lognormal(0.7, 1, random.poisson(15 * share)) * slow
            for share, slow in zip(busy, pace, strict=True)
        ],
        {
            str(agent): random.poisson(mean * busy * random.gamma(10, 1 / 10, DAYS))
            for agent, mean in enumerate((8, 5, 3, 1))
        },
    )


@cache
def waiting_now(number: int) -> Tables:
    """This many people wait for an answer."""
    wrote = "2026-06-30T12:00:00.000Z"
    return states.tables_of(
        [
            contact(
                each,
                conversation=talk(each, contactRepliedAt=wrote, assignedUserId="101"),
                contactInboxes=[on("sms"), on("zalo")],
                tags=states.tagged("7"),
            )
            for each in range(number)
        ]
    )


def view(history: History | None, choice: Choice = MONTH, waiting: int = 50) -> View:
    snapshot = Snapshot(waiting_now(waiting), Verdict(AS_OF))
    return view_of(snapshot, choice, Settings(), history)


def found(history: History | None, choice: Choice = MONTH, waiting: int = 50) -> dict[str, Finding]:
    """Findings from history by rule, with this many people waiting now."""
    shown = view(history, choice, waiting)
    return {each.rule: each for rule in RULES for each in rule(shown)}


def test_of_what_never_changes_nothing_is_said() -> None:
    assert found(steady()) == {}


def test_without_a_history_nothing_is_said() -> None:
    assert found(None) == {}


class TestOptOuts:
    def spike(self, number: int, ago: int = 1) -> Recording:
        history = steady()
        history.opt_outs[-ago] = number
        return history

    def test_above_the_usual_of_the_weekday_are_found_with_their_day(self) -> None:
        (finding,) = found(self.spike(60)).values()

        assert finding.sentence == (
            "60 contacts opted out of broadcasts on Tuesday, 30 Jun 2026, "
            "where a Tuesday usually has 4."
        )
        assert "median of this weekday in the 8 recorded weeks before" in finding.evidence
        assert (finding.page, finding.day, finding.verb) == (
            "changes",
            YESTERDAY,
            "Look at Tuesday",
        )

    def test_are_compared_with_the_same_weekday(self) -> None:
        """A broadcast goes out every Tuesday, and as many contacts opt out."""
        history = steady()
        history.opt_outs[-1::-7] = 60

        assert found(history) == {}

    def test_of_today_are_not_judged_before_the_day_is_over(self) -> None:
        assert found(self.spike(60), Choice("today")) == {}

    def test_outside_the_period_are_not_told(self) -> None:
        assert found(self.spike(60, ago=10), Choice("7d")) == {}
        assert list(found(self.spike(60, ago=10))) == ["opt-outs-more"]

    def test_after_a_hole_are_those_of_several_days_and_make_no_finding(self) -> None:
        history = self.spike(60)
        history.missing = {2}

        assert found(history) == {}

    def test_are_not_judged_by_fewer_than_six_of_their_weekday(self) -> None:
        whole = self.spike(60)
        for weeks, expected in ((6, ["opt-outs-more"]), (5, [])):
            history = replace(whole, missing=set(range(7 * weeks + 3, DAYS + 1)))
            assert list(found(history)) == expected


def test_many_deletions_at_once_are_found_with_their_day() -> None:
    history = steady()
    history.deleted[-3] = 300

    (finding,) = found(history).values()

    assert finding.sentence == (
        "300 contacts were deleted on Sunday, 28 Jun 2026, where a day usually has 1."
    )
    assert (finding.page, finding.day) == ("changes", date(2026, 6, 28))


def test_a_weekly_clean_up_is_usual() -> None:
    history = steady()
    history.deleted[-1::-7] = 300

    assert found(history) == {}


class TestBacklog:
    def grown(self, *last: int) -> Recording:
        history = steady()
        history.waiting[-len(last) :] = last
        return history

    def test_that_grew_three_days_running_is_found(self) -> None:
        (finding,) = found(self.grown(20, 31, 45, 70)).values()

        assert finding.sentence == (
            "More people wait for an answer every day: 70 at the end of Tuesday, 20 three days "
            "earlier."
        )
        assert "20, 31, 45 and 70 waited" in finding.evidence
        assert (finding.page, finding.queue, finding.verb) == ("workload", "waiting", "See the 50")

    @pytest.mark.parametrize(
        "last",
        [(20, 45, 45, 70), (20, 21, 22, 23), (70, 20, 45, 70)],
        ids=["stood still for a day", "by three people", "two days"],
    )
    def test_that_grew_otherwise_is_not(self, last: tuple[int, ...]) -> None:
        assert found(self.grown(*last)) == {}

    def test_that_grows_every_week_is_usual(self) -> None:
        history = steady()
        for back in range(0, DAYS - 7, 7):
            for place, value in enumerate((70, 45, 31)):
                history.waiting[-1 - back - place] = value

        assert found(history) == {}

    def test_that_is_gone_by_now_is_not_told(self) -> None:
        assert found(self.grown(20, 31, 45, 70), waiting=20) == {}


class TestAnswers:
    def slowed(self, times: float, days: int = 7) -> Recording:
        history = steady()
        history.hours = [*history.hours[:-days], *(each * times for each in history.hours[-days:])]
        return history

    def test_slower_than_in_the_four_weeks_before_are_found(self) -> None:
        (finding,) = found(self.slowed(4)).values()

        assert finding.sentence == (
            "Answers take longer: 8 h in the median from 24 Jun 2026 to 30 Jun 2026, after 2 h in "
            "the four weeks before."
        )
        assert finding.evidence.startswith("Of 35 timed answers, and leaving out the worst day, ")
        assert (finding.page, finding.since, finding.day) == (
            "changes",
            date(2026, 6, 24),
            YESTERDAY,
        )

    @pytest.mark.parametrize(
        ("times", "days"), [(1.4, 7), (40, 1), (0.2, 7)], ids=["a little", "for a day", "faster"]
    )
    def test_that_are_not_clearly_slower_are_not(self, times: float, days: int) -> None:
        assert found(self.slowed(times, days)) == {}

    def test_are_not_compared_when_snapshots_became_rarer(self) -> None:
        history = self.slowed(4)
        history.missing = {2, 3, 5, 6}

        assert found(history) == {}

    def test_are_not_compared_before_five_weeks_are_recorded(self) -> None:
        history = self.slowed(4)
        history.missing = set(range(35, DAYS + 1))

        assert found(history) == {}


class TestLoad:
    def risen(self, times: int) -> Recording:
        history = steady()
        history.received["101"][-7:] *= times
        return history

    def test_of_an_agent_that_doubled_is_found_and_nobody_named(self) -> None:
        (finding,) = found(self.risen(2)).values()

        assert finding.sentence == (
            "One agent received 42 conversations from 24 Jun 2026 to 30 Jun 2026, "
            "where 21 a week were usual."
        )
        assert "In the four weeks before it were 84." in finding.evidence
        assert finding.page == "changes"

    def test_of_an_agent_who_was_away_has_no_usual(self) -> None:
        history = self.risen(2)
        history.received["101"][-35:-14] = 0

        assert found(history) == {}

    def test_that_is_small_is_chance(self) -> None:
        history = steady()
        history.received["101"][:] = 0
        history.received["101"][-28::5] = 1
        history.received["101"][-7:] = 1

        assert found(history) == {}


CONTACTS = range(1, 61)


def test_findings_keep_to_the_filters_of_the_view() -> None:
    """From contacts: on the last day forty of sixty on SMS opt out, and none on Zalo."""

    def member(number: int, channel: str, *, left: bool) -> dict[str, Any]:
        since = None if left else "2026-01-01T00:00:00.000Z"
        return contact(number, contactInboxes=[on(channel)], broadcastSubscribedAt=since)

    def state(*, are_gone: bool) -> list[dict[str, Any]]:
        sms = [member(each, "sms", left=are_gone and each <= 40) for each in CONTACTS]
        return sms + [member(100 + each, "zalo", left=False) for each in CONTACTS]

    moments = [AS_OF - timedelta(days=ago) + timedelta(hours=11) for ago in range(DAYS, 0, -1)]
    history = past_of(*((each, state(are_gone=each == moments[-1])) for each in moments))

    assert list(found(history)) == ["opt-outs-more"]
    assert list(found(history, MONTH.limited_to(CHANNEL, ("sms",)))) == ["opt-outs-more"]
    assert found(history, MONTH.limited_to(CHANNEL, ("zalo",))) == {}


def test_a_filter_that_levels_cannot_answer_leaves_out_the_backlog() -> None:
    history = steady()
    history.waiting[-4:] = 20, 31, 45, 70
    both = MONTH.limited_to(CHANNEL, ("sms",)).limited_to(TAG, ("7",))

    assert "backlog-grows" not in found(history, both)


def test_a_store_that_cannot_be_read_is_logged_and_makes_no_finding(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Pulled(Recording):
        def events(self, *_: object) -> pa.Table:
            raise StoreError("The store does not answer")

        def levels(self, *_: object) -> pd.DataFrame:
            raise StoreError("The store does not answer")

    history = Pulled(**vars(steady()))

    assert found(history) == {}
    assert "The store does not answer" in caplog.text
    assert not changed.is_recorded(view(history))


@pytest.mark.parametrize(("missing", "is_recorded"), [(2, False), (3, False), (6, True)])
def test_it_is_known_whether_the_last_days_could_be_judged(missing: int, is_recorded: bool) -> None:
    history = steady()
    history.missing.add(missing)

    assert changed.is_recorded(view(steady()))
    assert changed.is_recorded(view(history)) == is_recorded
    assert not changed.is_recorded(view(None))


HISTORIES = 200 if effort.IS_WHOLE else 20
AT_MOST = 4


def test_quiet_histories_hardly_ever_make_a_finding() -> None:
    told = []
    for seed in range(HISTORIES):
        told += [*found(quiet(np.random.default_rng(seed))).values()]

    assert len(told) <= AT_MOST, [each.sentence for each in told]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_planted_into_a_quiet_history_is_found(seed: int) -> None:
    history = quiet(np.random.default_rng(1000 + seed))
    history.opt_outs[-1] += 80
    history.deleted[-2] += 400
    history.waiting[-4:] = np.array([30, 80, 140, 200])
    history.hours = [*history.hours[:-7], *(each * 6 for each in history.hours[-7:])]
    history.received["0"][-7:] = 3 * history.received["0"][-14:-7] + 5

    every = {"opt-outs-more", "deleted-more", "backlog-grows", "answers-slower", "load-doubled"}
    assert set(found(history, waiting=200)) == every
    assert every <= {each.rule for each in every_finding(view(history, waiting=200))}
    assert every <= set(URGENCY)
