"""The walk by page number, for servers that ignore the requested sort order or filter."""

import itertools
import math
from dataclasses import dataclass

from lib.chatbotx.client import Client, Query
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.schema import Answer
from lib.chatbotx.sightings import Sightings
from lib.chatbotx.versions import new_and_changed

READINGS = 6
"""Maximum number of passes over a workspace."""

NOTHING_NEW = 3
"""After this many consecutive pages without a new contact, the list counts as finished."""


def counted(answer: Answer) -> int | None:
    """Lower bound of the number of contacts by the server's count; None if it gives none."""
    if answer.total_count is not None or answer.page_count is None:
        return answer.total_count
    return max(0, answer.page_count - 1) * answer.received + min(1, answer.received)


def count(client: Client, answer: Answer) -> int | None:
    """Like `counted`, but exact if possible: with one contact a page, `pageCount` is the count."""
    if answer.total_count is None and answer.page_count is not None:
        if answer.page_count <= 1:
            return answer.received
        answer = client.contacts(Query(per_page=1))
    return counted(answer)


def is_past_the_end(answer: Answer, number: int) -> bool:
    """Whether page `number` lies beyond the server's own `pageCount`."""
    return answer.page_count is not None and number > answer.page_count


def missing_estimate(known: Sightings) -> int:
    """Estimate, from above, how many contacts no pass found.

    Where contacts are deleted, each deletion lets one slip through, and the best pass missed no
    more than the average. Where the order is unstable, this is Chao's estimator: many contacts
    found exactly once imply more that were never found.
    """
    once, twice = known.came_times(1), known.came_times(2)
    gone = (len(known) - known.found) / (READINGS - 1)
    unstable = once * (once - 1) / (2 * (twice + 1))
    return max(1, math.ceil(gone), math.ceil(unstable))


def walk_by_pages(client: Client, log: CrawlLog) -> None:
    """Read all pages, pass after pass, until the passes agree; for servers without a usable key.

    A contact slips through a pass either because another was deleted, which the next pass shows, or
    because the order is unstable, and then some other contact comes twice in its place. So two
    passes with the same ids, the second without duplicates, have found everything. Where there are
    always duplicates, it takes three passes with equal numbers of rows that together found that
    many contacts. Raises ChatbotXError.
    """
    known = Sightings()
    passes: list[_Pass] = []
    while len(passes) < READINGS:
        now = _read_all_pages(client, log, known)
        passes.append(now)
        if now.is_cycling:
            log.warn(
                "The server sends the same contacts again and again instead of the next ones: only "
                f"the {len(known):,} that it sent are counted, and more may be missing.",
                None,
            )
        is_same = len(passes) > 1 and passes[-2].found == known.found == known.found_again
        is_static = len(passes) > 2 and len({each.rows for each in passes}) == 1
        if (
            now.is_cycling
            or (is_same and known.found == now.with_id)
            or (is_static and len(known) == now.with_id)
        ):
            break
    else:
        log.warn(
            "This server ignores the order or the filter it is asked for, so contacts can slip "
            f"between two pages. {READINGS} passes found {len(known):,} contacts and did not "
            f"agree: at most about {missing_estimate(known):,} more may be missing.",
            None,
        )
    log.add_without_id(passes[-1].without_id)


@dataclass
class _Pass:
    """The result of one pass: the number of rows, of contacts found, and of rows without an id."""

    rows: int = 0
    found: int = 0
    without_id: int = 0
    is_cycling: bool = False

    @property
    def with_id(self) -> int:
        return self.rows - self.without_id


def _read_all_pages(client: Client, log: CrawlLog, known: Sightings) -> _Pass:
    """One pass. It ends at a short or an empty page, never at `pageCount`, which may be capped."""
    read = _Pass()
    known.begin_pass()
    pages: set[int] = set()
    page_size = nothing_new = 0
    for number in itertools.count(1):
        answer = client.contacts(Query(page=number, skipped=read.rows))
        log.count_page(answer)
        if log.counted is None:
            log.counted = count(client, answer)
        ids = tuple(contact.id for contact in answer.contacts if contact.id)
        nothing_new = nothing_new + 1 if ids and all(map(known.came, ids)) else 0
        if hash(ids) in pages or nothing_new == NOTHING_NEW:
            read.is_cycling = not is_past_the_end(answer, number)
            break
        if ids:
            pages.add(hash(ids))
        read.rows += answer.received
        read.without_id += answer.received - len(ids)
        new, changed = new_and_changed(answer.contacts, range(answer.received), known)
        for each in ids:
            known.note(each)
        log.take(answer.only([*new, *changed]), changed=len(changed))
        if answer.received < max(1, page_size):
            break
        page_size = max(page_size, answer.received)
    read.found = known.found
    return read
