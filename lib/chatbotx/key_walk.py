"""The walk by key: several walkers share the time between the oldest and the newest contact."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter

from lib.chatbotx.chain import Window, window_from
from lib.chatbotx.client import Client, Query
from lib.chatbotx.errors import Cancelled
from lib.chatbotx.keys import (
    AFTER_ALL,
    BEFORE_ALL,
    EPOCH,
    LAST_INSTANT,
    MINUTE,
    SECOND,
    KeyedPage,
    NotInOrder,
    as_text,
    floor,
    keys_of,
    moment_of,
)
from lib.chatbotx.page_walk import count, counted
from lib.chatbotx.progress import CrawlLog, Range
from lib.chatbotx.recount import Recount
from lib.chatbotx.slices import Slice, slices_between
from lib.chatbotx.ties import Step, Tie
from lib.chatbotx.versions import news_of

_FREE_VAIN_SLICES = 5
"""So many slices may turn out to hold next to nothing, one more for each ten pages that were read
and for each eight that are left: where there is much to read, nobody shall be idle."""

_SLOW = 1.0
"""Seconds. Deep pages that take no longer are read several at once."""

GRACE = 1.0
"""Seconds that a crawl which was stopped waits for its threads; one may be busy connecting."""


class KeyWalk:
    """The walk by key; `run` it once."""

    def __init__(self, client: Client, log: CrawlLog) -> None:
        self._client = client
        self._log = log
        self._changed = threading.Condition()
        self._waiting: list[Slice] = []
        self._walked: list[Slice] = []
        self._ties: dict[Tie, Slice] = {}
        self._deep_pages_under_way = 0
        self._deep_pages_are_slow = False
        self._alive = self._busy = 0
        self._failure: BaseException | None = None
        self._vain_slices = 0
        """How many held next to nothing: where contacts came in a rush, estimates are far off."""
        self._page_size = 1
        self._grain = 1
        """Milliseconds that the server's filter does not tell apart, as far as was noticed."""
        self._is_exact = False
        """Whether its filter was seen to tell times within one second apart."""

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

    def read_again(self, first: int, last: int) -> int:
        """Reads what was created from one instant to another once more, when the walk is over;
        passes on those that did not come before. Returns how many there are. Raises ChatbotXError
        or NotInOrder."""
        recount = Recount(self._client, self._log)
        walk = KeyWalk(self._client, recount)
        walk._page_size, walk._grain = self._page_size, self._grain
        part = Slice(first, last)
        walk._walked.append(part)
        walk._walk(part)
        return recount.received

    def _read_between(self, oldest: KeyedPage, newest: KeyedPage) -> None:
        """Reads what is on the two pages and all between them."""
        self._page_size = max(oldest.received, newest.received)
        if newest.identities == oldest.identities[::-1] != oldest.identities:
            raise NotInOrder  # the same page in the same order from either end
        if not newest.received or (newest.identities == oldest.identities and newest.received > 1):
            self._take(oldest, range(oldest.received))
            return
        first, last = oldest.last, newest.first
        self._take(oldest, oldest.before(first))
        if last < first:
            if (self._log.counted or 0) > 2 * self._page_size:
                raise NotInOrder  # two pages that are in order by chance
            self._take(newest, newest.since(first))
            return
        self._take(newest, newest.after(last))
        self._waiting = slices_between(
            first, last, self._client.connections, self._log.counted, self._page_size
        )
        # A page of one createdAt says nothing of the order: there the walk must see what follows.
        self._waiting[0].is_in_doubt = set(oldest.keys) <= {BEFORE_ALL, oldest.keys[-1]}
        self._walk_all()

    def _look_for_hidden(self, last: int) -> None:
        """Fewer came than there were. Were they deleted, or does the server not show them all when
        it is asked for contacts by their time of creation?"""
        later = 0
        if last < LAST_INSTANT:
            since = as_text(last + 1)
            later = counted(self._client.contacts(Query(since=since, per_page=1))) or 0
        now = counted(self._client.contacts(Query(per_page=1))) or 0
        # What came meanwhile is counted now, and what went was counted at first.
        hidden = min(self._log.counted or 0, now - later) - self._log.received
        if hidden > 0:
            self._log.warn(
                f"The server counts {now - later:,} contacts, and did not send {hidden:,} of them "
                "when it was asked for all by their time of creation: those are missing.",
                [Range(EPOCH, moment_of(last))],
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
        contacts created before `at_least` and not in the same minute."""
        self._check_others()
        answer = self._client.contacts(query)
        self._log.count_page(answer)
        edge = AFTER_ALL if query.descending else BEFORE_ALL
        if at_least is not None:
            edge = as_text(at_least)
        keys, unknown = keys_of(answer.contacts, edge)
        if query.descending:
            keys.reverse()
            answer = answer.only(range(answer.received - 1, -1, -1))
        if keys != sorted(keys):
            raise NotInOrder
        if at_least is not None and keys and keys[0] < edge:
            self._notice_grain(keys[0], at_least, query)
        return KeyedPage(answer, keys, unknown)

    def _check_others(self) -> None:
        if self._failure is not None:
            raise Cancelled("Another walker failed.")

    def _notice_grain(self, first: str, at_least: int, query: Query) -> None:
        """The server sent contacts from `first` on: it has cut `at_least` to a second or a minute,
        or ignored it."""
        for grain in (SECOND, MINUTE):
            if query.since is not None and first >= as_text(floor(at_least, grain)):
                with self._changed:
                    self._grain = max(self._grain, grain)
                return
        raise NotInOrder

    def _take(self, page: KeyedPage, places: Sequence[int], changed: Sequence[int] = ()) -> None:
        """Passes on the contacts in these places, and those that were passed on and have changed
        since."""
        created = [page.keys[place] for place in places]
        self._log.take(page.answer.only([*places, *changed]), created, len(changed))

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
            if (step := self._take_step(tie)) is not None:
                return partial(self._read_step, tie, step)
        return None

    def _slice_task(self) -> Callable[[], None] | None:
        """A slice that waits, or the later half of the one with most left to read."""
        if not self._waiting:
            left = (self._log.counted or 0) - self._log.received
            is_almost_done = 0 <= left < 2 * self._page_size  # beyond a count that is capped
            if is_almost_done or self._vain_slices > self._vain_slices_allowed:
                return None
            fullest = max(self._walked, key=attrgetter("contacts_left"), default=None)
            if fullest is None or fullest.contacts_left < 2 * self._page_size:
                return None
            if (half := fullest.cut(self._safe_grain)) is None:
                return None
            self._waiting.append(half)
        part = self._waiting.pop(0)
        self._walked.append(part)
        return partial(self._walk, part)

    @property
    def _safe_grain(self) -> int:
        """Milliseconds that the server may not tell apart: a second, as long as nobody knows. A tie
        of one millisecond would be read twice where its second turns out to be one."""
        return self._grain if self._is_exact else max(self._grain, SECOND)

    @property
    def _vain_slices_allowed(self) -> int:
        left = max(0, (self._log.counted or 0) - self._log.received)
        return _FREE_VAIN_SLICES + self._log.pages // 10 + left // (8 * self._page_size)

    def _walk(self, part: Slice) -> None:
        """Walks a slice, whose end another walker may bring nearer meanwhile."""
        while not part.is_done:
            self._help_with_ties()
            base = floor(part.key, self._grain)
            query = part.query(self._grain)
            page = self._ask(query, at_least=base)
            with self._changed:
                self._is_exact |= self._grain == 1 and part.follows_in_its_second
                is_full = page.received >= self._page_size
                self._page_size = max(self._page_size, page.received)
                tie = self._tie_that_begins(part, query, page) if is_full else None
                settled = self._settle(part, page, is_full) if tie is None else ([], [])
                self._changed.notify_all()
            if tie is None:
                self._take(page, *settled)
            else:
                self._read_tie(part, tie, page)

    def _tie_that_begins(self, part: Slice, query: Query, page: KeyedPage) -> Tie | None:
        """What to read by page number, if a full page leaves little else: when the next page by key
        would repeat more of this one than the next one by number."""
        if page.last > part.last:
            return None
        tie = Tie(query, part.key, self._safe_grain, part.known, part.nameless)
        by_number = window_from(page.received - 1, self._page_size).end - page.received
        is_tie = page.last <= tie.last
        if not is_tie and self._gain_by_key(page) >= by_number:
            return None
        part.held_until = tie.last
        return tie

    def _gain_by_key(self, page: KeyedPage) -> int:
        """How many contacts the next page has that this one has not, if it begins with the last
        stretch of time on this one that the server tells apart."""
        return self._page_size - len(page.since(floor(page.last, self._grain)))

    def _settle(self, part: Slice, page: KeyedPage, is_full: bool) -> tuple[list[int], list[int]]:
        """Moves the slice on, or ends it; returns the places of the contacts that are not going to
        be read again: all but those of the last `createdAt`, of which there may be more. Then those
        of contacts that were passed on before and have changed."""
        begin, end = page.since(part.key).start, page.up_to(part.last).stop
        next_stretch = floor(part.key, self._grain) + self._grain
        known, nameless = part.known, part.nameless
        if end < page.received or not page.received or (not is_full and page.last == part.last):
            part.contacts += max(0, end - begin)
            self._finish(part)
        elif page.last >= next_stretch:
            end = page.before(page.last).stop
            part.advance(page.last, end - begin)
            part.follows_in_its_second = page.since(floor(page.last, SECOND)).start < end
        else:
            # Nothing follows where there was something at first: it may have been deleted.
            self._go_on_from(part, next_stretch)
        places: Sequence[int] = range(begin, end)
        if not known and not nameless:
            return list(places), []
        contacts = page.answer.contacts
        unnamed = [place for place in places if not contacts[place].id][nameless:]
        new, changed = news_of(contacts, places, known)
        return sorted(new + unnamed), changed

    def _go_on_from(self, part: Slice, key: int) -> None:
        part.advance(key, 0)
        if part.key > part.last:
            self._finish(part)

    def _finish(self, part: Slice) -> None:
        part.is_done = True
        self._vain_slices += part.contacts < self._page_size // 2
        self._walked.remove(part)

    def _read_tie(self, part: Slice, tie: Tie, page: KeyedPage) -> None:
        """Reads contacts by page number, of which `page` is the first page, until the walk can go
        on by key. Others who are free help where deep pages come quickly."""
        first = tie.emit_from
        with self._changed:
            self._ties[tie] = part
        tie.begin(self._page_size)
        self._add_to_tie(tie, Step(tie.up, Window(1, page.received), tie.query), page)
        while (step := self._next_step(tie)) is not None:
            self._read_step(tie, step)
        with self._changed:
            del self._ties[tie]
        if tie.doubt is not None:
            self._log.warn(
                f"Of the contacts that were created at {as_text(first)} some may be missing, at "
                f"most as many as are there, {len(tie.known):,}: {tie.doubt}.",
                [Range(moment_of(first), moment_of(tie.last))],
            )

    def _help_with_ties(self) -> None:
        """Reads a page of a tie, whose chains each go page by page and would end last of all."""
        with self._changed:
            task = None if self._deep_pages_are_slow else self._tie_task()
        if task is not None:
            task()

    def _next_step(self, tie: Tie) -> Step | None:
        """Waits until a page of the tie may be read; None when all are in."""
        with self._changed:
            while True:
                self._check_others()
                if tie.is_done:
                    return None
                if (step := self._take_step(tie)) is not None:
                    return step
                self._changed.wait()

    def _take_step(self, tie: Tie) -> Step | None:
        """One deep page at a time where they are slow: each makes the others slower still."""
        if self._deep_pages_are_slow and self._deep_pages_under_way:
            return None
        step = tie.take_step(self._page_size)
        self._deep_pages_under_way += step is not None
        return step

    def _read_step(self, tie: Tie, step: Step) -> None:
        began = time.monotonic()
        at_least = floor(tie.emit_from, self._grain) if step.query.since is not None else None
        page = self._ask(step.query, at_least)
        with self._changed:
            self._deep_pages_under_way -= 1
            if step.window.skipped:
                self._deep_pages_are_slow = time.monotonic() - began > _SLOW
        self._add_to_tie(tie, step, page)

    def _add_to_tie(self, tie: Tie, step: Step, page: KeyedPage) -> None:
        """Notes a page of a tie and passes on its contacts, and those of pages that waited for it.
        Nothing, when the tie is read: then what others have read covers this page, too."""
        news: list[tuple[KeyedPage, list[int], list[int]]] = []
        with self._changed:
            part = self._ties.get(tie)
            if part is not None:
                for each, its_page in tie.pages(step, page):
                    news.append((its_page, *self._add(part, tie, each, its_page)))
            self._changed.notify_all()
        for its_page, new, changed in news:
            self._take(its_page, new, changed)

    def _add(
        self, part: Slice, tie: Tie, step: Step, page: KeyedPage
    ) -> tuple[list[int], list[int]]:
        """Returns the places of the contacts that are new, and of those that have changed."""
        places = tie.add(step, page)
        last = part.last if step.chain is tie.up else min(part.last, tie.last)
        begin, end = page.since(tie.emit_from).start, page.up_to(last).stop
        # Deep in a tie those whose time is unknown belong to it.
        unknown = page.unknown if step.window.skipped else 0
        in_question = [*range(min(unknown, begin)), *range(begin, end)]
        # Those that overlap are known; but if one has changed since, that is news.
        new, changed = news_of(page.answer.contacts, in_question, tie.known)
        unnamed = tie.unnamed(page, [place for place in places if place in in_question])
        part.contacts += len(new)
        if step.chain is tie.up:
            self._move_on(part, tie)
        else:
            self._go_on_behind_if_done(part, tie)
        return sorted(new + unnamed), changed

    def _move_on(self, part: Slice, tie: Tie) -> None:
        """Notes how far a tie was read upwards, and whether to go on by key from there."""
        page = tie.page
        if page is None or not page.received:
            last = part.key
        else:
            # Also where it is not sure yet that nothing is missing before: nobody else shall read
            # what was passed on.
            last = page.last
            part.advance(max(part.key, min(last, part.last)), 0)
        if not tie.up.is_joined:
            return
        if last > part.last:
            tie.is_done = True
            self._finish(part)
        elif page is not None and tie.last < last == part.key:
            tie.is_done = (
                tie.is_read_from_both_ends
                or tie.up.is_at_end
                or self._gain_by_key(page) >= tie.up.gain(self._page_size)
            )
            tie.move_to(last)
            part.held_until = tie.last
            part.known, part.known_until = tie.known, last
            part.nameless = tie.nameless[as_text(last)]
        elif tie.is_done or tie.up.is_at_end:
            tie.is_done = True
            self._go_on_behind_if_done(part, tie)

    def _go_on_behind_if_done(self, part: Slice, tie: Tie) -> None:
        """All of the tie is read, and perhaps some of what follows."""
        if tie.is_done:
            part.known, part.known_until = tie.known, max(part.key, tie.last)
            self._go_on_from(part, tie.last + 1)
