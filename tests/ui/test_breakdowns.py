"""Table and ranking of a dimension."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from lib.chatbotx.crawl import Verdict
from lib.metrics import audience
from lib.outputs.columns import Table
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.settings import Settings
from lib.store.dimensions import CHANNEL, COUNTRY, TAG, Dimension
from lib.store.snapshot import Snapshot
from lib.ui.breakdowns import breakdown, ranked, rose_most
from tests.workspaces import Json, choosing, contact, conversation, on, tables_of, tagged

JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(on("line", "sms"), createdAt="2026-05-10T12:00:00Z"),
    contact(createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)


def june_view(choice: Choice = JUNE, contacts: tuple[Json, ...] = CONTACTS) -> View:
    as_of = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    return view_of(Snapshot(tables_of(*contacts), Verdict(as_of)), choice, Settings())


def rows_of(table: Table) -> list[dict[str, Any]]:
    """Values of each row by column name."""
    return [{each.name: each.values[row] for each in table.columns} for row in range(len(table))]


BY = {CHANNEL: audience.by_channel, COUNTRY: audience.by_country, TAG: audience.by_tag}


def shown(view: View, dimension: Dimension = CHANNEL) -> dict[str, dict[str, Any]]:
    """Rows of the breakdown by group name."""
    table = breakdown(view.compute(BY[dimension], view.terms), dimension, view)
    return {str(row[table.columns[0].name]): row for row in rows_of(table)}


def test_a_breakdown_counts_and_compares() -> None:
    rows = shown(june_view())
    numbers = ("Contacts", "New", "New before", "Change")
    assert {name: tuple(row[each] for each in numbers) for name, row in rows.items()} == {
        "line": (2, 1, 1, 0),
        "No channel": (1, 1, 0, 1),
        "sms": (1, 0, 1, -1),
    }
    assert rows["line"]["Share of contacts"] == pytest.approx(2 / 3)


def test_a_ranking_says_that_its_table_is_without_its_own_filter() -> None:
    filtered = june_view(choosing("all", channel=("line",), tag=("601",)))
    whole = filtered.without(CHANNEL)
    counted = whole.compute(audience.by_channel, whole.terms)
    assert breakdown(counted, CHANNEL, filtered).filters == "line; tagged name of 601"
    assert breakdown(counted, CHANNEL, whole).filters == "tagged name of 601"


def test_a_change_has_a_percentage_only_if_thirty_came_before() -> None:
    def came(day: str, many: int) -> list[Json]:
        return [contact(on("line"), createdAt=f"2026-{day}T12:00:00Z") for _ in range(many)]

    few = shown(june_view(contacts=(*came("05-10", 29), *came("06-10", 58))))
    many = shown(june_view(contacts=(*came("05-10", 30), *came("06-10", 45))))
    assert (few["line"]["Change"], few["line"]["Change in %"]) == (29, None)
    assert (many["line"]["Change"], many["line"]["Change in %"]) == (15, 0.5)


def test_a_breakdown_without_comparison_has_no_columns_for_it() -> None:
    (first, *_) = shown(june_view(Choice("all"))).values()
    assert first.keys() & {"New before", "Change", "Change in %"} == set()


def test_a_breakdown_of_a_selection_takes_shares_of_the_selection() -> None:
    rows = shown(june_view(choosing(channel=("sms",))))
    assert {name: row["Share of contacts"] for name, row in rows.items()} == {
        "line": 1.0,
        "sms": 1.0,
    }


def on_day(number: int, of: int = 30) -> list[int]:
    """One new contact in one of that many days or weeks, numbered from 1."""
    return [int(place == number) for place in range(1, of + 1)]


def test_a_breakdown_has_the_new_contacts_of_each_day_as_a_trend() -> None:
    rows = shown(june_view())
    assert rows["line"]["Trend"] == on_day(10)
    assert rows["No channel"]["Trend"] == on_day(11)
    assert rows["sms"]["Trend"] == [0] * 30


def test_a_trend_over_a_long_period_is_by_week() -> None:
    # 101 days from Wednesday, 1 April 2026; 10 June is in their eleventh week.
    view = june_view(Choice("dates", date(2026, 4, 1), date(2026, 7, 10)))
    assert shown(view)["line"]["Trend"] == [
        one + other for one, other in zip(on_day(11, 15), on_day(6, 15), strict=True)
    ]


def test_one_day_makes_no_trend() -> None:
    day = date(2026, 6, 10)
    assert "Trend" not in shown(june_view(Choice("dates", day, day)))["line"]


@pytest.mark.parametrize(
    ("dimension", "waiting"),
    [
        (CHANNEL, {"sms": 2, "line": 1, "No channel": 0}),
        (COUNTRY, {"Brazil": 1, "Unknown country": 1}),
        (TAG, {"name of 601": 1, "Untagged": 1}),
    ],
)
def test_a_breakdown_says_how_many_wait_for_a_person(
    dimension: Dimension, waiting: dict[str, int]
) -> None:
    wrote = conversation(contactRepliedAt="2026-06-10T12:00:00Z", botEnabled=False)
    view = june_view(
        contacts=(
            contact(on("line", "sms"), tagged("601"), wrote, country="BR"),
            contact(on("sms"), wrote),
            contact(conversation()),
        )
    )
    rows = shown(view, dimension)
    assert {name: row["Waiting for a person"] for name, row in rows.items()} == waiting


def test_the_bar_of_the_others_counts_each_contact_once() -> None:
    # Three people with the same three tags besides the one shown.
    view = june_view(
        contacts=tuple(
            contact(tagged("601", "602", "603", "604"), createdAt="2026-06-10T12:00:00Z")
            for _ in range(3)
        )
    )
    assert ranked(view, TAG, "contacts", 1).ranking.bars == [("name of 601", 3), ("other (3)", 3)]


def test_those_without_any_are_a_group_among_the_others() -> None:
    tags = ("601", "601", "602")
    view = june_view(contacts=(*(contact(tagged(each)) for each in tags), contact()))
    assert ranked(view, TAG, "contacts", 1).ranking.bars[-1] == ("other (2)", 2)


def test_a_ranking_of_those_who_came_leaves_out_groups_to_which_nobody_came() -> None:
    assert ranked(june_view(), CHANNEL, "new", 5).ranking.bars == [
        ("line", 1),
        ("No channel", 1),
    ]


def test_a_filter_does_not_empty_its_own_ranking() -> None:
    found = ranked(june_view(choosing(channel=("sms",))), CHANNEL, "contacts", 5).ranking
    assert [name for name, _ in found.bars] == ["line", "No channel", "sms"]
    assert found.chosen == {"sms"}


class TestTheGroupThatRoseMost:
    def sentence(self, choice: Choice = JUNE, **came: tuple[int, int]) -> str:
        """By tag: how many came in May and in June."""
        people = tuple(
            contact(
                on("sms"), tagged(tag.removeprefix("tag")), createdAt=f"2026-{month}-10T12:00:00Z"
            )
            for tag, months in came.items()
            for month, number in zip(("05", "06"), months, strict=True)
            for _ in range(number)
        )
        view = june_view(choice, people)
        return rose_most(view.compute(audience.by_tag, view.terms), TAG, view)

    def test_is_named_with_both_numbers(self) -> None:
        said = self.sentence(tag601=(10, 40), tag602=(50, 60))
        assert said.endswith(
            "rose most: 40 new from 1 Jun 2026 to 30 Jun 2026, after 10 in the 30 days before."
        )

    def test_is_none_of_a_few_people(self) -> None:
        assert self.sentence(tag601=(1, 29), tag602=(1, 1)) == ""

    def test_is_none_where_all_fell(self) -> None:
        assert self.sentence(tag601=(50, 40), tag602=(50, 40)) == ""

    def test_is_none_where_there_is_one_group_or_nothing_to_compare_with(self) -> None:
        assert self.sentence(tag601=(10, 40)) == ""
        assert self.sentence(replace(JUNE, against="none"), tag601=(10, 40), tag602=(9, 9)) == ""
