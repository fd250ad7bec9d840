"""How complete and how plausible the server's data is.

Always of the whole workspace, whatever the filter, including blocked contacts.
"""

from datetime import datetime

import narwhals as nw

from lib.engines.questions import Engine, Expressions, Facts
from lib.store.dimensions import COUNTRY_SOURCE

TIMES = (
    "created",
    "updated",
    "subscribed",
    "broadcast",
    "blocked",
    "last_activity",
    "wrote",
    "sent",
    "admin_replied",
    "agent_read",
    "archived_at",
)
"""Time columns that lie after `as_of` only by mistake; `bot_resume` lies there by design."""


def future_times(asked: Engine, as_of: datetime) -> dict[str, int]:
    """Number of contacts with a time after `as_of` (UTC), by column; columns without any are left
    out."""
    row = asked.whole.count(Facts(_future, (as_of,))).iloc[0]
    return {name: int(row[name]) for name in TIMES if row[name]}


def _future(as_of: datetime) -> Expressions:
    return {name: nw.col(name) > as_of for name in TIMES}


def filled(asked: Engine) -> dict[str, int]:
    """Number of contacts with a value in each field that the metrics depend on.

    Keys are the API's names of the fields, or descriptions of what is read from them.
    """
    row = asked.whole.count(Facts(_filled)).iloc[0]
    found = {str(name): int(row[name]) for name in row.index.drop("contacts")}
    countries = asked.whole.count(by=COUNTRY_SOURCE)["contacts"]
    return found | {"country (recorded and known)": int(countries.get("recorded", 0))}


def _filled() -> Expressions:
    return {
        "createdAt": ~nw.col("created").is_null(),
        "subscribedAt": ~nw.col("subscribed").is_null(),
        "broadcastSubscribedAt": ~nw.col("broadcast").is_null(),
        "blockedAt": ~nw.col("blocked").is_null(),
        "phone number": nw.col("has_phone"),
        "e-mail address": nw.col("has_email"),
        "timezone": nw.col("has_timezone"),
        "locale": nw.col("has_locale"),
        "conversation": nw.col("has_conversation"),
        "last incoming message": ~nw.col("last_incoming").is_null(),
        "tags": nw.col("tags") > 0,
        "inbox with a channel": nw.col("channels") > 0,
    }
