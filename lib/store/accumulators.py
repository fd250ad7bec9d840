"""Growing columns of a table being built: IDs, repeated texts, pairs of row and text.

A `TableBuilder` has one for each text column. `rows` are the positions, among all rows read, of the
rows that remain.
"""

from array import array
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.store.order import ranks_of


def clean(text: str | None) -> str | None:
    """The text trimmed; None if blank."""
    return (text.strip() or None) if text is not None else None


class Ids:
    """IDs as int64 while all of them are plain integers, otherwise as text for the whole column."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []
        self._kind = pa.int64()

    def extend(self, ids: Sequence[str | None]) -> None:
        texts = pa.array(ids, pa.string())
        if self._kind == pa.int64():
            try:
                numbers = texts.cast(pa.int64())
            except pa.ArrowInvalid:
                numbers = None
            # 007 and 7 are different IDs, so only texts that survive a round trip become integers.
            if numbers is not None and numbers.cast(pa.string()).equals(texts):
                self._parts.append(numbers)
                return
            self._kind = pa.string()
            self._parts = [part.cast(pa.string()) for part in self._parts]
        self._parts.append(texts)

    @property
    def _joined(self) -> pa.ChunkedArray:
        return pa.chunked_array(self._parts, self._kind)

    @property
    def are_numbers(self) -> bool:
        """Whether all IDs so far are integers."""
        return self._kind == pa.int64()

    def drain(self) -> pa.Array:
        """Remove and return the IDs added since the last call; None is null. IDs already drained as
        integers stay so if a text follows."""
        found = self._joined.combine_chunks()
        self._parts = []
        return found

    def ranks(self) -> np.ndarray:
        """Integers that sort and compare like the IDs; no ID may be missing."""
        if self._kind == pa.int64():
            return self._joined.to_numpy()
        return ranks_of(self._joined.to_numpy())

    def kept(self, rows: np.ndarray) -> object:
        """The IDs of the given rows as int64 or text; none may be missing."""
        ids = self._joined.to_numpy()[rows]
        return ids if self._kind == pa.int64() else pd.array(ids, dtype="str")

    def kept_or_missing(self, rows: np.ndarray) -> object:
        """The IDs of the given rows as nullable Int64 or text."""
        joined = self._joined
        if self._kind != pa.int64():
            return pd.array(joined.to_numpy()[rows], dtype="str")
        missing = joined.is_null().to_numpy()[rows]
        return pd.arrays.IntegerArray(joined.fill_null(0).to_numpy()[rows], missing)


class _Numbers(dict[str | None, int]):
    """Assigns numbers to texts in order of appearance; texts that are equal when trimmed share one,
    None and blank are -1."""

    def __init__(self) -> None:
        super().__init__({None: -1})
        self.texts: list[str] = []

    def __missing__(self, text: str) -> int:
        word = clean(text)
        if word == text:
            self[text] = len(self.texts)
            self.texts.append(text)
        else:
            self[text] = self[word]
        return self[text]


class Codes:
    """A column of repeated texts, trimmed and dictionary-encoded."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._codes = array("i")

    @property
    def texts(self) -> list[str]:
        """The distinct texts of the column."""
        return self._numbers.texts

    def extend(self, texts: list[str | None]) -> None:
        self._codes.extend(map(self._numbers.__getitem__, texts))

    def drain(self) -> np.ndarray:
        """Remove and return the codes added since the last call, as indices into `texts`; -1 for
        none. The texts are kept."""
        found = np.frombuffer(self._codes, dtype=np.int32).copy()
        self._codes = array("i")
        return found

    def categorical(self, rows: np.ndarray | None = None) -> pd.Categorical:
        """The texts of the given rows (default: all) as a categorical. Its categories are the texts
        that occur, sorted, so the order of arrival and dropped rows leave no trace."""
        codes = np.frombuffer(self._codes, dtype=np.int32)
        if rows is not None:
            codes = codes[rows]
        used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
        ordered = sorted((self.texts[code], code) for code in used)
        rank = np.full(len(self.texts) + 1, -1, dtype=np.min_scalar_type(-len(ordered) - 1))
        rank[[code for _, code in ordered]] = np.arange(len(ordered))
        categories = pd.Index([text for text, _ in ordered], dtype="str")
        return pd.Categorical.from_codes(rank[codes], categories=categories)


class Pairs:
    """Many-to-many links between rows and texts."""

    def __init__(self) -> None:
        self._rows = array("i")
        self._column = Codes()

    @property
    def texts(self) -> list[str]:
        """The distinct texts."""
        return self._column.texts

    def extend(self, rows: list[int], texts: list[str | None]) -> None:
        self._rows.extend(rows)
        self._column.extend(texts)

    def drain(self, rows: int) -> pa.ListArray:
        """Remove and return the links of each of the `rows` added since the last call, as lists of
        indices into `texts` without duplicates. The texts are kept."""
        contact = np.frombuffer(self._rows, dtype=np.int32).astype(np.int64)
        self._rows = array("i")
        width = len(self.texts) + 1
        pairs = np.unique(contact * width + self._column.drain() + 1)
        contact, codes = np.divmod(pairs[pairs % width > 0], width)
        ends = np.cumsum(np.bincount(contact, minlength=rows))
        return pa.ListArray.from_arrays(
            pa.array(np.append(0, ends), pa.int32()), pa.array(codes - 1, pa.int32())
        )

    def frame(self, name: str, rows: np.ndarray) -> pd.DataFrame:
        """The links as columns contact and `name`, without duplicates. `rows` maps old row numbers
        to new ones; links of rows mapped to -1 and missing texts are left out."""
        contact = rows[np.frombuffer(self._rows, dtype=np.int32)]
        kept = np.flatnonzero(contact >= 0)
        texts = self._column.categorical(kept)
        width = len(texts.categories) + 1
        pairs = np.sort(contact[kept].astype(np.int64) * width + texts.codes + 1)
        is_first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
        pairs = pairs[is_first & (pairs % width > 0)]
        codes = pd.Categorical.from_codes(pairs % width - 1, categories=texts.categories)
        return pd.DataFrame({"contact": (pairs // width).astype(np.int32), name: codes})
