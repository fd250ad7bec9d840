"""`Past` read from the recorded history of a workspace."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from lib.history import levels
from lib.history.reading import History, events_in
from lib.history.unreadable import unless_unreadable
from lib.insights.past import Answers, Level
from lib.query.choice import Choice
from lib.reference.periods import ONE_DAY, Period, midnight, stamps
from lib.reference.rates import Rate

LARGEST_GAP = timedelta(hours=6)
"""Maximum time between the end of a day and the snapshot before it: events in a longer gap would be
counted on the wrong day."""


class RecordedPast:
    """The past as recorded in `history`.

    `bot_answers` is whether an active bot counts as answering, if a choice does not say. What
    cannot be read from the store is treated as not recorded, and logged.
    """

    def __init__(self, history: History, *, bot_answers: bool) -> None:
        self._history = history
        self._bot_answers = bot_answers

    @property
    def recorded_since(self) -> datetime | None:
        return self._history.since if len(self._history.recorded) else None

    @property
    def history(self) -> History | None:
        return self._history

    def levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        return unless_unreadable(lambda: self._levels(choice, start, end), ())

    def opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        return unless_unreadable(lambda: self._opt_outs(choice, period), {})

    def answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        return unless_unreadable(lambda: self._answers(choice, start, end), None)

    def _levels(self, choice: Choice, start: datetime, end: datetime) -> Sequence[Level]:
        """Empty if the filters need more than levels hold: they are recorded for one dimension at a
        time."""
        asked = levels.asked_for(choice.limits)
        if asked is None:
            return ()
        dimension, keys = asked
        bot_answers = self._bot_answers if choice.bot_answers is None else choice.bot_answers
        first, last = stamps([start, end - timedelta(microseconds=1)])
        total = self._history.levels(levels.TOTAL, first, last)
        found = total
        if dimension != levels.TOTAL:
            found = self._history.levels(dimension, first, last, keys)
        numbers = found.groupby("seen")[list(levels.NUMBERS)].sum()
        numbers = numbers.reindex(total["seen"].sort_values(), fill_value=0)
        knows_handed_over = total.set_index("seen")["handed_over"].notna()
        return [
            Level(
                at=seen.to_pydatetime().astimezone(UTC),
                contacts=int(row["contacts"]),
                waiting=int(row["awaiting_reply"])
                + (0 if bot_answers else int(row["left_to_bot"])),
                unassigned=int(row["unassigned"]),
                handed_over=int(row["handed_over"]) if knows_handed_over[seen] else None,
                broadcast=Rate(int(row["broadcast"]), int(row["on_channel"])),
            )
            for seen, row in zip(
                pd.DatetimeIndex(numbers.index), numbers.to_dict("records"), strict=True
            )
        ]

    def _opt_outs(self, choice: Choice, period: Period) -> Mapping[date, int]:
        counted = events_in(self._history, period, choice.limits).by_day(
            period, ("broadcast_out",)
        )["broadcast_out"]
        return {
            day: int(counted[day])
            for day in period.days()
            if self._is_covered(midnight(day, period.timezone))
            and self._is_covered(midnight(day + ONE_DAY, period.timezone))
        }

    def _answers(self, choice: Choice, start: datetime, end: datetime) -> Answers | None:
        if not self._is_covered(start):
            return None
        after, until = stamps([start, end])
        response = self._history.between(after, until, choice.limits).response()
        return Answers(response.answered, response.timed, response.median_hours)

    def _is_covered(self, moment: datetime) -> bool:
        """Whether there is a snapshot shortly before the moment, and one after it."""
        recorded = self._history.recorded
        (stamp,) = stamps([moment])
        place = int(np.searchsorted(recorded, stamp, "right"))
        if not 0 < place < len(recorded):
            return False
        return bool(stamp - recorded[place - 1] <= np.timedelta64(LARGEST_GAP))
