"""What a finding is, and how urgent each rule makes it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import pandas as pd

from lib.metrics import audience
from lib.query.choice import Choice, Queue
from lib.query.view import View
from lib.reference import formatting
from lib.reference.countries import UNKNOWN
from lib.store.dimensions import CHANNEL, Dimension

Page = Literal["overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"]


@dataclass(frozen=True)
class Finding:
    """Something worth a look, and where to look. Texts are plain and may hold what strangers wrote.

    `narrow` are the filters to set, `queue` is the list of conversations that the workload page
    opens with, `day` a single day to look at, or with `since` the last of several; `verb` says what
    the link to them does: "See the 23".
    The larger the `weight`, the sooner it is told.
    """

    rule: str
    sentence: str
    evidence: str
    page: Page
    narrow: tuple[tuple[Dimension, str], ...] = ()
    queue: Queue | None = None
    day: date | None = None
    since: date | None = None
    weight: float = 0.0
    verb: str = "Look at it"

    def choice(self, view: View) -> Choice:
        """The choice under which it can be seen."""
        choice = replace(view.choice, queue=self.queue or view.choice.queue)
        for dimension, key in self.narrow:
            choice = choice.limited_to(dimension, (key,))
        if self.day is None:
            return choice
        return replace(choice, preset="dates", start=self.since or self.day, end=self.day)

    def leads_elsewhere(self, view: View, page: Page) -> bool:
        """Whether its link shows anything other than this page under this choice."""
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
"""Times the people concerned it is the weight. A person who waits counts for more than many whom we
could not reach if we wished to, and these for more than those who did not come; what went well can
wait, and what has been so for long is no news. Concerned are, where rules compare, as many as the
numbers differ by."""


# What may be compared


def known(view: View, dimension: Dimension) -> pd.DataFrame:
    """The breakdown without what is missing or unknown, and, under a filter of the same dimension,
    with no other keys than it lets pass: the finding narrows to one of them."""
    breakdown = audience.by_channel if dimension is CHANNEL else audience.by_country
    table = view.compute(breakdown, view.terms)
    table = table.drop(index=[audience.NONE, UNKNOWN], errors="ignore")
    chosen = view.choice.keys(dimension)
    return table[table.index.isin(chosen)] if chosen else table


# Words


def largest(found: Iterable[Finding]) -> list[Finding]:
    """The one of the largest weight, if there is any."""
    return sorted(found, key=lambda each: (-each.weight, each.sentence))[:1]


def new_contacts(value: int) -> str:
    return formatting.counted(value, "new contact") if value else "no new contacts"


def number_or(value: int, nothing: str) -> str:
    return formatting.number(value) if value else nothing
