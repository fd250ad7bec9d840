"""Waiting for results, and cancelling those that nobody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from lib.engines import flights
from lib.engines.errors import EngineError
from lib.engines.flights import Cancelled, Flight
from lib.engines.results import Results

LONG = 20.0
"""Timeout in seconds, never reached here."""


class MovedOn(Exception):
    """A viewer has left."""


class Owner:
    """An owner of results."""


class Viewer:
    """A viewer who waits for a result in a separate thread, until they leave."""

    def __init__(self, ask: Callable[[], object], *, watches: bool = True) -> None:
        self.waits, self.moves_on = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._asked = self._pool.submit(self._ask, ask, watches)

    def _ask(self, ask: Callable[[], object], watches: bool) -> object:
        with flights.watched(self._watch) if watches else nullcontext():
            return ask()

    def _watch(self, flight: Flight) -> None:
        self.waits.set()
        while not flight.is_over(0.01):
            if self.moves_on.is_set():
                raise MovedOn

    def sees(self) -> object:
        return self._asked.result(LONG)

    def goes(self) -> None:
        assert self.waits.wait(LONG)
        self.moves_on.set()
        with pytest.raises(MovedOn):
            self.sees()


class Question:
    """A question that takes until it is answered or interrupted; it misses some interruptions."""

    def __init__(self, misses: int = 0) -> None:
        self.asked = 0
        self._misses = misses
        self.begun, self.answered, self.interrupted = (threading.Event() for _ in range(3))
        self._ends = threading.Event()

    def __call__(self) -> str:
        self.asked += 1
        self.begun.set()
        with flights.ended_by(self._interrupt, lambda: 0.25):
            assert self._ends.wait(LONG)
        if self.interrupted.is_set():
            raise Cancelled
        return "the answer"

    def _interrupt(self) -> None:
        if self._misses:
            self._misses -= 1
            return
        self.interrupted.set()
        self._ends.set()

    def answer(self) -> None:
        self._ends.set()


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is involved, and cancelling has no delay."""
    monkeypatch.setattr(flights, "GRACE", 0.0)


def test_whoever_watches_gets_the_result() -> None:
    results, owner = Results(), Owner()
    assert Viewer(lambda: results.get(owner, "key", lambda: "found")).sees() == "found"
    assert results.get(owner, "key", lambda: pytest.fail("asked again")) == "found"


def test_what_is_raised_reaches_whoever_watches() -> None:
    results, owner = Results(), Owner()

    def fail() -> None:
        raise ValueError("this time")

    with pytest.raises(ValueError, match="this time"):
        Viewer(lambda: results.get(owner, "key", fail)).sees()


def test_a_question_is_cancelled_when_its_only_viewer_moves_on() -> None:
    results, owner, question = Results(), Owner(), Question()
    viewer = Viewer(lambda: results.get(owner, "key", question))
    assert question.begun.wait(LONG)
    viewer.goes()
    assert question.interrupted.wait(LONG)


def test_a_question_that_misses_an_interruption_is_interrupted_again() -> None:
    results, owner, question = Results(), Owner(), Question(misses=2)
    viewer = Viewer(lambda: results.get(owner, "key", question))
    assert question.begun.wait(LONG)
    viewer.goes()
    assert question.interrupted.wait(LONG)


def test_a_question_goes_on_while_another_viewer_waits_for_it() -> None:
    results, owner, question = Results(), Owner(), Question()
    one, other = (Viewer(lambda: results.get(owner, "key", question)) for _ in range(2))
    assert other.waits.wait(LONG)
    one.goes()
    question.answer()
    assert other.sees() == "the answer"
    assert question.asked == 1
    assert not question.interrupted.is_set()


def test_a_question_goes_on_while_somebody_waits_who_sees_nothing() -> None:
    """Such as a digest, or a file being made."""
    results, owner, question = Results(), Owner(), Question()
    unseen = Viewer(lambda: results.get(owner, "key", question), watches=False)
    assert question.begun.wait(LONG)
    Viewer(lambda: results.get(owner, "key", question)).goes()
    question.answer()
    assert unseen.sees() == "the answer"
    assert not question.interrupted.is_set()


