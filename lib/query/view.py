"""What a page shows: a snapshot under a choice, and its numbers, each computed once.

Results are kept with their snapshot, for all viewers who make the same choice, and go with it.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import pandas as pd

from lib.history.filters import Filter
from lib.history.reading import History
from lib.metrics.terms import BASIS_COLUMNS, Terms, choose_basis
from lib.query import presets
from lib.query.choice import Choice
from lib.query.options import Options, counts_under, options_of
from lib.query.presets import Comparison
from lib.reference import formatting
from lib.reference.periods import day_of
from lib.settings import Settings
from lib.store.dimensions import DIMENSIONS, Dimension
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables
from lib.store.workspace import inbox_url

Result = TypeVar("Result")

MOST_RESULTS = 400
MOST_SELECTIONS = 6
"""Selections may hold a copy of the rows they chose, so only those in use are kept."""


class _SingleFlight:
    """One result: computed by the first who asks, while the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[Any] = []

    def get(self, compute: Callable[[], Result]) -> Result:
        """If `compute` raises, the next who asks tries again."""
        with self._lock:
            if not self._found:
                self._found.append(compute())
            return self._found[0]


class _Kept:
    """The latest results by key; the least recently used go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, _SingleFlight] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        with self._lock:
            flight = self._results.setdefault(key, _SingleFlight())
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
        return flight.get(compute)


class _Memory:
    """What is kept with one snapshot."""

    def __init__(self) -> None:
        self.results = _Kept(MOST_RESULTS)
        self.selections = _Kept(MOST_SELECTIONS)


# Weakly, and not within the tables: what refers to itself waits long for the garbage collector.
_memories: "weakref.WeakKeyDictionary[Snapshot, _Memory]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _memory(snapshot: Snapshot) -> _Memory:
    with _lock:
        return _memories.setdefault(snapshot, _Memory())


def options(snapshot: Snapshot) -> Options:
    """The values to filter by."""
    return _memory(snapshot).results.get("options", lambda: options_of(snapshot.tables))


@dataclass(frozen=True)
class View:
    """A snapshot under a choice. `tables` are the rows that pass, `terms` those of the numbers."""

    snapshot: Snapshot
    choice: Choice
    options: Options
    terms: Terms
    tables: Tables
    first: datetime | None = None
    """The first subscription of the workspace (UTC), whatever the filters."""
    history: History | None = None
    """What has been recorded of the workspace; None where nothing is, or nothing can be read."""
    inbox_url: str | None = None
    """Where ChatbotX shows a conversation, to be followed by its id; None where it does not."""

    def compute(self, metric: Callable[..., Result], *arguments: Hashable) -> Result:
        """`metric(tables, *arguments)` of the chosen rows. Shared: not to be changed."""
        key = (metric, arguments, _rows_key(self.choice))
        results = _memory(self.snapshot).results
        return results.get(key, lambda: metric(self.tables, *arguments))

    def kept(self, function: Callable[..., Result], *arguments: Hashable) -> Result:
        """`function(view, *arguments)`, for what is more than a metric of the chosen rows. Kept
        with the snapshot too, so the result must not refer to it."""
        key = (function, arguments, self.choice, self.terms)
        return _memory(self.snapshot).results.get(key, lambda: function(self, *arguments))

    def recall(self, question: Callable[..., Result], *arguments: Hashable) -> Result | None:
        """`question(history, *arguments, limits)` of the contacts that pass now or passed then;
        None where nothing has been recorded. Raises StoreError and Unreadable."""
        history = self.history
        if history is None:
            return None
        limits = Filter(self.choice.filters.by_key, self.choice.recorded_only)
        as_of = history.recorded[-1] if len(history.recorded) else None
        key = ("history", question, arguments, _rows_key(self.choice), as_of)
        results = _memory(self.snapshot).results
        return results.get(key, lambda: question(history, *arguments, limits))

    def names(self, dimension: Dimension, table: pd.DataFrame) -> list[str]:
        """What people call the keys that a table is indexed by."""
        return [self.options.name(dimension, str(key)) for key in table.index]

    def without(self, dimension: Dimension) -> "View":
        """The same view with one filter lifted: what a ranking of that filter's values shows, so
        that a choice does not empty the chart that it was made in."""
        choice = self.choice.limited_to(dimension, ())
        if choice == self.choice:
            return self
        kept = _memory(self.snapshot).selections
        tables = kept.get(_rows_key(choice), lambda: _selected(self.snapshot, choice))
        return replace(self, choice=choice, tables=tables)

    @property
    def caveat(self) -> str | None:
        """Why there can be nothing new in the period, where it has not begun or was over before
        anybody came; as plain text."""
        period, as_of = self.terms.period, self.terms.as_of
        if as_of < period.first_moment:
            said = formatting.moment(as_of, period.timezone)
            return f"This period has not begun: the data is of {said}."
        if self.first is not None and period.end_moment <= self.first:
            day = formatting.day(day_of(self.first, period.timezone))
            return f"This period was over before the first contact came, on {day}."
        return None

    @property
    def is_empty(self) -> bool:
        # Selected rows are not copied to be counted.
        mask = self.tables.mask
        return not (len(self.tables.contacts) if mask is None else mask.any())

    @property
    def comparison(self) -> Comparison | None:
        """What the period is compared with, by the choice."""
        terms, choice = self.terms, self.choice
        return presets.compared(terms.period, choice.preset, choice.against, terms.as_of)

    @property
    def compares(self) -> bool:
        """Whether there is something to compare with, and it is asked for."""
        return self.comparison is not None

    @property
    def before(self) -> str:
        """What is compared with, in words: "the 30 days before"; empty where nothing is."""
        comparison = self.comparison
        return "" if comparison is None else comparison.phrase

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
        key = ("counts", _rows_key(self.choice))
        whole, chosen = self.snapshot.tables, self.choice.filters.by_key
        results = _memory(self.snapshot).results
        return results.get(key, lambda: counts_under(whole, chosen, self.options))


def view_of(
    snapshot: Snapshot, choice: Choice, settings: Settings, history: History | None = None
) -> View:
    """The view of a snapshot, and of what was recorded before it, that a choice asks for."""
    memory = _memory(snapshot)
    contacts = snapshot.tables.contacts
    wanted = choice.basis or settings.basis
    basis = memory.results.get(("basis", wanted), lambda: choose_basis(contacts, wanted))
    first = memory.results.get(("first", basis), contacts[BASIS_COLUMNS[basis]].min)
    first = None if pd.isna(first) else first
    timezone = choice.timezone or settings.timezone
    period = choice.period(snapshot.as_of, timezone, first)
    compared = presets.compared(period, choice.preset, choice.against, snapshot.as_of)
    bot_answers = settings.bot_answers if choice.bot_answers is None else choice.bot_answers

    return View(
        snapshot=snapshot,
        choice=choice,
        options=options(snapshot),
        terms=Terms(
            snapshot.as_of,
            period,
            basis,
            bot_answers,
            compared.span if compared is not None else None,
        ),
        tables=memory.selections.get(_rows_key(choice), lambda: _selected(snapshot, choice)),
        first=first,
        history=history,
        inbox_url=inbox_url(settings, snapshot.workspace_id),
    )


def _selected(snapshot: Snapshot, choice: Choice) -> Tables:
    rows = choice.rows(snapshot.tables)
    return snapshot.tables if rows is None else snapshot.tables.select(rows)


def _rows_key(choice: Choice) -> Hashable:
    """Equal for choices of the same rows, in whatever order they name their values."""
    chosen = [frozenset(choice.keys(dimension)) for dimension in DIMENSIONS]
    return *chosen, choice.recorded_only
