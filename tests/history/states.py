"""Snapshots and histories for tests, from contacts as the API sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from lib.chatbotx.schema import Decoder
from lib.engines.lazy import LazyEngine
from lib.engines.where import Files, in_memory
from lib.history.lazy import LazyHistory, active_among
from lib.history.memory import Past
from lib.history.reading import History
from lib.store.builder import TableBuilder
from lib.store.tables import Tables
from tests.engines.answering import Kind, source_in

Json = dict[str, Any]


def tables_of(contacts: Sequence[Json]) -> Tables:
    builder = TableBuilder()
    builder.add(Decoder()(msgspec.json.encode({"data": contacts})).contacts)
    return builder.build()


def past_of(*states: tuple[datetime, Sequence[Json]]) -> Past:
    past = Past()
    for as_of, contacts in states:
        past.record(as_of, tables_of(contacts))
    return past


def read_by(kind: Kind, past: Past) -> History:
    """The same history, read by an engine."""
    if kind == "memory":
        return past
    table_of = in_memory(past.latest.tables)

    def table(name: str) -> pa.Table | Files:
        match name:
            case "events" | "levels":
                return past.table(name)
            case _:
                return table_of(name)

    source = source_in(table, kind)
    return LazyHistory(past.recorded, past.since, source, partial(active_among, LazyEngine(source)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_BLANK: Json = {
    "workspaceId": "299",
    "updatedAt": "2026-01-01T00:00:00.000Z",
    "blockedAt": None,
    "broadcastSubscribedAt": None,
    "email": None,
    "emailOptIn": True,
    "country": "BR",
    "tags": [],
    "contactInboxes": [],
    "conversation": None,
}

_TALK: Json = {
    "botEnabled": False,
    "botResumeAt": None,
    "archivedAt": None,
    "assignedUserId": None,
    "assignedInboxTeamId": None,
    "contactRepliedAt": None,
    "adminRepliedAt": None,
}


def contact(number: int, **facts: Any) -> Json:
    """A contact that was there from the beginning, with only the given fields."""
    return {"id": str(number), "createdAt": "2026-01-01T00:00:00.000Z"} | _BLANK | facts


def talk(number: int = 1, **facts: Any) -> Json:
    """An open conversation with a person."""
    return {"id": str(900 + number)} | _TALK | facts


def tagged(*tags: str) -> list[Json]:
    return [{"id": tag, "name": f"Tag {tag}", "deletedAt": None} for tag in tags]


def on(channel: str, *, source: str | None = None, wrote: str | None = None) -> Json:
    return {
        "inboxId": f"inbox of {channel}",
        "channel": channel,
        "source": source,
        "lastIncomingMessageAt": wrote,
        "inbox": None,
    }