def test_a_result_that_two_results_need_goes_on_while_one_of_these_is_wanted() -> None:
    results, owner, question = Results(), Owner(), Question()

    def needs_it(key: str) -> Viewer:
        return Viewer(
            lambda: results.get(owner, key, lambda: (key, results.get(owner, "both", question)))
        )

    one = needs_it("one")
    assert question.begun.wait(LONG)
    other = needs_it("other")
    assert other.waits.wait(LONG)
    one.goes()
    question.answer()
    assert other.sees() == ("other", "the answer")
    assert question.asked == 1


def test_a_result_that_only_a_cancelled_one_needs_is_cancelled() -> None:
    results, owner, question = Results(), Owner(), Question()
    viewer = Viewer(
        lambda: results.get(owner, "outer", lambda: results.get(owner, "inner", question))
    )
    assert question.begun.wait(LONG)
    viewer.goes()
    assert question.interrupted.wait(LONG)


def test_what_was_cancelled_is_asked_again_by_whoever_comes_then() -> None:
    results, owner, question = Results(), Owner(), Question()
    viewer = Viewer(lambda: results.get(owner, "key", question))
    assert question.begun.wait(LONG)
    viewer.goes()
    assert question.interrupted.wait(LONG)
    assert Viewer(lambda: results.get(owner, "key", lambda: "another")).sees() == "another"


def test_whoever_comes_back_at_once_finds_the_question_still_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flights, "GRACE", LONG)
    results, owner, question = Results(), Owner(), Question()
    viewer = Viewer(lambda: results.get(owner, "key", question))
    assert question.begun.wait(LONG)
    viewer.goes()
    again = Viewer(lambda: results.get(owner, "key", question))
    assert again.waits.wait(LONG)
    question.answer()
    assert again.sees() == "the answer"
    assert question.asked == 1


def test_progress_of_what_is_asked_reaches_whoever_waits_for_what_needs_it() -> None:
    results, owner, question, shares = Results(), Owner(), Question(), list[float | None]()

    def watch(flight: Flight) -> None:
        while not flight.is_over(0.01):
            shares.append(flight.share)
            if 0.25 in shares:
                question.answer()

    with flights.watched(watch):
        results.get(owner, "outer", lambda: results.get(owner, "inner", question))
    assert 0.25 in shares


def test_one_failure_of_an_engine_is_that_of_all_who_wait() -> None:
    """It took long, and would take as long for each."""
    results, owner, asked, fails = Results(), Owner(), [], threading.Event()

    def fail() -> None:
        asked.append(1)
        assert fails.wait(LONG)
        raise EngineError("no answer")

    viewers = [Viewer(lambda: results.get(owner, "key", fail)) for _ in range(5)]
    for viewer in viewers:
        assert viewer.waits.wait(LONG)
    fails.set()
    for viewer in viewers:
        with pytest.raises(EngineError, match="no answer"):
            viewer.sees()
    assert len(asked) == 1


def test_an_answer_that_comes_late_for_what_is_gone_is_kept_for_nobody() -> None:
    results, older, newer, question = Results(), Owner(), Owner(), Question()
    viewer = Viewer(lambda: results.get(older, "key", question))
    assert question.begun.wait(LONG)
    results.forget(older)
    assert results.get(newer, "key", lambda: "of the newer one") == "of the newer one"
    question.answer()
    assert viewer.sees() == "the answer"
    assert results.get(newer, "key", lambda: "") == "of the newer one"
    assert results.get(older, "key", lambda: "asked anew") == "asked anew"


def test_a_lock_is_not_waited_for_by_what_nobody_wants() -> None:
    results, owner, lock = Results(), Owner(), flights.PatientLock()
    ended = threading.Event()

    def ask() -> None:
        try:
            with lock:
                pytest.fail("it was free")
        except Cancelled:
            ended.set()
            raise

    with lock:
        Viewer(lambda: results.get(owner, "key", ask)).goes()
        assert ended.wait(LONG)
