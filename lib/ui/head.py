"""Head of a page: its question, the answer in a sentence, and what both are about.

It is drawn with every change, before anything else, so it consists of as few elements as possible:
for each of them Streamlit takes as long as for a paragraph of HTML.
"""

from dataclasses import replace

import streamlit as st

from lib.insights import causes
from lib.outputs.csv_file import FILTERS
from lib.outputs.html import Chip, Explanation, answer_html, context_html
from lib.query.choice import Choice
from lib.query.options import Options
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.store.dimensions import DIMENSIONS, Dimension
from lib.ui import cards, clicks, recorder, share, sidebar

MOST_CHIPS = 12

MADE_OF = "What is this made of?"


def show(
    question: str,
    sentence: str,
    view: View,
    *,
    with_basis: bool = False,
    explains: bool = False,
) -> None:
    """Draw the question, the answer, the filters, and the button to share the page.

    `sentence` is Markdown; names in it must be escaped by `escaping.markdown`. If the head
    `explains`, it says what a chosen group of new contacts is made of.
    """
    limits = view.choice.in_words(view.options)
    parts = [sidebar.period_in_words(view)]
    if with_basis:
        parts.append(f"subscribed = {view.terms.basis}")
    if limits:
        parts.append(f"only {limits}")
    chips = _chips(view.choice, view.options)
    explanation = _explanation(view) if explains else None
    page = recorder.begin(question, sentence, tuple(_context(view).items()))
    with st.container(key="headline"):
        st.html(answer_html(question, sentence))
        sidebar.period_menu(view)
        share.button(page, view)
        line = " · ".join(parts)
        st.html(context_html(line, chips[:MOST_CHIPS], chips[MOST_CHIPS:], explanation))
    if explanation is not None:
        cards.note_points(MADE_OF, [escaping.markdown(explanation.sentence)])


def _explanation(view: View) -> Explanation | None:
    sentence = causes.of_choice(view)
    if sentence is None:
        return None
    return Explanation(
        MADE_OF,
        sentence,
        "Tags, channels, sources and countries whose share differs most from the usual, and by "
        "more than chance explains. The usual are the other new contacts of the period; for days, "
        "those of the 8 weeks before.",
    )


def _chips(choice: Choice, options: Options) -> list[Chip]:
    """A chip for each active filter, which removes it."""
    chips = [
        Chip(
            options.label(dimension, key),
            options.name(dimension, key),
            clicks.address(_without(choice, dimension, key)),
        )
        for dimension in DIMENSIONS
        for key in choice.keys(dimension)
    ]
    if choice.recorded_only:
        name = "Recorded countries"
        chips.append(Chip(name, name, clicks.address(replace(choice, recorded_only=False))))
    if choice.preset == "dates" and choice.start and choice.end:
        days = formatting.span(choice.start, choice.end)
        others = choice.on_days(choice.start, choice.end)
        chips.append(Chip(days, days, clicks.address(others)))
    return chips


def _without(choice: Choice, dimension: Dimension, key: str) -> Choice:
    return choice.limited_to(dimension, tuple(k for k in choice.keys(dimension) if k != key))


def _context(view: View) -> dict[str, str]:
    verdict = view.snapshot.verdict
    context = {
        "Period": formatting.days(view.terms.period),
        FILTERS: view.filters,
        "Time zone": view.terms.timezone,
        "Data as of": formatting.moment(view.terms.as_of, view.terms.timezone),
        "Workspace": "demo, made up"
        if view.snapshot.is_demo
        else view.snapshot.workspace_id or formatting.NOTHING,
    }
    if view.caveat:
        context["Note"] = view.caveat
    if not verdict.complete:
        context["Complete"] = "perhaps not: " + " ".join(verdict.warnings)
    return context
