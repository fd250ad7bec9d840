"""Recorded history as alerts and digests read it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from lib.history.memory import Past as Recorded
from lib.insights.recorded_past import RecordedPast
from lib.query.choice import Choice, Filters
from lib.reference.periods import Period
from lib.store.dimensions import CHANNEL
from tests.workspaces import AS_OF, contact, conversation, on, tables_of

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return AS_OF + hours * HOUR


def history() -> Recorded:
    return recorded_in(Recorded())


def recorded_in(found: Recorded) -> Recorded:
    """48 hours with a snapshot every third hour. At hour 27 one of two contacts opts out; at hour
    30 the other, who has waited since hour 24, is answered."""
    for hour in range(0, 49, 3):
        agreed = {"broadcastSubscribedAt": at(-100).isoformat()} if hour < 27 else {}
        wrote = {"contactRepliedAt": at(24).isoformat()} if hour >= 24 else {}
        replied = {"adminRepliedAt": at(29).isoformat()} if hour >= 30 else {}
        found.record(
            at(hour),
            tables_of(
                contact(on("whatsapp"), **agreed),
                contact(on("telegram"), conversation(botEnabled=False, **wrote, **replied)),
            ),
        )
    return found


@pytest.fixture(scope="module")
def past() -> RecordedPast:
    return RecordedPast(history(), bot_answers=True)


def test_levels_are_those_of_each_snapshot_without_the_end(past: RecordedPast) -> None:
    levels = past.levels(Choice(), at(21), at(30))
    assert [(level.at, level.waiting) for level in levels] == [
        (at(21), 0), (at(24), 1), (at(27), 1),
    ]  # fmt: skip
    assert {level.contacts for level in levels} == {2}


def test_levels_say_who_was_handed_over_and_taken_by_nobody(past: RecordedPast) -> None:
    assert {level.handed_over for level in past.levels(Choice(), at(0), at(48))} == {1}
    whatsapp = Choice(filters=Filters((("channel", ("whatsapp",)),)))
    assert {level.handed_over for level in past.levels(whatsapp, at(0), at(48))} == {0}


@pytest.mark.parametrize("usual", [True, False])
@pytest.mark.parametrize(("chosen", "waiting"), [(None, None), (True, 0), (False, 1)])
def test_levels_count_those_left_to_the_bot_as_the_view_does(
    usual: bool, chosen: bool | None, waiting: int | None
) -> None:
    found = Recorded()
    wrote = conversation(botEnabled=True, contactRepliedAt=at(-1).isoformat())
    found.record(at(0), tables_of(contact(on("whatsapp"), wrote)))
    (level,) = RecordedPast(found, bot_answers=usual).levels(
        Choice(bot_answers=chosen), at(0), at(1)
    )
    assert level.waiting == (int(not usual) if waiting is None else waiting)


class BegunEarlier(Recorded):
    """History of which another version, that did not know who was handed over, recorded the first
    twelve hours."""

    def levels(
        self,
        dimension: str,
        first: np.datetime64,
        last: np.datetime64,
        keys: Collection[str] | None = None,
    ) -> pd.DataFrame:
        found = super().levels(dimension, first, last, keys)
        return found.assign(handed_over=found["handed_over"].mask(found["seen"] < at(12)))


def test_where_an_earlier_version_recorded_nobody_knows_who_was_handed_over() -> None:
    earlier = recorded_in(BegunEarlier())
    levels = RecordedPast(earlier, bot_answers=True).levels(Choice(), at(0), at(48))
    known = [level.handed_over is not None for level in levels]
    assert known == [False] * 4 + [True] * 12


def test_under_a_filter_levels_are_those_of_the_filter(past: RecordedPast) -> None:
    choice = Choice(filters=Filters((("channel", ("whatsapp",)),)))
    assert choice.keys(CHANNEL) == ("whatsapp",)
    assert {level.waiting for level in past.levels(choice, at(0), at(48))} == {0}


def test_opt_outs_are_told_of_days_that_are_wholly_recorded(past: RecordedPast) -> None:
    period = Period(date(2026, 6, 30), date(2026, 7, 3))
    # 1 July starts with the first snapshot; 2 July ends with the last one, after which there are
    # none.
    assert past.opt_outs(Choice(), period) == {date(2026, 7, 1): 0}
    longer = history()
    longer.record(at(49), tables_of(contact()))
    past = RecordedPast(longer, bot_answers=True)
    assert past.opt_outs(Choice(), period) == {date(2026, 7, 1): 0, date(2026, 7, 2): 1}


def test_answers_are_those_of_the_time_and_not_told_of_a_time_before_the_record(
    past: RecordedPast,
) -> None:
    answers = past.answers(Choice(), at(24), at(48))
    assert answers is not None
    assert (answers.answered, answers.median_hours) == (1, 5.0)
    assert past.answers(Choice(), at(-48), at(48)) is None
