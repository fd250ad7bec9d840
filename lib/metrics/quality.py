"""How complete and how plausible is what the server sent?

Of the whole workspace, whatever the filter, blocked contacts too.
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
"""Those that can lie after `as_of` by mistake only; a bot resumes in the future by design."""


def future_times(asked: Engine, as_of: datetime) -> dict[str, int]:
    """How many contacts have a time after `as_of`, by kind, of those kinds that occur."""
    row = asked.whole.count(Facts(_future, (as_of,))).iloc[0]
    return {name: int(row[name]) for name in TIMES if row[name]}


def _future(as_of: datetime) -> Expressions:
    return {name: nw.col(name) > as_of for name in TIMES}


def filled(asked: Engine) -> dict[str, int]:
    """How many contacts have a value in each of the fields that numbers rest on, by the API's name
    of the field or what is read from it."""
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
