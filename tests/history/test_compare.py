"""Comparing two snapshots: what unusual workspaces hold."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lib.history.compare import compare
from lib.history.recorded import baseline
from lib.store.tables import Tables
from tests.history.states import at, contact, tables_of

CONTACTS, TAGS = 50_000, 43_000
"""Their product exceeds 2 ** 31."""


def with_tags(*links: tuple[int, int]) -> Tables:
    """Many contacts, and many tags in use. A link is the number of a contact and that of a tag."""
    one = tables_of([contact(1)])
    contacts = one.contacts.take(np.zeros(CONTACTS, np.int64)).reset_index(drop=True)
    names = pd.Index([f"{tag:05}" for tag in range(TAGS)], dtype="str")
    rows, tags = zip(*sorted(links), strict=True)
    held = {
        "contact": np.array(rows, np.int32),
        "tag": pd.Categorical.from_codes(np.array(tags, np.int32), categories=names),
    }
    return replace(
        one, contacts=contacts.assign(id=np.arange(CONTACTS)), contact_tags=pd.DataFrame(held)
    )


def test_tags_of_many_contacts_are_told_apart_however_many_there_are() -> None:
    last = CONTACTS - 1
    before = with_tags((7, 3), (last, TAGS - 1))
    after = with_tags((7, 3), (last, TAGS - 1), (last - 1, 11))
    found = compare(baseline(at("2026-03-01"), before), at("2026-03-02"), after).events
    assert found.select(["kind", "contact", "value"]).to_pylist() == [
        {"kind": "tag_added", "contact": str(last - 1), "value": "00011"},
        {"kind": "moved", "contact": str(last - 1), "value": None},
    ]
