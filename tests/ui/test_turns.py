from __future__ import annotations

import threading
import time

import pytest

from lib.ui.turns import MOST_AT_ONCE, Turns, given_back, turn


def test_so_many_pages_are_computed_at_once_and_all_get_their_turn() -> None:
    running, most, done = 0, 0, 0
    lock = threading.Lock()
    all_run = threading.Barrier(MOST_AT_ONCE)

    def compute() -> None:
        nonlocal running, most, done
        with turn():
            with lock:
                running += 1
                most = max(most, running)
            all_run.wait(60)
            with lock:
                running -= 1
                done += 1

    threads = [threading.Thread(target=compute) for _ in range(6 * MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, done) == (MOST_AT_ONCE, 6 * MOST_AT_ONCE)


def test_a_page_that_fails_gives_its_turn_back() -> None:
    for _ in range(MOST_AT_ONCE + 1):
        with pytest.raises(RuntimeError), turn():
            raise RuntimeError


def test_whoever_waits_for_a_browser_lets_others_go_on() -> None:
    may_end = threading.Event()
    waiting = threading.Barrier(MOST_AT_ONCE + 1)

    def compute() -> None:
        with turn(), given_back():
            waiting.wait(60)
            may_end.wait(60)

    threads = [threading.Thread(target=compute) for _ in range(MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    waiting.wait(60)
    with turn():
        may_end.set()
    for thread in threads:
        thread.join(60)
    with given_back():
        pass


def test_a_viewer_with_many_tabs_keeps_the_next_one_waiting_for_one_of_them() -> None:
    turns, computed = Turns(1), list[str]()
    turns.take("Ana")

    def compute(viewer: str) -> None:
        turns.take(viewer)
        computed.append(viewer)
        turns.give_back()

    threads = []
    for viewer in ("Ana", "Ana", "Ana", "Bia", "Bia", "Cid"):
        threads.append(threading.Thread(target=compute, args=(viewer,)))
        threads[-1].start()
        while turns.waiting < len(threads):
            time.sleep(0.001)
    turns.give_back()
    for thread in threads:
        thread.join(5)
    assert computed == ["Ana", "Bia", "Cid", "Ana", "Bia", "Ana"]
