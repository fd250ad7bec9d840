"""Snapshots for tests of digests and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lib.chatbotx.crawl import Verdict
from lib.store.snapshot import Snapshot
from tests.workspaces import AS_OF, tables_of


def snapshot_of(
    *contacts: dict[str, Any], as_of: datetime = AS_OF, complete: bool = True
) -> Snapshot:
    """A snapshot of these contacts."""
    return Snapshot(tables_of(*contacts), Verdict(as_of, complete=complete), "1")
