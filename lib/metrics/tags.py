"""What tags say together: "Tags together" of the metrics. All among active contacts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.engines.memory import links, pairs, times
from lib.metrics.audience import NONE
from lib.reference.rates import Difference, Rate
from lib.store.tables import Tables


@dataclass(frozen=True)
class TagEffect:
    """The broadcast rate with a tag, against that without it. An association, not a cause."""

    tag_id: str
    difference: Difference


def overlaps(tables: Tables) -> pd.DataFrame:
    """Pairs of tags that active contacts share, by `both` descending: a, b (tag ids), both, either
    and jaccard, their quotient."""
    found = links(tables, "tag", among=np.isnat(times(tables, "blocked")))
    table = pairs(found)
    contacts = pd.Series(np.bincount(found.codes, minlength=len(found.labels)), found.labels)
    either = contacts.loc[table["a"]].to_numpy() + contacts.loc[table["b"]].to_numpy()
    table["either"] = either - table["both"]
    table["jaccard"] = table["both"] / table["either"]
    return table


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
