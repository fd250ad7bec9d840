"""The terms on which numbers are stated: instant, period, and what "subscribed" means."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import narwhals as nw
import pandas as pd

from lib.reference.periods import Period, Span

Basis = Literal["subscribedAt", "createdAt"]
BASIS_COLUMNS: dict[Basis, str] = {"subscribedAt": "subscribed", "createdAt": "created"}


@dataclass(frozen=True)
class Terms:
    """`as_of` (UTC) is "now" in every number; days are those of the zone of `period`; `bot_answers`
    says whether a bot that is on may have answered where the server does not tell ("Workload")."""

    as_of: datetime
    period: Period
    basis: Basis = "createdAt"
    bot_answers: bool = True
    compared: Span | None = None
    """The instants that changes are counted against: those of the period before, a year ago, …; by
    default the previous period to date."""

    @property
    def before(self) -> Span:
        return self.compared or self.period.previous_to_date(self.as_of).span

    @property
    def timezone(self) -> str:
        return self.period.timezone

    @property
    def subscription(self) -> str:
        """The column of the contacts that holds the subscription time."""
        return BASIS_COLUMNS[self.basis]

    def ago(self, **time: float) -> datetime:
        """`as_of` less so many days, hours, …"""
        return self.as_of - timedelta(**time)


def choose_basis(contacts: pd.DataFrame, choice: Literal["auto", Basis] = "auto") -> Basis:
    """One clock for the whole workspace ("Subscription basis"): `choice`, or, for `auto`,
    subscribedAt if at least half of the contacts carry it, else createdAt."""
    if choice != "auto":
        return choice
    with_time = int(contacts["subscribed"].notna().sum())
    return "subscribedAt" if len(contacts) and 2 * with_time >= len(contacts) else "createdAt"


def within(column: str, span: Span) -> nw.Expr:
    """Whether the time in `column` lies in the span."""
    return nw.col(column).is_between(span.start, span.end, closed="left")


def is_active() -> nw.Expr:
    """Not blocked."""
    return nw.col("blocked").is_null()
