"""The head of a page, its numbers, and prose in frames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from lib.outputs.html import numbers_html
from lib.outputs.shown import FactsShown, NumberShown, NumbersShown, PointsShown
from lib.query.view import View
from lib.reference import formatting, glossary
from lib.reference.rates import Rate, Z, newcombe
from lib.ui import recorder, share, sidebar

_TINY = 0.005
"""Half a point: a rate that moved by less did not move."""


@dataclass(frozen=True)
class Number:
    """A card: a term of the glossary, which gives its name and help, and its value.

    Where `now` and `before` are given, the change stands under the value, welcome or not by
    `more_is`; else `change`, a text that begins with its sign, and the `note`. `trend` is drawn as
    a small line, of which `say` tells the values.
    """

    term: str
    value: str
    now: int | None = None
    before: int | None = None
    more_is: Literal["good", "bad", "neither"] = "good"
    change: str | None = None
    note: str | None = None
    trend: Sequence[float] | None = None
    say: Callable[[float], str] = formatting.number
    name: str | None = None


def headline(question: str, sentence: str, view: View, *, with_basis: bool = False) -> None:
    """The head of a page: its question, the answer in one sentence, the filters in words.

    `sentence` is Markdown: names in it must have gone through `formatting.markdown`.
    """
    with st.container(key="headline"):
        st.title(question)
        st.markdown(sentence)
    limits = view.choice.in_words(view.options)
    parts = [f"{formatting.days(view.terms.period)} ({view.terms.timezone})"]
    if with_basis:
        parts.append(f"subscribed = {view.terms.basis}")
    if limits:
        parts.append(f"only {limits}")
    page = recorder.begin(question, sentence, tuple(_context(view, limits).items()))
    with st.container(horizontal=True, vertical_alignment="center", key="context"):
        st.caption(formatting.markdown(" · ".join(parts)), width="stretch")
        share.button(page, view)
    sidebar.chips(view.choice, view.options)


def _context(view: View, limits: str) -> dict[str, str]:
    verdict = view.snapshot.verdict
    context = {
        "Period": formatting.days(view.terms.period),
        "Filters": limits or "none",
        "Time zone": view.terms.timezone,
        "Data as of": formatting.moment(view.terms.as_of, view.terms.timezone),
        "Workspace": "demo, made up"
        if view.snapshot.is_demo
        else view.snapshot.workspace_id or formatting.NOTHING,
    }
    if not verdict.complete:
        context["Complete"] = "perhaps not: " + " ".join(verdict.warnings)
    return context


def right_now(view: View) -> str:
    """What stands over numbers that no period bears on: "Right now (07:53)"."""
    return f"Right now ({formatting.time_of_day(view.terms.as_of, view.terms.timezone)})"


def numbers(cards: Sequence[Number], view: View, *, about: str | None = None) -> None:
    """A row of numbers, in pairs on small screens; `about` says what they are of, where that is
    not the period."""
    shown = tuple(_shown(card, view) for card in cards)
    # `lib.web.first_page` keeps their height free from the beginning.
    lines = "lines-" if any(each.trend for each in shown) else ""
    kind = f"{lines}{'about-' if about else ''}{'pairs-' if len(cards) == 4 else ''}"
    with st.container(key=f"numbers-{kind}{cards[0].term}"):
        st.html(numbers_html(shown, about))
    recorder.note(NumbersShown(shown, about))


def _shown(card: Number, view: View) -> NumberShown:
    change, note = card.change, card.note
    if view.compares and card.now is not None and card.before is not None:
        change = formatting.change(card.now, card.before)
        note = f"vs {formatting.number(card.before)}"
    trend = tuple(card.trend or ())
    return NumberShown(
        card.name or glossary.name(card.term),
        card.value,
        change,
        note,
        glossary.meaning(card.term),
        _tone(change, card.more_is),
        trend if len(trend) > 1 else (),  # one value is no line, and needs no place for one
        card.say,
    )


def _tone(change: str | None, more_is: str) -> Literal["", "good", "bad"]:
    """Whether a change is welcome. One that is written as none, or that is neither, is grey."""
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
    """A rate as a card, with what it is of. `trend` has the rate as the period began and at each
    of its ends; the change is that between the two ends. One that is tiny, or that chance explains,
    has no colour."""
    change, is_clear = None, False
    if compares and trend is not None and not pd.isna(trend.iloc[[0, -1]]).any():
        began, ended = float(trend.iloc[0]), float(trend.iloc[-1])
        change = formatting.points(ended - began)
        is_clear = _differ(ended, began, rate.denominator)
    base = f"{formatting.number(rate.numerator)} of {formatting.number(rate.denominator)}"
    return Number(
        term,
        formatting.percent(rate.rate),
        change=change,
        more_is="good" if is_clear else "neither",
        note=f"{during} · {base}" if change and during else base,
        trend=None if trend is None else trend.dropna().tolist(),
        say=formatting.percent,
    )


def _differ(ended: float, began: float, of: int) -> bool:
    """Whether two rates are apart by more than a trifle, and by more than chance would have it
    among as many as there are now."""
    low, high = newcombe(Rate(round(ended * of), of), Rate(round(began * of), of), Z)
    return abs(ended - began) >= _TINY and not low <= 0 <= high


def headed(title: str) -> None:
    """Begins a part of the page that has controls of its own."""
    st.header(title, anchor=False)


def facts(title: str, values: Mapping[str, str], *, heads: tuple[str, str]) -> None:
    """Names and what is to be said of them, in full: a table whose text wraps. Plain text."""
    recorder.note(FactsShown(title, values, heads))
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    lines += [
        f"| {formatting.markdown(name)} | {formatting.markdown(text)} |"
        for name, text in values.items()
    ]
    key = f"facts-{title.lower().replace(' ', '-')}"
    with st.container(border=True, height="stretch", key=key):
        st.header(title, anchor=False)
        st.markdown("\n".join(lines))


def note_points(title: str, sentences: Sequence[str]) -> None:
    """What the page shows in its own way, as a list of sentences in Markdown for its file."""
    if sentences:
        recorder.note(PointsShown(title, tuple(sentences)))


def points(title: str, sentences: Sequence[str]) -> None:
    """A list of sentences, in Markdown."""
    note_points(title, sentences)
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
