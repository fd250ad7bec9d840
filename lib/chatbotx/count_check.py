"""The crawl compared with the server's own count, where there is one (api.md, "November").

Compared is what was created before the last whole minute of what was read: newer contacts may have
come meanwhile. Where the numbers differ, the time is cut in halves until it is known where, and
what lies there is read again. Then each difference has a reason: contacts were deleted since they
were read, or are there and were missed (and are passed on now), or the server counts contacts that
it does not send. Only the last is a doubt. Whatever goes wrong with the count costs no contact.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled, ChatbotXError
from lib.chatbotx.keys import MINUTE, NotInOrder, as_text, floor, instant_of, moment_of
from lib.chatbotx.progress import CrawlLog, Range
from lib.chatbotx.query import Bound, CountQuery

_MOST_COUNTS = 60
"""Requests that finding a difference may take; each halves what is in question."""

_MOST_PLACES = 12
"""Places where a difference is looked into by reading again."""

_SMALL_ENOUGH = 200
"""Contacts. Fewer are read again rather than counted in halves."""

_MOST_READ_AGAIN = 2000


@dataclass(frozen=True)
class _Stretch:
    """From `begin` to before `end`, instants on whole minutes; the server counts so many."""

    begin: int
    end: int
    counted: int


def check_count(client: Client, log: CrawlLog, read_again: Callable[[int, int], int]) -> None:
    """Notes in the log whether the server's count agrees, and what is in doubt if it does not.

    `read_again` reads what was created from one instant to another, both included, passes on what
    had not come yet, and returns how many contacts there are. Raises Cancelled.
    """
    created = log.created()
    try:
        if created:
            _Check(client, log, created, read_again).run()
    except Cancelled:
        raise
    except (ChatbotXError, NotInOrder, ValueError, OverflowError):
        # The crawl itself is over. No time is left, or the server answers no more.
        return


class _Check:
    def __init__(
        self,
        client: Client,
        log: CrawlLog,
        created: list[str],
        read_again: Callable[[int, int], int],
    ) -> None:
        self._client = client
        self._log = log
        self._created = created
        self._read_again = read_again
        self._until = time.monotonic() + client.patience.count
        self._counts_left = _MOST_COUNTS

    def run(self) -> None:
        begin = floor(instant_of(self._created[0]), MINUTE)
        end = floor(instant_of(self._created[-1]), MINUTE)
        if begin >= end or (counted := self._count(begin, end)) is None:
            return
        whole = _Stretch(begin, end, counted)
        if not self._adds_up(whole):
            self._log.checked = "differs"
            return
        self._log.checked = "agrees"
        doubts: list[tuple[Range, int]] = []
        for number, place in enumerate(self._differences(whole)):
            excess = self._excess(place, may_read=number < _MOST_PLACES)
            if excess:
                self._log.checked = "differs"
            if excess > 0:
                doubts.append((Range(moment_of(place.begin), moment_of(place.end - 1)), excess))
        if doubts:
            missing = sum(excess for _, excess in doubts)
            ranges = [doubtful for doubtful, _ in doubts]
            self._log.warn(
                f"The server counts {missing:,} contacts more than it sent, created between "
                f"{ranges[0].first:%d %B %Y %H:%M} and {ranges[-1].last:%d %B %Y %H:%M} UTC: they "
                "may be missing.",
                ranges,
            )

    def _adds_up(self, whole: _Stretch) -> bool:
        """Whether the counts of two halves come to that of the whole, or it agrees anyway: a number
        that has nothing to do with what was asked for says nothing."""
        middle = self._middle(whole)
        if whole.counted == self._read(whole.begin, whole.end) or middle is None:
            return True
        halves = self._count(whole.begin, middle), self._count(middle, whole.end)
        return None not in halves and (
            abs(sum(filter(None, halves)) - whole.counted) <= max(10, whole.counted // 100)
        )

    def _count(self, begin: int, end: int) -> int | None:
        self._counts_left -= 1
        until = Bound("lte", as_text(end - 1))
        return self._client.count(CountQuery(as_text(begin), until), self._until)

    def _read(self, begin: int, end: int) -> int:
        """How many contacts of that time were read."""
        return self._place(end) - self._place(begin)

    def _place(self, instant: int) -> int:
        return bisect_left(self._created, as_text(instant))

    def _differences(self, whole: _Stretch) -> list[_Stretch]:
        """Where the numbers differ, as closely as the number of requests allows."""
        found, open_ = [], [whole]
        while open_:
            part = open_.pop()
            read = self._read(part.begin, part.end)
            if part.counted == read:
                continue
            middle = self._middle(part)
            counted = None
            if middle is not None and self._counts_left > 0 and not self._is_small(part, read):
                counted = self._count(part.begin, middle)
            if middle is None or counted is None:
                found.append(part)
            else:
                open_ += [
                    _Stretch(part.begin, middle, counted),
                    _Stretch(middle, part.end, part.counted - counted),
                ]
        return sorted(found, key=lambda part: part.begin)

    def _is_small(self, part: _Stretch, read: int) -> bool:
        return max(read, part.counted) <= _SMALL_ENOUGH

    def _middle(self, part: _Stretch) -> int | None:
        """A whole minute that halves what was read there, or else the time; None within one."""
        if part.end - part.begin <= MINUTE:
            return None
        first, last = self._place(part.begin), self._place(part.end)
        middle = (part.begin + part.end) // 2
        if last - first > 1:
            middle = instant_of(self._created[(first + last) // 2])
        return min(max(floor(middle, MINUTE), part.begin + MINUTE), part.end - MINUTE)

    def _excess(self, place: _Stretch, *, may_read: bool) -> int:
        """How many contacts more the server counts than it sends.

        Where that may be read again, it is counted before and after: a number in between the two
        differs only because contacts came or went meanwhile.
        """
        there, before = self._read(place.begin, place.end), place.counted
        after = before
        if may_read and max(there, before) <= _MOST_READ_AGAIN and time.monotonic() < self._until:
            before = self._counted_or(before, place)
            there = self._read_again(place.begin, place.end - 1)
            after = self._counted_or(before, place)
        lowest, highest = sorted((before, after))
        return max(0, lowest - there) or min(0, highest - there)

    def _counted_or(self, otherwise: int, place: _Stretch) -> int:
        counted = self._count(place.begin, place.end)
        return otherwise if counted is None else counted
