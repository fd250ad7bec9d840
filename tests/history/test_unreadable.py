"""History that a page can do without."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from lib.engines.errors import EngineError
from lib.history.unreadable import unless_unreadable
from lib.store.place import StoreError, Unreadable


def raising(error: Exception) -> Callable[[], int]:
    def read() -> int:
        raise error

    return read


def test_what_can_be_read_is_returned() -> None:
    assert unless_unreadable(lambda: 7, 0) == 7


@pytest.mark.parametrize(
    "error", [StoreError("no bucket"), Unreadable("a newer format"), EngineError("too slow")]
)
def test_what_cannot_be_read_is_left_out_and_the_log_says_why(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert unless_unreadable(raising(error), 0) == 0
    assert str(error) in caplog.text


def test_a_mistake_of_ours_is_not_taken_for_an_unreadable_store() -> None:
    with pytest.raises(KeyError):
        unless_unreadable(raising(KeyError("seen")), 0)
