"""Small workspaces that other dashboards are known to count wrongly."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lib.chatbotx.crawl import Verdict
from lib.engines.questions import Engine
from lib.metrics import audience, opt_in, quality, workload
from lib.metrics.terms import Terms
from lib.outputs.report import report
from lib.reference.periods import Period
from lib.store.dimensions import TAG
from lib.store.snapshot import Snapshot
from tests.workspaces import Json, ask, tables_of

CASES = Path(__file__).parents[1] / "data" / "cases"
AS_OF = datetime(2026, 11, 28, 12, tzinfo=UTC)


def contacts(name: str) -> list[Json]:
    found: list[Json] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return found


def asked(name: str) -> Engine:
    return ask(*contacts(name))


def month(number: int, year: int = 2026) -> Terms:
    start = date(year, number, 1)
    end = date(year + number // 12, number % 12 + 1, 1)
    return Terms(AS_OF, Period(start, date.fromordinal(end.toordinal() - 1)))


OCTOBER = month(10)


def test_opt_in_of_a_past_month_changed_between_its_ends_and_not_until_now() -> None:
    found = opt_in.over_time(asked("optin-change-past-period"), OCTOBER)["broadcast"]

    assert (found.iloc[0], found.iloc[-1]) == (0, 0.25)


@pytest.mark.parametrize(
    ("terms", "wrote", "went_quiet"),
    [(OCTOBER, 1, 1), (month(11), 1, 1), (month(1, 2027), 0, 0)],
    ids=["October", "November", "January"],
)
def test_backlog_of_a_period_is_of_those_with_a_time_in_it(
    terms: Terms, wrote: int, went_quiet: int
) -> None:
    terms = replace(terms, bot_answers=False)
    found = workload.backlog_by_day(asked("overview-notes-past-period"), terms)

    came = found.iloc[-1] - found.iloc[0]
    assert (came["awaiting_reply"], came["unassigned"]) == (wrote, went_quiet)


def test_wait_from_the_future_is_none_in_every_place() -> None:
    terms = replace(month(11), bot_answers=False)
    found = asked("negative-wait")
    _, listed = workload.queue(found, terms, "waiting", 10)
    load = workload.workload(found, terms)
    agents = workload.by_agent(found, terms)
    numbers = report(Snapshot(tables_of(*contacts("negative-wait")), Verdict(AS_OF)), terms)[
        "workload"
    ]

    assert listed["hours"].to_list() == [0]
    assert load.waiting["under_1h"] == load.awaiting_reply == 1
    assert workload.longest_waits(found, terms).hours == 0
    assert agents[["oldest_wait_hours", "median_wait_hours"]].to_numpy().tolist() == [[0, 0]]
    assert [each["oldest_wait_hours"] for each in numbers["agents"]] == [0]
    assert quality.future_times(found, AS_OF) == {"last_activity": 1, "wrote": 1}


def test_channel_called_none_is_told_apart_from_those_without() -> None:
    rows = report(Snapshot(tables_of(*contacts("channel-called-none")), Verdict(AS_OF)), month(11))[
        "channels"
    ]
    found = audience.by_channel(asked("channel-called-none"), month(11))

    assert found["contacts"].to_dict() == {"": 1, "none": 1, "whatsapp": 1}
    assert [(row["channel"], row["contacts"]) for row in rows] == [
        ("none", 1),
        ("none", 1),
        ("whatsapp", 1),
    ]


def test_net_growth_is_counted_to_the_same_point_before() -> None:
    terms = Terms(AS_OF, Period(date(2026, 11, 1), date(2026, 11, 28)))
    found = audience.audience(asked("net-growth-percent"), terms)

    assert found.net - found.net_before == -12


class TestLongPeriods:
    @pytest.mark.parametrize(
        ("start", "end", "step"),
        [
            (date(2026, 10, 1), date(2026, 12, 31), "day"),
            (date(2026, 1, 1), date(2026, 12, 31), "week"),
            (date(2020, 1, 1), date(2026, 12, 31), "month"),
            (date(1970, 1, 1), date(2026, 12, 31), "quarter"),
            (date(1970, 1, 1), date(2199, 12, 31), "year"),
        ],
    )
    def test_are_counted_by_longer_steps(self, start: date, end: date, step: str) -> None:
        period = Period(start, end)

        assert period.step == step
        assert len(period.steps(period.step)) <= 250
        assert len(period.edges(period.step)) == len(period.steps(period.step)) + 1

    def test_of_230_years_and_2000_tags_stay_small(self) -> None:
        tags = [
            {"createdAt": "2026-06-01T00:00:00Z", "tags": [{"id": f"{tag}", "name": "t"}]}
            for tag in range(2000)
        ]
        outlier = {"createdAt": "1970-01-01T00:00:00Z", "tags": [{"id": "1", "name": "t"}]}
        terms = Terms(AS_OF, Period(date(1970, 1, 1), date(2199, 12, 31)))

        found = audience.new_by_step(ask(*tags, outlier), terms, TAG)

        assert found.shape == (230, 2000)
        assert found.to_numpy().sum() == 2001
        assert found.at["1970-01-01", "1"] == 1
