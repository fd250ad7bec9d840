"""The limit on concurrent crawls, and which of them comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lib.refresh.crawls import Crawls
from tests.refresh.conftest import LONG


class Crawl:
    """A crawl that runs until the test ends it."""

    def __init__(self, crawls: Crawls, *, is_wanted: bool = False) -> None:
        self.begun, self.ends, self.stopped = (threading.Event() for _ in range(3))
        self.may: bool | None = None
        self._crawls, self._is_wanted = crawls, is_wanted
        self.thread = threading.Thread(target=self._run, daemon=True)
        waiting = crawls.waiting + crawls.running
        self.thread.start()
        while crawls.waiting + crawls.running == waiting:
            self.thread.join(0.001)

    def _run(self) -> None:
        with self._crawls.turn(lambda: self._is_wanted, self.stopped) as self.may:
            self.begun.set()
            self.ends.wait(LONG)

    def end(self) -> None:
        self.ends.set()
        self.thread.join(LONG)


@contextmanager
def ended(*crawls: Crawl) -> Iterator[None]:
    yield
    for crawl in crawls:
        crawl.ends.set()  # all before joining any: one may wait for the turn of another
    for crawl in crawls:
        crawl.end()


def test_no_more_than_the_bound_run_at_once() -> None:
    crawls = Crawls(2)
    one, other, third = (Crawl(crawls) for _ in range(3))
    with ended(one, other, third):
        assert one.begun.wait(LONG)
        assert other.begun.wait(LONG)
        assert not third.begun.is_set()
        one.end()
        assert third.begun.wait(LONG)


def test_a_crawl_that_somebody_waits_for_comes_first() -> None:
    crawls = Crawls(1)
    running, earlier = Crawl(crawls), Crawl(crawls)
    wanted = Crawl(crawls, is_wanted=True)
    with ended(running, earlier, wanted):
        running.end()
        assert wanted.begun.wait(LONG)
        assert not earlier.begun.is_set()


def test_equal_crawls_start_in_order_of_arrival() -> None:
    crawls = Crawls(1)
    running, first, second = (Crawl(crawls) for _ in range(3))
    with ended(running, first, second):
        running.end()
        assert first.begun.wait(LONG)
        assert not second.begun.is_set()


def test_a_crawl_that_is_stopped_while_it_waits_does_not_start() -> None:
    crawls = Crawls(1)
    running, waiting = Crawl(crawls), Crawl(crawls)
    with ended(running, waiting):
        waiting.stopped.set()
        assert waiting.begun.wait(LONG)
        assert waiting.may is False


def test_a_higher_limit_starts_waiting_crawls() -> None:
    crawls = Crawls(1)
    running, waiting = Crawl(crawls), Crawl(crawls)
    with ended(running, waiting):
        crawls.bound(2)
        assert waiting.begun.wait(LONG)
