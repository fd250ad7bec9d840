"""What the operator configured, as it is used: frozen, checked, without any reading in it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from lib.settings.access import Access
from lib.settings.notifications import Notifications

Basis = Literal["auto", "subscribedAt", "createdAt"]
BASES: tuple[Basis, ...] = get_args(Basis)

_NAMES_A_WORKSPACE = re.compile(r"\[(?:access\.)?workspaces[.\]]")


class SettingsError(Exception):
    """Something is configured wrongly; `mistakes` holds a sentence for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(" ".join(mistakes))
        self.mistakes = tuple(mistakes)

    @property
    def for_strangers(self) -> tuple[str, ...]:
        """The mistakes for people whom nobody has identified: they do not learn the names of
        workspaces, nor of those who are written to."""
        return tuple(dict.fromkeys(map(_for_strangers, self.mistakes)))


def _for_strangers(mistake: str) -> str:
    if _NAMES_A_WORKSPACE.match(mistake):
        return "A workspace is not set up correctly; the log of the server says what is wrong."
    if mistake.startswith("[notify"):
        return "Notifications are not set up correctly; the log of the server says what is wrong."
    return mistake


class SecretsOutOfReach(SettingsError):
    """A file of secrets exists and cannot be read. Streamlit serves nothing then."""


@dataclass(frozen=True)
class Settings:
    """The operator's choices for one workspace. `token` is None for the demo workspace.

    `refresh_minutes` is the age at which a snapshot is fetched anew, `connections` how many
    requests run at once, `requests_per_10s` the pace they keep, `max_minutes` how long one crawl
    may take. `quiet_minutes` is the age for a workspace that nobody has looked at for a day, where
    that is more. `name` and `label` tell one of several workspaces from the others: in the URL, and
    to people.

    `store` is where this workspace's snapshots and history are kept: a folder, or the address of a
    bucket (s3://, gs://, az://) with `store_options` for it. `history_days` is how long recorded
    events are kept. `bot_answers` is whether an active bot counts as answering (metrics.md,
    "awaiting reply"). `shared_views` is whether people may save views for everybody. `engine` is
    who answers: memory, duckdb, or a Spark Connect server by its address.
    """

    token: str | None = field(default=None, repr=False)
    base_url: str = "https://app.chatbotx.io/api"
    timezone: str = "UTC"
    basis: Basis = "auto"
    bot_answers: bool = True
    shared_views: bool = True
    locale: str = "en"
    default_region: str | None = None
    refresh_minutes: float = 15
    quiet_minutes: float = 60
    store: str = ".cache"
    store_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    history_days: int = 400
    engine: str = "memory"
    connections: int = 4
    requests_per_10s: int = 100
    max_minutes: float = 30
    notes: tuple[str, ...] = field(default=(), compare=False)
    """A sentence for each key that looks like ours and is not: probably a typo."""
    name: str = ""
    label: str = field(default="", compare=False)

    @property
    def is_demo(self) -> bool:
        return self.token is None

    @property
    def identity(self) -> tuple[str, str | None, str | None]:
        """What makes it this workspace and no other. The region is part of it because countries are
        told by it before anything is kept."""
        return self.base_url, self.token, self.default_region

    @property
    def store_folder(self) -> Path | None:
        """The folder of the store; None where it is a bucket."""
        return None if "://" in self.store else Path(self.store)


@dataclass(frozen=True)
class Configuration:
    """All that is configured: the workspaces in the order in which they are written, at least one,
    who may see them, and who is written to.

    `frame_ancestors` are the sources of the Content-Security-Policy directive of that name.
    `store` is where the workspaces have theirs. `results_mb` is how much memory may be taken by
    results that are kept, in megabytes; `crawls_at_once` how many workspaces are fetched at a time.
    `notes` are sentences about keys that do not belong to one workspace.
    """

    workspaces: tuple[Settings, ...] = (Settings(),)
    access: Access = field(default_factory=Access)
    frame_ancestors: str = "'self'"
    store: str = ".cache"
    notifications: Notifications = field(default_factory=Notifications)
    results_mb: int = 200
    crawls_at_once: int = 4
    notes: tuple[str, ...] = ()

    @property
    def is_demo(self) -> bool:
        return all(workspace.is_demo for workspace in self.workspaces)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(workspace.name for workspace in self.workspaces)

    @property
    def folder(self) -> Path:
        """On this machine, for what is not kept in a bucket."""
        return Path(Configuration.store if "://" in self.store else self.store)

    def named(self, name: str) -> Settings:
        """Raises KeyError."""
        return {workspace.name: workspace for workspace in self.workspaces}[name]
