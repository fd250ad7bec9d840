"""Many workspaces on one server: those without viewers are fetched less often and not in memory."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.refresh import refreshers
from lib.refresh.attention import QUIET_AFTER, RELEASED_AFTER
from lib.refresh.crawls import Crawls
from lib.refresh.refresher import Refresher
from lib.refresh.state import State
from lib.settings import Settings
from lib.store.place import Place
from lib.store.storage import Store
from tests.fake_chatbotx import Contact, FakeChatbotx
from tests.refresh.conftest import LONG, MINUTE, NOON, Clock, Make, Source

SETTINGS = Settings(token="secret", refresh_minutes=15, quiet_minutes=60)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path)))


@pytest.fixture
def spare(make: Make, store: Store) -> Callable[..., Refresher]:
    """The refresher of one of many workspaces, not started."""

    def spare(settings: Settings = SETTINGS, **others: Any) -> Refresher:
        return make(settings, store=store, is_spare=True, **others)

    return spare


def rested(refresher: Refresher) -> State:
    return refresher.wait(LONG)


def test_a_workspace_that_nobody_views_is_fetched_less_often(spare: Make) -> None:
    assert rested(spare().start()).due == NOON + 60 * MINUTE


def test_a_workspace_being_viewed_is_fetched_as_often_as_usual(spare: Make) -> None:
    refresher = spare()
    refresher.look()
    assert rested(refresher.start()).due == NOON + 15 * MINUTE


def test_one_of_a_few_is_fetched_less_often_after_a_day_without_viewers(
    make: Make, clock: Clock
) -> None:
    refresher = make(SETTINGS).start()
    assert rested(refresher).due == NOON + 15 * MINUTE
    clock.now += QUIET_AFTER
    refresher.refresh()
    assert rested(refresher).due == clock.now + 60 * MINUTE


def test_a_day_counts_from_the_last_view(make: Make, clock: Clock) -> None:
    refresher = make(SETTINGS).start()
    rested(refresher)
    clock.now += QUIET_AFTER - MINUTE
    refresher.look()
    clock.now += 2 * MINUTE
    refresher.refresh()
    assert rested(refresher).due == clock.now + 15 * MINUTE


def test_it_is_never_fetched_more_often_than_usual(make: Make, clock: Clock) -> None:
    refresher = make(Settings(token="secret", refresh_minutes=240, quiet_minutes=60)).start()
    rested(refresher)
    clock.now += QUIET_AFTER
    refresher.refresh()
    assert rested(refresher).due == clock.now + 240 * MINUTE


def test_a_viewer_of_an_old_snapshot_causes_a_crawl_at_once(
    spare: Make, source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.refresh.refresher.SHORTEST_PAUSE", timedelta(0))
    refresher = spare().start()
    rested(refresher)
    clock.now += 20 * MINUTE
    source.is_open.clear()
    source.is_asked.clear()
    shown = refresher.look(LONG)
    assert shown.snapshot is not None
    assert shown.snapshot.as_of == NOON
    assert source.is_asked.wait(LONG)


def test_a_workspace_that_nobody_views_is_not_in_memory(spare: Make, store: Store) -> None:
    state = rested(spare().start())
    assert (state.snapshot, state.history, state.stored) == (None, None, NOON)
    assert store.load()[0] is not None


def test_stored_snapshots_are_not_loaded_at_start_up(
    spare: Make, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested(spare().start())
    with monkeypatch.context() as broken:
        broken.setattr(Store, "read", lambda *_: pytest.fail("it was read"))
        assert rested(spare().start()).stored == NOON
    assert source.crawls == [NOON]


def test_a_viewer_causes_it_to_be_loaded(spare: Make, source: Source) -> None:
    rested(spare().start())
    refresher = spare().start()
    rested(refresher)
    state = refresher.look(LONG)
    assert state.snapshot is not None
    assert (state.snapshot.contacts, state.snapshot.as_of, state.stored) == (20, NOON, None)
    assert state.history is not None
    assert source.crawls == [NOON]


def test_concurrent_viewers_cause_one_load(spare: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    refresher = spare().start()
    rested(refresher)
    loads: list[int] = []
    load = Store.load_with_head

    def counted(self: Store, **named: Any) -> Any:
        loads.append(1)
        return load(self, **named)

    monkeypatch.setattr(Store, "load_with_head", counted)
    seen: list[State] = []
    viewers = [
        threading.Thread(target=lambda: seen.append(refresher.look(LONG))) for _ in range(20)
    ]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(LONG)
    assert len(loads) == 1
    assert {state.snapshot and state.snapshot.contacts for state in seen} == {20}


def test_it_is_loaded_while_it_is_being_fetched(spare: Make, source: Source, clock: Clock) -> None:
    refresher = spare().start()
    rested(refresher)
    source.is_open.clear()
    source.is_asked.clear()
    clock.now += MINUTE
    refresher.refresh()
    assert source.is_asked.wait(LONG)
    state = refresher.look(LONG)
    assert state.is_running
    assert state.snapshot is not None
    assert state.snapshot.as_of == NOON


def test_a_snapshot_that_cannot_be_loaded_is_fetched(
    spare: Make, source: Source, store: Store
) -> None:
    refresher = spare().start()
    rested(refresher)
    for file in Path(store.place.root, "contacts").glob("*.parquet"):
        file.write_bytes(b"nothing")
    state = refresher.look(LONG)
    while state.snapshot is None:
        state = refresher.wait(0.01)
    assert state.snapshot.contacts == 20
    assert len(source.crawls) == 2


def test_an_hour_after_the_last_view_it_is_released(
    spare: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.refresh.refresher.IDLE_POLL_INTERVAL", 0.01)
    refresher = spare().start()
    rested(refresher)
    shown = refresher.look(LONG)
    assert shown.snapshot is not None
    released = weakref.ref(shown.snapshot)
    del shown
    clock.now += RELEASED_AFTER
    while refresher.state.snapshot is not None:
        refresher.wait(0.01)
    gc.collect()
    assert released() is None
    again = refresher.look(LONG)
    assert again.snapshot is not None


def test_a_snapshot_that_could_not_be_saved_stays_in_memory(spare: Make, store: Store) -> None:
    Path(store.place.root).rmdir()
    Path(store.place.root).write_text("no folder")
    state = rested(spare().start())
    assert state.snapshot is not None
    assert state.notes


def test_a_failure_keeps_what_is_in_the_store(spare: Make, source: Source, clock: Clock) -> None:
    refresher = spare().start()
    rested(refresher)
    source.trouble = RuntimeError("unforeseen")
    clock.now += timedelta(hours=2)
    refresher.refresh()
    state = rested(refresher)
    assert state.failure is not None
    assert state.stored == NOON


def test_crawls_of_all_workspaces_together_keep_to_the_bound(make: Make) -> None:
    crawls = Crawls(1)
    sources = Source(), Source()
    for source in sources:
        source.is_open.clear()
    one, other = (make(connect=source, crawls=crawls) for source in sources)
    one.start()
    assert sources[0].is_asked.wait(LONG)
    other.start()
    while not crawls.waiting:
        other.wait(0.01)
    assert not sources[1].crawls
    for source in sources:
        source.is_open.set()
    assert other.wait(LONG).snapshot is not None


def test_of_more_than_a_few_workspaces_none_is_in_memory_until_somebody_comes(
    edge_contacts: list[Contact], tmp_path: Path
) -> None:
    tokens = [f"token-{number}" for number in range(refreshers.FEW + 1)]
    with FakeChatbotx(dict.fromkeys(tokens, edge_contacts)) as server:
        configured = [
            Settings(token=token, base_url=server.base_url, store=str(tmp_path), name=token)
            for token in tokens
        ]
        try:
            refreshers.start_all(configured, crawls_at_once=2)
            states = [refreshers.refresher_of(each).wait(60) for each in configured]
            assert [state.snapshot for state in states] == [None] * len(tokens)
            shown = refreshers.refresher_of(configured[2]).look(LONG)
            assert shown.snapshot is not None
            assert shown.snapshot.contacts == 137
        finally:
            refreshers.stop_all()
