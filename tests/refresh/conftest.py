"""Refreshers of a workspace of twenty contacts, with a clock that tests control."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from lib.chatbotx.client import Client
from lib.demo import transport as demo
from lib.refresh.refresher import Refresher
from lib.settings import Settings

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SETTINGS = Settings(token="secret")
LONG = 60
"""In seconds; nothing here takes that long."""


class Clock:
    """A clock that advances only when told to; its time is off by `wrong_by`."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.wrong_by = timedelta(0)

    def __call__(self) -> datetime:
        return self.now + self.wrong_by

    def seconds(self) -> float:
        return (self.now - NOON).total_seconds()


class Source:
    """Creates clients of a workspace of twenty contacts.

    `trouble` is raised instead of returning a client. While `is_open` is not set, answers are held
    back; `is_asked` is set when one is.
    """

    def __init__(self) -> None:
        self.trouble: BaseException | None = None
        self.is_open = threading.Event()
        self.is_asked = threading.Event()
        self.is_open.set()
        self.crawls: list[datetime] = []

    def __call__(
        self, settings: Settings, *, as_of: datetime, cancelled: threading.Event
    ) -> Client:
        self.crawls.append(as_of)
        if self.trouble is not None:
            raise self.trouble
        return Client(
            demo.BASE_URL,
            demo.TOKEN,
            transport=_Gate(demo.DemoTransport(NOON, contacts=20), self),
            connections=1,
            cancelled=cancelled,
        )


class _Gate(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport, source: Source) -> None:
        self.inner, self.source = inner, source

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.source.is_asked.set()
        assert self.source.is_open.wait(LONG)
        return self.inner.handle_request(request)


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source()
    yield source
    source.is_open.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Refresher]


@pytest.fixture
def make(source: Source, clock: Clock) -> Iterator[Make]:
    """`make()` creates a refresher of `source` that has not been started."""
    made: list[Refresher] = []

    def make(settings: Settings = SETTINGS, **others: Any) -> Refresher:
        by_default = {"connect": source, "clock": clock, "timer": clock.seconds}
        made.append(Refresher(settings, **{**by_default, **others}))
        return made[-1]

    yield make
    source.is_open.set()
    for refresher in made:
        refresher.stop()
