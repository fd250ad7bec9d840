"""May we write to them? "Opt-in" of the metrics: all among active contacts."""

from dataclasses import dataclass

import narwhals as nw
import pandas as pd

from lib.metrics.counts import Facts, tally
from lib.metrics.rates import Rate
from lib.metrics.terms import is_active
from lib.tables import Tables

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
