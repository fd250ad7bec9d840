"""Cards with numbers, and framed text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from lib.outputs.html import numbers_html
from lib.outputs.shown import FactsShown, NumberShown, NumbersShown, PointsShown
from lib.query.view import View
from lib.reference import escaping, formatting, glossary
from lib.reference.rates import Rate, Z, newcombe
from lib.ui import recorder

_TINY = 0.005
"""Half a percentage point: smaller changes of a rate count as none."""


@dataclass(frozen=True)
class Number:
    """A card: a glossary term, which gives its name and help, and its value, which `say` formats.

    If the value `before` is given, the change is shown below the value and coloured by `more_is`;
    otherwise `change`, a text that starts with its sign, and `note` are. `trend` is drawn as a
    sparkline, with the same format.
    """

    term: str
    value: float | None
    before: int | None = None
    more_is: Literal["good", "bad", "neither"] = "good"
    change: str | None = None
    note: str | None = None
    trend: Sequence[float] | None = None
    say: Callable[[float | None], str] = formatting.number
    name: str | None = None


def right_now(view: View) -> str:
    """Heading of numbers that do not depend on the period: "Right now (07:53)"."""
    return f"Right now ({formatting.time_of_day(view.terms.as_of, view.terms.timezone)})"


def numbers(cards: Sequence[Number], view: View, *, about: str | None = None) -> None:
    """Draw a row of cards, in pairs on small screens; `about` says what they refer to, if not the
    period."""
    drawn = tuple(shown(card, view) for card in cards)
    # `lib.web.first_page` reserves their height from the start.
    lines = "lines-" if any(each.trend for each in drawn) else ""
    kind = f"{lines}{'about-' if about else ''}{'pairs-' if len(cards) == 4 else ''}"
    with st.container(key=f"numbers-{kind}{cards[0].term}"):
        st.html(numbers_html(drawn, about))
    recorder.note(NumbersShown(drawn, about))


def shown(card: Number, view: View) -> NumberShown:
    """The texts of a card."""
    value, change, note, trend = card.value, card.change, card.note, tuple(card.trend or ())
    if view.is_to_come and card.before is not None and not value:
        value, note, trend = None, "still to come", ()
    elif view.compares and card.before is not None and value is not None:
        change = formatting.change(round(value), card.before)
        note = f"vs {formatting.number(card.before)}"
    return NumberShown(
        card.name or glossary.name(card.term),
        card.say(value),
        change,
        note,
        glossary.meaning(card.term),
        _tone(change, card.more_is),
        trend if len(trend) > 1 else (),  # a single value makes no line and needs no space
        card.say,
        value,
    )


def _tone(change: str | None, more_is: str) -> Literal["", "good", "bad"]:
    """Colour of a change: grey if it is displayed as zero or is neither good nor bad."""
    if change is None or more_is == "neither" or not change.startswith(("+", "−")):
        return ""
    return "good" if change.startswith("+") == (more_is == "good") else "bad"


def rate_number(
    term: str,
    rate: Rate,
    trend: "pd.Series[float] | None" = None,
    *,
    compares: bool = True,
    during: str | None = None,
) -> Number:
    """A card for a rate and its counts.

    `trend` holds the rate at the start of the period and at the end of each step; the change is
    between its two ends. A tiny change, or one that chance explains, is grey.
    """
    change, is_clear = None, False
    if compares and trend is not None and not pd.isna(trend.iloc[[0, -1]]).any():
        began, ended = float(trend.iloc[0]), float(trend.iloc[-1])
        change = formatting.points(ended - began)
        is_clear = _differ(ended, began, rate.denominator)
    base = f"{formatting.number(rate.numerator)} of {formatting.number(rate.denominator)}"
    return Number(
        term,
        rate.rate,
        change=change,
        more_is="good" if is_clear else "neither",
        note=f"{during} · {base}" if change and during else base,
        trend=None if trend is None else trend.dropna().tolist(),
        say=formatting.percent,
    )


def _differ(ended: float, began: float, of: int) -> bool:
    """Whether two rates differ by more than `_TINY`, and by more than chance explains for a group
    of today's size."""
    low, high = newcombe(Rate(round(ended * of), of), Rate(round(began * of), of), Z)
    return abs(ended - began) >= _TINY and not low <= 0 <= high


def headed(title: str) -> None:
    """Heading of a section with its own controls."""
    st.header(title, anchor=False)


def facts(title: str, values: Mapping[str, str], *, heads: tuple[str, str]) -> None:
    """Draw names and facts as a table with wrapping plain text."""
    recorder.note(FactsShown(title, values, heads))
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    lines += [
        f"| {escaping.markdown(name)} | {escaping.markdown(text)} |"
        for name, text in values.items()
    ]
    key = f"facts-{title.lower().replace(' ', '-')}"
    with st.container(border=True, height="stretch", key=key):
        st.header(title, anchor=False)
        st.markdown("\n".join(lines))


def note_points(title: str, sentences: Sequence[str]) -> None:
    """Record sentences in Markdown for the page file, where the page itself shows them in another
    form."""
    if sentences:
        recorder.note(PointsShown(title, tuple(sentences)))


def points(title: str, sentences: Sequence[str]) -> None:
    """Draw a list of sentences in Markdown."""
    note_points(title, sentences)
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
