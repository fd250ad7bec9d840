"""Causes behind a group of new contacts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from lib.chatbotx.crawl import Verdict
from lib.insights import arrivals
from lib.insights.causes import Subset, in_words, made_of, of_choice
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.settings import Settings
from lib.store.dimensions import CHANNEL, COUNTRY, TAG
from lib.store.snapshot import Snapshot
from tests.engines.answering import KINDS, answering, setting
from tests.workspaces import Json, choosing, contact, on, tables_of, tagged

AS_OF = datetime(2026, 11, 28, 8, tzinfo=UTC)
FRIDAY = date(2026, 11, 27)
MONTH = Choice("30d")


@pytest.fixture(autouse=True, params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs each test on each engine."""
    with answering(request.param):
        yield


def came(day: date, *parts: Json, times: int = 1) -> list[Json]:
    return [contact(*parts, createdAt=f"{day}T12:00:00Z") for _ in range(times)]


def usual_weeks(a_day: int = 5) -> list[Json]:
    """The eight weeks before the Friday, each day with some contacts by web chat."""
    days = (FRIDAY - timedelta(days=number) for number in range(1, 57))
    return [each for day in days for each in came(day, on("webchat"), times=a_day)]


def view(*contacts: Json, choice: Choice = MONTH) -> View:
    return view_of(
        Snapshot(tables_of(*contacts), Verdict(AS_OF)), choice, Settings(engine=setting())
    )


def test_a_day_is_made_of_what_is_more_frequent_in_it_than_in_the_weeks_before() -> None:
    friday = [
        *came(FRIDAY, on("whatsapp"), tagged("9"), times=83),
        *came(FRIDAY, on("webchat"), tagged("9"), times=20),
        *came(FRIDAY, on("webchat"), times=76),
    ]
    seen = view(*usual_weeks(), *friday)
    causes = made_of(seen, Subset.of_day(FRIDAY))
    assert [(cause.dimension, cause.key, cause.share.numerator) for cause in causes] == [
        (TAG, "9", 103),
        (CHANNEL, "whatsapp", 83),
    ]
    assert in_words(seen, Subset.of_day(FRIDAY)) == (
        "103 are tagged name of 9 (57.5%, usually 0.0%) and "
        "83 came by WhatsApp (46.4%, usually 0.0%)"
    )


def test_a_day_like_the_others_is_made_of_nothing_in_particular() -> None:
    seen = view(*usual_weeks(), *came(FRIDAY, on("webchat"), times=50))
    assert made_of(seen, Subset.of_day(FRIDAY)) == ()


def test_a_few_people_are_no_cause() -> None:
    seen = view(*usual_weeks(), *came(FRIDAY, on("whatsapp"), times=9))
    assert made_of(seen, Subset.of_day(FRIDAY)) == ()


def test_what_is_missing_or_unknown_is_no_cause() -> None:
    seen = view(*usual_weeks(), *came(FRIDAY, times=60))
    assert made_of(seen, Subset.of_day(FRIDAY)) == ()


def test_a_channel_is_made_of_what_sets_it_apart_from_the_other_new_contacts() -> None:
    day = FRIDAY - timedelta(days=3)
    seen = view(
        *came(day, on("whatsapp"), {"country": "BR"}, times=60),
        *came(day, on("whatsapp"), {"country": "US"}, times=10),
        *came(day, on("webchat"), {"country": "US"}, times=70),
    )
    (cause,) = made_of(seen, Subset(((CHANNEL, "whatsapp"),)))
    assert (cause.dimension, cause.key) == (COUNTRY, "BR")
    assert (cause.share.numerator, cause.usual.numerator) == (60, 0)


def test_the_filters_hold_for_the_people_and_for_the_usual() -> None:
    friday = [
        *came(FRIDAY, on("webchat"), tagged("9"), times=40),
        *came(FRIDAY, on("sms"), tagged("8"), times=90),
    ]
    seen = view(*usual_weeks(), *friday, choice=choosing("30d", channel=("webchat",)))
    (cause,) = made_of(seen, Subset.of_day(FRIDAY))
    assert (cause.dimension, cause.key, cause.share.denominator) == (TAG, "9", 40)


def test_where_there_is_nobody_to_compare_with_nothing_is_said() -> None:
    seen = view(*came(FRIDAY, on("whatsapp"), times=60))
    assert made_of(seen, Subset.of_day(FRIDAY)) == ()
    assert made_of(seen, Subset(((CHANNEL, "whatsapp"),))) == ()
    assert made_of(seen, Subset()) == ()
    assert made_of(seen, Subset.of_day(date(2199, 1, 1))) == ()


def test_the_finding_of_a_day_says_what_it_is_made_of() -> None:
    friday = [
        *came(FRIDAY, on("whatsapp"), tagged("9"), times=83),
        *came(FRIDAY, on("webchat"), tagged("9"), times=20),
        *came(FRIDAY, on("webchat"), times=76),
    ]
    days = (FRIDAY - timedelta(days=number) for number in range(1, 64))
    before = [each for day in days for each in came(day, on("webchat"), times=5)]
    (finding,) = arrivals.outlier_day(view(*before, *friday))
    assert finding.sentence == (
        "Friday, 27 Nov 2026 brought 179 new contacts, where a Friday usually brings 5. "
        "103 are tagged name of 9 (57.5%, usually 0.0%) and "
        "83 came by WhatsApp (46.4%, usually 0.0%)."
    )
    assert (finding.verb, finding.day) == ("Look at Friday", FRIDAY)


def test_the_group_that_a_click_left_is_told_beside_the_other_new_contacts() -> None:
    day = FRIDAY - timedelta(days=3)
    contacts = (
        *came(day, on("whatsapp"), {"country": "BR"}, times=60),
        *came(day, on("whatsapp"), {"country": "US"}, times=10),
        *came(day, on("webchat"), {"country": "US"}, times=70),
    )
    narrowed = view(*contacts, choice=MONTH.limited_to(CHANNEL, ("whatsapp",)))
    assert of_choice(narrowed) == (
        "Of 70 new contacts in the last 30 days, 60 are in Brazil (85.7%, usually 0.0%)."
    )
    assert of_choice(view(*contacts)) is None


def test_days_that_were_clicked_are_told_beside_the_weeks_before() -> None:
    friday = MONTH.on_days(FRIDAY, FRIDAY)
    seen = view(*usual_weeks(), *came(FRIDAY, on("whatsapp"), times=60), choice=friday)
    assert of_choice(seen) == (
        "Of 60 new contacts on 27 Nov 2026, 60 came by WhatsApp (100.0%, usually 0.0%)."
    )


def test_a_group_like_the_others_is_said_to_have_nothing_that_stands_out() -> None:
    friday = MONTH.on_days(FRIDAY, FRIDAY)
    seen = view(*usual_weeks(), *came(FRIDAY, on("webchat"), times=50), choice=friday)
    assert (of_choice(seen) or "").startswith("Nothing stands out among 50 new contacts")


def test_a_group_of_a_few_is_said_to_be_too_few() -> None:
    friday = MONTH.on_days(FRIDAY, FRIDAY)
    seen = view(*usual_weeks(), *came(FRIDAY, on("webchat"), times=9), choice=friday)
    assert of_choice(seen) == "Fewer than 10 new contacts are too few to tell."
