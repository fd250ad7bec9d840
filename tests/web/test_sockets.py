"""Limits on open web sockets, and which one is closed if there are too many."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message, Scope

from lib.web.sockets import Sockets, peer_of
from tests.own_event_loop import run_async
from tests.web.asgi import says_hello, scope_of


@dataclass(eq=False)
class Tab:
    """A web socket that stays open until it is closed by the test."""

    peer: str = "203.0.113.9"
    sent: list[Message] = field(default_factory=list)
    hangs_up: asyncio.Event = field(default_factory=asyncio.Event)
    has_connected: bool = False

    async def receive(self) -> Message:
        if not self.has_connected:
            self.has_connected = True
            return {"type": "websocket.connect"}
        await self.hangs_up.wait()
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def scope(self) -> Scope:
        return {**scope_of("websocket", "/_stcore/stream"), "client": (self.peer, 50_000)}

    @property
    def fate(self) -> Any:
        last = self.sent[-1]
        if last["type"] == "websocket.http.response.body":
            return self.sent[-2]["status"]
        return last.get("code", last["type"])


OPEN = "websocket.accept"


async def opened(sockets: Sockets, *tabs: Tab) -> list[asyncio.Task[None]]:
    """Open them one after the other."""
    tasks = []
    for tab in tabs:
        tasks.append(asyncio.create_task(sockets(tab.scope, tab.receive, tab.send)))
        await asyncio.sleep(0.01)
    return tasks


async def close(tasks: list[asyncio.Task[None]], *tabs: Tab) -> None:
    for tab in tabs:
        tab.hangs_up.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)


def test_above_the_limit_the_next_is_refused_until_one_leaves() -> None:
    async def try_it() -> None:
        sockets = Sockets(says_hello, most=2)
        first, second, third, fourth = (Tab(f"203.0.113.{number}") for number in range(4))
        tasks = await opened(sockets, first, second, third)
        assert [tab.fate for tab in (first, second, third)] == [OPEN, OPEN, 503]
        first.hangs_up.set()
        await asyncio.sleep(0.01)
        tasks += await opened(sockets, fourth)
        assert fourth.fate == OPEN
        await close(tasks, first, second, third, fourth)
        assert not sockets.by_peer

    run_async(try_it)


def test_one_peer_cannot_take_all() -> None:
    async def try_it() -> None:
        sockets = Sockets(says_hello, most=9, most_of_one_peer=2)
        greedy = [Tab() for _ in range(4)]
        other = Tab("198.51.100.3")
        tasks = await opened(sockets, *greedy, other)
        assert [tab.fate for tab in greedy] == [OPEN, OPEN, 503, 503]
        assert other.fate == OPEN
        await close(tasks, *greedy, other)

    run_async(try_it)


def test_strangers_displace_only_the_oldest_stranger() -> None:
    async def try_it() -> None:
        signed_in = "198.51.100.3"
        sockets = Sockets(
            says_hello,
            lambda scope: scope["client"][0] == signed_in,
            most=1,
            most_strangers=2,
        )
        strangers = [Tab() for _ in range(4)]
        viewer = Tab(signed_in)
        tasks = await opened(sockets, *strangers, viewer)
        assert [tab.fate for tab in strangers] == [1013, 1013, OPEN, OPEN]
        assert viewer.fate == OPEN
        await close(tasks, *strangers, viewer)
        assert not sockets.strangers

    run_async(try_it)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", "an unknown address"),
    ],
)
def test_a_whole_network_is_one_peer(address: str, peer: str) -> None:
    assert peer_of({"client": (address, 1)}) == peer


def test_a_socket_file_has_no_peer() -> None:
    assert peer_of({"client": None}) == "an unknown address"
