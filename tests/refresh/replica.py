"""A server without pages: keeps a workspace current, and prints what it would show.

    python -m tests.refresh.replica ROOT BASE_URL OPTIONS

OPTIONS is a JSON object for the store. Whenever the snapshot changes, it prints a line with a JSON
object of `as_of` and `contacts`.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

from lib.refresh import refresher
from lib.refresh.refresher import Refresher
from lib.settings import Settings
from lib.store.documents import documents_of
from lib.store.lease import Lease
from lib.store.storage import store_of

TERM = 4.0
REFRESH_SECONDS = 1.0


def main() -> None:
    root, base_url, options = sys.argv[1:]
    refresher.IDLE_POLL_INTERVAL = refresher.BUSY_POLL_INTERVAL = 0.1
    settings = Settings(
        token="edge",
        base_url=base_url,
        store=root,
        store_options=tuple(json.loads(options).items()),
        refresh_minutes=REFRESH_SECONDS / 60,
        connections=1,
    )
    store = store_of(settings)
    assert store is not None
    lease = Lease(documents_of(settings), store.name, term=TERM)
    replica = Refresher(settings, store=store, lease=lease).start()
    shown: datetime | None = None
    while True:
        snapshot = replica.state.snapshot
        if snapshot is not None and snapshot.as_of != shown:
            shown = snapshot.as_of
            line = {"as_of": shown.isoformat(), "contacts": snapshot.contacts}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
