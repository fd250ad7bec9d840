from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from lib.chatbotx.client import Client, Patience
from lib.chatbotx.crawl import Progress, Verdict
from lib.chatbotx.errors import Unreachable
from lib.history.recorder import Recorder
from lib.refresh import refreshers
from lib.refresh.refresher import Refresher
from lib.refresh.state import Failure, State
from lib.settings import Settings, load_all
from lib.store.builder import TableBuilder
from lib.store.place import Place
from lib.store.snapshot import Snapshot
from lib.store.snapshot_rows import Head
from lib.store.storage import Store, store_of
from tests.fake_chatbotx import Answer, Contact, FakeChatbotx, RecordedRequest
from tests.refresh.conftest import LONG, MINUTE, NOON, Clock, Make, Source


def again(refresher: Refresher) -> State:
    """The state after a click on Refresh."""
    refresher.refresh()
    return refresher.wait(LONG)


# One crawl at a time


def test_the_first_crawl_begins_at_once(make: Make) -> None:
    state = make().start().wait(LONG)
    assert state.snapshot is not None
    assert (state.snapshot.contacts, state.snapshot.as_of) == (20, NOON)


def test_many_viewers_cause_one_crawl(make: Make, source: Source) -> None:
    source.is_open.clear()
    refresher = make()
    viewers = [threading.Thread(target=refresher.start) for _ in range(20)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(LONG)
    source.is_open.set()
    refresher.wait(LONG)
    assert len(source.crawls) == 1


def test_the_button_starts_a_crawl(make: Make, source: Source) -> None:
    refresher = make().start()
    first = refresher.wait(LONG).snapshot
    second = again(refresher).snapshot
    assert (len(source.crawls), second is first) == (2, False)


def test_the_button_works_a_few_times_in_a_row_and_then_after_a_pause(
    make: Make, clock: Clock
) -> None:
    refresher = make()
    for _ in range(3):
        assert not refresher.pause_for("ana@example.com")
        refresher.refresh_for("ana@example.com")
    assert refresher.pause_for("ana@example.com") == timedelta(seconds=90)
    clock.now += timedelta(seconds=90)
    assert not refresher.pause_for("ana@example.com")


@pytest.mark.parametrize("wrong_by", [timedelta(days=-1), timedelta(days=30)])
def test_setting_the_clock_changes_no_pause(
    make: Make, source: Source, clock: Clock, wrong_by: timedelta
) -> None:
    refresher = make(Settings(token="secret", refresh_minutes=15)).start()
    refresher.wait(LONG)
    for _ in range(3):
        refresher.refresh_for("ana@example.com")
        refresher.wait(LONG)
    clock.wrong_by = wrong_by
    assert refresher.pause_for("ana@example.com") == timedelta(seconds=90)
    assert refresher.time_left() == timedelta(minutes=15)
    clock.now += timedelta(seconds=90)
    crawls = len(source.crawls)
    refresher.refresh_for("ana@example.com")
    refresher.wait(LONG)
    assert len(source.crawls) == crawls + 1


def test_the_server_s_own_refreshers_use_the_monotonic_clock() -> None:
    """The other tests give them one."""
    assert signature(Refresher).parameters["timer"].default is time.monotonic


def test_one_person_s_presses_do_not_use_up_those_of_others(make: Make) -> None:
    refresher = make()
    for _ in range(50):
        refresher.refresh_for("ana@example.com")
    assert refresher.pause_for("ana@example.com")
    assert not refresher.pause_for("bob@example.com")


def test_presses_of_all_together_are_limited(make: Make) -> None:
    refresher = make()
    for person in range(6):
        refresher.refresh_for(f"{person}")
    assert refresher.pause_for("another") == timedelta(seconds=90)


def test_pressing_refresh_too_often_starts_no_crawl(make: Make, source: Source) -> None:
    refresher = make().start()
    refresher.wait(LONG)
    for _ in range(3):
        refresher.refresh_for("ana")
        refresher.wait(LONG)
    crawls = list(source.crawls)
    refresher.refresh_for("ana")
    refresher.wait(LONG)
    assert source.crawls == crawls


def test_the_button_during_a_crawl_starts_no_other(make: Make, source: Source) -> None:
    source.is_open.clear()
    refresher = make().start()
    assert source.is_asked.wait(LONG)
    refresher.refresh()
    refresher.refresh()
    source.is_open.set()
    refresher.wait(LONG)
    assert len(source.crawls) == 1


def test_the_button_before_the_first_crawl_starts_no_other(make: Make, source: Source) -> None:
    refresher = make()
    refresher.refresh()
    refresher.wait(LONG)
    assert len(source.crawls) == 1


def test_a_snapshot_is_refreshed_by_age(make: Make, source: Source) -> None:
    enough = threading.Event()

    def connect(*given: Any, **named: Any) -> Client:
        if len(source.crawls) == 2:
            enough.set()
        return source(*given, **named)

    make(Settings(token="secret", refresh_minutes=0.01 / 60), connect=connect).start()
    assert enough.wait(LONG)


def test_the_age_counts_from_the_start_of_the_crawl(
    make: Make, source: Source, clock: Clock
) -> None:
    source.is_open.clear()
    refresher = make().start()
    assert source.is_asked.wait(LONG)
    clock.now = NOON + 4 * MINUTE
    source.is_open.set()
    assert refresher.wait(LONG).due == NOON + 15 * MINUTE


def test_a_crawl_of_an_hour_is_not_followed_by_the_next_at_once(
    make: Make, source: Source, clock: Clock
) -> None:
    source.is_open.clear()
    refresher = make().start()
    assert source.is_asked.wait(LONG)
    clock.now = NOON + 60 * MINUTE
    source.is_open.set()
    assert refresher.wait(LONG).due == NOON + 61 * MINUTE


# Progress


def test_while_a_crawl_runs_its_progress_can_be_seen(make: Make, source: Source) -> None:
    source.is_open.clear()
    refresher = make().start()
    assert source.is_asked.wait(LONG)
    assert (refresher.state.is_running, refresher.state.progress) == (True, Progress())


def test_progress_counts_the_contacts_and_the_last_snapshot_stays(
    make: Make, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = make().start()
    first = refresher.wait(LONG).snapshot
    states: list[State] = []
    report = refresher.report

    def watched(seen: Progress) -> None:
        report(seen)
        states.append(refresher.state)

    monkeypatch.setattr(refresher, "report", watched)
    again(refresher)
    assert {state.snapshot for state in states} == {first}
    last = states[-1].progress
    assert last is not None
    assert (last.contacts, last.expected) == (20, 20)


def test_after_a_crawl_none_runs(make: Make) -> None:
    assert not make().start().wait(LONG).is_running


def test_a_late_progress_report_does_not_look_like_a_running_crawl(make: Make) -> None:
    refresher = make().start()
    refresher.wait(LONG)
    refresher.report(Progress(5))
    assert not refresher.state.is_running


# Failure


def test_a_failure_without_a_snapshot_says_since_when_and_why(make: Make, source: Source) -> None:
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    state = make().start().wait(LONG)
    assert state.snapshot is None
    assert state.failure == Failure(NOON, "ChatbotX cannot be reached.")


def test_a_failure_keeps_the_last_snapshot(make: Make, source: Source) -> None:
    refresher = make().start()
    good = refresher.wait(LONG).snapshot
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    state = again(refresher)
    assert (state.snapshot is good, state.is_running) == (True, False)
    assert state.failure is not None


def test_the_time_of_the_first_failure_stays_and_the_reason_is_the_latest(
    make: Make, source: Source, clock: Clock
) -> None:
    source.trouble = Unreachable("The first reason.")
    refresher = make().start()
    refresher.wait(LONG)
    clock.now = NOON + 5 * MINUTE
    source.trouble = Unreachable("The second reason.")
    assert again(refresher).failure == Failure(NOON, "The second reason.")


def test_a_failure_is_still_shown_while_the_next_attempt_runs(make: Make, source: Source) -> None:
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    refresher = make().start()
    failure = refresher.wait(LONG).failure
    source.trouble = None
    source.is_open.clear()
    refresher.refresh()
    assert source.is_asked.wait(LONG)
    assert (refresher.state.is_running, refresher.state.failure) == (True, failure)


def test_success_clears_a_failure_and_the_next_one_counts_from_its_own_time(
    make: Make, source: Source, clock: Clock
) -> None:
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    refresher = make().start()
    refresher.wait(LONG)
    source.trouble = None
    assert again(refresher).failure is None
    clock.now = NOON + 30 * MINUTE
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    failure = again(refresher).failure
    assert failure is not None
    assert failure.since == NOON + 30 * MINUTE


def test_after_a_failure_retries_come_soon_and_then_less_and_less_often(
    make: Make, source: Source
) -> None:
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    refresher = make().start()
    dues = [refresher.wait(LONG).due, *(again(refresher).due for _ in range(5))]
    assert dues == [NOON + minutes * MINUTE for minutes in (1, 2, 4, 8, 15, 15)]


def test_success_resets_the_pause_after_failures(make: Make, source: Source) -> None:
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    refresher = make().start()
    refresher.wait(LONG)
    again(refresher)
    source.trouble = None
    again(refresher)
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    assert again(refresher).due == NOON + MINUTE


def test_an_unexpected_error_is_shown_without_its_text_and_the_thread_survives(
    make: Make, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.trouble = ZeroDivisionError("something internal")
    refresher = make().start()
    state = refresher.wait(LONG)
    assert state.failure is not None
    assert "something internal" not in state.failure.reason
    assert "ZeroDivisionError" in caplog.text
    source.trouble = None
    assert again(refresher).snapshot is not None


def test_the_token_is_in_no_log(
    make: Make, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    source.trouble = ZeroDivisionError("something internal")
    refresher = make(Settings(token="a-secret-token")).start()
    refresher.wait(LONG)
    source.trouble = None
    again(refresher)
    assert "a-secret-token" not in caplog.text


# Stopping


def test_stop_ends_an_idle_thread(make: Make) -> None:
    refresher = make().start()
    refresher.wait(LONG)
    refresher.stop()
    assert not refresher.is_alive


def test_stop_before_the_start_does_nothing(make: Make) -> None:
    make().stop()


def test_waiting_for_a_stopped_refresher_returns_at_once(make: Make) -> None:
    refresher = make()
    refresher.stop()
    assert refresher.wait(LONG) == State()


# With a real socket


def settings_of(server: FakeChatbotx, token: str = "edge") -> Settings:
    return Settings(token=token, base_url=server.base_url)


def test_stop_in_the_middle_of_a_crawl_ends_the_thread_and_keeps_the_snapshot(
    edge_server: FakeChatbotx, clock: Clock
) -> None:
    asked = threading.Event()
    refresher = Refresher(settings_of(edge_server), clock=clock).start()
    good = refresher.wait(LONG).snapshot
    assert good is not None
    edge_server.faults = lambda request: asked.set()
    edge_server.latency = 60
    refresher.refresh()
    assert asked.wait(LONG)

    refresher.stop()

    assert not refresher.is_alive
    assert refresher.state == State(good)


def impatient(settings: Settings, **named: Any) -> Client:
    """A client that does not retry."""
    patience = Patience(attempts=1, first_pause=0)
    token = settings.token or ""
    return Client(settings.base_url, token, patience=patience, connections=2, **named)


def test_after_a_server_that_broke_down_in_mid_crawl_the_next_attempt_succeeds(
    edge_server: FakeChatbotx, clock: Clock
) -> None:
    def breaks_down(request: RecordedRequest) -> Answer | None:
        return Answer(500) if request.number > 2 else None

    edge_server.faults = breaks_down

    def connect(settings: Settings, *, as_of: datetime, cancelled: threading.Event) -> Client:
        return impatient(settings, cancelled=cancelled)

    refresher = Refresher(settings_of(edge_server), connect=connect, clock=clock).start()
    try:
        assert refresher.wait(LONG).failure is not None
        edge_server.faults = None
        state = again(refresher)
    finally:
        refresher.stop()
    assert state.failure is None
    assert state.snapshot is not None
    assert state.snapshot.contacts == 137


def test_a_refused_token_is_reported_without_the_token(
    edge_server: FakeChatbotx, clock: Clock
) -> None:
    refresher = Refresher(settings_of(edge_server, "not-the-token"), clock=clock).start()
    state = refresher.wait(LONG)
    refresher.stop()
    assert state.failure is not None
    assert "token" in state.failure.reason
    assert "not-the-token" not in repr(state)


# In the store


def stored(as_of: datetime = NOON) -> Snapshot:
    return Snapshot(TableBuilder().build(), Verdict(as_of))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Place(str(tmp_path / "workspace")))


def keep(store: Store, snapshot: Snapshot) -> None:
    assert Recorder(store).save(snapshot).notes == ()


def as_of(state: State) -> datetime | None:
    return state.snapshot.as_of if state.snapshot is not None else None


def test_the_stored_snapshot_is_shown_before_the_first_crawl_ends(
    make: Make, source: Source, store: Store
) -> None:
    keep(store, stored(NOON - timedelta(days=1)))
    source.is_open.clear()
    refresher = make(store=store).start()
    assert source.is_asked.wait(LONG)
    assert as_of(refresher.state) == NOON - timedelta(days=1)
    assert refresher.state.is_running


def test_an_old_stored_snapshot_is_refreshed_at_once(make: Make, store: Store) -> None:
    keep(store, stored(NOON - 15 * MINUTE))
    assert as_of(make(store=store).start().wait(LONG)) == NOON


def test_a_recent_stored_snapshot_is_not_refreshed_yet(
    make: Make, source: Source, store: Store
) -> None:
    keep(store, stored(NOON - 5 * MINUTE))
    state = make(store=store).start().wait(LONG)
    assert (as_of(state), state.due) == (NOON - 5 * MINUTE, NOON + 10 * MINUTE)
    assert source.crawls == []


def test_the_button_fetches_however_recent_the_stored_snapshot_is(make: Make, store: Store) -> None:
    keep(store, stored(NOON - 5 * MINUTE))
    refresher = make(store=store).start()
    refresher.wait(LONG)
    assert as_of(again(refresher)) == NOON


def test_a_stored_snapshot_from_the_future_is_shown_and_refreshed_at_once(
    make: Make, store: Store
) -> None:
    keep(store, stored(NOON + timedelta(days=365)))
    assert as_of(make(store=store).start().wait(LONG)) == NOON


def test_a_failure_keeps_the_stored_snapshot(make: Make, source: Source, store: Store) -> None:
    keep(store, stored(NOON - timedelta(days=1)))
    source.trouble = Unreachable("ChatbotX cannot be reached.")
    state = make(store=store).start().wait(LONG)
    assert as_of(state) == NOON - timedelta(days=1)
    assert state.failure == Failure(NOON, "ChatbotX cannot be reached.")


def test_a_new_snapshot_is_stored(make: Make, store: Store) -> None:
    make(store=store).start().wait(LONG)
    snapshot, _ = store.load()
    assert snapshot is not None
    assert (snapshot.as_of, snapshot.contacts) == (NOON, 20)


def test_a_snapshot_that_could_not_be_loaded_is_noted_until_the_next(
    make: Make, source: Source, store: Store
) -> None:
    keep(store, stored(NOON - timedelta(days=1)))
    for file in store.place.below("contacts").path("").glob("*.parquet"):
        file.write_bytes(b"{")
    source.is_open.clear()
    refresher = make(store=store).start()
    assert source.is_asked.wait(LONG)
    assert refresher.state.notes == (
        "Data that was saved before could not be used: one of its files is damaged.",
    )
    source.is_open.set()
    (note,) = refresher.wait(LONG).notes
    assert note.startswith("What changed since ")
    assert again(refresher).notes == ()


@pytest.mark.skipif(os.name != "posix", reason="other systems say it in other words")
def test_a_disk_that_cannot_be_written_is_a_note_and_no_failure(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = make(store=Store(Place(str(tmp_path / "file" / "workspace")))).start().wait(LONG)
    assert (as_of(state), state.failure) == (NOON, None)
    assert state.notes == (
        "This data could not be saved: a file stands where its folder should be. After a restart "
        "it has to be fetched again, and what changes meanwhile is not recorded.",
    )


class BrokenStore(Store):
    """Raises an error that nobody anticipated."""

    def load(self, *, tables: bool = True) -> tuple[Snapshot | None, tuple[str, ...]]:
        raise ZeroDivisionError

    def head(self) -> Head | None:
        raise ZeroDivisionError


def test_nothing_that_goes_wrong_on_disk_keeps_the_dashboard_from_fetching(
    make: Make, tmp_path: Path
) -> None:
    state = make(store=BrokenStore(Place(str(tmp_path)))).start().wait(LONG)
    assert as_of(state) == NOON
    assert state.notes == (
        "This data could not be saved. After a restart it has to be fetched again.",
    )


# One refresher for all sessions of a process


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refreshers do not start."""
    monkeypatch.setattr(Refresher, "start", lambda self: self)
    yield
    refreshers.stop_all()


@pytest.mark.usefixtures("idle")
def test_a_workspace_has_one_refresher_in_a_process() -> None:
    settings = Settings(token="a")
    assert refreshers.refresher_of(settings) is refreshers.refresher_of(replace(settings))


@pytest.mark.usefixtures("idle")
def test_settings_that_do_not_identify_the_workspace_make_no_other_refresher() -> None:
    settings = Settings(token="a")
    renamed = replace(settings, label="Renamed", refresh_minutes=5, timezone="Asia/Tokyo")
    assert refreshers.refresher_of(settings) is refreshers.refresher_of(renamed)
    others = [
        replace(settings, token="b"),
        replace(settings, base_url="https://b.io"),
        replace(settings, default_region="BR"),
    ]
    assert len({refreshers.refresher_of(each) for each in [settings, *others]}) == 4


def test_a_workspace_that_is_no_longer_configured_is_no_longer_fetched(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    kept, gone = (
        Settings(token=token, base_url=edge_server.base_url, store=str(tmp_path))
        for token in ("edge", "empty")
    )
    try:
        refreshers.start_all([kept, gone])
        before = {each.token: refreshers.refresher_of(each) for each in (kept, gone)}
        for refresher in before.values():
            refresher.wait(LONG)
        refreshers.start_all([kept])
        assert before["edge"].is_alive
        assert not before["empty"].is_alive
        assert refreshers.refresher_of(kept) is before["edge"]
    finally:
        refreshers.stop_all()


@pytest.mark.usefixtures("idle")
def test_another_workspace_has_another() -> None:
    first, second = (refreshers.refresher_of(Settings(token=token)) for token in "ab")
    assert first is not second


@pytest.mark.usefixtures("idle")
def test_after_stopping_all_a_workspace_starts_afresh() -> None:
    first = refreshers.refresher_of(Settings(token="a"))
    refreshers.stop_all()
    assert refreshers.refresher_of(Settings(token="a")) is not first


def test_the_demo_workspace_is_not_kept_on_disk(tmp_path: Path) -> None:
    try:
        state = refreshers.refresher_of(Settings(token=None, store=str(tmp_path))).wait(LONG)
    finally:
        refreshers.stop_all()
    assert state.snapshot is not None
    assert not list(tmp_path.iterdir())


def test_a_real_workspace_is(edge_server: FakeChatbotx, tmp_path: Path) -> None:
    settings = Settings(token="edge", base_url=edge_server.base_url, store=str(tmp_path))
    try:
        shown = refreshers.refresher_of(settings).wait(LONG).snapshot
    finally:
        refreshers.stop_all()
    store = store_of(settings)
    assert store is not None
    assert Path(store.place.root).parent == tmp_path
    kept, notes = store.load()
    assert (kept and kept.as_of, notes) == (shown and shown.as_of, ())


# Several workspaces


def test_the_token_of_each_workspace_goes_to_its_own_server_only(
    edge_contacts: list[Contact], tmp_path: Path
) -> None:
    with (
        FakeChatbotx({"token-of-main": edge_contacts}) as main,
        FakeChatbotx({"token-of-sales": edge_contacts[:60]}) as sales,
    ):
        tables = {
            "main": {"token": "token-of-main", "base_url": main.base_url},
            "sales": {"token": "token-of-sales", "base_url": sales.base_url},
        }
        configured = load_all(
            {"CHATBOTX_SNAPSHOT_DIR": str(tmp_path)}, {"workspaces": tables}
        ).workspaces
        refreshers.start_all(configured)
        try:
            states = [refreshers.refresher_of(each).wait(LONG) for each in configured]
        finally:
            refreshers.stop_all()
        assert {request.token for request in main.requests} == {"token-of-main"}
        assert {request.token for request in sales.requests} == {"token-of-sales"}
    assert [state.snapshot and state.snapshot.contacts for state in states] == [137, 60]
    folders = [Path(store.place.root) for each in configured if (store := store_of(each))]
    assert [folder.parent.name for folder in folders] == ["workspace-main", "workspace-sales"]
    assert len({folder.name for folder in folders}) == 2


def test_workspaces_of_one_server_are_kept_apart(edge_server: FakeChatbotx, tmp_path: Path) -> None:
    """One workspace's data is never shown for another, not even after a restart."""
    tables = {name: {"token": name, "base_url": edge_server.base_url} for name in ("edge", "empty")}
    configured = load_all(
        {"CHATBOTX_SNAPSHOT_DIR": str(tmp_path)}, {"workspaces": tables}
    ).workspaces
    for _ in ("first", "after a restart"):
        refreshers.start_all(configured)
        try:
            states = [refreshers.refresher_of(each).wait(LONG) for each in configured]
        finally:
            refreshers.stop_all()
        assert [state.snapshot and state.snapshot.contacts for state in states] == [137, 0]


def test_a_failure_of_one_workspace_is_none_of_the_other(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    tables = {name: {"token": name, "base_url": edge_server.base_url} for name in ("edge", "gone")}
    configured = load_all(
        {"CHATBOTX_SNAPSHOT_DIR": str(tmp_path)}, {"workspaces": tables}
    ).workspaces
    refreshers.start_all(configured)
    try:
        states = [refreshers.refresher_of(each).wait(LONG) for each in configured]
    finally:
        refreshers.stop_all()
    assert [state.failure is None for state in states] == [True, False]
    assert [state.snapshot is None for state in states] == [False, True]
