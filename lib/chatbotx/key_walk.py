"""The walk by key: several walkers share the time between the oldest and the newest contact."""

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from lib.chatbotx.client import Client, Query
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.keys import (
    AFTER_ALL,
    BEFORE_ALL,
    LAST_INSTANT,
    KeyedPage,
    NotInOrder,
    as_text,
    keys_of,
)
from lib.chatbotx.page_walk import READINGS, count, counted, missing_estimate, news_of
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.ties import Tie

GRACE = 1.0
"""Seconds that a crawl which was stopped waits for its threads; one may be busy connecting."""


@dataclass(eq=False)
class _Slice:
    """A part of the time, in milliseconds, `start` and `last` included, read up to `key`.

    `density` is an estimate of how many contacts there are in a millisecond. `is_in_doubt` while it
    is not sure that nothing is older: then everything is asked for.
    """

    start: int
    last: int
    density: float = 0.0
    is_in_doubt: bool = False
    is_done: bool = False
    contacts: int = 0

    def __post_init__(self) -> None:
        self.key = self.start

    @property
    def query(self) -> Query:
        return Query() if self.is_in_doubt else Query(since=as_text(self.key))

    @property
    def contacts_left(self) -> float:
        """An estimate, by what was read last and by all that was read."""
        overall = self.contacts / max(1, self.key - self.start)
        return max(self.density, overall) * (self.last - self.key)

    def advance(self, key: int, contacts: int) -> None:
        """All that was created before `key` is read, so many contacts since the key before."""
        self.density = contacts / (key - self.key)
        self.contacts += contacts
        self.key = key
        self.is_in_doubt = False

    def cut(self) -> "_Slice":
        """Gives away the later half of what is left."""
        middle = (self.key + self.last + 1) // 2
        half = _Slice(middle, self.last, self.contacts_left / (self.last - self.key))
        self.last = middle - 1
        return half


