"""Contacts that share one `createdAt` and fill more than a page."""

from lib.chatbotx.client import Query
from lib.chatbotx.keys import KeyedPage
from lib.chatbotx.page_walk import Versions, is_past_the_end


class Tie:
    """A group of contacts of one `createdAt` that fills more than a page, while it is read.

    Walkers take page after page of a reading until one of them sees the end of the group.
    """

    def __init__(self, query: Query, instant: int) -> None:
        self.query = query
        self.instant = instant
        self.known: Versions = {}
        self.goes_round = False
        self.being_read = 0
        self._pages: dict[int, list[str | None]] = {}
        self._last_page: int | None = None
        self._expected_pages = 0
        self._next_page = 1

    def start_over(self) -> None:
        """What follows is another reading."""
        self._expected_pages = self._last_page or 0
        self._last_page = None
        self._next_page = 1
        self._pages = {}

    def take_page(self) -> int | None:
        """The number of a page to read now, or None."""
        if self._last_page is not None:
            return None
        # Nobody knows how many pages there are, so no more are tried at once than have been found.
        at_once = max(1, len(self._pages))
        if self._next_page > self._expected_pages and self.being_read >= at_once:
            return None
        self.being_read += 1
        self._next_page += 1
        return self._next_page - 1

    def add(self, number: int, page: KeyedPage, is_full: bool) -> range:
        """Notes a page that was taken; returns the places of the contacts of the group in it."""
        self.being_read -= 1
        group = page.up_to(self.instant)
        ids = [page.answer.contacts[row].id for row in group]
        twins = [other for other, its in self._pages.items() if any(ids) and its == ids]
        for other in twins:
            later = max(number, other)  # pages do not arrive in their order
            self._end(later - 1)
            self.goes_round = not is_past_the_end(page.answer, later)
        self._pages[number] = ids
        if not is_full or len(group) < page.received:
            self._end(number)
        return group

    def _end(self, number: int) -> None:
        self._last_page = min(number, self._last_page or number)

    @property
    def is_read(self) -> bool:
        return self._last_page is not None and not self.being_read

    @property
    def ids(self) -> list[str | None]:
        """The group as it was read, in its order."""
        numbers = range(1, (self._last_page or 0) + 1)
        return [each for number in numbers for each in self._pages[number]]
