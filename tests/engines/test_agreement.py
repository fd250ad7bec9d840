"""Every engine agrees with memory, for any workspace, choice and period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from functools import partial
from typing import Any, get_args

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.engines.questions import Bins, Engine, Filter
from lib.metrics import audience, cohorts, engagement, opt_in, quality, tags, tails, workload
from lib.metrics.terms import Terms, choose_basis
from lib.query.options import counts_under, options_of
from lib.reference.periods import Step
from lib.store.dimensions import (
    AGENT,
    CHANNEL,
    COUNTRY,
    COUNTRY_SOURCE,
    DIMENSIONS,
    INBOX,
    MISSING,
    TEAM,
    Dimension,
)
from tests import effort
from tests.engines.answering import OTHERS, Kind, engine_of
from tests.metrics.generated import Case, cases
from tests.workspaces import tables_of, terms

Asking = Callable[[Engine, Terms], object]

_SOME = Filter.to({"channel": ["whatsapp", MISSING], "country": ["BR", "VN"], "tag": ["601"]})

METRICS: dict[str, Asking] = {
    "audience": audience.audience,
    "country sources": lambda asked, _: audience.country_sources(asked),
    "days": audience.by_day,
    "subscribers": audience.subscribers_by_day,
    "arrivals": audience.arrivals,
    "usual": audience.usual,
    "several channels": lambda asked, _: audience.several_channels(asked),
    "sources": audience.by_source,
    "cohorts": cohorts.cohorts,
    "engagement": engagement.engagement,
    "inboxes": lambda asked, _: engagement.inboxes(asked),
    "opt-in": lambda asked, _: opt_in.opt_in(asked),
    "opt-in over time": opt_in.over_time,
    "raw opt-in": lambda asked, _: opt_in.raw_email_opt_in(asked),
    "filled": lambda asked, _: quality.filled(asked),
    "future times": lambda asked, terms: quality.future_times(asked, terms.as_of),
    "overlaps": lambda asked, _: tags.overlaps(asked),
    "workload": workload.workload,
    "server tells": lambda asked, _: workload.server_tells(asked),
    "longest waits": workload.longest_waits,
    "agents": workload.by_agent,
    "teams": workload.by_team,
    "agents and channels": lambda asked, _: workload.by_agent_and_channel(asked),
    "backlog": workload.backlog_by_day,
    "waiting": lambda asked, terms: workload.queue(asked, terms, "waiting", 3),
    "orphaned": lambda asked, terms: workload.queue(asked, terms, "orphaned", 100),
    "unread": lambda asked, terms: workload.queue(asked, terms, "unread", 1),
    "waiting a day": lambda asked, terms: workload.queue(asked, terms, "waiting", 9, "1d_3d"),
    "orphaned who wait": lambda asked, terms: workload.queue(asked, terms, "orphaned", 9, "any"),
    "outside": lambda asked, terms: tails.outside(asked, terms, CHANNEL, ("whatsapp",), "new"),
    "busiest days": lambda asked, terms: audience.busiest_days(
        asked, terms, COUNTRY, terms.period, "new"
    ),
}
METRICS |= {
    "basis": lambda asked, _: choose_basis(asked),
    "options": lambda asked, _: options_of(asked),
    "counts": lambda asked, _: counts_under(asked.under, _SOME, options_of(asked)),
    "tables": lambda asked, _: {
        name: table.sort_values([*table.columns], ignore_index=True)
        for name, table in asked.tables().frames().items()
    },
}
for each in DIMENSIONS:
    METRICS |= {
        f"by {each.key}": partial(audience.by, dimension=each),
        f"new by {each.key}": partial(audience.new_by_step, dimension=each),
        f"awaiting by {each.key}": partial(workload.awaiting_by, dimension=each),
    }


def new_by(step: Step, asked: Engine, terms: Terms) -> object:
    bins = Bins((terms.subscription, "blocked"), terms.period, step)
    return asked.over_time(bins, audience.facts(terms))


def both(one: Dimension, other: Dimension, asked: Engine, terms: Terms) -> object:
    return asked.cross(one, other, among=workload.OPEN)


def pairs(of: Dimension, asked: Engine, terms: Terms) -> object:
    return asked.pairs(of)


QUESTIONS: dict[str, Asking] = {
    **{f"new by {step}": partial(new_by, step) for step in get_args(Step)},
    **{
        f"{one.key} and {other.key}": partial(both, one, other)
        for one in (AGENT, TEAM, COUNTRY, COUNTRY_SOURCE)
        for other in (*DIMENSIONS, INBOX)
    },
    **{f"pairs of {each.key}": partial(pairs, each) for each in DIMENSIONS},
    "quarters": lambda asked, _: asked.per_interval("last_activity", 15),
    "hours": lambda asked, _: asked.per_interval("last_activity", 60),
    "span": lambda asked, _: asked.span("updated"),
}


def plain(answer: Any) -> Any:
    """Values in a comparable form, whatever their types."""
    if is_dataclass(answer):
        return plain(asdict(answer))  # type: ignore[arg-type]
    if isinstance(answer, pd.Series):
        return plain(answer.to_frame())
    if isinstance(answer, pd.DataFrame):
        values = answer.astype("object").where(answer.notna(), None)
        return [*map(str, answer.columns)], answer.index.to_list(), values.to_numpy().tolist()
    if isinstance(answer, dict):
        return {name: plain(each) for name, each in answer.items()}
    if isinstance(answer, tuple):
        return [plain(each) for each in answer]
    return answer


KEYS = {
    "channel": ["whatsapp", "telegram", "zalo", "webchat", MISSING],
    "country": ["BR", "VN", "NA", "unknown", "XX"],
    "tag": ["601", "602", "1001", MISSING],
    "source": ["ads", "botLink", "none", MISSING],
    "team": ["7", "8", MISSING],
    "agent": ["99", "101", "102", MISSING, "gone"],
}
FILTERS = st.builds(
    lambda keys, recorded: Filter.to(keys, recorded_only=recorded),
    st.fixed_dictionaries(
        {}, optional={key: st.lists(st.sampled_from(KEYS[key]), max_size=3) for key in KEYS}
    ),
    st.booleans(),
)


ASKED = METRICS | QUESTIONS


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engines."""


