"""Carries over contacts that a crawl may have missed: not being seen does not delete a contact."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.chatbotx.crawl import Range
from lib.reference.periods import stamps
from lib.store.dimensions import DIMENSIONS
from lib.store.tables import Tables

LINKS = {"inbox": "contact_inboxes"} | {
    dimension.key: dimension.links for dimension in DIMENSIONS if dimension.links is not None
}
_NAMES = ("tags", "inboxes", "agents", "teams")


def carry(before: Tables, after: Tables, doubtful: Sequence[Range]) -> tuple[Tables, np.ndarray]:
    """The tables `after` plus the contacts of `before` that may have been missed: created in one of
    the `doubtful` ranges (UTC, both ends included), or at an unknown time.

    Also returns a mask of those contacts in the result.
    """
    if not doubtful:
        return after, np.zeros(len(after.contacts), np.bool_)
    created = np.asarray(before.contacts["created"], dtype="datetime64[us]")
    missed = np.isnat(created)
    for each in doubtful:
        low, high = stamps([each.first, each.last])
        missed |= (created >= low) & (created <= high)
    there = before.contacts["id"].astype("str").isin(after.contacts["id"].astype("str"))
    return join(after, before.select(missed & ~there.to_numpy()))


def join(tables: Tables, others: Tables) -> tuple[Tables, np.ndarray]:
    """The contacts of both tables, which must not overlap, in the usual order; and a mask of those
    that come from `others`."""
    number = len(tables.contacts)
    if not len(others.contacts):
        return tables, np.zeros(number, np.bool_)
    if tables.contacts["id"].dtype != others.contacts["id"].dtype:
        tables, others = _with_text_ids(tables), _with_text_ids(others)
    contacts = _concatenated(tables.contacts, others.contacts)
    order = contacts.sort_values(["created", "id"], kind="stable").index.to_numpy()
    contacts = contacts.take(order).reset_index(drop=True)
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    joined = {"contacts": contacts}
    for name, table in LINKS.items():
        one, other = getattr(tables, table), getattr(others, table)
        links = _concatenated(one, other.assign(contact=other["contact"] + np.int32(number)))
        links["contact"] = place[links["contact"].to_numpy()]
        joined[table] = links.sort_values(["contact", name]).reset_index(drop=True)
    for table in _NAMES:
        both = pd.concat([getattr(tables, table), getattr(others, table)])
        joined[table] = both.drop_duplicates("id").sort_values("id").reset_index(drop=True)
    return Tables(**joined), order >= number


def _concatenated(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows of both frames; text categories are the sorted union."""
    columns = {}
    for name in one.columns:
        first, second = one[name], other[name]
        if isinstance(first.dtype, pd.CategoricalDtype):
            categories = pd.Index(
                sorted({*first.cat.categories, *second.cat.categories}), dtype="str"
            )
            first = first.cat.set_categories(categories)
            second = second.cat.set_categories(categories)
        columns[name] = pd.concat([first, second], ignore_index=True)
    return pd.DataFrame(columns)


def _with_text_ids(tables: Tables) -> Tables:
    frames = tables.frames()
    contacts = frames["contacts"]
    return Tables(**frames | {"contacts": contacts.assign(id=contacts["id"].astype("str"))})
