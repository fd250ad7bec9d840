"""Many refreshes in one process, each with viewers: nothing accumulates."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

from lib import settings
from lib.metrics import audience, workload
from lib.query import view
from lib.refresh.refresher import Refresher
from lib.settings import Settings
from lib.store.snapshot import Snapshot
from lib.store.storage import store_of
from tests import effort
from tests.fake_chatbotx import FakeChatbotx
from tests.workspaces import choosing

REFRESHES = effort.of(50)


def _look_around(snapshot: Snapshot, configured: Settings) -> None:
    """Compute results under several filters, which the server caches with the snapshot."""
    for channel in ("whatsapp", "telegram", "webchat"):
        seen = view.view_of(snapshot, choosing(channel=(channel,)), configured)
        seen.compute(audience.audience, seen.terms)
        seen.compute(workload.by_agent, seen.terms)


def test_however_many_refreshes_leave_one_snapshot_and_no_thread(
    edge_server: FakeChatbotx, tmp_path: Path
) -> None:
    configured = settings.load(
        {
            "CHATBOTX_TOKEN": "edge",
            "CHATBOTX_BASE_URL": edge_server.base_url,
            "CHATBOTX_SNAPSHOT_DIR": str(tmp_path),
            "CHATBOTX_REQUESTS_PER_10S": "10000",
        },
        {},
    )
    store = store_of(configured)
    assert store is not None
    refresher = Refresher(configured, store=store).start()
    seen: list[weakref.ref[Snapshot]] = []
    threads = set()
    for number in range(REFRESHES):
        if number:
            refresher.refresh()
        snapshot = refresher.wait(60).snapshot
        assert snapshot is not None
        assert snapshot.contacts == 137
        _look_around(snapshot, configured)
        if not seen or seen[-1]() is not snapshot:
            seen.append(weakref.ref(snapshot))
        threads.add(threading.active_count())
        del snapshot
    assert len(seen) == REFRESHES
    gc.collect()
    assert sum(reference() is not None for reference in seen) == 1
    assert max(threads) - min(threads) <= 1  # one that has just ended may still be counted
    head = store.head()
    assert head is not None
    assert len(head.rows) == 3
    refresher.stop()
