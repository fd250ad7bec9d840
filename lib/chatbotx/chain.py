"""Reading a sorted list by page number without losing rows: each page overlaps the previous one.

Pages shift while a list is read: deleting a contact moves every later one up by a row, so one can
slip through between two pages. If a page of a sorted list repeats a contact of the previous page,
there is no gap: everything sorted after that contact is behind it on this page or on a later one.
So consecutive pages overlap by at least one contact, and one pass is enough. Pages of equal size
never overlap; pages of different sizes can, so the size is chosen separately for each page.

In rare cases no size fits: with at most 3 contacts a page, no page holds both the sixth and the
seventh. Then the page before the boundary is read again after the page behind it. If it still ends
with the same row, nothing has moved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

_FREE_GAPS = 20
"""How many pages may fail to join the previous one before the chain is given up, plus one for each
page that joined."""

_NOTHING_NEW = 3
"""After this many consecutive full pages without a new contact, the list counts as finished."""


@dataclass(frozen=True)
class Window:
    """A page request: page number, from 1, and page size; `skipped` rows precede it."""

    number: int
    size: int

    @property
    def skipped(self) -> int:
        return (self.number - 1) * self.size

    @property
    def end(self) -> int:
        return self.number * self.size


@cache
def window_from(row: int, largest: int) -> Window:
    """Return the window of at most `largest` rows that contains `row`, counted from 0.

    Of all such windows, it is the one that reaches farthest.
    """
    sizes = range(largest, 0, -1)
    size = max(sizes, key=lambda size: (row // size + 1) * size)
    return Window(row // size + 1, size)


class Chain:
    """The rows of one sorted list that were read so far, from its beginning.

    Rows are ids; None stands for a contact without an id, which can only be counted. Rows inserted
    before rows already read are reported if they are seen, but need not be seen.
    """

    def __init__(self) -> None:
        self.rows_read = 0
        """Length of the list up to and including the last row read, as of that reading."""
        self.is_at_end = False
        self.is_given_up = False
        """Some pages did not join: contacts may be missing between them."""
        self.is_out_of_order = False
        """Rows came in a different order than before."""
        self.is_cycling = False
        """The server keeps sending the same rows."""
        self._sort_keys: dict[str, float] = {}
        """By row, a number that increases along the list."""
        self._highest_sort_key = -1.0
        self.last_rows: Sequence[str | None] = ()
        self._step_back = self._gaps = self._windows = self._nothing_new = 0
        self._to_verify: tuple[Window, str | None] | None = None
        """A page to read again, and the row that it must end with."""

    @property
    def is_joined(self) -> bool:
        """Whether the last page read is known to join the pages before it."""
        return self._to_verify is None and not self._step_back

    @property
    def is_sound(self) -> bool:
        """Whether no row is missing between those that were read."""
        return self.is_joined and not self.is_out_of_order

    def __contains__(self, row: str | None) -> bool:
        return row in self._sort_keys

    def __len__(self) -> int:
        return len(self._sort_keys)

    def windows(self, largest: int) -> Iterator[Window]:
        """The next window, then those that follow it as long as each page joins the previous."""
        window = self.next_window(largest)
        yield window
        while self.is_joined:
            following = window_from(window.end - 1, largest)
            if following.end <= window.end:
                return
            window = following
            yield window

    def gain(self, largest: int) -> int:
        """How many rows the next window reaches beyond what was read."""
        return window_from(max(0, self.rows_read - 1), largest).end - self.rows_read

    def next_window(self, largest: int) -> Window:
        """The next window to read, of at most `largest` rows."""
        if self._to_verify is not None:
            return self._to_verify[0]
        window = window_from(max(0, self.rows_read - 1 - self._step_back), largest)
        if window.end <= self.rows_read and not self._step_back:
            return Window(self.rows_read // largest + 1, largest)
        return window

    def add(self, window: Window, rows: Sequence[str | None], is_past_the_end: bool) -> list[int]:
        """Add the `rows` that the server sent for `window`; return the indices of the new ones.

        `is_past_the_end`: by the server's own count there is no such page. If the page does not
        join what was read, nothing counts as new and the next window starts earlier.
        """
        if self._to_verify is not None:
            before, last_row = self._to_verify
            self._to_verify = None
            if list(rows[window.size - 1 :]) == [last_row]:
                return []
            self._gaps += 1
            self._step_back = max(1, window.size // 2)
            self.rows_read, self.is_at_end, self.last_rows = before.end, False, ()
            self.is_given_up |= self._gaps > _FREE_GAPS + self._windows
            return []
        known = [index for index, row in enumerate(rows) if row in self._sort_keys]
        joint = self._joint(window, rows, known)
        if joint is None and window.skipped == self.rows_read:
            joint = -1
            last_row = self.last_rows[-1] if self.last_rows else None
            if not self.is_given_up:
                self._to_verify = Window(window.number - 1, window.size), last_row
        is_suspect = bool(known) and not self._step_back and self._has_lost_its_end(window, rows)
        if (joint is None or is_suspect) and self._gaps <= _FREE_GAPS + self._windows:
            self._gaps += 1
            self._step_back = max(2 * self._step_back, window.size // 2, 1)
            return []
        if joint is None:
            self.is_given_up = True
            joint = -1
        order = [self._sort_keys[rows[index] or ""] for index in known]
        self.is_out_of_order |= order != sorted(order)
        is_full = len(rows) >= window.size
        new = [
            index
            for index, row in enumerate(rows)
            if index > joint or (row is not None and row not in self._sort_keys)
        ]
        self._windows += 1
        self._step_back = 0
        self._nothing_new = 0 if new else self._nothing_new + 1
        if is_full and self._nothing_new >= _NOTHING_NEW:
            self.is_cycling = not is_past_the_end
            self.is_at_end = True
        self.is_at_end |= not is_full
        self.rows_read = window.skipped + len(rows)
        self.last_rows = rows
        behind = [row for index in new if index > joint and (row := rows[index]) is not None]
        start = self._highest_sort_key if window.skipped else -1.0
        self._assign_sort_keys(behind, self._sort_keys[rows[known[-1]] or ""] if known else start)
        return new

    def _assign_sort_keys(self, rows: Sequence[str], after: float) -> None:
        """Sort `rows` between the key `after` and the next known key.

        The known rows behind `after` were not on this page, so they were either deleted or sort
        after everything on it.
        """
        step = 1.0
        if after < self._highest_sort_key:
            before = min(key for key in self._sort_keys.values() if key > after)
            step = (before - after) / (len(rows) + 1)
        for number, row in enumerate(rows, 1):
            self._sort_keys[row] = after + number * step
            self._highest_sort_key = max(self._highest_sort_key, self._sort_keys[row])

    def _has_lost_its_end(self, window: Window, rows: Sequence[str | None]) -> bool:
        """Whether the last row read is missing from a page that should repeat it.

        It was either deleted or moved because the server keeps no stable order; reading from a
        little earlier tells the two apart.
        """
        last_id = next((row for row in reversed(self.last_rows) if row is not None), None)
        return bool(window.skipped) and last_id is not None and last_id not in rows

    def _joint(
        self, window: Window, rows: Sequence[str | None], known: Sequence[int]
    ) -> int | None:
        """The index of the last row on the page that was read before.

        -1 if the page repeats nothing, None if that cannot be determined.
        """
        last_id = next((row for row in reversed(self.last_rows) if row is not None), None)
        nameless = next(
            (n for n, row in enumerate(reversed(self.last_rows)) if row is not None),
            len(self.last_rows),
        )
        """Number of rows without an id at the end of what was read."""
        if known:
            index = known[-1]
            if rows[index] != last_id:
                return index
        elif not window.skipped:
            index = -1
            if last_id is not None or not self.last_rows:
                return index
        else:
            overlap = self.rows_read - window.skipped
            if not 0 < overlap <= min(nameless, len(rows)) or any(rows[:overlap]):
                return None
            return overlap - 1
        while nameless and index + 1 < len(rows) and rows[index + 1] is None:
            index, nameless = index + 1, nameless - 1
        return index
