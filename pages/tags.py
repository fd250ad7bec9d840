"""Which tags do they have?"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from lib.charts.rates import differences
from lib.metrics import audience, opt_in
from lib.metrics import tags as together
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.rates import SMALL_SAMPLE
from lib.store.dimensions import TAG
from lib.ui import breakdowns, cards, charts, clicks, deferred, head, tables
from lib.ui.cards import Number

MOST_COMPARED = 15
MOST_PAIRS = 200


def show(view: View) -> None:
    total = view.compute(audience.audience, view.terms)
    tags = view.compute(audience.by_tag, view.terms)
    tagged = tags.drop(index=audience.NONE, errors="ignore")
    untagged = int(tags["contacts"].get(audience.NONE, 0))
    sentence = _of_chosen(total, view) or _of_all(tagged, untagged, total, view)
    head.show("Which tags do they have?", sentence, view, explains=True)
    rate = cards.rate_number("broadcast", view.compute(opt_in.opt_in).broadcast)
    cards.numbers(
        [
            Number("new", total.new, total.new_before),
            Number(
                "contacts",
                total.contacts,
                note=f"right now, {formatting.number(untagged)} untagged",
            ),
            replace(rate, note=f"right now, {rate.note}"),
        ],
        view,
    )
    deferred.numbers_are_sent()
    counted = breakdowns.pick_counted("tags-counted")
    left, right = st.columns(2)
    with left:
        breakdowns.ranking(view, TAG, key="tag-ranking", most=15, counted=counted)
    with right:
        _effects(view, tagged)
    breakdowns.show(
        "Tags",
        tags,
        TAG,
        key="tags",
        view=view,
        note="A contact with two tags counts in both, so tags do not add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**.",
    )
    _overlaps(view)


def _of_all(tagged: pd.DataFrame, untagged: int, total: audience.Audience, view: View) -> str:
    if not len(tagged):
        return "No contact has a tag."
    largest = view.options.name(TAG, str(tagged.index[0]))
    sentence = (
        f"**{formatting.part_of(total.contacts - untagged, total.contacts)}** of the contacts "
        "have a tag; "
        f"the largest of {formatting.counted(len(tagged), 'tag')} is "
        f"{escaping.markdown(largest)} with "
        f"{formatting.counted(int(tagged['contacts'].iloc[0]), 'contact')}."
    )
    return f"{sentence} {breakdowns.rose_most(tagged, TAG, view)}".strip()


def _of_chosen(total: audience.Audience, view: View) -> str | None:
    """What tags brought, and who of them stayed, if the view is filtered by tag: that all these
    contacts have the tag would tell nobody anything."""
    keys = view.choice.keys(TAG)
    if not keys:
        return None
    which = escaping.markdown(Choice().limited_to(TAG, keys).in_words(view.options))
    are = "is" if total.contacts == 1 else "are"
    active = "all" if total.active == total.contacts else formatting.number(total.active)
    sentence = (
        f"**{formatting.counted(total.contacts, 'contact')}** {are} {which}, {active} of them "
        "active."
    )
    if view.is_to_come:
        return sentence
    new, before = (
        formatting.number(number) if number else "none" for number in (total.new, total.new_before)
    )
    after = f", after {before} {view.before}" if view.compares else ""
    verb = "is" if total.new == 1 else "are"
    return f"{sentence} {new.capitalize()} {verb} new {view.during}{after}."


def _effects(view: View, tagged: pd.DataFrame) -> None:
    effects = together.effects(tagged, view.compute(opt_in.opt_in).broadcast)
    ranked = [
        each
        for each in effects
        # A tag that all have, such as the one filtered by, has no others to compare with.
        if each.difference.of.denominator >= SMALL_SAMPLE and each.difference.value is not None
    ][:MOST_COMPARED]
    rows = [(view.options.name(TAG, each.tag_id), each.difference) for each in ranked]
    charts.show(
        "Broadcast opt-in with the tag, against without it",
        differences(rows) if rows else None,
        Table(
            (
                column("Tag", [name for name, _ in rows], of.TEXT),
                column("With it", [each.of.rate for _, each in rows], of.SHARE),
                column("Without it", [each.to.rate for _, each in rows], of.SHARE),
                column("Difference", [each.value for _, each in rows], of.POINTS),
                column("Likely range", [each.interval for _, each in rows], of.DIFFERENCES),
            )
        ),
        key="tag-effects",
        alt=f"Difference in broadcast opt-in for {formatting.counted(len(rows), 'tag')} with at "
        f"least {SMALL_SAMPLE} contacts.",
        view=view,
        clicks=[clicks.on_keys(TAG, [each.tag_id for each in ranked], view)],
        if_empty=f"No tag has {SMALL_SAMPLE} active contacts on a channel: too few to compare.",
        explanation="An association: the tag need not be the cause. Tags of fewer than "
        f"{SMALL_SAMPLE} contacts are left out.",
    )


def _overlaps(view: View) -> None:
    overlaps = view.compute(together.overlaps).head(MOST_PAIRS)
    tables.show(
        "Tags that go together",
        Table(
            (
                column("Tag", [view.options.name(TAG, str(a)) for a in overlaps["a"]], of.TEXT),
                column("And", [view.options.name(TAG, str(b)) for b in overlaps["b"]], of.TEXT),
                column("Active contacts with both", overlaps["both"], of.COUNT),
                column("With either", overlaps["either"], of.COUNT),
                column("Overlap", overlaps["jaccard"], of.SHARE),
            )
        ),
        key="overlaps",
        view=view,
        note="Overlap is the share with both among those with either.",
    )
