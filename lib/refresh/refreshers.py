"""The refreshers of all configured workspaces, one each.

If there are many, only the workspaces that are being viewed are in memory; the others stay in the
store until somebody opens them.
"""

import threading
from collections.abc import Iterable

from lib.refresh.crawls import MOST_AT_ONCE, Crawls
from lib.refresh.refresher import Refresher
from lib.settings import Settings
from lib.store.documents import documents_of
from lib.store.lease import Lease
from lib.store.storage import store_of

FEW = 4
"""Up to this number of workspaces, all stay in memory, viewed or not."""

_refreshers: dict[tuple[str, str | None, str | None], Refresher] = {}
_crawls = Crawls()
_lock = threading.Lock()


def refresher_of(settings: Settings, *, is_spare: bool = False) -> Refresher:
    """The refresher of the workspace, one a process, started."""
    with _lock:
        if settings.identity not in _refreshers:
            store = store_of(settings)
            lease = Lease(documents_of(settings), store.name) if store is not None else None
            _refreshers[settings.identity] = Refresher(
                settings, store=store, lease=lease, crawls=_crawls, is_spare=is_spare
            )
        return _refreshers[settings.identity].start()


def start_all(workspaces: Iterable[Settings], crawls_at_once: int = MOST_AT_ONCE) -> None:
    """Start a refresher for each of these workspaces, and stop those of all others.

    For the server's start-up. If there are more than `FEW`, only those being viewed are in memory.
    """
    configured = {settings.identity: settings for settings in workspaces}
    _crawls.bound(crawls_at_once)
    with _lock:
        gone = [_refreshers.pop(identity) for identity in set(_refreshers) - set(configured)]
    for refresher in gone:
        refresher.stop()
    for settings in configured.values():
        refresher_of(settings, is_spare=len(configured) > FEW)


def stop_all() -> None:
    """Stop all refreshers, for the server's shutdown and for tests."""
    with _lock:
        stopped = list(_refreshers.values())
        _refreshers.clear()
    for refresher in stopped:
        refresher.end()
    for refresher in stopped:
        refresher.stop()
