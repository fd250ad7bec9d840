import gc
import weakref
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lib.engines.memory import Facts, Keys, count, tally, where
from lib.metrics import audience, cohorts, engagement, opt_in, workload
from tests.workspaces import before_as_of, contact, conversation, on, tables_of, tagged, terms

LONG_AGO = "2020-02-01T00:00:00.000Z"
WORKSPACE = tables_of(
    contact(on("sms"), country="BR", broadcastSubscribedAt=LONG_AGO, blockedAt=LONG_AGO),
    contact(on("sms"), country="BR", createdAt="2026-06-10T00:00:00.000Z"),
    contact(country="VN", email="ana@example.com", emailOptIn=True),
    contact(conversation(assignedUserId="101", contactRepliedAt=before_as_of(hours=1))),
    contact(
        conversation(
            assignedUserId="102",
            botEnabled=False,
            contactRepliedAt=before_as_of(hours=3),
            adminRepliedAt=before_as_of(hours=2),
            lastActivityAt=before_as_of(hours=2),
            agentLastReadAt=before_as_of(hours=3),
        ),
        country="BR",
    ),
)


def about_bots() -> Facts:
    return {"with_bot": nw.col("bot_enabled"), "is_followed": nw.col("followed")}


def about_blocks() -> Facts:
    return {"is_blocked": ~nw.col("blocked").is_null()}


class TestTally:
    def test_counts_contacts_and_those_of_whom_each_fact_is_true(self) -> None:
        tables = tables_of(contact(conversation(followed=True)), contact(), contact())

        assert tally(tables, about_bots).to_dict("records") == [
            {"contacts": 3, "with_bot": 3, "is_followed": 1}
        ]

    def test_of_no_contacts_is_a_row_of_zeros(self) -> None:
        assert tally(tables_of(), about_bots).to_numpy().tolist() == [[0, 0, 0]]

    def test_by_a_key_of_no_contacts_is_empty(self) -> None:
        assert tally(tables_of(), about_bots, by="country").empty

    def test_leaves_out_contacts_without_the_key(self) -> None:
        assert tally(WORKSPACE, about_bots, by="assignee")["contacts"].to_dict() == {
            "101": 1,
            "102": 1,
        }

    def test_leaves_out_values_that_do_not_occur_in_a_selection(self) -> None:
        brazilians = WORKSPACE.select((WORKSPACE.contacts["country"] == "BR").to_numpy())

        found = tally(brazilians, about_bots, by="country")

        assert found["contacts"].to_dict() == {"BR": 3}

    def test_by_a_link_counts_a_contact_once_for_each_of_its_values(self) -> None:
        tables = tables_of(contact(tagged("601", "602")), contact(tagged("601")))

        assert tally(tables, about_bots, by="tag")["contacts"].to_dict() == {"601": 2, "602": 1}

    def test_counts_by_any_key_of_the_contacts(self) -> None:
        odd_or_even = Keys(np.array([1, 0, 1, 0, -1]), pd.Index(["even", "odd"]))

        found = tally(WORKSPACE, about_bots, by=odd_or_even)

        assert found["contacts"].to_dict() == {"even": 2, "odd": 2}

    def test_null_counts_as_false(self) -> None:
        def facts() -> Facts:
            return {"unread": nw.col("last_activity") > nw.col("agent_read")}

        assert tally(WORKSPACE, facts)["unread"].to_list() == [1]

    def test_looks_at_the_contacts_once_however_often_it_is_asked(self) -> None:
        tables = tables_of(contact(), contact())
        asked = []

        def facts() -> Facts:
            asked.append("again")
            return about_bots()

        for mask in ([True, True], [True, False], [False, False]):
            tally(tables.select(np.array(mask)), facts)
        tally(tables, facts, by="country")

        assert asked == ["again"]

    def test_does_not_mix_up_facts_on_different_terms(self) -> None:
        tables = tables_of(contact(createdAt="2026-06-10T00:00:00.000Z"))

        found = [
            tally(tables, audience.facts, terms(start, end))["new"].to_list()
            for start, end in (("2026-06-01", "2026-06-30"), ("2026-06-01", "2026-06-09"))
        ]

        assert found == [[1], [0]]

    @pytest.mark.parametrize("facts", [1, 8, 9, 16, 17, 20])
    def test_counts_any_number_of_facts(self, facts: int) -> None:
        days = [f"2026-06-{day + 1:02}T00:00:00.000Z" for day in range(facts)]
        tables = tables_of(*(contact(createdAt=day) for day in days))

        def since_each_day() -> Facts:
            moments = pd.to_datetime(days).to_pydatetime()
            return {day: nw.col("created") >= at for day, at in zip(days, moments, strict=True)}

        row = tally(tables, since_each_day).to_numpy()[0]

        assert row.tolist() == [facts, *range(facts, 0, -1)]

    def test_counts_facts_that_hold_on_any_terms_too(self) -> None:
        tables = tables_of(contact(conversation(followed=True)), contact())

        found = tally(tables, about_blocks, also=about_bots)

        assert found.to_dict("records") == [
            {"contacts": 2, "is_blocked": 0, "with_bot": 2, "is_followed": 1}
        ]

    def test_counts_many_different_contacts_by_both_kinds_of_facts(self) -> None:
        days = [f"2026-06-{day:02}T00:00:00.000Z" for day in range(1, 21)]
        tables = tables_of(*(contact(createdAt=day, blockedAt=day) for day in days))

        def since_each_day(column: str = "created") -> Facts:
            moments = pd.to_datetime(days).to_pydatetime()
            return {f"{column} {at:%d}": nw.col(column) >= at for at in moments}

        row = tally(tables, since_each_day, also=lambda: since_each_day("blocked")).to_numpy()[0]

        assert row.tolist() == [20, *range(20, 0, -1), *range(20, 0, -1)]

    @pytest.mark.parametrize("tags", [20, 100, 5000])
    def test_counts_any_number_of_keys(self, tags: int) -> None:
        names = [f"{number:05}" for number in range(tags)]
        tables = tables_of(
            *(
                contact(tagged(*names), createdAt=f"2026-06-{day:02}T00:00:00Z")
                for day in range(1, 16)
            )
        )

        def since_each_day() -> Facts:
            return {
                f"{day}": nw.col("created") >= pd.Timestamp(2026, 6, day, tz="UTC").to_pydatetime()
                for day in range(2, 16)
            }

        found = tally(tables, since_each_day, by="tag")

        assert list(found.index) == names
        assert (found.to_numpy() == np.arange(15, 0, -1)).all()


