"""All contacts of a workspace, each exactly once.

Common loops over `page=1..pageCount` lose contacts: the default order has ties, pages move while
they are read, `pageCount` may be capped, deep pages are slow. The walk here goes by key instead:
filter `createdAt >= the last createdAt seen`, sorted by `createdAt, id`, always page 1. A
`createdAt` never changes, and what is inserted or deleted elsewhere moves nothing.

The page of the oldest and the page of the newest contacts bound what is to be read: what is created
later does not belong to this crawl, and cannot make it endless. Several walkers share the time in
between (`key_walk`). Each walks a slice of it; one that comes to the end of its slice takes over
the later half of another's, so that none works alone at the end. Contacts that a key does not tell
apart are read by page number (`ties`), and each page overlaps the one before (`chain`).

A server that ignores the sort or the filter is noticed by its answers and read by pages instead,
again and again until passes agree (`page_walk`). Where the server counts, the crawl is checked in
the end (`count_check`).
"""

import threading
from collections.abc import Callable
from datetime import datetime

from lib.chatbotx.client import Client
from lib.chatbotx.count_check import check_count
from lib.chatbotx.key_walk import GRACE, KeyWalk
from lib.chatbotx.keys import NotInOrder
from lib.chatbotx.page_walk import walk_by_pages
from lib.chatbotx.progress import CrawlLog, Progress, Range, Sink, Verdict

_TRIES_BY_KEY = 2
"""What looks like another order may be history that was imported before all others meanwhile. A
server that keeps no order fails again after a few requests."""

__all__ = ["Progress", "Range", "Sink", "Verdict", "crawl"]


def crawl(
    client: Client,
    sink: Sink,
    *,
    began: datetime,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Verdict:
    """Feeds every contact of the workspace to `sink`, in no particular order.

    A contact that changed while it was read may come twice: the later version is the one to keep.
    `began` (UTC) is noted in the verdict. Raises ChatbotXError; then what arrived is to be dropped.
    Once this has returned or raised, neither `sink` nor `on_progress` is called any more.
    """
    log = CrawlLog(client, sink, on_progress)
    by_key: list[bool] = []
    failures: list[BaseException] = []

    def read() -> None:
        try:
            by_key.append(_read(client, log))
        except BaseException as failure:  # noqa: BLE001 - raised in the thread that asked for it
            failures.append(failure)

    # Apart, since an attempt to connect cannot be ended, and who stops a crawl is not to wait.
    reader = threading.Thread(target=read, name="crawl", daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.05)
            log.report_retries()
            if client.is_ended:
                reader.join(2 * GRACE)
                break
    finally:
        log.close()
    if failures:
        raise failures[0]
    if not by_key or client.cancelled.is_set():
        client.check()
    return log.verdict(began, by_key[0])


def _read(client: Client, log: CrawlLog) -> bool:
    """Reads the workspace in the one way or the other; returns whether it was by key."""
    for _ in range(_TRIES_BY_KEY):
        walk = KeyWalk(client, log)
        try:
            walk.run()
        except NotInOrder:
            log.start_over()
        else:
            check_count(client, log, walk.read_again)
            return True
    walk_by_pages(client, log)
    return False
