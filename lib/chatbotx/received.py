"""Compact records of the contacts that a crawl passed on: sixteen bytes each in total."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from lib.chatbotx.keys import AFTER_ALL, BEFORE_ALL

BLOCK = 65_536
"""Number of contacts that are packed together."""

_MINUTE = len("2026-06-30T12:15")


class Received:
    """Which contacts came, and in which versions, as hashes of their ids and of their contents.

    Twelve bytes a contact, in blocks of `block` contacts that are each sorted by id.
    """

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block
        self._blocks: list[tuple[np.ndarray, np.ndarray]] = []
        self._ids, self._prints = array("q"), array("q")
        self._latest: set[int] = set()
        self._looked_up = 0
        """Number of `_ids`, repeated ones included, that `_latest` holds."""

    def add(self, ids: Iterable[str | None], prints: Iterable[int]) -> None:
        self._ids.extend(map(hash, ids))
        self._prints.extend(prints)
        if len(self._ids) >= self._block:
            self._pack()

    def has(self, contact: str | None) -> bool:
        if self._looked_up != len(self._ids):
            self._latest, self._looked_up = set(self._ids), len(self._ids)
        number = hash(contact)
        return number in self._latest or any(_holds(ids, number) for ids, _ in self._blocks)

    def repeated_differently(self) -> int:
        """How many ids came more than once with different contents."""
        self._pack()
        number = 0
        total = sum(len(ids) for ids, _ in self._blocks)
        edges = np.linspace(-(2.0**63), 2.0**63, total // 10**6 + 2)[1:-1].astype(np.int64)
        cuts = [[0, *np.searchsorted(ids, edges), len(ids)] for ids, _ in self._blocks]
        for part in range(len(edges) + 1 if total else 0):
            slices = [slice(cut[part], cut[part + 1]) for cut in cuts]
            pairs = list(zip(self._blocks, slices, strict=True))
            ids = np.concatenate([ids[part] for (ids, _), part in pairs])
            prints = np.concatenate([prints[part] for (_, prints), part in pairs])
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
        # Half of the fingerprint suffices to distinguish the few versions of a contact.
        prints = np.frombuffer(self._prints, np.int64)[order].astype(np.int32)
        self._blocks.append((ids[order], prints))
        self._ids, self._prints, self._latest = array("q"), array("q"), set()
        self._looked_up = 0


class Creations:
    """Creation times of contacts, to the minute, in four bytes each, packed `block` at a time."""

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block
        self._blocks: list[np.ndarray] = []
        self._texts: list[str] = []
        self._are_known = True

    def add(self, texts: Iterable[str]) -> None:
        """Add times as the API writes them, or `BEFORE_ALL` and `AFTER_ALL` for unknown ones."""
        self._texts += texts
        if len(self._texts) >= self._block:
            self._pack()

    def minutes(self) -> np.ndarray:
        """All times in minutes since 1970, sorted; empty if any of them is unknown."""
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
    """The times in minutes since 1970, without unknown ones."""
    known = [text[:_MINUTE] for text in texts if text not in (BEFORE_ALL, AFTER_ALL)]
    try:
        minutes = np.array(known, dtype="datetime64[m]").view(np.int64)
    except ValueError:  # text in the form of a time may still be invalid
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
    row = int(np.searchsorted(ids, number))
    return row < len(ids) and bool(ids[row] == number)
