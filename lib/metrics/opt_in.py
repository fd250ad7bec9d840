"""May we write to them? "Opt-in" of the metrics: all among active contacts."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from lib.engines.memory import Facts, before_edges, places, tally, where
from lib.metrics.terms import Terms, is_active
from lib.reference.periods import Period, stamps
from lib.reference.rates import Rate
from lib.store.tables import Tables

KINDS = ("broadcast", "email", "email_verified")


@dataclass(frozen=True)
class OptIn:
    """Each numerator is counted inside its denominator.

    broadcast: of the active contacts on at least one channel; email and email_verified: of the
    active contacts with an e-mail address.
    """

    broadcast: Rate
    email: Rate
    email_verified: Rate


def facts() -> Facts:
    """What `rates_of` needs to have counted."""
    on_channel = is_active() & (nw.col("channels") > 0)
    with_email = is_active() & nw.col("has_email")
    return {
        "on_channel": on_channel,
        "broadcast": on_channel & ~nw.col("broadcast").is_null(),
        "with_email": with_email,
        "email": with_email & nw.col("email_opt_in"),
        "email_verified": with_email & nw.col("email_verified"),
    }


def rates_of(counted: pd.Series) -> OptIn:
    """The rates from a row that counts the `facts`."""
    return OptIn(
        broadcast=Rate(int(counted["broadcast"]), int(counted["on_channel"])),
        email=Rate(int(counted["email"]), int(counted["with_email"])),
        email_verified=Rate(int(counted["email_verified"]), int(counted["with_email"])),
    )


def opt_in(tables: Tables) -> OptIn:
    return rates_of(tally(tables, facts).iloc[0])


def over_time(tables: Tables, terms: Terms) -> pd.DataFrame:
    """The rates broadcast and email as the period began and at the end of each of its days, of the
    contacts that existed then, were not blocked yet, and exist still.

    Indexed by moment (UTC); NaN where there was nobody. Agreement to broadcasts counts from its own
    time; ChatbotX does not say when one to e-mail was given, so today's counts for all days.
    """
    period = terms.period
    came, left, agreed = (
        places(tables, column, period) for column in ("created", "blocked", "broadcast")
    )
    has_opted = where("email_opt_in", tables, _reach)
    kinds = {
        "broadcast": (where("has_channel", tables, _reach), np.maximum(came, agreed)),
        "email": (
            where("has_email", tables, _reach),
            np.where(has_opted, came, came.dtype.type(period.number_of_days + 1)),
        ),
    }
    shares = {}
    for kind, (is_reachable, since) in kinds.items():
        ends = left[is_reachable]
        contacts = _there(came[is_reachable], ends, period)
        with np.errstate(invalid="ignore"):
            shares[kind] = _there(since[is_reachable], ends, period) / contacts
    return pd.DataFrame(shares, index=pd.DatetimeIndex(stamps(period.edges()), name="moment"))


def _reach() -> Facts:
    return {
        "has_channel": nw.col("channels") > 0,
        "has_email": nw.col("has_email"),
        "email_opt_in": nw.col("email_opt_in"),
    }


def _there(came: np.ndarray, left: np.ndarray, period: Period) -> np.ndarray:
    """How many have come, and not left, before each edge of the period, given as `places`."""
    # Nobody leaves before coming.
    return before_edges(came, period) - before_edges(np.maximum(came, left), period)


@dataclass(frozen=True)
class RawEmailOptIn:
    """`emailOptIn` as the server sends it: true by default, also for contacts without an address.

    Shown only on the data page, as what it is.
    """

    share: Rate
    without_address: int


def raw_facts() -> Facts:
    return {
        "opted_in": nw.col("email_opt_in"),
        "no_address": nw.col("email_opt_in") & ~nw.col("has_email"),
    }


def raw_email_opt_in(tables: Tables) -> RawEmailOptIn:
    counted = tally(tables, raw_facts).iloc[0]
    return RawEmailOptIn(
        Rate(int(counted["opted_in"]), int(counted["contacts"])), int(counted["no_address"])
    )
