"""Crawl a fake server, and collect the results."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from lib.chatbotx.client import Client, Patience
from lib.chatbotx.crawl import Progress, Verdict, crawl
from lib.chatbotx.schema import Contact as Decoded
from lib.store.builder import TableBuilder
from lib.store.tables import Tables
from tests.fake_chatbotx import Contact, FakeChatbotx, Manners, Workspace

TOKEN = "tok_5dF-secret-8812"
BEGAN = datetime(2026, 7, 1, tzinfo=UTC)
DAY = datetime(2026, 5, 10, tzinfo=UTC)

QUICK = Patience(
    connect=60,
    silence=60,
    answer=60,
    attempts=6,
    first_pause=0.001,
    longest_pause=0.004,
    longest_hold=0.02,
    free_retries=10_000,
    crawl=200,
)
"""As many attempts as in production, but hardly any waiting in between."""

# Loading the system's certificates takes longer than most tests, and none of them needs any.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(server: FakeChatbotx, token: str = TOKEN, **options: Any) -> Client:
    connections = options.setdefault("connections", 4)
    options.setdefault("patience", QUICK)
    options.setdefault("jitter", Random(0))
    transport = httpx.HTTPTransport(
        verify=_NO_CERTIFICATES,
        limits=httpx.Limits(max_connections=connections, keepalive_expiry=4.5),
    )
    return Client(server.base_url, token, transport=transport, **options)


def time_of(milliseconds: float) -> str:
    """The time `milliseconds` into the test day, as the API writes it."""
    moment = DAY + timedelta(milliseconds=milliseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def contact(number: int, milliseconds: float, micros: int = 0, **more: Any) -> Contact:
    """A contact with this id, created and updated so many milliseconds into the test day."""
    created = time_of(milliseconds)
    return {
        "id": str(number),
        "createdAt": created,
        "_createdAtMicros": micros,
        "updatedAt": created,
        **more,
    }


def spread(count: int, first: int = 1, step: float = 1237.0) -> list[Contact]:
    """`count` contacts, each created `step` milliseconds after the previous one."""
    return [contact(first + place, place * step) for place in range(count)]


def tied(count: int, milliseconds: float = 5, first: int = 10_001) -> list[Contact]:
    """`count` contacts with one `createdAt`, distinct only in microseconds that are not sent."""
    return [
        contact(first + place, milliseconds, micros=place * 37 % 1000) for place in range(count)
    ]


def ids(contacts: Iterable[Contact]) -> list[str]:
    """Their ids in numerical order, not in order of arrival."""
    return sorted((each["id"] for each in contacts), key=int)


@dataclass
class Read:
    """The result of a crawl."""

    verdict: Verdict
    tables: Tables
    fed: Counter[str]
    """How often each contact was passed to the sink."""
    progress: list[Progress] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return sorted(map(str, self.tables.contacts["id"]), key=int)


def read_with(client: Client) -> Read:
    builder, fed, progress = TableBuilder(), Counter[str](), list[Progress]()

    def sink(contacts: list[Decoded]) -> None:
        fed.update(each.id or "" for each in contacts)
        builder.add(contacts)

    verdict = crawl(client, sink, began=BEGAN, on_progress=progress.append)
    return Read(verdict, builder.build(), fed, progress)


def read(server: FakeChatbotx, **options: Any) -> Read:
    with client_of(server, **options) as client:
        return read_with(client)


def read_workspace(
    contacts: Iterable[Contact] | Workspace, manners: Manners, **options: Any
) -> tuple[Read, FakeChatbotx]:
    """Crawl a server with these contacts; return the result and the server, which is closed."""
    with FakeChatbotx({TOKEN: contacts}, manners) as server:
        return read(server, **options), server