class KeyWalk:
    """The walk by key; `run` it once."""

    def __init__(self, client: Client, log: CrawlLog) -> None:
        self._client = client
        self._log = log
        self._changed = threading.Condition()
        self._waiting: list[_Slice] = []
        self._walked: list[_Slice] = []
        self._ties: list[Tie] = []
        self._alive = self._busy = 0
        self._failure: BaseException | None = None
        self._page_size = 1

    def run(self) -> None:
        """Reads the whole workspace. Raises ChatbotXError or NotInOrder."""
        oldest = self._ask(Query())
        if not oldest.received:
            return
        self._log.counted = count(self._client, oldest.answer)
        newest = self._ask(Query(descending=True))
        self._read_between(oldest, newest)
        if self._log.received < (self._log.counted or 0):
            self._look_for_hidden((newest if newest.received else oldest).last)

    def _read_between(self, oldest: KeyedPage, newest: KeyedPage) -> None:
        """Reads what is on the two pages and all between them."""
        self._page_size = max(oldest.received, newest.received)
        if newest.identities == oldest.identities[::-1] != oldest.identities:
            raise NotInOrder  # the same page in the same order from either end
        if not newest.received or (newest.identities == oldest.identities and newest.received > 1):
            self._log.take(oldest.answer)
            return
        first, last = oldest.last, newest.first
        self._log.take(oldest.answer.only(oldest.before(first)))
        if last < first:
            if (self._log.counted or 0) > 2 * self._page_size:
                raise NotInOrder  # two pages that are in order by chance
            self._log.take(newest.answer.only(newest.since(first)))
            return
        self._log.take(newest.answer.only(newest.after(last)))
        self._waiting = self._slices(first, last)
        # A page of one createdAt says nothing of the order: there the walk must see what follows.
        self._waiting[0].is_in_doubt = set(oldest.keys) <= {BEFORE_ALL, oldest.keys[-1]}
        self._walk_all()

    def _slices(self, first: int, last: int) -> list[_Slice]:
        """As many equal parts of the time as there are walkers; fewer if there are fewer pages."""
        span, counted = last - first + 1, self._log.counted
        pages = span if counted is None else math.ceil(counted / self._page_size)
        count = max(1, min(self._client.connections, pages - 2, span))
        starts = [first + span * part // count for part in range(count)]
        ends = [start - 1 for start in starts[1:]] + [last]
        density = (counted or 0) / span
        return [_Slice(start, end, density) for start, end in zip(starts, ends, strict=True)]

    def _look_for_hidden(self, last: int) -> None:
        """Fewer came than there were. Were they deleted, or does the server not show them all when
        it is asked for contacts by their time of creation?"""
        later = 0
        if last < LAST_INSTANT:
            since = as_text(last + 1)
            later = counted(self._client.contacts(Query(since=since, per_page=1))) or 0
        now = counted(self._client.contacts(Query(per_page=1))) or 0
        hidden = now - later - self._log.received
        if hidden > 0:
            self._log.warn(
                f"The server counts {now - later:,} contacts, and did not send {hidden:,} of them "
                "when it was asked for all by their time of creation: those are missing."
            )

    def _walk_all(self) -> None:
        self._alive = self._client.connections
        for number in range(self._client.connections):
            threading.Thread(target=self._work, name=f"walker-{number}", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._alive or self._has_failed)
            # One may be busy connecting, which cannot be ended; nobody has to wait for it.
            self._changed.wait_for(lambda: not self._alive, GRACE)
            if self._failure is not None:
                raise self._failure

    @property
    def _has_failed(self) -> bool:
        return self._failure is not None and not isinstance(self._failure, NotInOrder)

    def _ask(self, query: Query, at_least: int | None = None) -> KeyedPage:
        """An answer, oldest first. Raises NotInOrder if it is not in the order asked for, or holds
        contacts created before `at_least`."""
        if self._failure is not None:
            raise Cancelled("Another walker failed.")
        answer = self._client.contacts(query)
        self._log.count_page(answer)
        edge = AFTER_ALL if query.descending else BEFORE_ALL
        if at_least is not None:
            edge = as_text(at_least)
        keys = keys_of(answer.contacts, edge)
        if query.descending:
            keys.reverse()
            answer = answer.only(range(answer.received - 1, -1, -1))
        if keys != sorted(keys) or (at_least is not None and keys and keys[0] < edge):
            raise NotInOrder
        return KeyedPage(answer, keys)

    def _work(self) -> None:
        """One walker's life: does what there is to do until there is nothing more."""
        try:
            while (task := self._next_task()) is not None:
                task()
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()
        except BaseException as failure:  # noqa: BLE001 - `run` raises it
            with self._changed:
                is_first = self._failure is None
                if is_first:
                    self._failure = failure
            if is_first and self._has_failed:
                self._client.abort()
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _next_task(self) -> Callable[[], None] | None:
        with self._changed:
            while self._failure is None:
                task = self._tie_task() or self._slice_task()
                if task is not None:
                    self._busy += 1
                    return task
                if not self._busy:
                    break
                self._changed.wait()
            return None

    def _tie_task(self) -> Callable[[], None] | None:
        for tie in self._ties:
            if (number := tie.take_page()) is not None:
                return partial(self._read_tie_page, tie, number)
        return None

    def _slice_task(self) -> Callable[[], None] | None:
        """A slice that waits, or the later half of the one with most left to read."""
        if not self._waiting:
            fullest = max(self._walked, key=attrgetter("contacts_left"), default=None)
            if fullest is None or fullest.contacts_left < 2 * self._page_size:
                return None
            self._waiting.append(fullest.cut())
        part = self._waiting.pop(0)
        self._walked.append(part)
        return partial(self._walk, part)

    def _walk(self, part: _Slice) -> None:
        """Walks a slice, whose end another walker may bring nearer meanwhile."""
        while not part.is_done:
            page = self._ask(part.query, at_least=part.key)
            with self._changed:
                is_full = page.received >= self._page_size
                self._page_size = max(self._page_size, page.received)
                is_tie = is_full and page.last == part.key
                settled = range(0) if is_tie else self._settle(part, page, is_full)
                self._changed.notify_all()
            self._log.take(page.answer.only(settled))
            if is_tie:
                self._read_tie(part, page)

    def _settle(self, part: _Slice, page: KeyedPage, is_full: bool) -> range:
        """Moves the slice on, or ends it; returns the places of the contacts that are not going to
        be read again: all but those of the last `createdAt`, of which there may be more."""
        settled = page.up_to(part.last)
        is_end = len(settled) < page.received or not page.received
        if is_end or (not is_full and page.last == part.last):
            self._finish(part)
        elif page.last > part.key:
            settled = page.before(page.last)
            part.advance(page.last, len(settled))
        else:
            # Nothing follows where there was something at first: it may have been deleted.
            part.advance(part.key + 1, 0)
        return settled

    def _finish(self, part: _Slice) -> None:
        part.is_done = True
        self._walked.remove(part)

    def _read_tie(self, part: _Slice, page: KeyedPage) -> None:
        """Reads a group of one `createdAt`, of which `page` is the first page, until two readings
        agree.

        A contact slips from a page to one already read when another before it is deleted. Then all
        between them have moved, and the next reading finds other contacts in their places. So a
        reading that finds each in its place, and more after them at most, proves that the one
        before has lost nothing.
        """
        tie = Tie(part.query, part.key)
        before = self._read_tie_once(tie, page)
        times_found = Counter(filter(None, before))
        for _ in range(READINGS - 1):
            tie.start_over()
            now = self._read_tie_once(tie)
            if now[: len(before)] == before:
                break
            times_found.update(filter(None, now))
            before = now
        else:
            self._log.warn(
                f"{len(tie.known):,} contacts were created at {as_text(tie.instant)}, and each "
                "time they were read some came or went meanwhile: at most about "
                f"{missing_estimate(times_found, before):,} more may be missing."
            )
        if tie.goes_round:
            self._log.warn(
                f"Of the contacts that were created at {as_text(tie.instant)} the server sends "
                f"the same {len(tie.known):,} again and again: more of them may be missing."
            )
        self._log.leave_out(before.count(None))
        with self._changed:
            part.advance(part.key + 1, 0)
            if part.key > part.last:
                self._finish(part)

    def _read_tie_once(self, tie: Tie, first: KeyedPage | None = None) -> list[str | None]:
        """One reading, in which all walkers help that are free. Returns the ids in their order."""
        with self._changed:
            self._ties.append(tie)
            number = tie.take_page()
        if first is not None and number is not None:
            self._take_tie_page(tie, number, first)
            number = self._next_page_of(tie)
        while number is not None:
            self._read_tie_page(tie, number)
            number = self._next_page_of(tie)
        with self._changed:
            self._ties.remove(tie)
        return tie.ids

    def _next_page_of(self, tie: Tie) -> int | None:
        """Waits until a page of the group may be read; None when all are in."""
        with self._changed:
            while self._failure is None and not tie.is_read:
                if (number := tie.take_page()) is not None:
                    return number
                self._changed.wait()
        if self._failure is not None:
            raise Cancelled("Another walker failed.")
        return None

    def _read_tie_page(self, tie: Tie, number: int) -> None:
        page = self._ask(replace(tie.query, page=number), at_least=tie.instant)
        self._take_tie_page(tie, number, page)

    def _take_tie_page(self, tie: Tie, number: int, page: KeyedPage) -> None:
        with self._changed:
            group = tie.add(number, page, page.received >= self._page_size)
            news, again = news_of(page.answer, group, tie.known)
            self._changed.notify_all()
        self._log.take(page.answer.only(news), again)
