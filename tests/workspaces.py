"""Build small workspaces for tests, which specify only what matters of each contact.

tables_of(contact(on("whatsapp"), blockedAt="2026-06-01T00:00:00Z"), contact(tagged("601")))
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lib.chatbotx.schema import Decoder
from lib.engines.questions import Engine
from lib.metrics.terms import Basis, Terms
from lib.query.choice import Choice
from lib.reference.periods import Period
from lib.store.builder import TableBuilder
from lib.store.dimensions import BY_KEY
from lib.store.tables import Tables
from tests.engines.answering import engine_of

Json = dict[str, Any]

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def contact(*parts: Json, **fields: Any) -> Json:
    """A contact as the API sends it, made of `fields` and `parts` such as `on` and `tagged`."""
    whole: Json = {}
    for part in (*parts, fields):
        whole |= part
    return whole


def on(*channels: str) -> Json:
    """The part of a contact on these channels, with a connected inbox for each."""
    return {
        "contactInboxes": [
            {
                "inboxId": f"inbox of {channel}",
                "channel": channel,
                "inbox": {"channel": channel, "status": "connected"},
            }
            for channel in channels
        ]
    }


def came_by(*sources: str) -> Json:
    """The part of a contact who came into a Zalo inbox from each of these sources."""
    return {
        "contactInboxes": [
            {"inboxId": "inbox of zalo", "channel": "zalo", "source": source} for source in sources
        ]
    }


def in_inboxes(**statuses: str | None) -> Json:
    """The part of a contact in these WhatsApp inboxes, given with their status."""
    return {
        "contactInboxes": [
            {"inboxId": inbox, "channel": "whatsapp", "inbox": {"name": inbox, "status": status}}
            for inbox, status in statuses.items()
        ]
    }


def tagged(*ids: str) -> Json:
    return {"tags": [{"id": tag, "name": f"name of {tag}", "deletedAt": None} for tag in ids]}


def conversation(**fields: Any) -> Json:
    """A new, open conversation, except for `fields`; an assignee's name is derived from its id."""
    user, team = fields.get("assignedUserId"), fields.get("assignedInboxTeamId")
    whole = {
        "id": "1",
        "botEnabled": True,
        "followed": False,
        "assignedUser": {"id": user, "name": f"name of {user}"} if user else None,
        "assignedInboxTeam": {"id": team, "name": f"name of {team}"} if team else None,
    }
    return {"conversation": whole | fields}


def tables_of(*contacts: Json) -> Tables:
    """The tables of a workspace. By default, contacts have ids from 1 and were created in 2020."""
    numbered = [
        {"id": str(number), "createdAt": "2020-01-01T00:00:00.000Z"} | each
        for number, each in enumerate(contacts, 1)
    ]
    builder = TableBuilder()
    builder.add(Decoder()(json.dumps({"data": numbered}).encode()).contacts)
    return builder.build()


def ask(*contacts: Json, only: Collection[int] | None = None) -> Engine:
    """The engine under test for these contacts, restricted to the ids in `only`."""
    return engine_of(tables_of(*contacts), only)


def terms(
    start: str = "2026-06-01",
    end: str = "2026-06-30",
    timezone: str = "UTC",
    *,
    basis: Basis = "createdAt",
    as_of: datetime = AS_OF,
    bot_answers: bool = True,
) -> Terms:
    period = Period(date.fromisoformat(start), date.fromisoformat(end), timezone)
    return Terms(as_of, period, basis, bot_answers)


def before_as_of(**time: float) -> str:
    """The time so many hours, days, … before `AS_OF`, as the API writes it."""
    return (AS_OF - timedelta(**time)).isoformat(timespec="milliseconds")


def choosing(*period: Any, **given: Any) -> Choice:
    """A choice with these filters: keys by dimension."""
    filters = {name: given.pop(name) for name in [*given] if name in BY_KEY}
    choice = Choice(*period, **given)
    for name, keys in filters.items():
        choice = choice.limited_to(BY_KEY[name], keys)
    return choice
