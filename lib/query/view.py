"""What a page shows: a snapshot under a choice. Each result is computed once.

Results are cached with their snapshot, shared by all viewers who make the same choice, and dropped
with it.
"""

import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import pandas as pd

from lib.engines.chosen import ChosenSource, engine_of, source_of
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine, Filter
from lib.engines.results import RESULTS
from lib.history.reading import History
from lib.metrics.terms import BASIS_COLUMNS, Terms, choose_basis
from lib.query import presets
from lib.query.choice import Choice
from lib.query.options import Options, counts_under, options_of
from lib.query.presets import Comparison
from lib.reference import formatting
from lib.reference.periods import day_of
from lib.settings import Settings
from lib.store.dimensions import Dimension
from lib.store.snapshot import Snapshot
from lib.store.workspace import inbox_url

Result = TypeVar("Result")

TO_COME = "This period is still to come."


def options(snapshot: Snapshot, settings: Settings, history: History | None = None) -> Options:
    """The values to filter by. Raises EngineError."""
    source = _source(snapshot, settings, history)
    return RESULTS.get(snapshot, "options", lambda: options_of(_asked(snapshot, Filter(), source)))


@dataclass(frozen=True)
class View:
    """A snapshot under a choice. `asked` answers questions about the contacts that pass the
    filters, on the given `terms`."""

    snapshot: Snapshot
    choice: Choice
    options: Options
    terms: Terms
    asked: Engine
    first: datetime | None = None
    """The workspace's first subscription (UTC), ignoring filters."""
    history: History | None = None
    """Recorded history of the workspace; None if there is none or it cannot be read."""
    inbox_url: str | None = None
    """URL prefix of a conversation in ChatbotX, to be followed by its ID; None if it has none."""
    source: ChosenSource | None = None
    """The engine chosen to answer; None for memory."""

    def compute(self, metric: Callable[..., Result], *arguments: Hashable) -> Result:
        """`metric(asked, *arguments)` for the contacts that pass the filters. The result is shared
        and must not be modified. Raises EngineError if an engine other than memory cannot
        answer."""
        key = (metric, arguments, self.choice.limits)
        return RESULTS.get(self.snapshot, key, lambda: metric(self.asked, *arguments))

    def kept(self, function: Callable[..., Result], *arguments: Hashable) -> Result:
        """`function(view, *arguments)`, for results that need more than the filtered contacts.
        Cached with the snapshot too, so the result must not refer to it."""
        key = (function, arguments, self.choice, self.terms)
        return RESULTS.get(self.snapshot, key, lambda: function(self, *arguments))

    def recall(self, question: Callable[..., Result], *arguments: Hashable) -> Result | None:
        """`question(history, *arguments, limits)` about contacts that pass the filters now or
        passed them then; None if nothing has been recorded. Raises StoreError and Unreadable."""
        history = self.history
        if history is None:
            return None
        limits = self.choice.limits
        as_of = history.recorded[-1] if len(history.recorded) else None
        key = ("history", question, arguments, limits, as_of)
        return RESULTS.get(self.snapshot, key, lambda: question(history, *arguments, limits))

    def names(self, dimension: Dimension, table: pd.DataFrame) -> list[str]:
        """Display names of the keys in a table's index."""
        return [self.options.name(dimension, str(key)) for key in table.index]

    def without(self, dimension: Dimension) -> "View":
        """The same view with one filter lifted, as the ranking of that filter's values needs it:
        otherwise selecting a bar would empty the chart it is in."""
        return self._under(self.choice.limited_to(dimension, ()))

    @property
    def unfiltered(self) -> "View":
        """The same view without any filter."""
        return self._under(self.choice.unfiltered)

    def _under(self, choice: Choice) -> "View":
        if choice == self.choice:
            return self
        asked = _asked(self.snapshot, choice.limits, self.source)
        return replace(self, choice=choice, asked=asked)

    @property
    def is_to_come(self) -> bool:
        """Whether the period has not begun as of the data."""
        return self.terms.as_of < self.terms.period.first_moment

    def nothing(self, what: str) -> str:
        """`what` ("No new contacts") of the period, as a sentence; of a period to come, that it
        is: "no new contacts" would sound like news."""
        return TO_COME if self.is_to_come else f"{what} {self.during}."

    @property
    def caveat(self) -> str | None:
        """Why the period cannot have new contacts (it has not begun, or ended before the first
        contact), as plain text; None if it can."""
        period, as_of = self.terms.period, self.terms.as_of
        if self.is_to_come:
            said = formatting.moment(as_of, period.timezone)
            return f"This period has not begun: the data is of {said}."
        if self.first is not None and period.end_moment <= self.first:
            day = formatting.day(day_of(self.first, period.timezone))
            return f"This period was over before the first contact came, on {day}."
        return None

    @property
    def filters(self) -> str:
        """The filters in words, for files: "none" without any."""
        return self.choice.in_words(self.options) or "none"

    @property
    def contacts(self) -> int:
        """How many contacts pass the filters. Raises EngineError."""
        return self.compute(_contacts)

    @property
    def is_empty(self) -> bool:
        return not self.contacts

    @property
    def comparison(self) -> Comparison | None:
        """What the choice compares the period with; None for nothing."""
        terms, choice = self.terms, self.choice
        return presets.compared(terms.period, choice.preset, choice.against, terms.as_of)

    @property
    def compares(self) -> bool:
        """Whether the choice compares, and there is something to compare with."""
        return self.comparison is not None

    @property
    def before(self) -> str:
        """The comparison in words: "in the 30 days before", "on the Friday before"; empty if there
        is none."""
        comparison = self.comparison
        return "" if comparison is None else comparison.with_preposition

    @property
    def during(self) -> str:
        """The period in words: "in the last 30 days"."""
        if self.choice.preset in presets.PRESETS:
            return presets.PRESETS[self.choice.preset].during
        if self.choice.preset == "all":
            return "since the first contact"
        before = "on" if self.terms.period.number_of_days == 1 else "from"
        return f"{before} {formatting.days(self.terms.period)}"

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """For each dimension, how many contacts each of its values would leave under the filters
        of the others."""
        limits, known = self.choice.limits, self.options

        def asked(others: Filter) -> Engine:
            return _asked(self.snapshot, others, self.source)

        key = ("counts", limits)
        return RESULTS.get(self.snapshot, key, lambda: counts_under(asked, limits, known))


