"""What sets a group of new contacts apart: values that are more frequent in it than usual.

As in the findings, chance is allowed for: the confidence interval of the difference between the two
shares (Newcombe 1998, method 10), widened for the number of values compared, must lie above 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from lib.engines.questions import Engine, Expressions, Fact, Facts, Filter
from lib.insights.chance import z_of
from lib.metrics import audience
from lib.metrics.terms import within
from lib.query.options import sizes_of
from lib.query.view import View
from lib.reference import formatting
from lib.reference.periods import Period, Span
from lib.reference.rates import Rate, newcombe
from lib.store.dimensions import CHANNEL, COUNTRY, DIMENSIONS, SOURCE, TAG, Dimension

COMPARED = (TAG, CHANNEL, SOURCE, COUNTRY)
MOST = 2
WEEKS = 8
"""Length of the baseline before a day, in weeks."""

LEAST = 10
"""Minimum of contacts with a value, and of contacts in a group, for it to be worth mentioning."""

LEAST_DIFFERENCE = 0.1
"""Minimum difference between the two shares."""


@dataclass(frozen=True)
class Subset:
    """New contacts of a view's period, or of some of its days, that have all of these values."""

    limits: tuple[tuple[Dimension, str], ...] = ()
    start: date | None = None
    end: date | None = None

    @classmethod
    def of_day(cls, day: date) -> "Subset":
        return cls(start=day, end=day)


@dataclass(frozen=True)
class Cause:
    """A value whose `share` in a group stands out against `usual`, its share among the others."""

    dimension: Dimension
    key: str
    share: Rate
    usual: Rate

    def sentence(self, view: View) -> str:
        """ "103 are tagged Black Friday (57.5%, usually 2.0%)"; plain text."""
        came = self.dimension.came.format(
            are="is" if self.share.numerator == 1 else "are",
            name=view.options.name(self.dimension, self.key),
        )
        number = formatting.number(self.share.numerator)
        shares = formatting.percent(self.share.rate), formatting.percent(self.usual.rate)
        return f"{number} {came} ({shares[0]}, usually {shares[1]})"


def made_of(view: View, subset: Subset) -> tuple[Cause, ...]:
    """Values over-represented among these new contacts, at most two, the largest excess of people
    first; of two different dimensions if more than one qualifies.

    The baseline is the other new contacts of the period or, for a subset of days, the new contacts
    of the 8 weeks before. Empty if the baseline or the subset has nobody in it.
    """
    return view.kept(_made_of, subset)


def in_words(view: View, subset: Subset) -> str:
    """The causes as part of a sentence; empty if nothing stands out."""
    return formatting.listed(cause.sentence(view) for cause in made_of(view, subset))


LONGEST = 31
"""In days. A longer period is not compared: it would be most of its own baseline."""


def of_choice(view: View) -> str | None:
    """A plain-text sentence about the new contacts that the visitor's choice selects (by clicking a
    bar, for example); None if the choice does not single out a group.

    A group is the chosen days, or the contacts that pass all filters with a single value. A filter
    with several values applies to the baseline too.
    """
    limits = tuple(
        (dimension, view.choice.keys(dimension)[0])
        for dimension in DIMENSIONS
        if len(view.choice.keys(dimension)) == 1
    )
    period = view.terms.period
    is_days = view.choice.preset == "dates" or period.number_of_days == 1
    if is_days and period.number_of_days <= LONGEST:
        subset = Subset(limits, period.start, period.end)
    elif limits:
        subset = Subset(limits)
    else:
        return None
    new = view.compute(audience.audience, view.terms).new
    if not new:
        return None
    if new < LEAST:
        return f"Fewer than {formatting.number(LEAST)} new contacts are too few to tell."
    whole = view
    for dimension, _ in limits:
        whole = whole.without(dimension)
    came = f"{formatting.counted(new, 'new contact')} {view.during}"
    if causes := in_words(whole, subset):
        return f"Of {came}, {causes}."
    return (
        f"Nothing stands out among {came}: their tags, channels, sources and countries are much "
        "as usual."
    )


def _made_of(view: View, subset: Subset) -> tuple[Cause, ...]:
    people, others = _groups(view, subset)
    if not people.size or not others.size:
        return ()
    taken = {dimension.key for dimension, _ in subset.limits}
    compared = [
        each
        for dimension in COMPARED
        if dimension.key not in taken and len(view.choice.keys(dimension)) != 1
        for each in _shares(dimension, people, others)
    ]
    z = z_of(len(compared))
    found = [each for each in compared if _stands_out(each, z)]
    found.sort(key=lambda each: (-_excess(each), each.dimension.key, each.key))
    first = found[:1]
    second = [each for each in found[1:] if each.dimension is not first[0].dimension] or found[1:]
    return (*first, *second[: MOST - 1])


@dataclass(frozen=True)
class _Group:
    """New contacts of a period, except those of the subgroup `but`."""

    asked: Engine
    came: Fact
    but: "_Group | None" = None

    @cached_property
    def size(self) -> int:
        counted = int(self.asked.count(among=self.came).iloc[0]["contacts"])
        return counted - (self.but.size if self.but is not None else 0)

    def sizes(self, dimension: Dimension) -> dict[str, int]:
        """Number of contacts by value."""
        found = sizes_of(self.asked, dimension, self.came)
        taken = self.but.sizes(dimension) if self.but is not None else {}
        return {key: size - taken.get(key, 0) for key, size in found.items()}


def _groups(view: View, subset: Subset) -> tuple[_Group, _Group]:
    """The subset and its baseline."""
    period, asked = view.terms.period, view.asked
    for dimension, key in subset.limits:
        asked = asked.under(Filter.to({dimension.key: (key,)}))
    if subset.start is None or subset.end is None:
        came = _came(view, period)
        people = _Group(asked, came)
        return people, _Group(view.asked, came, but=people)
    start = subset.start - timedelta(weeks=WEEKS)
    before = replace(period, start=start, end=subset.start - timedelta(days=1))
    days = replace(period, start=subset.start, end=subset.end)
    return _Group(asked, _came(view, days)), _Group(asked, _came(view, before))


def _came(view: View, period: Period) -> Fact:
    return Facts(_within, (view.terms.subscription, period.span)).of("came")


def _within(column: str, span: Span) -> Expressions:
    return {"came": within(column, span)}


def _shares(dimension: Dimension, people: _Group, others: _Group) -> Iterator[Cause]:
    """A `Cause` for each value that at least `LEAST` of the people have."""
    here = people.sizes(dimension)
    if all(size < LEAST for size in here.values()):
        return
    usual = others.sizes(dimension)
    for key, size in here.items():
        if key != dimension.missing.key and size >= LEAST:
            share = Rate(size, people.size)
            yield Cause(dimension, key, share, Rate(usual.get(key, 0), others.size))


def _stands_out(cause: Cause, z: float) -> bool:
    low, _ = newcombe(cause.share, cause.usual, z)
    return low > 0 and (cause.share.rate or 0) - (cause.usual.rate or 0) >= LEAST_DIFFERENCE


def _excess(cause: Cause) -> float:
    """Number of people in excess of the usual share."""
    return cause.share.numerator - (cause.usual.rate or 0) * cause.share.denominator
