"""What tags say together: "Tags together" of the metrics. All among active contacts."""

from dataclasses import dataclass

import pandas as pd

from lib.engines.questions import Engine, Expressions, Facts
from lib.metrics.audience import NONE
from lib.metrics.terms import is_active
from lib.reference.rates import Difference, Rate
from lib.store.dimensions import TAG


@dataclass(frozen=True)
class TagEffect:
    """The broadcast rate with a tag, against that without it. An association, not a cause."""

    tag_id: str
    difference: Difference


def overlaps(asked: Engine) -> pd.DataFrame:
    """Pairs of tags that active contacts share, by `both` descending: a, b (tag ids), both, either
    and jaccard, their quotient."""
    active = Facts(_activity).of("active")
    table = asked.pairs(TAG, among=active)
    contacts = asked.count(by=TAG, among=active)["contacts"]
    either = contacts.loc[table["a"]].to_numpy() + contacts.loc[table["b"]].to_numpy()
    table = table.assign(either=either - table["both"])
    return table.assign(jaccard=table["both"] / table["either"])


def _activity() -> Expressions:
    return {"active": is_active()}


def effects(by_tag: pd.DataFrame, total: Rate) -> list[TagEffect]:
    """For each tag of `audience.by_tag`, by size: the difference that it goes with.

    `total` is the broadcast rate of all; without a tag are the rest of them.
    """
    found = []
    for tag_id, row in by_tag.drop(index=NONE, errors="ignore").iterrows():
        having = Rate(int(row["broadcast"]), int(row["on_channel"]))
        rest = Rate(total.numerator - having.numerator, total.denominator - having.denominator)
        found.append(TagEffect(str(tag_id), Difference(having, rest)))
    return found
