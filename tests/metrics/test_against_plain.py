"""Every metric compared with a naive implementation, on randomly generated workspaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.engines.questions import Engine
from lib.metrics import audience, cohorts, engagement, opt_in, tags, workload
from lib.metrics.terms import Terms
from lib.reference.periods import ONE_DAY
from lib.store.dimensions import BY_KEY, SOURCE
from tests import effort
from tests import plain_metrics as plain
from tests.engines.answering import Kind, answering
from tests.metrics.generated import Case, cases
from tests.plain_metrics import Json

some = settings(derandomize=True, max_examples=effort.of(40), deadline=None)


def as_numbers(counted: pd.DataFrame) -> dict[str, dict[str, int]]:
    """The rows as dictionaries, by key."""
    return {
        str(key): dict(zip(counted.columns, map(int, row), strict=True))
        for key, row in zip(counted.index, counted.to_numpy(), strict=True)
    }


def by_date(table: pd.DataFrame) -> dict[date, dict[str, int]]:
    return {date.fromisoformat(key[:10]): row for key, row in as_numbers(table).items()}


@pytest.fixture(autouse=True, params=("memory", "DuckDB"))
def engine(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """The other engines are compared with memory in `tests/engines/test_agreement.py`."""
    with answering(request.param):
        yield request.param


@some
@given(cases())
def test_audience_is_as_defined(case: Case) -> None:
    numbers = plain.counted(case.contacts, case.question)
    changes = ("new", "new_previous", "new_before", "lost", "lost_previous", "lost_before")
    names = ("contacts", "active", *changes)

    found = audience.audience(case.asked, case.terms)

    assert asdict(found) == {name: numbers[name] for name in names}


@some
@given(cases())
def test_opt_in_is_as_defined(case: Case) -> None:
    numbers = plain.counted(case.contacts, case.question)

    found = opt_in.opt_in(case.asked)

    assert {kind: (rate.numerator, rate.denominator) for kind, rate in vars(found).items()} == {
        "broadcast": (numbers["broadcast"], numbers["on_channel"]),
        "email": (numbers["email"], numbers["with_email"]),
        "email_verified": (numbers["email_verified"], numbers["with_email"]),
    }


KEYS: dict[str, Callable[[Json], set[str]]] = {
    "channel": plain.channels,
    "country": lambda contact: {plain.country(contact)},
    "tag": plain.tags,
    "source": plain.sources,
}
"""By dimension, the values of a contact, of which there may be several or none."""


@pytest.mark.parametrize(
    ("breakdown", "keys"),
    [
        (audience.by_channel, KEYS["channel"]),
        (audience.by_country, KEYS["country"]),
        (audience.by_tag, KEYS["tag"]),
        (partial(audience.by, dimension=SOURCE), KEYS["source"]),
    ],
    ids=list(KEYS),
)
@some
@given(case=cases())
def test_breakdown_is_as_defined(
    breakdown: Callable[[Engine, Terms], pd.DataFrame], keys: Callable[[Json], set[str]], case: Case
) -> None:
    found = breakdown(case.asked, case.terms).drop(columns="tag", errors="ignore")

    assert as_numbers(found) == plain.counted_by(case.contacts, case.question, keys)


@some
@given(cases())
def test_days_are_as_defined(case: Case) -> None:
    found = audience.by_day(case.asked, case.terms)

    assert {
        day: (row["new"], row["lost"]) for day, row in by_date(found).items()
    } == plain.new_and_lost(case.contacts, case.question)


@pytest.mark.parametrize("key", KEYS)
@some
@given(case=cases())
def test_days_by_key_are_as_defined(key: str, case: Case) -> None:
    found = audience.new_by_step(case.asked, case.terms, BY_KEY[key])

    assert {
        (day, value): new
        for day, row in by_date(found).items()
        for value, new in row.items()
        if new
    } == plain.new_by_day_and(case.contacts, case.question, KEYS[key])


@some
@given(cases())
def test_opt_in_over_time_is_as_defined(case: Case) -> None:
    found = opt_in.over_time(case.asked, case.terms)[["broadcast", "email"]]

    days = [*case.terms.period.days(), case.terms.period.end + ONE_DAY]
    shares = found.astype("object").where(found.notna(), None).to_numpy().tolist()
    assert [tuple(row) for row in shares] == [
        plain.opt_in_before(case.contacts, case.question, day) for day in days
    ]


@some
@given(cases())
def test_subscribers_are_as_defined(case: Case) -> None:
    found = audience.subscribers_by_day(case.asked, case.terms).to_frame()

    assert {day: row["subscribers"] for day, row in by_date(found).items()} == {
        day: plain.subscribers(case.contacts, case.question, day)
        for day in case.terms.period.days()
    }


@some
@given(cases())
def test_arrivals_are_as_defined(case: Case) -> None:
    found = audience.arrivals(case.asked, case.terms)

    assert {
        (weekday, hour): new
        for weekday, row in enumerate(found.to_numpy())
        for hour, new in enumerate(row)
        if new
    } == plain.new_by_hour(case.contacts, case.question)


@some
@given(cases())
def test_pairs_of_channels_are_as_defined(case: Case) -> None:
    several, found = audience.several_channels(case.asked)

    assert several == sum(len(plain.channels(each)) > 1 for each in case.contacts)
    assert {(row.a, row.b): row.contacts for row in found.itertuples()} == plain.shared(
        case.contacts, plain.channels
    )


@some
@given(cases())
def test_pairs_of_tags_are_as_defined(case: Case) -> None:
    active = [each for each in case.contacts if plain.is_active(each)]

    found = tags.overlaps(case.asked)

    assert {(row.a, row.b): row.both for row in found.itertuples()} == plain.shared(
        active, plain.tags
    )
    for a, b, both, either, jaccard in found.to_numpy():
        assert either == sum(bool({a, b} & plain.tags(each)) for each in active)
        assert jaccard == both / either


@some
@given(cases())
def test_workload_is_as_defined(case: Case) -> None:
    expected = plain.workload(case.contacts, case.question)

    found = asdict(workload.workload(case.asked, case.terms))

    waiting = found.pop("waiting")
    assert {age: number for age, number in waiting.items() if number} == expected.pop("waiting")
    assert {name: number for name, number in found.items() if number} == {
        name: number for name, number in expected.items() if number
    }


@pytest.mark.parametrize(
    ("breakdown", "key"),
    [(workload.by_agent, "assignedUserId"), (workload.by_team, "assignedInboxTeamId")],
    ids=["agents", "teams"],
)
@some
@given(case=cases())
def test_load_is_as_defined(
    breakdown: Callable[[Engine, Terms], pd.DataFrame], key: str, case: Case
) -> None:
    expected = plain.load(case.contacts, key, case.question, case.everyone)

    found = breakdown(case.asked, case.terms).drop(columns="name")

    assert sorted(found.index) == sorted(expected)
    for holder, numbers in expected.items():
        row = found.astype("object").where(found.notna(), None).loc[holder].to_dict()
        assert row == pytest.approx(numbers)


@some
@given(cases())
def test_longest_waits_are_as_defined(case: Case) -> None:
    hours, orphaned, orphaned_hours = plain.longest_waits(case.contacts, case.question)

    found = workload.longest_waits(case.asked, case.terms)

    assert found.orphaned == orphaned
    assert (found.hours, found.orphaned_hours) == pytest.approx((hours, orphaned_hours))


@pytest.mark.parametrize("key", KEYS)
@some
@given(case=cases())
def test_awaiting_by_key_is_as_defined(key: str, case: Case) -> None:
    found = workload.awaiting_by(case.asked, case.terms, BY_KEY[key])

    assert found.index.is_unique
    assert found[found > 0].to_dict() == plain.awaiting_by(case.contacts, case.question, KEYS[key])


@some
@given(cases())
def test_open_conversations_by_agent_and_channel_are_as_defined(case: Case) -> None:
    found = workload.by_agent_and_channel(case.asked)

    assert {
        (agent, channel): number
        for agent, row in as_numbers(found).items()
        for channel, number in row.items()
        if number
    } == plain.open_by_agent_and_channel(case.contacts)
    assert found.sum().is_monotonic_decreasing


@some
@given(cases())
def test_backlog_is_as_defined(case: Case) -> None:
    found = workload.backlog_by_day(case.asked, case.terms)

    days = [*case.terms.period.days(), case.terms.period.end + ONE_DAY]
    assert list(zip(found["awaiting_reply"], found["unassigned"], strict=True)) == [
        plain.backlog_before(case.contacts, case.question, day) for day in days
    ]


@pytest.mark.parametrize("which", get_args(workload.Queue))
@some
@given(case=cases(), most=st.sampled_from([0, 1, 3, 100]))
def test_queue_is_as_defined(which: workload.Queue, case: Case, most: int) -> None:
    expected = plain.queue(case.contacts, which, case.question)

    many, found = workload.queue(case.asked, case.terms, which, most)

    rows = found.astype("object").where(found.notna(), None).to_dict("records")
    for row in rows:
        row["hours"] = pytest.approx(row["hours"])
    assert many == len(expected)
    assert rows == expected[:most]


@some
@given(cases())
def test_engagement_is_as_defined(case: Case) -> None:
    found = asdict(engagement.engagement(case.asked, case.terms))

    assert found == plain.engagement(case.contacts, case.question.as_of, case.everyone)


@some
@given(cases())
def test_cohorts_are_as_defined(case: Case) -> None:
    found = cohorts.cohorts(case.asked, case.terms)

    assert list(found.columns) == ["contacts", "still_active", "broadcast", "active_30d"]
    assert {
        (month.year, month.month): tuple(row.values()) for month, row in by_date(found).items()
    } == plain.cohorts(case.contacts, case.question)
