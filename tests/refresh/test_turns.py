"""Two servers on one store, in one process: which one fetches, and what the other does."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.chatbotx.errors import Unreachable
from lib.refresh.refresher import Refresher
from lib.store.documents import LocalDocuments
from lib.store.lease import Lease
from lib.store.place import Place
from lib.store.storage import Store
from tests.refresh.conftest import LONG, MINUTE, NOON, Clock, Make, Source


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.refresh.refresher.IDLE_POLL_INTERVAL", 0.02)
    monkeypatch.setattr("lib.refresh.refresher.BUSY_POLL_INTERVAL", 0.02)


@pytest.fixture
def another(make: Make, tmp_path: Path) -> Make:
    """`another()` adds a server on the same store."""

    def another() -> Refresher:
        store = Store(Place(str(tmp_path / "store")))
        return make(store=store, lease=Lease(LocalDocuments(tmp_path), "one"))

    return another


def test_while_one_fetches_the_other_waits_and_shows_what_it_commits(
    another: Make, source: Source
) -> None:
    source.is_open.clear()
    one, other = another().start(), another()
    assert source.is_asked.wait(LONG)
    other.start()
    while not other.state.is_elsewhere:
        other.wait(0.01)
    assert other.state.is_running
    source.is_open.set()
    assert one.wait(LONG).snapshot is not None
    shown = other.wait(LONG)
    assert shown.snapshot is not None
    assert shown.snapshot.as_of == NOON
    assert shown.due == NOON + 15 * MINUTE
    assert not shown.is_elsewhere
    assert source.crawls == [NOON]


def test_commits_of_another_server_are_shown_without_a_request(
    another: Make, source: Source, clock: Clock
) -> None:
    one, other = another().start(), another()
    one.wait(LONG)
    other.start().wait(LONG)
    clock.now += MINUTE
    one.refresh()
    one.wait(LONG)
    while other.state.snapshot is None or other.state.snapshot.as_of == NOON:
        other.wait(0.01)
    assert other.state.snapshot.as_of == NOON + MINUTE
    assert source.crawls == [NOON, NOON + MINUTE]


def test_a_request_during_a_fetch_elsewhere_gets_a_later_one(
    another: Make, source: Source, clock: Clock
) -> None:
    one, other = another(), another()
    one.start().wait(LONG)
    other.start().wait(LONG)
    source.is_open.clear()
    source.is_asked.clear()
    one.refresh()
    assert source.is_asked.wait(LONG)
    clock.now += MINUTE
    other.refresh()
    while not other.state.is_elsewhere:
        other.wait(0.01)
    source.is_open.set()
    while other.state.snapshot is None or other.state.snapshot.as_of < NOON + MINUTE:
        other.wait(0.01)
    assert source.crawls == [NOON, NOON, NOON + MINUTE]


def test_without_a_lease_each_server_fetches_by_itself(
    another: Make, source: Source, tmp_path: Path
) -> None:
    (tmp_path / "notify.sqlite3").write_bytes(b"no database" * 100)
    for server in (another(), another()):
        server.start()
        server.refresh()
        assert server.wait(LONG).snapshot is not None
    assert len(source.crawls) >= 2


def test_a_server_that_can_no_longer_read_the_lease_says_that_it_fetches_itself(
    another: Make, source: Source, tmp_path: Path
) -> None:
    source.is_open.clear()
    another().start()
    assert source.is_asked.wait(LONG)
    other = another().start()
    while not other.state.is_elsewhere:
        other.wait(0.01)
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    (tmp_path / "notify.sqlite3").write_bytes(b"no database" * 100)
    while other.state.failure is None:
        other.wait(0.01)
    assert not other.state.is_elsewhere
