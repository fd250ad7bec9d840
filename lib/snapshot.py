"""Tables and how they came to be: made by a crawl, saved, loaded. Immutable and shared."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lib.chatbotx.client import Client
from lib.chatbotx.crawl import Progress, Verdict, crawl
from lib.tables import TableBuilder, Tables


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A workspace as it was when the crawl began."""

    tables: Tables
    verdict: Verdict
    workspace_id: str | None = None
    is_demo: bool = False

    @property
    def as_of(self) -> datetime:
        """The instant the crawl began, UTC: "now" in every number."""
        return self.verdict.began

    @property
    def contacts(self) -> int:
        return len(self.tables.contacts)

    @property
    def unreadable(self) -> int:
        """Values that were there and could not be read."""
        return sum(self.verdict.unreadable.values())


def fetch(
    client: Client,
    *,
    began: datetime | None = None,
    is_demo: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Snapshot:
    """Crawls a workspace. `began` is UTC, default now. Raises ChatbotXError."""
    builder = TableBuilder()
    verdict = crawl(client, builder.add, began=began or datetime.now(UTC), on_progress=on_progress)
    tables = builder.build()
    unreadable = dict(Counter(verdict.unreadable) + builder.unreadable)
    return Snapshot(tables, replace(verdict, unreadable=unreadable), builder.workspace_id, is_demo)


def save_tables(tables: Tables, folder: Path) -> None:
    """Writes each table as `<name>.parquet` into `folder`, made if need be. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.frames().items():
        frame.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