def view_of(
    snapshot: Snapshot, choice: Choice, settings: Settings, history: History | None = None
) -> View:
    """The view of a snapshot, and of what was recorded before it, that a choice asks for. Raises
    EngineError."""
    source = _source(snapshot, settings, history)
    whole = _asked(snapshot, Filter(), source)
    wanted = choice.basis or settings.basis
    basis = RESULTS.get(snapshot, ("basis", wanted), lambda: choose_basis(whole, wanted))
    subscribed = BASIS_COLUMNS[basis]
    span = RESULTS.get(snapshot, ("span", subscribed), lambda: whole.span(subscribed))
    first = None if span is None else span[0]
    timezone = choice.timezone or settings.timezone
    period = choice.period(snapshot.as_of, timezone, first)
    compared = presets.compared(period, choice.preset, choice.against, snapshot.as_of)
    bot_answers = settings.bot_answers if choice.bot_answers is None else choice.bot_answers

    return View(
        snapshot=snapshot,
        choice=choice,
        options=options(snapshot, settings, history),
        terms=Terms(
            snapshot.as_of,
            period,
            basis,
            bot_answers,
            compared.span if compared is not None else None,
        ),
        asked=_asked(snapshot, choice.limits, source),
        first=first,
        history=history,
        inbox_url=inbox_url(settings, snapshot.workspace_id),
        source=source,
    )


def _source(snapshot: Snapshot, settings: Settings, history: History | None) -> ChosenSource | None:
    """One source per snapshot, shared by all viewers; opening it starts nothing yet."""
    if settings.engine == "memory":
        return None
    held = weakref.ref(snapshot)  # what is kept with the snapshot must not refer to it

    def whole() -> Snapshot:
        found = held()
        assert found is not None, "whoever asks has a view of it"
        return found

    source = RESULTS.get(
        snapshot,
        ("source", settings.engine),
        partial(source_of, settings, whole, snapshot.as_of, snapshot.contacts),
    )
    if source is not None and history is not None and len(history.recorded):
        source.look_again(history.recorded[-1])
    return source


def _asked(snapshot: Snapshot, limits: Filter, source: ChosenSource | None) -> Engine:
    if source is not None:
        return engine_of(source).under(limits)
    return RESULTS.get(snapshot, limits, lambda: MemoryEngine(snapshot.tables).under(limits))


def _contacts(asked: Engine) -> int:
    return int(asked.count().iloc[0]["contacts"])
