"""Contacts that a key does not tell apart: they fill more than a page and are read by page number.

They share one `createdAt`, or, where the server cuts the time in a filter, one second. A deep page
is slow, since the server walks all the contacts before it. So a long tie is read from both ends:
one chain of pages sorted upwards, one downwards, to half the depth. Where one comes upon a contact
of the other, all are read.
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
"""Pages that are read upwards before the downward chain begins: most ties have fewer."""

_AT_ONCE = 4
"""Pages of a chain that are read at once, when it is known to be long. A page may arrive before
those that it has to join, and waits for them."""


@dataclass(frozen=True)
class Step:
    """A page of a tie that is to be read."""

    chain: Chain
    window: Window
    query: Query


class Tie:
    """A tie while it is read, on from the first page of `query`.

    What was created before `emit_from` was passed on before, and of what was created then the
    `known` contacts and so many without an id. On servers that do not tell the contacts of `grain`
    milliseconds apart, one tie may follow upon another, and the chain goes on.
    """

    def __init__(
        self, query: Query, emit_from: int, grain: int, known: Versions, nameless: int
    ) -> None:
        self.query = query
        self.emit_from = emit_from
        self.known = known
        self.nameless = Counter({as_text(emit_from): nameless})
        """How many contacts without an id were counted, by `createdAt`."""
        self._nameless_before = nameless
        self.is_done = False
        self.page: KeyedPage | None = None
        """The last page of the upward chain."""
        self.up = Chain()
        self.down: Chain | None = None
        self._grain = grain
        self._may_go_down = grain <= SECOND
        self._bounds: list[Bound] = []
        self._under_way: set[tuple[Chain, Window]] = set()
        self._arrived: dict[tuple[Chain, Window], tuple[Step, KeyedPage]] = {}
        self._page_size = 1
        self.move_to(emit_from)

    def move_to(self, instant: int) -> None:
        """What is read from now on shares its time, `first` to `last`, with `instant`."""
        self.first = floor(instant, self._grain)
        self.last = self.first + self._grain - 1

    def begin(self, page_size: int) -> None:
        """What is added next is the first page."""
        self._page_size = page_size

    def take_step(self, page_size: int) -> Step | None:
        """What to read next, of the chain that is less deep; None while there is nothing."""
        if self.is_done:
            return None
        self._page_size = page_size
        if self.down is None and self._may_go_down and self.up.rows_read >= _DEEP * page_size:
            self._may_go_down = False
            self._begin_down()
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
        is_long = chain.rows_read >= _DEEP * self._page_size and not self._may_go_down
        for window in islice(chain.windows(self._page_size), _AT_ONCE if is_long else 1):
            if (chain, window) not in self._under_way and (chain, window) not in self._arrived:
                return window
        return None

    def pages(self, step: Step, page: KeyedPage) -> Iterator[tuple[Step, KeyedPage]]:
        """Takes a page; gives those that are next in their chain, each to be added at once."""
        key = (step.chain, step.window)
        self._under_way.discard(key)
        self._arrived[key] = step, page
        while not self.is_done and step.chain in self._chains:
            if not step.chain.is_joined:
                # What was to follow belongs to another place by now.
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

    def _begin_down(self) -> None:
        """Times are stored to the microsecond, so the last millisecond has to be in it whole. July
        knows `lt`; of servers that cut to the second it is said that `lte` takes the whole one, and
        such a server may not have been noticed yet."""
        end_of_second = Bound("lte", as_text(floor(self.last, SECOND) + SECOND - 1))
        self._bounds = [end_of_second]
        if self._grain < SECOND and self.last < LAST_INSTANT:
            self._bounds.insert(0, Bound("lt", as_text(self.last + 1)))
        self.down = Chain()

    @property
    def is_read_from_both_ends(self) -> bool:
        return self.down is not None

    def add(self, step: Step, page: KeyedPage) -> list[int]:
        """Notes a page; returns the places of the contacts that it adds to a chain."""
        is_past_the_end = count_says_past_the_end(page.answer, step.window.number)
        ids = [contact.id for contact in page.answer.contacts]
        if step.chain is self.up:
            added = self.up.add(step.window, ids, is_past_the_end)
            self._may_go_down &= None not in ids
            if self.up.last_rows is ids:
                self.page = page
            self.is_done = self._have_met
            return added
        # Downwards, contacts without an id would be counted once more, and those without a time
        # not be known to be of the tie; and where the first page does not end with it, this is
        # another server than we know. Upwards will do.
        is_at_its_end = bool(step.window.skipped) or self._ends_with_the_tie(page)
        if None in ids or page.unknown or not is_at_its_end:
            del self._bounds[0]
            self.down = Chain() if self._bounds and not is_at_its_end else None
            return []
        added = step.chain.add(step.window, ids[::-1], is_past_the_end)
        has_all = step.chain.is_at_end or (bool(ids) and page.keys[0] < as_text(self.first))
        self.is_done = self._have_met or (has_all and step.chain.is_sound)
        return [len(ids) - 1 - place for place in added]

    def unnamed(self, page: KeyedPage, places: list[int]) -> list[int]:
        """Those of the places whose contacts have no id and are to be counted."""
        unnamed = [place for place in places if not page.answer.contacts[place].id]
        counted_before = min(self._nameless_before, len(unnamed))
        self._nameless_before -= counted_before
        unnamed = unnamed[counted_before:]
        self.nameless.update(page.keys[place] for place in unnamed)
        return unnamed

    def _ends_with_the_tie(self, page: KeyedPage) -> bool:
        return bool(page.keys) and as_text(self.first) <= page.keys[-1] <= as_text(self.last)

    @property
    def _have_met(self) -> bool:
        """Whether one chain came upon what the other has read, so that together they have all."""
        up, down = self.up, self.down
        if down is None or not (up.is_sound and down.is_sound):
            return False
        return any(row in down for row in up.last_rows) or any(row in up for row in down.last_rows)

    @property
    def doubt(self) -> str | None:
        """Why some of them may be missing, as the end of a sentence; None if there is no reason."""
        chains = self._chains
        if any(chain.goes_round for chain in chains):
            return f"the server sends the same {len(self.known):,} again and again"
        if any(chain.is_out_of_order for chain in chains):
            unread = max(1, self.up.rows_read - len(self.up))
            return f"the server sends them in another order each time, and {unread:,} did not come"
        if any(chain.is_given_up for chain in chains):
            return "so many of them came or went that the pages did not join"
        return None
