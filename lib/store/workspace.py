"""Settings → client: the only place that knows whether a workspace is the demo or a real one."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from lib.chatbotx.client import Client, Patience, RateLimiter
from lib.chatbotx.crawl import Progress
from lib.chatbotx.schema import Decoder
from lib.demo import transport as demo
from lib.settings import Settings
from lib.store.snapshot import Snapshot, fetch
from lib.store.storage import Store


def connect(
    settings: Settings,
    *,
    as_of: datetime | None = None,
    cancelled: threading.Event | None = None,
) -> Client:
    """A client for one crawl of the configured workspace, or of the demo workspace if there is no
    token.

    The demo company is generated relative to `as_of` (UTC, default now).
    """
    if settings.token is None:
        return Client(
            demo.BASE_URL,
            demo.TOKEN,
            transport=demo.DemoTransport(as_of or datetime.now(UTC)),
            connections=1,
            cancelled=cancelled,
        )
    return Client(
        settings.base_url,
        settings.token,
        decode=Decoder(settings.default_region),
        patience=Patience(crawl=settings.max_minutes * 60),
        rate_limiter=RateLimiter(settings.requests_per_10s),
        connections=settings.connections,
        cancelled=cancelled,
    )


def fetched(
    settings: Settings,
    client: Client,
    store: Store | None,
    *,
    began: datetime,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Snapshot:
    """Crawl the configured workspace: into memory or, if another engine reads it and `store` can
    keep it, to disk. `began` is UTC. Raises ChatbotXError and StoreError."""
    if store is None or settings.chosen_engine.is_memory:
        return fetch(client, began=began, is_demo=settings.is_demo, on_progress=on_progress)
    # Imported here because only crawls to disk need it.
    from lib.store.on_disk import fetch_to_disk

    return fetch_to_disk(client, store.place, began=began, on_progress=on_progress)


def inbox_url(settings: Settings, workspace_id: str | None) -> str | None:
    """URL prefix of a conversation in ChatbotX, to be followed by its ID; None for the demo, which
    is in no ChatbotX."""
    if settings.is_demo or not workspace_id:
        return None
    origin = settings.base_url.removesuffix("/api")
    return f"{origin}/space/{quote(workspace_id, safe='')}/inbox?conversationId="
