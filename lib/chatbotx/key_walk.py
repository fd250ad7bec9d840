"""The walk by key: several walkers divide the time between the oldest and the newest contact."""

import time
from collections.abc import Sequence
from functools import partial
from operator import attrgetter

from lib.chatbotx.chain import Window, window_from
from lib.chatbotx.client import Client, Query
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
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.recount import Recount
from lib.chatbotx.slices import Slice, slices_between
from lib.chatbotx.ties import Step, Tie
from lib.chatbotx.verdict import Range
from lib.chatbotx.versions import new_and_changed
from lib.chatbotx.walkers import Task, Walkers

_FREE_EMPTY_SLICES = 5
"""How many slices may turn out nearly empty before no more are split off, plus one for every ten
pages read and for every eight pages left: in a large workspace no walker should be idle."""


class KeyWalk:
    """Reads a workspace by key; call `run` once."""

    def __init__(self, client: Client, log: CrawlLog) -> None:
        self._client = client
        self._log = log
        self._walkers = Walkers(client, self._next_task)
        self._changed = self._walkers.changed
        self._waiting: list[Slice] = []
        self._walked: list[Slice] = []
        self._ties: dict[Tie, Slice] = {}
        self._deep_pages_under_way = 0
        self._deep_pages_are_slow = False
        self._empty_slices = 0
        """How many slices were nearly empty: where contacts came in bursts, estimates are far off.
        """
        self._page_size = 1
        self._grain = 1
        """Resolution of the server's filter in milliseconds, as observed so far."""
        self._is_exact = False
        """Whether the filter was seen to distinguish times within one second."""

    def run(self) -> None:
        """Read the whole workspace. Raises ChatbotXError or NotInOrder."""
        oldest = self._ask(Query())
        if not oldest.received:
            return
        self._log.counted = count(self._client, oldest.answer)
        newest = self._ask(Query(descending=True))
        self._read_between(oldest, newest)
        if self._log.received < (self._log.counted or 0):
            self._check_for_hidden((newest if newest.received else oldest).last)

    def read_again(self, first: int, last: int) -> int:
        """After the walk, read the contacts created from `first` to `last` (ms, inclusive) again.

        Passes on those that had not come before and returns how many there are in all. Raises
        ChatbotXError or NotInOrder.
        """
        recount = Recount(self._client, self._log)
        walk = KeyWalk(self._client, recount)
        walk._page_size, walk._grain = self._page_size, self._grain
        part = Slice(first, last)
        walk._walked.append(part)
        walk._walk(part)
        return recount.received

    def _read_between(self, oldest: KeyedPage, newest: KeyedPage) -> None:
        """Read everything on the two pages and between them."""
        self._page_size = max(oldest.received, newest.received)
        if newest.identities == oldest.identities[::-1] != oldest.identities:
            raise NotInOrder  # the same page in the same order for either sort direction
        if not newest.received or (newest.identities == oldest.identities and newest.received > 1):
            self._take(oldest, range(oldest.received))
            return
        first, last = oldest.last, newest.first
        self._take(oldest, oldest.before(first))
        if last < first:
            if (self._log.counted or 0) > 2 * self._page_size:
                raise NotInOrder  # two pages that happen to be in order
            self._take(newest, newest.since(first))
            return
        self._take(newest, newest.after(last))
        self._waiting = slices_between(
            first, last, self._client.connections, self._log.counted, self._page_size
        )
        # A page with a single createdAt is no evidence of the sort order: walk from the start.
        self._waiting[0].is_in_doubt = set(oldest.keys) <= {BEFORE_ALL, oldest.keys[-1]}
        self._walkers.run()

    def _check_for_hidden(self, last: int) -> None:
        """Fewer contacts came than the server counted: find out whether they were deleted.

        The alternative is that the server hides some when it is asked by time of creation; that
        is noted as a warning. `last` is the newest creation time read, in ms.
        """
        later = 0
        if last < LAST_INSTANT:
            since = as_text(last + 1)
            later = counted(self._client.contacts(Query(since=since, per_page=1))) or 0
        now = counted(self._client.contacts(Query(per_page=1))) or 0
        # Contacts added during the crawl are only in the new count, deleted ones only in the first.
        hidden = min(self._log.counted or 0, now - later) - self._log.received
        if hidden > 0:
            self._log.warn(
                f"The server counts {now - later:,} contacts, and did not send {hidden:,} of them "
                "when it was asked for all by their time of creation: those are missing.",
                [Range(EPOCH, moment_of(last))],
            )

    def _ask(self, query: Query, at_least: int | None = None) -> KeyedPage:
        """Request a page and return it oldest first.

        Raises ChatbotXError, and NotInOrder if the answer is not sorted as requested or contains
        contacts created before `at_least` (ms) that truncation to the minute does not explain.
        """
        self._walkers.check()
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

    def _notice_grain(self, first: str, at_least: int, query: Query) -> None:
        """Learn the filter's resolution from a server that sent contacts before `at_least`.

        `first` is the earliest of them: the server truncated the bound to the second or the minute.
        Raises NotInOrder if it ignored the bound.
        """
        for grain in (SECOND, MINUTE):
            if query.since is not None and first >= as_text(floor(at_least, grain)):
                with self._changed:
                    self._grain = max(self._grain, grain)
                return
        raise NotInOrder

    def _take(self, page: KeyedPage, new: Sequence[int], changed: Sequence[int] = ()) -> None:
        """Pass on the contacts at the indices `new`, and those that have `changed` since."""
        created = [page.keys[row] for row in new]
        self._log.take(page.answer.only([*new, *changed]), created, len(changed))

    def _next_task(self) -> Task | None:
        return self._tie_task() or self._slice_task()

    def _tie_task(self) -> Task | None:
        for tie in self._ties:
            if (step := self._take_step(tie)) is not None:
                return partial(self._read_step, tie, step)
        return None

    def _slice_task(self) -> Task | None:
        """A waiting slice, or the later half of the one with most contacts left to read."""
        if not self._waiting:
            left = (self._log.counted or 0) - self._log.received
            is_almost_done = 0 <= left < 2 * self._page_size  # negative if the count is capped
            if is_almost_done or self._empty_slices > self._empty_slices_allowed:
                return None
            fullest = max(self._walked, key=attrgetter("contacts_left"), default=None)
            if fullest is None or fullest.contacts_left < 2 * self._page_size:
                return None
            if (half := fullest.split(self._safe_grain)) is None:
                return None
            self._waiting.append(half)
        part = self._waiting.pop(0)
        self._walked.append(part)
        return partial(self._walk, part)

    @property
    def _safe_grain(self) -> int:
        """Resolution to assume for the filter, in ms: a second until it is known to be finer.

        If a tie were taken for one millisecond and the server turned out to truncate to the second,
        it would have to be read twice.
        """
        return self._grain if self._is_exact else max(self._grain, SECOND)

    @property
    def _empty_slices_allowed(self) -> int:
        left = max(0, (self._log.counted or 0) - self._log.received)
        return _FREE_EMPTY_SLICES + self._log.pages // 10 + left // (8 * self._page_size)

    def _walk(self, part: Slice) -> None:
        """Read a slice to its end, which another walker may move closer at any time."""
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
        """The tie to read by page number from this full page on; None to go on by key.

        It is worth it if the next page by key would add fewer new contacts than the next page by
        number.
        """
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
        """How many new contacts the next page by key would bring.

        It starts at the last `createdAt` of this page, rounded down to the filter's resolution.
        """
        return self._page_size - len(page.since(floor(page.last, self._grain)))

    def _settle(self, part: Slice, page: KeyedPage, is_full: bool) -> tuple[list[int], list[int]]:
        """Advance the slice past this page, or finish it.

        Returns the indices of the contacts that will not be read again, which are all but those of
        the last `createdAt`, of which there may be more; and the indices of those that were passed
        on before and have changed.
        """
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
            # All contacts behind this stretch may have been deleted since the slices were made.
            self._continue_from(part, next_stretch)
        rows: Sequence[int] = range(begin, end)
        if not known and not nameless:
            return list(rows), []
        contacts = page.answer.contacts
        unnamed = [row for row in rows if not contacts[row].id][nameless:]
        new, changed = new_and_changed(contacts, rows, known)
        return sorted(new + unnamed), changed

    def _continue_from(self, part: Slice, key: int) -> None:
        part.advance(key, 0)
        if part.key > part.last:
            self._finish(part)

    def _finish(self, part: Slice) -> None:
        part.is_done = True
        self._empty_slices += part.contacts < self._page_size // 2
        self._walked.remove(part)

    def _read_tie(self, part: Slice, tie: Tie, page: KeyedPage) -> None:
        """Read a tie by page number, `page` being its first, until the walk can go on by key.

        Where deep pages are fast, other walkers help.
        """
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
        """Read a page of another walker's tie: its chains are sequential and would finish last."""
        with self._changed:
            task = None if self._deep_pages_are_slow else self._tie_task()
        if task is not None:
            task()

    def _next_step(self, tie: Tie) -> Step | None:
        """Wait until a page of the tie may be read; None when the tie is complete."""
        with self._changed:
            while True:
                self._walkers.check()
                if tie.is_done:
                    return None
                if (step := self._take_step(tie)) is not None:
                    return step
                self._changed.wait()

    def _take_step(self, tie: Tie) -> Step | None:
        """The tie's next page. Slow deep pages are read one at a time: each slows the others."""
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
                longest = self._client.patience.slow_page
                self._deep_pages_are_slow = time.monotonic() - began > longest
        self._add_to_tie(tie, step, page)

    def _add_to_tie(self, tie: Tie, step: Step, page: KeyedPage) -> None:
        """Add a page to a tie and pass on its contacts and those of pages that waited for it.

        Does nothing once the tie is complete: then other pages have covered this one.
        """
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
        """Add a page to the tie; return the indices of new contacts and of changed ones."""
        added = tie.add(step, page)
        last = part.last if step.chain is tie.up else min(part.last, tie.last)
        begin, end = page.since(tie.emit_from).start, page.up_to(last).stop
        # On later pages of a tie, contacts without a readable time belong to it.
        unknown = page.unknown if step.window.skipped else 0
        candidates = [*range(min(unknown, begin)), *range(begin, end)]
        # Contacts in the overlap are known already, but may have changed since.
        new, changed = new_and_changed(page.answer.contacts, candidates, tie.known)
        unnamed = tie.unnamed(page, [row for row in added if row in candidates])
        part.contacts += len(new)
        if step.chain is tie.up:
            self._advance(part, tie)
        else:
            self._continue_behind_if_done(part, tie)
        return sorted(new + unnamed), changed

    def _advance(self, part: Slice, tie: Tie) -> None:
        """Note how far the ascending chain has come, and decide whether to go on by key there."""
        page = tie.page
        if page is None or not page.received:
            last = part.key
        else:
            # Even if contacts may be missing before this page: what was passed on must not be
            # given to another walker.
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
            self._continue_behind_if_done(part, tie)

    def _continue_behind_if_done(self, part: Slice, tie: Tie) -> None:
        """Once the tie is complete, go on by key behind it; part of that may be read already."""
        if tie.is_done:
            part.known, part.known_until = tie.known, max(part.key, tie.last)
            self._continue_from(part, tie.last + 1)
