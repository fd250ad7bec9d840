"""A recorded snapshot: its tables, the contacts that the crawl missed, and waiting times."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from lib.store.tables import Tables

NEVER = np.datetime64("NaT", "us")


@dataclass(frozen=True, eq=False)
class Recorded:
    """The contacts of a workspace as of one instant (UTC).

    `since`: for each contact, since when it waits for a person; NaT if it does not. `carried`: for
    each contact, whether the crawl missed it, so that its state is that of the previous snapshot.
    """

    as_of: datetime
    tables: Tables
    since: np.ndarray
    carried: np.ndarray = field(default_factory=lambda: np.zeros(0, np.bool_))

    @cached_property
    def columns(self) -> "Columns":
        return Columns(self.tables.contacts)


class Columns:
    """Columns of the contacts as plain arrays; times are UTC, datetime64[us], NaT for never."""

    def __init__(self, contacts: pd.DataFrame) -> None:
        self._contacts = contacts

    def __len__(self) -> int:
        return len(self._contacts)

    @property
    def id(self) -> pd.Series:
        return self._contacts["id"]

    def time(self, name: str) -> np.ndarray:
        return np.asarray(self._contacts[name], dtype="datetime64[us]")

    def flag(self, name: str) -> np.ndarray:
        return self._contacts[name].to_numpy(dtype=np.bool_)

    def text(self, name: str) -> pd.Categorical:
        column: pd.Categorical = self._contacts[name].array
        return column

    @property
    def conversation(self) -> pd.Series:
        return self._contacts["conversation"]

    @cached_property
    def is_active(self) -> np.ndarray:
        return np.isnat(self.time("blocked"))

    @cached_property
    def may_be_mailed(self) -> np.ndarray:
        return self.flag("has_email") & self.flag("email_opt_in")

    @cached_property
    def is_open(self) -> np.ndarray:
        """Whether the contact has an open conversation (metrics.md, "Workload")."""
        is_archived = ~np.isnat(self.time("archived_at"))
        return self.flag("has_conversation") & ~is_archived & self.is_active


def waits_for_a_person(columns: Columns) -> np.ndarray:
    """Mask of the contacts with an open conversation who wrote and have not been answered by an
    admin since."""
    wrote, replied = columns.time("wrote"), columns.time("admin_replied")
    unanswered: np.ndarray = columns.is_open & ~np.isnat(wrote)
    return unanswered & (np.isnat(replied) | (replied < wrote))


def baseline(as_of: datetime, tables: Tables) -> Recorded:
    """The first recorded snapshot: whoever waits is taken to wait since their last message."""
    columns = Columns(tables.contacts)
    since = np.where(waits_for_a_person(columns), columns.time("wrote"), NEVER)
    return Recorded(as_of, tables, since, np.zeros(len(columns), np.bool_))
