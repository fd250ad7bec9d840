"""Opt-in rates among active contacts (metrics.md, "Opt-in")."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.questions import Bins, Engine, Expressions, Facts
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import edge_stamps
from lib.reference.rates import Rate

KINDS = ("broadcast", "email", "email_verified")


@dataclass(frozen=True)
class OptIn:
    """Opt-in rates; each numerator is a subset of its denominator.

    broadcast: of active contacts on at least one channel. email and email_verified: of active
    contacts with an e-mail address.
    """

    broadcast: Rate
    email: Rate
    email_verified: Rate


def _signs() -> Expressions:
    return {
        "active": is_active(),
        "on_channel": nw.col("channels") > 0,
        "broadcast": ~nw.col("broadcast").is_null(),
        **{name: nw.col(name) for name in ("has_email", "email_opt_in", "email_verified")},
    }


def _expressions(signs: Expressions) -> Expressions:
    on_channel = signs["active"] & signs["on_channel"]
    with_email = signs["active"] & signs["has_email"]
    return {
        "on_channel": on_channel,
        "broadcast": on_channel & signs["broadcast"],
        "with_email": with_email,
        "email": with_email & signs["email_opt_in"],
        "email_verified": with_email & signs["email_verified"],
    }


FACTS = Facts(_expressions, on=Facts(_signs))
"""The facts that `rates_of` needs."""


def rates_of(counted: pd.Series) -> OptIn:
    """The rates from a row with the counts of `FACTS`."""
    return OptIn(
        broadcast=Rate(int(counted["broadcast"]), int(counted["on_channel"])),
        email=Rate(int(counted["email"]), int(counted["with_email"])),
        email_verified=Rate(int(counted["email_verified"]), int(counted["with_email"])),
    )


def opt_in(asked: Engine) -> OptIn:
    return rates_of(asked.count(FACTS).iloc[0])


def over_time(asked: Engine, terms: Terms) -> pd.DataFrame:
    """The broadcast and email rates at the start of the period and at the end of each of its days.

    Of contacts that existed then, were not blocked yet, and still exist. Columns broadcast, email
    (fractions, NaN if there was nobody), indexed by moment (UTC). Broadcast opt-in counts from the
    time it was given. ChatbotX does not say when e-mail opt-in was given, so today's value applies
    to all days.
    """
    existed = _existing(asked, terms, ("created",))
    opted = _existing(asked, terms, ("created", "broadcast"))
    with np.errstate(invalid="ignore"):
        shares = {
            "broadcast": (opted["has_channel"] / existed["has_channel"]).to_numpy(),
            "email": (existed["has_opted"] / existed["has_email"]).to_numpy(),
        }
    moments = pd.DatetimeIndex(edge_stamps(terms.period), name="moment")
    return pd.DataFrame(shares, index=moments)


def _existing(asked: Engine, terms: Terms, came: tuple[str, ...]) -> pd.DataFrame:
    """How many contacts existed before each edge of the period, and for how many each fact of
    `_REACH` is true.

    A contact exists from the latest of the times in `came` until it is blocked. A block that
    precedes its coming counts from then.
    """
    coming, leaving = (
        asked.over_time(Bins(columns, terms.period), _REACH).cumsum()
        for columns in (came, (*came, "blocked"))
    )
    return (coming - leaving).iloc[:-1]


def _reach() -> Expressions:
    return {
        "has_channel": nw.col("channels") > 0,
        "has_email": nw.col("has_email"),
        "has_opted": nw.col("has_email") & nw.col("email_opt_in"),
    }


_REACH = Facts(_reach)


@dataclass(frozen=True)
class RawEmailOptIn:
    """`emailOptIn` as the server sends it: true by default, even for contacts without an address.

    Shown only on the Data page, with that explanation.
    """

    share: Rate
    without_address: int


def raw_expressions() -> Expressions:
    return {
        "opted_in": nw.col("email_opt_in"),
        "no_address": nw.col("email_opt_in") & ~nw.col("has_email"),
    }


def raw_email_opt_in(asked: Engine) -> RawEmailOptIn:
    counted = asked.count(Facts(raw_expressions)).iloc[0]
    return RawEmailOptIn(
        Rate(int(counted["opted_in"]), int(counted["contacts"])), int(counted["no_address"])
    )
