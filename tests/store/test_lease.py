"""A lease: one holder at a time, and none for ever."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lib.store.documents import LocalDocuments, Version
from lib.store.lease import Lease

TERM = 20.0


class Timer:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Timer:
    return Timer()


def lease(folder: Path, timer: Timer, name: str = "sales") -> Lease:
    """The same lease in another process."""
    return Lease(LocalDocuments(folder), name, term=TERM, timer=timer)


def test_one_of_two_holds_it(tmp_path: Path, timer: Timer) -> None:
    one, other = lease(tmp_path, timer), lease(tmp_path, timer)
    assert one.take()
    assert not other.take()
    assert one.take()


def test_of_many_that_ask_at_once_one_gets_it(tmp_path: Path, timer: Timer) -> None:
    asking = threading.Barrier(8)
    got: list[bool] = []

    def ask() -> None:
        mine = lease(tmp_path, timer)
        asking.wait(60)
        got.append(mine.take())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == [False] * 7 + [True]


def test_what_is_given_back_is_free_at_once(tmp_path: Path, timer: Timer) -> None:
    one, other = lease(tmp_path, timer), lease(tmp_path, timer)
    assert one.take()
    with one.kept():
        assert not other.take()
    assert other.take()
    assert not one.take()


def test_it_is_given_back_when_what_was_done_with_it_fails(tmp_path: Path, timer: Timer) -> None:
    one, other = lease(tmp_path, timer), lease(tmp_path, timer)
    assert one.take()
    with pytest.raises(ZeroDivisionError), one.kept():
        raise ZeroDivisionError
    assert other.take()


def test_of_a_holder_that_died_it_is_free_after_its_term(tmp_path: Path, timer: Timer) -> None:
    dead, other = lease(tmp_path, timer), lease(tmp_path, timer)
    assert dead.take()
    timer.now = 1_000  # however long ago
    assert not other.take()
    timer.now += TERM - 1
    assert not other.take()
    timer.now += 1
    assert other.take()
    assert not dead.take()


def test_a_holder_that_lives_keeps_it(tmp_path: Path, timer: Timer) -> None:
    living = Lease(LocalDocuments(tmp_path), "sales", term=0.04)
    other = lease(tmp_path, timer)
    assert living.take()
    with living.kept():
        before = LocalDocuments(tmp_path).get("lease-sales")
        for _ in range(3):
            assert not other.take()
            timer.now += TERM
            before = changed_since(tmp_path, before)
        assert not other.take()


def changed_since(
    folder: Path, before: tuple[bytes, Version] | None
) -> tuple[bytes, Version] | None:
    waited = threading.Event()
    for _ in range(6_000):
        now = LocalDocuments(folder).get("lease-sales")
        if now != before:
            return now
        waited.wait(0.01)
    raise AssertionError("it is not written anew")


def test_one_that_was_held_up_does_not_take_it_back(tmp_path: Path, timer: Timer) -> None:
    slow, other = lease(tmp_path, timer), lease(tmp_path, timer)
    assert slow.take()
    assert not other.take()
    with slow.kept():
        timer.now += TERM
        assert other.take()
    assert not slow.take()
    assert other.take()


def test_leases_of_two_workspaces_are_two(tmp_path: Path, timer: Timer) -> None:
    assert lease(tmp_path, timer, "sales").take()
    assert lease(tmp_path, timer, "support").take()


@pytest.mark.parametrize("body", [b"", b"{", b'{"holder": 7, "beat": 1}', b'"x"', b"\xff"])
def test_what_nobody_understands_is_free(tmp_path: Path, timer: Timer, body: bytes) -> None:
    assert LocalDocuments(tmp_path).put("lease-sales", body, None)
    assert lease(tmp_path, timer).take()


def test_where_documents_cannot_be_reached_it_is_said(tmp_path: Path, timer: Timer) -> None:
    (tmp_path / "notify.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match="cannot be used"):
        lease(tmp_path, timer).take()
