"""Ties: more contacts than fit on a page share one key, so they are read by page number.

They share one `createdAt` or, where the server truncates times in filters, one second. Deep pages
are slow, since the server skips over all the contacts before them. So a long tie is read from both
ends, by one chain of pages in ascending and one in descending order, which halves the depth. Once
one chain reaches a contact of the other, the tie is complete.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from lib.chatbotx.chain import Chain, Window
from lib.chatbotx.client import Query
from lib.chatbotx.keys import LAST_INSTANT, SECOND, KeyedPage, as_text, floor
from lib.chatbotx.page_walk import is_past_the_end as count_says_past_the_end
from lib.chatbotx.query import Bound
from lib.chatbotx.versions import Versions

_DEEP = 4
"""Pages read in ascending order before the descending chain starts; most ties have fewer."""

_CONCURRENT_PAGES = 4
"""How many pages of a chain are read concurrently once it is known to be long. A page that arrives
before those it has to join waits for them."""


@dataclass(frozen=True)
class Step:
    """A page of a tie to read, and the chain that it belongs to."""

    chain: Chain
    window: Window
    query: Query


class Tie:
    """The state of a tie being read, starting with the first page of `query`.

    Contacts created before `emit_from` (ms) were already passed on, and so were, of those created
    at it, the `known` ones and `nameless` ones without an id. On servers whose filter does not
    distinguish times within `grain` milliseconds, one tie can follow directly on another; then the
    same chain continues.
    """

    def __init__(
        self, query: Query, emit_from: int, grain: int, known: Versions, nameless: int
    ) -> None:
        self.query = query
        self.emit_from = emit_from
        # 300 bytes a contact of the tie, with the positions in its chains: few share one second,
        # and a million would be 300 MB until the walk has gone on by key.
        self.known = known
        self.nameless = Counter({as_text(emit_from): nameless})
        """Number of contacts without an id counted so far, by `createdAt`."""
        self._nameless_before = nameless
        self.is_done = False
        self.page: KeyedPage | None = None
        """The last page of the ascending chain."""
        self.up = Chain()
        self.down: Chain | None = None
        self._grain = grain
        self._may_descend = grain <= SECOND
        self._bounds: list[Bound] = []
        self._under_way: set[tuple[Chain, Window]] = set()
        self._arrived: dict[tuple[Chain, Window], tuple[Step, KeyedPage]] = {}
        self._page_size = 1
        self.move_to(emit_from)

    def move_to(self, instant: int) -> None:
        """From now on, read the tie of `instant`: its grain reaches from `first` to `last`."""
        self.first = floor(instant, self._grain)
        self.last = self.first + self._grain - 1

    def begin(self, page_size: int) -> None:
        """Note the page size; the next page added is the first of the tie."""
        self._page_size = page_size

    def take_step(self, page_size: int) -> Step | None:
        """The next page to read, from the shallower chain; None if there is none at the moment."""
        if self.is_done:
            return None
        self._page_size = page_size
        if self.down is None and self._may_descend and self.up.rows_read >= _DEEP * page_size:
            self._may_descend = False
            self._start_descending()
        found = [
            (chain, window)
            for chain in self._chains
            if (window := self._next_window(chain)) is not None
        ]
        if not found:
            return None
        chain, window = min(found, key=lambda each: each[1].skipped)
        query = self.query if chain is self.up else Query(until=self._bounds[0], descending=True)
        query = replace(query, page=window.number, per_page=window.size, skipped=window.skipped)
        self._under_way.add((chain, window))
        return Step(chain, window, query)

    def _next_window(self, chain: Chain) -> Window | None:
        if chain.is_at_end and chain.is_joined:
            return None
        is_long = chain.rows_read >= _DEEP * self._page_size and not self._may_descend
        concurrent = _CONCURRENT_PAGES if is_long else 1
        for window in islice(chain.windows(self._page_size), concurrent):
            if (chain, window) not in self._under_way and (chain, window) not in self._arrived:
                return window
        return None

    def pages(self, step: Step, page: KeyedPage) -> Iterator[tuple[Step, KeyedPage]]:
        """Accept a page; yield those that are now next in their chain.

        The caller must `add` each page before it asks for the next.
        """
        key = (step.chain, step.window)
        self._under_way.discard(key)
        self._arrived[key] = step, page
        while not self.is_done and step.chain in self._chains:
            if not step.chain.is_joined:
                # The chain steps back, so pages that were to follow no longer do.
                stale = [each for each in self._arrived if each[0] is step.chain and each != key]
                for each in stale:
                    del self._arrived[each]
            key = (step.chain, step.chain.next_window(self._page_size))
            if key not in self._arrived:
                return
            yield self._arrived.pop(key)

    @property
    def _chains(self) -> list[Chain]:
        return [self.up] if self.down is None else [self.up, self.down]

    def _start_descending(self) -> None:
        """Start the descending chain with a bound that includes the tie's last millisecond.

        Servers store microseconds, so `lte` the last millisecond would miss contacts created within
        it. July supports `lt`. On servers that truncate to the second, `lte` covers that whole
        second (api.md), and such a server may not have been recognised yet.
        """
        end_of_second = Bound("lte", as_text(floor(self.last, SECOND) + SECOND - 1))
        self._bounds = [end_of_second]
        if self._grain < SECOND and self.last < LAST_INSTANT:
            self._bounds.insert(0, Bound("lt", as_text(self.last + 1)))
        self.down = Chain()

    @property
    def is_read_from_both_ends(self) -> bool:
        return self.down is not None

    def add(self, step: Step, page: KeyedPage) -> list[int]:
        """Add a page to its chain; return the indices of the contacts that are new to the chain."""
        is_past_the_end = count_says_past_the_end(page.answer, step.window.number)
        ids = [contact.id for contact in page.answer.contacts]
        if step.chain is self.up:
            added = self.up.add(step.window, ids, is_past_the_end)
            self._may_descend &= None not in ids
            if self.up.last_rows is ids:
                self.page = page
            self.is_done = self._chains_met
            return added
        # In descending order, contacts without an id would be counted twice, and contacts without a
        # time could not be assigned to the tie. If the first page does not end with the tie, the
        # server behaves like none we know. In all these cases the ascending chain has to suffice.
        is_at_its_end = bool(step.window.skipped) or self._ends_with_the_tie(page)
        if None in ids or page.unknown or not is_at_its_end:
            del self._bounds[0]
            self.down = Chain() if self._bounds and not is_at_its_end else None
            return []
        added = step.chain.add(step.window, ids[::-1], is_past_the_end)
        has_all = step.chain.is_at_end or (bool(ids) and page.keys[0] < as_text(self.first))
        self.is_done = self._chains_met or (has_all and step.chain.is_sound)
        return [len(ids) - 1 - index for index in added]

    def unnamed(self, page: KeyedPage, rows: list[int]) -> list[int]:
        """Those of `rows` whose contacts have no id and have not been counted yet."""
        unnamed = [row for row in rows if not page.answer.contacts[row].id]
        counted_before = min(self._nameless_before, len(unnamed))
        self._nameless_before -= counted_before
        unnamed = unnamed[counted_before:]
        self.nameless.update(page.keys[row] for row in unnamed)
        return unnamed

    def _ends_with_the_tie(self, page: KeyedPage) -> bool:
        return bool(page.keys) and as_text(self.first) <= page.keys[-1] <= as_text(self.last)

    @property
    def _chains_met(self) -> bool:
        """Whether one chain reached a row of the other, so that together they are complete."""
        up, down = self.up, self.down
        if down is None or not (up.is_sound and down.is_sound):
            return False
        return any(row in down for row in up.last_rows) or any(row in up for row in down.last_rows)

    @property
    def doubt(self) -> str | None:
        """Why some contacts may be missing, as the end of a sentence; None if none are."""
        chains = self._chains
        if any(chain.is_cycling for chain in chains):
            return f"the server sends the same {len(self.known):,} again and again"
        if any(chain.is_out_of_order for chain in chains):
            unread = max(1, self.up.rows_read - len(self.up))
            return f"the server sends them in another order each time, and {unread:,} did not come"
        if any(chain.is_given_up for chain in chains):
            return "so many of them came or went that the pages did not join"
        return None
