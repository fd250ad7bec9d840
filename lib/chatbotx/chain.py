"""Pages read one after the other by their number, each overlapping the one before.

Pages move while they are read: a contact deleted before them shifts all later ones, and one slips
through between two pages. But a page that holds a contact of the page before it, in a sorted list,
leaves no gap: whoever comes after that contact is behind it on this page or on a later one. So
pages overlap by one contact at least, and no second reading is needed. Pages of one size never
overlap; pages of different sizes do, so the size is chosen for each page anew.

Seldom there is no size that fits: with pages of 3 contacts at most, none holds the sixth and the
seventh. Then the page before that place is read again after the one behind it. If it ends as it
did, nothing has moved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

_FREE_GAPS = 20
"""So many pages may fail to join, and one more for each that did, before a chain is given up."""

_NOTHING_NEW = 3
"""After so many full pages without one new contact, a server is not believed to have more."""


@dataclass(frozen=True)
class Window:
    """A page by its number and size; `skipped` rows come before it."""

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
    """The window that holds `row`, counted from 0, and of those the one that reaches farthest."""
    sizes = range(largest, 0, -1)
    size = max(sizes, key=lambda size: (row // size + 1) * size)
    return Window(row // size + 1, size)


class Chain:
    """The rows of one sorted list, from its beginning to as far as they were read.

    Rows are ids; None is one without, which can only be counted. What is inserted before rows that
    were read already is passed on when it is seen, and need not be.
    """

    def __init__(self) -> None:
        self.rows_read = 0
        """How many rows the list had up to the last one read, when that was read."""
        self.is_at_end = False
        self.is_given_up = False
        """Some pages did not join: contacts may be missing between them."""
        self.is_out_of_order = False
        """Rows came in another order than before."""
        self.goes_round = False
        """The same rows come again and again."""
        self._places: dict[str, float] = {}
        """Of each row, a number that rises in their order."""
        self._highest_place = -1.0
        self.last_rows: Sequence[str | None] = ()
        self._step_back = self._gaps = self._windows = self._nothing_new = 0
        self._to_verify: tuple[Window, str | None] | None = None
        """A page to be read again, and the row that it has to end with."""

    @property
    def is_joined(self) -> bool:
        """Whether the last page read is known to join those before."""
        return self._to_verify is None and not self._step_back

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing between the rows that were read."""
        return self.is_joined and not self.is_out_of_order

    def __contains__(self, row: str | None) -> bool:
        return row in self._places

    def __len__(self) -> int:
        return len(self._places)

    def windows(self, largest: int) -> Iterator[Window]:
        """What to read next, and then, if each of these pages joins the one before."""
        window = self.next_window(largest)
        yield window
        while self.is_joined:
            following = window_from(window.end - 1, largest)
            if following.end <= window.end:
                return
            window = following
            yield window

    def gain(self, largest: int) -> int:
        """How many more rows the next window reaches than have been read."""
        return window_from(max(0, self.rows_read - 1), largest).end - self.rows_read

    def next_window(self, largest: int) -> Window:
        """What to read next, if pages have no more than `largest` rows."""
        if self._to_verify is not None:
            return self._to_verify[0]
        window = window_from(max(0, self.rows_read - 1 - self._step_back), largest)
        if window.end <= self.rows_read and not self._step_back:
            return Window(self.rows_read // largest + 1, largest)
        return window

    def add(self, window: Window, rows: Sequence[str | None], is_past_the_end: bool) -> list[int]:
        """Takes what was read as `window`; returns the places of the rows that are new.

        `is_past_the_end` says that by the server's count there is no such page. Where the page does
        not join what was read, nothing is new, and the next window begins earlier.
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
        known = [place for place, row in enumerate(rows) if row in self._places]
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
        order = [self._places[rows[place] or ""] for place in known]
        self.is_out_of_order |= order != sorted(order)
        is_full = len(rows) >= window.size
        new = [
            place
            for place, row in enumerate(rows)
            if place > joint or (row is not None and row not in self._places)
        ]
        self._windows += 1
        self._step_back = 0
        self._nothing_new = 0 if new else self._nothing_new + 1
        if is_full and self._nothing_new >= _NOTHING_NEW:
            self.goes_round = not is_past_the_end
            self.is_at_end = True
        self.is_at_end |= not is_full
        self.rows_read = window.skipped + len(rows)
        self.last_rows = rows
        behind = [row for place in new if place > joint and (row := rows[place]) is not None]
        start = self._highest_place if window.skipped else -1.0
        self._give_places(behind, self._places[rows[known[-1]] or ""] if known else start)
        return new

    def _give_places(self, rows: Sequence[str], after: float) -> None:
        """These rows come after that place, and before all others behind it: had those not gone or
        stood on later pages, they would have come between."""
        step = 1.0
        if after < self._highest_place:
            before = min(place for place in self._places.values() if place > after)
            step = (before - after) / (len(rows) + 1)
        for number, row in enumerate(rows, 1):
            self._places[row] = after + number * step
            self._highest_place = max(self._highest_place, self._places[row])

    def _has_lost_its_end(self, window: Window, rows: Sequence[str | None]) -> bool:
        """Whether the last contact read is not where it was: deleted, or in another place because
        the order is not kept. Reading a little more tells the two apart."""
        last_id = next((row for row in reversed(self.last_rows) if row is not None), None)
        return bool(window.skipped) and last_id is not None and last_id not in rows

    def _joint(
        self, window: Window, rows: Sequence[str | None], known: Sequence[int]
    ) -> int | None:
        """The last place that holds what was read before; -1 if nothing was, None if that cannot
        be known."""
        last_id = next((row for row in reversed(self.last_rows) if row is not None), None)
        nameless = next(
            (n for n, row in enumerate(reversed(self.last_rows)) if row is not None),
            len(self.last_rows),
        )
        """So many rows without id stood at the end of what was read."""
        if known:
            place = known[-1]
            if rows[place] != last_id:
                return place
        elif not window.skipped:
            place = -1
            if last_id is not None or not self.last_rows:
                return place
        else:
            overlap = self.rows_read - window.skipped
            if not 0 < overlap <= min(nameless, len(rows)) or any(rows[:overlap]):
                return None
            return overlap - 1
        while nameless and place + 1 < len(rows) and rows[place + 1] is None:
            place, nameless = place + 1, nameless - 1
        return place
