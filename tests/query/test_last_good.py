"""The snapshot that pages show while an engine gives no answer."""

from __future__ import annotations

from datetime import timedelta

from lib.chatbotx.crawl import Verdict
from lib.engines.errors import EngineError
from lib.query.last_good import AGAIN_AFTER, LastGood
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from tests.workspaces import AS_OF, tables_of

DUCKDB = Settings(token="t", engine="duckdb")
FAILED = EngineError("no answer")


def snapshot(hours: int) -> Snapshot:
    return Snapshot(tables_of(), Verdict(AS_OF + timedelta(hours=hours)))


OLDER, NEWER = snapshot(0), snapshot(1)


def test_older_numbers_are_shown_while_there_is_no_answer_about_newer_ones() -> None:
    last = LastGood()
    last.answered(DUCKDB, OLDER, None)
    assert last.to_show(DUCKDB, NEWER, None).snapshot is NEWER
    assert last.failed(DUCKDB, NEWER, FAILED)
    shown = last.to_show(DUCKDB, NEWER, None)
    assert (shown.snapshot, shown.reason) == (OLDER, "no answer")


def test_there_are_none_where_the_engine_never_answered() -> None:
    last = LastGood()
    assert not last.failed(DUCKDB, NEWER, FAILED)
    assert last.to_show(DUCKDB, NEWER, None).snapshot is NEWER


def test_a_question_about_the_last_good_one_itself_has_no_older_one() -> None:
    last = LastGood()
    last.answered(DUCKDB, OLDER, None)
    assert not last.failed(DUCKDB, OLDER, FAILED)


def test_after_a_minute_or_when_somebody_wants_it_the_engine_is_asked_again() -> None:
    now = [0.0]
    last = LastGood(lambda: now[0])
    last.answered(DUCKDB, OLDER, None)
    last.failed(DUCKDB, NEWER, FAILED)
    now[0] += AGAIN_AFTER
    assert last.to_show(DUCKDB, NEWER, None).snapshot is NEWER
    last.failed(DUCKDB, NEWER, FAILED)
    last.ask_again(DUCKDB)
    assert last.to_show(DUCKDB, NEWER, None).snapshot is NEWER


def test_a_page_of_older_data_that_is_drawn_late_does_not_become_the_last() -> None:
    last = LastGood()
    last.answered(DUCKDB, NEWER, None)
    last.answered(DUCKDB, OLDER, None)
    newest = snapshot(2)
    last.failed(DUCKDB, newest, FAILED)
    shown = last.to_show(DUCKDB, newest, None)
    assert shown.snapshot is NEWER


def test_no_snapshot_in_memory_is_held() -> None:
    last, memory = LastGood(), Settings(token="t")
    last.answered(memory, OLDER, None)
    assert not last.failed(memory, NEWER, FAILED)
