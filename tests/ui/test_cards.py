"""Cards with a page's numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from lib.chatbotx.crawl import Verdict
from lib.outputs.shown import NumberShown
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.reference.rates import Rate
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from lib.ui import cards
from lib.ui.cards import Number, rate_number
from tests.workspaces import contact, tables_of


def june_view() -> View:
    choice = Choice("dates", date(2026, 6, 1), date(2026, 6, 30))
    as_of = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    return view_of(Snapshot(tables_of(contact()), Verdict(as_of)), choice, Settings())


def test_a_rate_on_a_card_says_what_it_is_of() -> None:
    card = rate_number("email", Rate(1234, 2468))
    assert (card.say(card.value), card.note) == ("50.0%", "1,234 of 2,468")


def test_a_rate_of_nobody_on_a_card_is_a_dash() -> None:
    card = rate_number("email", Rate(0, 0))
    assert (card.say(card.value), card.note) == ("–", "0 of 0")


def test_a_rate_on_a_card_says_by_how_much_it_changed_since_the_period_began() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([0.5, 0.6, 0.75]))
    assert (card.change, card.trend) == ("+25.0 points", [0.5, 0.6, 0.75])


@pytest.mark.parametrize(
    ("began", "change"), [(0.75, "0.0 points"), (1.0, "−25.0 points"), (0.0, "+75.0 points")]
)
def test_the_change_of_a_rate_has_its_sign(began: float, change: str) -> None:
    assert rate_number("email", Rate(3, 4), pd.Series([began, 0.75])).change == change


def test_a_rate_of_nobody_when_the_period_began_has_no_change() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([float("nan"), 0.5, 0.75]))
    assert (card.change, card.trend) == (None, [0.5, 0.75])


def test_a_rate_of_nobody_when_the_period_ended_has_no_change() -> None:
    assert rate_number("email", Rate(0, 0), pd.Series([0.5, float("nan")])).change is None


def test_the_change_of_a_past_period_is_that_between_its_own_ends() -> None:
    # 0 of 4 at the start of October, 1 of 4 at its end, all four by now.
    card = rate_number("broadcast", Rate(4, 4), pd.Series([0.0, 0.0, 0.25]), during="in October")
    assert (card.value, card.change, card.note) == (1, "+25.0 points", "in October · 4 of 4")


def test_a_rate_has_no_change_where_nothing_is_to_be_compared() -> None:
    card = rate_number("email", Rate(3, 4), pd.Series([0.5, 0.75]), compares=False)
    assert (card.change, card.trend) == (None, [0.5, 0.75])


@pytest.mark.parametrize(
    ("began", "ended", "many", "is_coloured"),
    [
        (0.500, 0.501, 1_000_000, False),  # significant, but tiny
        (0.50, 0.60, 20, False),  # within chance
        (0.50, 0.60, 2000, True),
    ],
)
def test_a_change_that_is_tiny_or_due_to_chance_has_no_colour(
    began: float, ended: float, many: int, is_coloured: bool
) -> None:
    card = rate_number("email", Rate(round(ended * many), many), pd.Series([began, ended]))
    assert (card.more_is == "good") == is_coloured


def shown(card: Number) -> NumberShown:
    return cards.shown(card, june_view())


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (45, 30, "+50.0%"),
        (45, 29, "+16"),  # no percentage of fewer than 30
        (5, 0, "+5"),
        (-11, 1, "−12"),  # nor across a change of sign
        (-20, 40, "−60"),
        (30, 30, "0.0%"),
    ],
)
def test_a_change_is_a_percentage_only_where_that_says_something(
    now: int, before: int, change: str
) -> None:
    card = shown(Number("net", now, before))
    assert (card.change, card.note) == (change, f"vs {before}")


@pytest.mark.parametrize(
    ("now", "more_is", "tone"),
    [
        (60, "good", "good"),
        (60, "bad", "bad"),
        (20, "good", "bad"),
        (60, "neither", ""),
        (40, "good", ""),
    ],
)
def test_a_change_is_coloured_by_whether_it_is_welcome(now: int, more_is: Any, tone: str) -> None:
    assert shown(Number("new", now, 40, more_is=more_is)).tone == tone


@pytest.mark.parametrize(("trend", "drawn"), [([34.0], ()), ([34.0, 49.0], (34.0, 49.0))])
def test_the_single_value_of_one_day_is_no_trend(
    trend: list[float], drawn: tuple[float, ...]
) -> None:
    assert shown(Number("new", 49, trend=trend)).trend == drawn
