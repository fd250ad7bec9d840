"""The terms of a metric: instant, period, comparison, and what "subscribed" means."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import narwhals as nw

from lib.engines.questions import Engine, Expressions, Facts
from lib.reference.periods import Period, Span

Basis = Literal["subscribedAt", "createdAt"]
BASIS_COLUMNS: dict[Basis, str] = {"subscribedAt": "subscribed", "createdAt": "created"}


@dataclass(frozen=True)
class Terms:
    """The terms shared by all metrics of a view.

    `as_of` (UTC) is "now" in every number. Days are those of the zone of `period`. `basis` is the
    field that counts as the subscription time. `bot_answers`: whether an active bot is assumed to
    have answered if the server does not say (metrics.md, "Workload").
    """

    as_of: datetime
    period: Period
    basis: Basis = "createdAt"
    bot_answers: bool = True
    compared: Span | None = None
    """The span to compare with: the period before, a year ago, …; None for the previous period to
    date."""

    @property
    def before(self) -> Span:
        return self.compared or self.period.previous_to_date(self.as_of).span

    @property
    def timezone(self) -> str:
        return self.period.timezone

    @property
    def subscription(self) -> str:
        """Name of the contacts' column with the subscription time."""
        return BASIS_COLUMNS[self.basis]

    def ago(self, **time: float) -> datetime:
        """`as_of` minus a duration, given as the arguments of `timedelta`."""
        return self.as_of - timedelta(**time)


def choose_basis(asked: Engine, choice: Literal["auto", Basis] = "auto") -> Basis:
    """The field that counts as the subscription time (metrics.md, "Subscription basis").

    It is the same for the whole workspace: `choice`, or for "auto" subscribedAt if at least half of
    the contacts have it, otherwise createdAt.
    """
    if choice != "auto":
        return choice
    counted = asked.whole.count(_CARRIES).iloc[0]
    contacts, with_time = int(counted["contacts"]), int(counted["subscribed"])
    return "subscribedAt" if contacts and 2 * with_time >= contacts else "createdAt"


def _carries() -> Expressions:
    return {"subscribed": ~nw.col("subscribed").is_null()}


_CARRIES = Facts(_carries)


def within(column: str, span: Span) -> nw.Expr:
    """Expression: the time in `column` lies in the span."""
    return nw.col(column).is_between(span.start, span.end, closed="left")


def is_active() -> nw.Expr:
    """Expression: the contact is not blocked."""
    return nw.col("blocked").is_null()
