"""Records what a page shows as it is drawn, for its file and workbook.

A recorder belongs to one run of a page. It is never stored in the session, which lives as long as
the tab and would keep tables of replaced snapshots alive.
"""

from collections.abc import Sequence
from contextvars import ContextVar

from lib.outputs.shown import Item, Page


class Recorder:
    """What has been shown so far."""

    def __init__(self, question: str, sentence: str, context: Sequence[tuple[str, str]]) -> None:
        self._question = question
        self._sentence = sentence
        self._context = tuple(context)
        self._items: list[Item] = []

    def note(self, item: Item) -> None:
        self._items.append(item)

    def page(self) -> Page:
        return Page(self._question, self._sentence, self._context, tuple(self._items))


_current: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def begin(question: str, sentence: str, context: Sequence[tuple[str, str]]) -> Recorder:
    """Start a new recorder for the rest of this run."""
    recorder = Recorder(question, sentence, context)
    _current.set(recorder)
    return recorder


def note(item: Item) -> None:
    """Record what the page shows; ignored before the page has a head."""
    recorder = _current.get()
    if recorder is not None:
        recorder.note(item)
