"""Compare a crawl with the server's own count, where there is one (api.md, "November").

The comparison covers contacts created before the last whole minute that was read, since newer ones
may have been added meanwhile. Where the numbers differ, bisection over the creation time finds
where, and that part is read again. Each difference then has one of three reasons: contacts were
deleted after they were read; contacts were missed, and are passed on now; or the server counts
contacts that it does not send. Only the last leaves the crawl in doubt. Errors of the count itself
never cost a contact.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.chatbotx.client import Client
from lib.chatbotx.errors import Cancelled, ChatbotXError, TooSlow
from lib.chatbotx.keys import MINUTE, NotInOrder, as_text, floor, moment_of
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.query import Bound, CountQuery
from lib.chatbotx.verdict import Range

_MOST_COUNTS = 60
"""Maximum number of count requests spent on bisection."""

_MOST_REREADS = 12
"""Maximum number of differences that are examined by reading again."""

_SMALL_ENOUGH = 200
"""Number of contacts up to which a part is read again instead of being bisected further."""

_MOST_READ_AGAIN = 2000
"""Number of contacts up to which a part is read again at all."""


@dataclass(frozen=True)
class _Interval:
    """Creation times from `begin` up to, but excluding, `end`, and the server's count of them.

    Both are in ms since 1970 and on whole minutes.
    """

    begin: int
    end: int
    counted: int


def check_count(client: Client, log: CrawlLog, read_again: Callable[[int, int], int]) -> None:
    """Note in the log whether the server's count agrees, and what is in doubt if it does not.

    `read_again` reads the contacts created between two instants (ms, inclusive), passes on those
    that had not come yet, and returns how many there are. Raises Cancelled.
    """
    try:
        created = log.created()
        if len(created):
            _Check(client, log, created, read_again).run()
    except Cancelled:
        raise
    except (ChatbotXError, NotInOrder, ValueError, OverflowError):
        # The crawl itself is complete; the time is over or the server stopped answering.
        return


class _Check:
    def __init__(
        self,
        client: Client,
        log: CrawlLog,
        created: np.ndarray,
        read_again: Callable[[int, int], int],
    ) -> None:
        self._client = client
        self._log = log
        self._created = created
        self._read_again = read_again
        self._until = time.monotonic() + client.patience.count
        self._counts_left = _MOST_COUNTS

    def run(self) -> None:
        begin, end = (int(self._created[place]) * MINUTE for place in (0, -1))
        if begin >= end or (counted := self._count(begin, end)) is None:
            return
        whole = _Interval(begin, end, counted)
        if not self._adds_up(whole):
            self._log.checked = "differs"
            return
        self._log.checked = "agrees"
        doubts: list[tuple[Range, int]] = []
        for number, part in enumerate(self._differences(whole)):
            excess = self._excess(part, may_read=number < _MOST_REREADS)
            if excess:
                self._log.checked = "differs"
            if excess > 0:
                doubts.append((Range(moment_of(part.begin), moment_of(part.end - 1)), excess))
        if doubts:
            missing = sum(excess for _, excess in doubts)
            ranges = [doubtful for doubtful, _ in doubts]
            self._log.warn(
                f"The server counts {missing:,} contacts more than it sent, created between "
                f"{ranges[0].first:%d %B %Y %H:%M} and {ranges[-1].last:%d %B %Y %H:%M} UTC: they "
                "may be missing.",
                ranges,
            )

    def _adds_up(self, whole: _Interval) -> bool:
        """Whether the count can be trusted: the halves add up to the whole, or the whole agrees.

        Some servers ignore the filter, and then their number says nothing.
        """
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
        try:
            return self._client.count(CountQuery(as_text(begin), until), self._until)
        except TooSlow:  # the time of the whole crawl is over
            return None

    def _read(self, begin: int, end: int) -> int:
        """How many contacts created in that time were read."""
        return self._rank(end) - self._rank(begin)

    def _rank(self, instant: int) -> int:
        """How many contacts created before the instant were read."""
        return int(np.searchsorted(self._created, instant // MINUTE))

    def _differences(self, whole: _Interval) -> list[_Interval]:
        """Where the numbers differ, as narrow as the number of requests allows, oldest first."""
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
                    _Interval(part.begin, middle, counted),
                    _Interval(middle, part.end, part.counted - counted),
                ]
        return sorted(found, key=lambda part: part.begin)

    def _is_small(self, part: _Interval, read: int) -> bool:
        return max(read, part.counted) <= _SMALL_ENOUGH

    def _middle(self, part: _Interval) -> int | None:
        """The whole minute that halves the contacts read there, or the time if there are none.

        None if the part is no longer than a minute.
        """
        if part.end - part.begin <= MINUTE:
            return None
        first, last = self._rank(part.begin), self._rank(part.end)
        middle = (part.begin + part.end) // 2
        if last - first > 1:
            middle = int(self._created[(first + last) // 2]) * MINUTE
        return min(max(floor(middle, MINUTE), part.begin + MINUTE), part.end - MINUTE)

    def _excess(self, part: _Interval, *, may_read: bool) -> int:
        """How many more contacts the server counts than it sends; negative if it counts fewer.

        If the part is read again, it is counted before and after. A number read between the two
        counts is no difference: contacts were added or deleted meanwhile. If it cannot be read
        again, the difference remains.
        """
        there, before = self._read(part.begin, part.end), part.counted
        after = before
        if may_read and max(there, before) <= _MOST_READ_AGAIN and time.monotonic() < self._until:
            try:
                before, there, after = self._counted_and_read(part)
            except Cancelled:
                raise
            except (ChatbotXError, NotInOrder):
                pass
        lowest, highest = sorted((before, after))
        return max(0, lowest - there) or min(0, highest - there)

    def _counted_and_read(self, part: _Interval) -> tuple[int, int, int]:
        """The count before reading a part again, the contacts read, and the count after it."""
        before = self._counted_or(part.counted, part)
        there = self._read_again(part.begin, part.end - 1)
        return before, there, self._counted_or(before, part)

    def _counted_or(self, default: int, part: _Interval) -> int:
        counted = self._count(part.begin, part.end)
        return default if counted is None else counted
