"""The walk by pages, for servers that ignore the order or the filter they are asked for."""

import itertools
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from lib.chatbotx.client import Client, Query
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.schema import Answer
from lib.chatbotx.versions import Versions, news_of

READINGS = 6
"""How often a workspace is read by pages at most."""

NOTHING_NEW = 3
"""After so many pages without one new contact, a server is not believed to have more."""


def counted(answer: Answer) -> int | None:
    """How many contacts there are at least, by the server's count; None if it does not say."""
    if answer.total_count is not None or answer.page_count is None:
        return answer.total_count
    return max(0, answer.page_count - 1) * answer.received + min(1, answer.received)


def count(client: Client, answer: Answer) -> int | None:
    """The same, exactly if possible: pages of one contact count contacts."""
    if answer.total_count is None and answer.page_count is not None:
        if answer.page_count <= 1:
            return answer.received
        answer = client.contacts(Query(per_page=1))
    return counted(answer)


def is_past_the_end(answer: Answer, number: int) -> bool:
    """Whether a page that repeats an earlier one has a number too high, by the server's count."""
    return answer.page_count is not None and number > answer.page_count


def missing_estimate(times_found: Counter[str], last: Collection[str | None]) -> int:
    """At most about how many were never found in all readings, given how often each of the others
    was, and who was in the last one.

    Where contacts are deleted, each deletion lets one slip through, and the reading with the fewest
    had no more than the average. Where the order is not stable, it is Chao's estimate: many that
    were found just once say that there are more.
    """
    times = Counter(times_found.values())
    gone = len(times_found.keys() - set(last)) / (READINGS - 1)
    unstable = times[1] * (times[1] - 1) / (2 * (times[2] + 1))
    return max(1, math.ceil(gone), math.ceil(unstable))


def walk_by_pages(client: Client, log: CrawlLog) -> None:
    """For servers that cannot be walked by key: reads all pages, again until passes agree.

    Contacts that slip through a pass do so because others went, which the next pass tells, or
    because the order is not stable, and then others come twice in their stead. So two passes that
    find the same, the second of them nobody twice, have found all. Where some always come twice, it
    takes three passes, and that all of them hold the same number of rows and together as many
    contacts.
    """
    known: Versions = {}
    times_found: Counter[str] = Counter()
    passes: list[_Pass] = []
    now = _Pass()
    while len(passes) < READINGS:
        now = _read_all_pages(client, log, known)
        passes.append(now)
        times_found.update(now.found)
        if now.goes_round:
            log.warn(
                "The server sends the same contacts again and again instead of the next ones: only "
                f"the {len(known):,} that it sent are counted, and more may be missing.",
                None,
            )
        is_same = len(passes) > 1 and passes[-2].found == now.found
        is_static = len(passes) > 2 and len({each.rows for each in passes}) == 1
        if (
            now.goes_round
            or (is_same and len(now.found) == now.with_id)
            or (is_static and len(known) == now.with_id)
        ):
            break
    else:
        missing = missing_estimate(times_found, now.found)
        log.warn(
            "This server ignores the order or the filter it is asked for, so contacts can slip "
            f"between two pages. {READINGS} passes found {len(known):,} contacts and did not "
            f"agree: at most about {missing:,} more may be missing.",
            None,
        )
    log.leave_out(now.without_id)


@dataclass
class _Pass:
    """What one reading of all pages held: so many rows, the ids that were found in them, and how
    many had none."""

    rows: int = 0
    found: set[str] = field(default_factory=set)
    without_id: int = 0
    goes_round: bool = False

    @property
    def with_id(self) -> int:
        return self.rows - self.without_id


def _read_all_pages(client: Client, log: CrawlLog, known: Versions) -> _Pass:
    """One pass. The end is a page shorter than others or an empty one, never `pageCount`."""
    read = _Pass()
    pages: set[tuple[str, ...]] = set()
    page_size = nothing_new = 0
    for number in itertools.count(1):
        answer = client.contacts(Query(page=number, skipped=read.rows))
        log.count_page(answer)
        if log.counted is None:
            log.counted = count(client, answer)
        ids = tuple(contact.id for contact in answer.contacts if contact.id)
        nothing_new = nothing_new + 1 if ids and read.found.issuperset(ids) else 0
        if ids in pages or nothing_new == NOTHING_NEW:
            read.goes_round = not is_past_the_end(answer, number)
            break
        if ids:
            pages.add(ids)
        read.found.update(ids)
        read.rows += answer.received
        read.without_id += answer.received - len(ids)
        new, changed = news_of(answer.contacts, range(answer.received), known)
        log.take(answer.only([*new, *changed]), changed=len(changed))
        if answer.received < max(1, page_size):
            break
        page_size = max(page_size, answer.received)
    return read
