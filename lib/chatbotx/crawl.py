"""Read all contacts of a workspace, each exactly once.

The usual loop over `page=1..pageCount` loses contacts: the default order has ties, pages shift
while they are read, `pageCount` may be capped, and deep pages are slow. This crawl pages by key
(keyset pagination) instead: filter `createdAt >= the last createdAt seen`, sort by `createdAt, id`,
and always read page 1. A `createdAt` never changes, and contacts added or deleted elsewhere shift
nothing.

The pages of the oldest and the newest contacts bound what is read: contacts created later are not
part of this crawl and cannot make it endless. Several walkers divide the time in between
(`key_walk`, `walkers`). Each reads one slice; a walker that has finished takes over the later half
of another slice, so that no walker is left to work alone. Ties, contacts that share one key, are
read by page number (`ties`) with each page overlapping the previous one (`chain`).

A server that ignores the sort order or the filter shows it in its answers. It is read by page
number, pass after pass until the passes agree (`page_walk`). Where the server offers a count, the
crawl is compared with it at the end (`count_check`).
"""

import threading
from collections.abc import Callable
from datetime import datetime

from lib.chatbotx.client import Client
from lib.chatbotx.count_check import check_count
from lib.chatbotx.key_walk import KeyWalk
from lib.chatbotx.keys import NotInOrder
from lib.chatbotx.page_walk import walk_by_pages
from lib.chatbotx.progress import CrawlLog, Progress, Sink
from lib.chatbotx.verdict import Range, Verdict
from lib.chatbotx.walkers import GRACE

_TRIES_BY_KEY = 2
"""An answer that looks unsorted may be due to older history that was imported during the crawl, so
a second attempt is worth it. On a server that ignores the order it fails after a few requests."""

__all__ = ["Progress", "Range", "Sink", "Verdict", "crawl"]


def crawl(
    client: Client,
    sink: Sink,
    *,
    began: datetime,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Verdict:
    """Pass every contact of the workspace to `sink`, in no particular order.

    A contact that changes during the crawl may come twice; keep the later version. `began` (UTC) is
    copied into the verdict. Raises ChatbotXError; then discard what arrived. After this function
    has returned or raised, neither `sink` nor `on_progress` is called again.
    """
    log = CrawlLog(client, sink, on_progress)
    by_key: list[bool] = []
    failures: list[BaseException] = []

    def read() -> None:
        try:
            by_key.append(_read(client, log))
        except BaseException as failure:  # noqa: BLE001 - raised in the thread that asked for it
            failures.append(failure)

    # In a thread of its own: connecting cannot be interrupted, and a cancelled crawl must return
    # at once.
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
    """Read the workspace by key or, if that fails, by page; return whether it was by key."""
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