@pytest.mark.parametrize("kind", OTHERS)
@settings(max_examples=effort.of(60))
@given(
    case=cases(),
    limits=st.just(Filter()) | FILTERS,
    narrowed=st.just(Filter()) | FILTERS,
    names=st.lists(st.sampled_from([*ASKED]), min_size=6, max_size=6, unique=True),
    is_joined=st.booleans(),
)
def test_every_engine_gives_the_numbers_of_memory(
    kind: Kind,
    case: Case,
    limits: Filter,
    narrowed: Filter,
    names: list[str],
    is_joined: bool,
) -> None:
    expected, found = (
        engine_of(case.tables, case.only, each, is_joined=is_joined).under(limits).under(narrowed)
        for each in ("memory", kind)
    )
    for name in names:
        assert plain(ASKED[name](found, case.terms)) == plain(ASKED[name](expected, case.terms)), (
            name
        )


@pytest.mark.parametrize("is_joined", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
def test_every_question_is_asked_once_at_least(
    kind: Kind, is_joined: bool, november_contacts: list[dict[str, Any]]
) -> None:
    tables, asked_for = (
        tables_of(*november_contacts),
        terms("2026-10-20", "2026-11-03", "Asia/Tokyo"),
    )
    expected, found = (
        engine_of(tables, kind="memory"),
        engine_of(tables, kind=kind, is_joined=is_joined),
    )

    for name, ask in ASKED.items():
        assert plain(ask(found, asked_for)) == plain(ask(expected, asked_for)), name
