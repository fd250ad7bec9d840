"""Notes what a page shows as it is drawn, for its file and its workbook.

A recorder belongs to one run of a page. Nothing of it is kept in the session, which lives as long
as the tab and would hold the tables of snapshots long replaced.
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
    """A new recorder for the page that is drawn from now on in this run."""
    recorder = Recorder(question, sentence, context)
    _current.set(recorder)
    return recorder


def note(item: Item) -> None:
    """Notes what the page shows; before the page has a head, nothing is noted."""
    recorder = _current.get()
    if recorder is not None:
        recorder.note(item)
