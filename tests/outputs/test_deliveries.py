"""The ledger: what is committed, in which order, and what is never done twice."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib.insights.alerts import Change
from lib.outputs.deliveries import (
    KEPT,
    LONGEST_SENDING,
    PAUSES,
    Deliveries,
    Delivery,
    Ledger,
    Outcome,
    due,
    settle,
)
from lib.store.documents import BucketDocuments, LocalDocuments
from tests.bucket import place_in

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
ROW = Delivery("digest-1", "digest", "example.com", NOW)
DONE = Outcome("done", "Taken.")
FAILED = Outcome("failed", "Down.")


@pytest.fixture(params=["folder", "bucket"])
def deliveries(request: pytest.FixtureRequest, tmp_path: Path) -> Deliveries:
    if request.param == "folder":
        return Deliveries(LocalDocuments(tmp_path), "boss")
    endpoint: str = request.getfixturevalue("endpoint")
    return Deliveries(BucketDocuments(place_in(endpoint, uuid.uuid4().hex)), "boss")


def planned(deliveries: Deliveries) -> Delivery:
    deliveries.change(lambda ledger: ledger.with_delivery(ROW))
    return ROW


def test_one_process_only_begins(deliveries: Deliveries) -> None:
    row = planned(deliveries)
    assert deliveries.begin(row, NOW)
    assert not deliveries.begin(row, NOW)
    assert deliveries.end(row, DONE, NOW).state == "done"
    assert not deliveries.begin(row, NOW)


def test_a_message_is_not_begun_if_another_alert_joined_it_after_it_was_written(
    deliveries: Deliveries,
) -> None:
    began = Change("backlog", True, NOW, "3 people wait.", "Alerts above 2.", "workload")
    written = replace(ROW, id="alerts-1", kind="alerts", tells=(began,))
    joined = replace(written, tells=(began, replace(began, key="unassigned")))
    deliveries.change(lambda ledger: ledger.with_delivery(joined))
    assert not deliveries.begin(written, NOW)
    assert deliveries.begin(joined, NOW)


def test_of_twenty_threads_one_begins(deliveries: Deliveries) -> None:
    row = planned(deliveries)
    begun: list[bool] = []
    threads = [
        threading.Thread(target=lambda: begun.append(deliveries.begin(row, NOW))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False] * 19 + [True]


def test_what_failed_is_tried_again_later_and_later_until_it_is_given_up(
    deliveries: Deliveries,
) -> None:
    row, now, waits = planned(deliveries), NOW, []
    while True:
        assert deliveries.begin(row, now)
        row = deliveries.end(row, FAILED, now)
        if row.state == "given up":
            break
        assert row.due is not None
        assert due(deliveries.read(), row.due - timedelta(seconds=1)) == []
        assert due(deliveries.read(), row.due) == [row]
        waits.append(row.due - now)
        now = row.due
    assert tuple(waits) == PAUSES
    assert "6 attempts" in row.outcome
    assert due(deliveries.read(), now + timedelta(days=9)) == []


def test_who_asks_to_be_left_alone_is_for_as_long_as_is_sensible(deliveries: Deliveries) -> None:
    row = planned(deliveries)
    deliveries.begin(row, NOW)
    ended = deliveries.end(row, replace(FAILED, retry_after=timedelta(days=9)), NOW)
    assert ended.due == NOW + max(PAUSES)


def test_what_was_begun_and_never_ended_is_not_sent_again_and_said(deliveries: Deliveries) -> None:
    row = planned(deliveries)
    deliveries.begin(row, NOW)
    soon, late = NOW + timedelta(minutes=1), NOW + LONGEST_SENDING + timedelta(seconds=1)
    assert deliveries.change(lambda ledger: settle(ledger, soon)).deliveries[0].state == "begun"
    settled = deliveries.change(lambda ledger: settle(ledger, late))
    assert settled.deliveries[0].state == "unclear"
    assert "not sent again" in settled.deliveries[0].outcome
    assert due(settled, late) == []


def test_a_process_that_was_only_asleep_may_still_say_how_it_ended(deliveries: Deliveries) -> None:
    row = planned(deliveries)
    deliveries.begin(row, NOW)
    deliveries.change(lambda ledger: settle(ledger, NOW + timedelta(hours=1)))
    assert deliveries.end(row, DONE, NOW + timedelta(hours=1)).state == "done"


def test_a_clock_that_is_set_back_sends_nothing_twice_and_waits_for_nothing_for_ever(
    deliveries: Deliveries,
) -> None:
    row = planned(deliveries)
    deliveries.begin(row, NOW)
    before = NOW - timedelta(days=3)
    assert settle(deliveries.read(), before).deliveries[0].state == "unclear"
    failed = replace(ROW, state="failed", attempts=1, due=NOW)
    assert due(Ledger((failed,)), before) == [failed]


def test_old_rows_go_and_open_ones_stay(deliveries: Deliveries) -> None:
    rows = tuple(
        replace(ROW, id=str(n), planned=NOW + n * timedelta(hours=1), state="done")
        for n in range(KEPT + 50)
    )
    oldest = replace(ROW, id="open", planned=NOW - timedelta(days=900))
    deliveries.change(lambda ledger: replace(ledger, deliveries=(oldest, *rows)))
    kept = deliveries.read().deliveries
    assert [each.id for each in kept] == ["open", *[str(n) for n in range(50, KEPT + 50)]]


def test_a_record_that_cannot_be_read_stops_sending(tmp_path: Path) -> None:
    documents = LocalDocuments(tmp_path)
    documents.put("boss", b"not JSON", None)
    with pytest.raises(OSError, match="is damaged"):
        Deliveries(documents, "boss").read()


def test_a_file_that_is_none_of_ours_stops_sending(tmp_path: Path) -> None:
    (tmp_path / "notify.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(OSError, match="cannot be used"):
        Deliveries(LocalDocuments(tmp_path), "boss").read()
