"""What a crawl remembers of the contacts that it passed on: sixteen bytes of each."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from lib.chatbotx.keys import AFTER_ALL, BEFORE_ALL

_BLOCK = 65_536
"""Contacts that are looked at together."""

_MINUTE = len("2026-06-30T12:15")


class Received:
    """Which contacts came, and whether in several versions: hashes of ids, and of what they held.

    Twelve bytes a contact; in blocks, each in the order of the ids.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[np.ndarray, np.ndarray]] = []
        self._ids, self._prints = array("q"), array("q")
        self._latest: set[int] = set()

    def add(self, ids: Iterable[str | None], prints: Iterable[int]) -> None:
        self._ids.extend(map(hash, ids))
        self._prints.extend(prints)
        if len(self._ids) >= _BLOCK:
            self._pack()

    def has(self, contact: str | None) -> bool:
        if len(self._latest) != len(self._ids):
            self._latest = set(self._ids)
        number = hash(contact)
        return number in self._latest or any(_holds(ids, number) for ids, _ in self._blocks)

    def repeated_differently(self) -> int:
        """How many ids came more than once with other contents."""
        self._pack()
        number = 0
        total = sum(len(ids) for ids, _ in self._blocks)
        edges = np.linspace(-(2.0**63), 2.0**63, total // 10**6 + 2)[1:-1].astype(np.int64)
        cuts = [[0, *np.searchsorted(ids, edges), len(ids)] for ids, _ in self._blocks]
        for part in range(len(edges) + 1 if total else 0):
            slices = [slice(cut[part], cut[part + 1]) for cut in cuts]
            places = list(zip(self._blocks, slices, strict=True))
            ids = np.concatenate([ids[where] for (ids, _), where in places])
            prints = np.concatenate([prints[where] for (_, prints), where in places])
            order = np.lexsort((prints, ids))
            ids, prints = ids[order], prints[order]
            differs = (ids[1:] == ids[:-1]) & (prints[1:] != prints[:-1])
            number += len(np.unique(ids[1:][differs]))
        return number

    def _pack(self) -> None:
        if not self._ids:
            return
        ids = np.frombuffer(self._ids, np.int64)
        order = np.argsort(ids)
        # Half of the print will do to tell the few versions of one contact apart.
        prints = np.frombuffer(self._prints, np.int64)[order].astype(np.int32)
        self._blocks.append((ids[order], prints))
        self._ids, self._prints, self._latest = array("q"), array("q"), set()


class Creations:
    """When contacts were created, to the minute. Four bytes a contact."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._texts: list[str] = []
        self._are_known = True

    def add(self, texts: Iterable[str]) -> None:
        """Times as the API writes them, or the edges of a page."""
        self._texts += texts
        if len(self._texts) >= _BLOCK:
            self._pack()

    def minutes(self) -> np.ndarray:
        """Since 1970, of all of them, in order; none where the time of one is not known."""
        self._pack()
        if not self._are_known or not self._blocks:
            return np.zeros(0, np.int64)
        minutes: np.ndarray = np.sort(np.concatenate(self._blocks))
        return minutes

    def _pack(self) -> None:
        if not self._texts:
            return
        minutes = _minutes(self._texts)
        self._are_known &= len(minutes) == len(self._texts)
        self._blocks.append(minutes)
        self._texts = []


def _minutes(texts: Sequence[str]) -> np.ndarray:
    """Of those that are known."""
    known = [text[:_MINUTE] for text in texts if text not in (BEFORE_ALL, AFTER_ALL)]
    try:
        minutes = np.array(known, dtype="datetime64[m]").view(np.int64)
    except ValueError:  # what has the shape of a time need not be one
        return _minutes([text for text in texts if _is_time(text)])
    small = minutes.astype(np.int32)
    return small if np.array_equal(small, minutes) else minutes


def _is_time(text: str) -> bool:
    try:
        np.datetime64(text[:_MINUTE], "m")
    except ValueError:
        return False
    return True


def _holds(ids: np.ndarray, number: int) -> bool:
    place = int(np.searchsorted(ids, number))
    return place < len(ids) and bool(ids[place] == number)
