"""The `Finding` type, and the urgency of each rule."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from lib.metrics import audience
from lib.metrics.workload import Queue, Wait
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting
from lib.reference.countries import UNKNOWN
from lib.reference.pages import PagePath
from lib.store.dimensions import CHANNEL, Dimension


@dataclass(frozen=True)
class Finding:
    """Something worth looking at, and where to look. Texts are plain and may contain input from
    strangers.

    - `narrow`: filters that its link sets
    - `queue`: the list of conversations that the workload page opens with, of those who `wait` that
      long
    - `subject`: tells it apart from others of the same rule that narrow to the same
    - `day`: the day to look at, or with `since` the last of several
    - `verb`: the label of the link, such as "See the 23"
    - `weight`: the larger, the earlier it is listed
    """

    rule: str
    sentence: str
    evidence: str
    page: PagePath
    narrow: tuple[tuple[Dimension, str], ...] = ()
    queue: Queue | None = None
    wait: Wait | None = None
    subject: str = ""
    day: date | None = None
    since: date | None = None
    weight: float = 0.0
    verb: str = "Look at it"

    @property
    def days(self) -> tuple[date, date] | None:
        """First and last day to look at; None for those of the view."""
        return None if self.day is None else (self.since or self.day, self.day)

    def choice(self, view: View) -> Choice:
        """The choice that shows it."""
        choice = view.choice if self.queue is None else view.choice.listing(self.queue, self.wait)
        for dimension, key in self.narrow:
            choice = choice.limited_to(dimension, (key,))
        if self.days is None:
            return choice
        start, end = self.days
        return replace(choice, preset="dates", start=start, end=end)

    def leads_elsewhere(self, view: View, page: PagePath) -> bool:
        """Whether its link leads to anything but this page under the current choice."""
        return self.page != page or self.choice(view) != view.choice


URGENCY = {
    "orphaned-handoff": 1000,
    "waiting-long": 300,
    "inbox-disconnected": 100,
    "backlog-grows": 100,
    "channel-dried-up": 20,
    "country-dried-up": 20,
    "blocked-more": 20,
    "opt-outs-more": 20,
    "answers-slower": 20,
    "deleted-more": 10,
    "channel-took-off": 3,
    "country-took-off": 3,
    "outlier-day": 3,
    "load-doubled": 3,
    "load-uneven": 1,
    "opt-in-differs": 0.1,
}
"""Multiplied by the number of people affected, this gives the weight. People who wait for an answer
rank highest, then contacts we can no longer reach, then contacts who did not come. Good news can
wait, and what has been so for long is not news. For rules that compare, the people affected are the
difference between the two numbers."""


def known(view: View, dimension: Dimension) -> pd.DataFrame:
    """The breakdown by channel or country, without the missing and unknown keys. Under a filter of
    the same dimension only the filtered keys remain, because a finding narrows to one of them."""
    breakdown = audience.by_channel if dimension is CHANNEL else audience.by_country
    table = view.compute(breakdown, view.terms)
    table = table.drop(index=[audience.NONE, UNKNOWN], errors="ignore")
    chosen = view.choice.keys(dimension)
    return table[table.index.isin(chosen)] if chosen else table


def largest(found: Iterable[Finding]) -> list[Finding]:
    """The finding with the largest weight, as a list of at most one."""
    return sorted(found, key=lambda each: (-each.weight, each.sentence))[:1]


def new_contacts(value: int) -> str:
    return formatting.counted(value, "new contact") if value else "no new contacts"


def number_or(value: int, nothing: str) -> str:
    return formatting.number(value) if value else nothing