def test_where_tells_the_contacts_of_a_selection_of_whom_a_fact_is_true() -> None:
    tables = tables_of(contact(conversation(followed=True)), contact(conversation(followed=True)))

    found = where("is_followed", tables.select(np.array([False, True])), about_bots)

    assert found.tolist() == [False, True]


@pytest.mark.parametrize("by", [None, "country", "assignee"])
@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        (audience.facts, [terms()]),
        (opt_in.facts, []),
        (workload.facts, []),
        (engagement.facts, [terms()]),
        (cohorts.facts, [terms()]),
    ],
    ids=["audience", "opt_in", "workload", "engagement", "cohorts"],
)
@pytest.mark.parametrize(
    "engine",
    [
        lambda frame: frame,
        pa.Table.from_pandas,
        lambda frame: nw.from_native(pa.Table.from_pandas(frame)).lazy(),
    ],
    ids=["pandas", "Arrow", "lazy"],
)
def test_count_gives_on_every_engine_what_tally_gives(
    engine: Callable[[pd.DataFrame], Any],
    facts: Callable[..., Facts],
    asked: list[object],
    by: str | None,
) -> None:
    found = count(engine(WORKSPACE.contacts), facts(*asked), by)

    pd.testing.assert_frame_equal(
        found, tally(WORKSPACE, facts, *asked, by=by), check_index_type=False
    )


def test_tables_go_with_the_last_who_holds_them_and_not_when_the_collector_comes() -> None:
    tables = tables_of(contact(on("line")), contact(blockedAt="2026-06-02T00:00:00Z"))
    opt_in.over_time(tables, terms())
    audience.by_day(tables, terms())
    workload.backlog_by_day(tables, terms())
    last = weakref.ref(tables)
    gc.disable()
    try:
        del tables
        assert last() is None
    finally:
        gc.enable()
