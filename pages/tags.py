"""What do we know about them?"""

import pandas as pd
import streamlit as st

from lib.charts import figures
from lib.metrics import audience, opt_in
from lib.metrics import tags as together
from lib.query.view import View
from lib.reference import formatting
from lib.reference.rates import SMALL_SAMPLE
from lib.store.dimensions import TAG
from lib.ui import cards
from lib.ui.cards import Number


def show(view: View) -> None:
    terms = view.terms
    total = view.compute(audience.audience, terms)
    tags = view.compute(audience.by_tag, terms)
    names = view.names(TAG, tags)
    tagged = tags.drop(index=audience.NONE, errors="ignore")
    untagged = int(tags["contacts"].get(audience.NONE, 0))

    if len(tagged):
        largest = view.options.name(TAG, str(tagged.index[0]))
        sentence = (
            f"**{formatting.percent(1 - untagged / total.contacts)}** of the contacts have a tag; "
            f"the largest of {formatting.counted(len(tagged), 'tag')} is "
            f"{formatting.markdown(largest)} with "
            f"{formatting.counted(int(tagged['contacts'].iloc[0]), 'contact')}."
        )
    else:
        sentence = "No contact has a tag."
    cards.headline("What do we know about them?", sentence, view)

    cards.numbers(
        [
            Number(
                "contacts",
                formatting.number(total.contacts),
                note=f"{formatting.number(untagged)} untagged",
            ),
            Number("new", formatting.number(total.new), total.new, total.new_before),
            cards.rate_number("broadcast", view.compute(opt_in.opt_in).broadcast),
        ],
        view,
    )

    left, right = st.columns(2)
    with left:
        cards.chart(
            "Contacts by tag",
            figures.ranking(
                dict(zip(names, tags["contacts"].tolist(), strict=True)), "contacts", most=15
            ),
            lambda: cards.breakdown(tags, "tag", "Tag", view),
            key="tag-ranking",
            alt="Contacts by tag: "
            + formatting.listed(
                f"{name} {formatting.number(value)}"
                for name, value in zip(names[:5], tags["contacts"], strict=False)
            )
            + ".",
            view=view,
            clicks=[cards.clicks_on(TAG, tags.index[:15], view)],
        )
    with right:
        effects = together.effects(tagged, view.compute(opt_in.opt_in).broadcast)
        ranked = [each for each in effects if each.difference.of.denominator >= SMALL_SAMPLE][:15]
        rows = [(view.options.name(TAG, each.tag_id), each.difference) for each in ranked]
        cards.chart(
            "Broadcast opt-in with the tag, against without it",
            figures.differences(rows) if rows else None,
            pd.DataFrame(
                {
                    "Tag": [name for name, _ in rows],
                    "With it": [each.of.rate for _, each in rows],
                    "Without it": [each.to.rate for _, each in rows],
                    "Difference": pd.Series([each.value for _, each in rows], dtype="float64"),
                    "95% interval": [
                        formatting.NOTHING
                        if each.interval is None
                        else f"{formatting.points(each.interval[0])} to "
                        f"{formatting.points(each.interval[1])}"
                        for _, each in rows
                    ],
                }
            ),
            key="tag-effects",
            alt=f"Difference in broadcast opt-in for {formatting.counted(len(rows), 'tag')} with "
            "at least "
            f"{SMALL_SAMPLE} contacts.",
            view=view,
            clicks=[cards.clicks_on(TAG, [each.tag_id for each in ranked], view)],
            if_empty=f"No tag has {SMALL_SAMPLE} active contacts on a channel: too few to compare.",
            explanation="An association: the tag need not be the cause. Tags of fewer than 30 "
            "contacts are left out.",
        )

    cards.breakdown_table(
        "Tags",
        tags,
        "tag",
        key="tags",
        view=view,
        note="A contact with two tags counts in both, so tags do not add up to the total of "
        f"**{formatting.counted(total.contacts, 'contact')}**.",
    )

    overlaps = view.compute(together.overlaps).head(200)
    cards.table(
        "Tags that go together",
        pd.DataFrame(
            {
                "Tag": [view.options.name(TAG, str(key)) for key in overlaps["a"]],
                "And": [view.options.name(TAG, str(key)) for key in overlaps["b"]],
                "Active contacts with both": overlaps["both"],
                "With either": overlaps["either"],
                "Similarity": overlaps["jaccard"],
            }
        ),
        key="overlaps",
        view=view,
        note="Similarity is the share with both among those with either.",
    )
