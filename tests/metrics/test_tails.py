import json
from pathlib import Path

import pytest

from lib.metrics.tails import outside
from lib.store.dimensions import CHANNEL, TAG, Dimension
from tests.workspaces import ask, contact, on, tagged, terms

CASE = Path(__file__).parents[1] / "data" / "cases" / "other-bar-double-counts.json"


def test_each_contact_counts_once_however_many_of_the_values_it_has() -> None:
    asked = ask(contact(tagged("1", "2", "3")), contact(tagged("1")), contact(tagged("2", "3")))

    assert outside(asked, terms(), TAG, ("1",), "contacts") == 2


def test_one_that_has_a_value_that_is_shown_and_another_counts() -> None:
    assert outside(ask(contact(on("sms", "line"))), terms(), CHANNEL, ("sms",), "contacts") == 1


@pytest.mark.parametrize(("shown", "others"), [(("sms",), 1), (("sms", ""), 0)])
def test_those_without_a_value_are_a_group(shown: tuple[str, ...], others: int) -> None:
    asked = ask(contact(on("sms")), contact())

    assert outside(asked, terms(), CHANNEL, shown, "contacts") == others


@pytest.mark.parametrize("dimension", [CHANNEL, TAG])
def test_where_all_are_shown_nobody_is_outside(dimension: Dimension) -> None:
    asked = ask(contact(on("sms"), tagged("1")))

    assert outside(asked, terms(), dimension, ("sms", "1"), "contacts") == 0
    assert outside(ask(), terms(), dimension, (), "contacts") == 0


def test_of_those_who_came_in_the_period_are_the_new_ones() -> None:
    asked = ask(contact(on("sms")), contact(on("sms"), createdAt="2026-06-10T00:00:00Z"))

    assert outside(asked, terms(), CHANNEL, (), "new") == 1


def test_three_contacts_with_the_same_three_tags_are_three_and_not_nine() -> None:
    asked = ask(*json.loads(CASE.read_text("utf-8")))
    sizes = asked.count(by=TAG)["contacts"].sort_values(ascending=False, kind="stable")
    shown = tuple(str(key) for key in sizes.index[:-3])

    assert sizes[-3:].sum() == 9
    assert outside(asked, terms(), TAG, shown, "contacts") == 3
