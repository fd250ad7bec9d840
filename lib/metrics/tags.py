"""Overlap and effect of tags among active contacts (metrics.md, "Tags together")."""

from dataclasses import dataclass

import pandas as pd

from lib.engines.questions import Engine, Expressions, Facts
from lib.metrics.audience import NONE
from lib.metrics.terms import is_active
from lib.reference.rates import Difference, Rate
from lib.store.dimensions import TAG


@dataclass(frozen=True)
class TagEffect:
    """The broadcast opt-in rate with a tag minus that without it: an association, not a cause."""

    tag_id: str
    difference: Difference


def overlaps(asked: Engine) -> pd.DataFrame:
    """Pairs of tags that active contacts have in common, by `both` descending.

    Columns: a, b (tag ids); both, either: contacts with both tags, and with at least one of them;
    jaccard: both / either.
    """
    active = Facts(_activity).of("active")
    table = asked.pairs(TAG, among=active)
    contacts = asked.count(by=TAG, among=active)["contacts"]
    either = contacts.loc[table["a"]].to_numpy() + contacts.loc[table["b"]].to_numpy()
    table = table.assign(either=either - table["both"])
    return table.assign(jaccard=table["both"] / table["either"])


def _activity() -> Expressions:
    return {"active": is_active()}


def effects(by_tag: pd.DataFrame, total: Rate) -> list[TagEffect]:
    """The effect of each tag of `audience.by_tag`, in that order.

    `total` is the broadcast opt-in rate of all contacts; those without the tag are the rest.
    """
    found = []
    for tag_id, row in by_tag.drop(index=NONE, errors="ignore").iterrows():
        having = Rate(int(row["broadcast"]), int(row["on_channel"]))
        rest = Rate(total.numerator - having.numerator, total.denominator - having.denominator)
        found.append(TagEffect(str(tag_id), Difference(having, rest)))
    return found
