"""Counting in any frame that Narwhals knows, for a workspace that outgrew memory."""

from functools import reduce
from operator import add
from typing import Any

import narwhals as nw
import pandas as pd

from lib.engines.questions import Expressions


def count(contacts: Any, facts: Expressions, by: str | None = None) -> pd.DataFrame:
    """As `Engine.count`, of contacts in a frame, eager or lazy, by one of its columns."""
    keys = [by] if by is not None else []
    bits = [
        fact.fill_null(value=False).cast(nw.Int64) * (1 << bit)
        for bit, fact in enumerate(facts.values())
    ]
    profiles = nw.from_native(contacts).select(*keys, profile=reduce(add, bits))
    grouped = profiles.group_by(*keys, "profile", drop_null_keys=True).agg(contacts=nw.len())
    if isinstance(grouped, nw.LazyFrame):
        grouped = grouped.collect()
    groups = grouped.to_pandas()
    for bit, name in enumerate(facts):
        groups[name] = groups["contacts"] * (groups["profile"] // (1 << bit) % 2)
    columns = ["contacts", *facts]
    if by is None:
        return groups[columns].sum().astype("int64").to_frame().T
    groups[by] = groups[by].astype("str")
    return groups.groupby(by)[columns].sum().astype("int64")
