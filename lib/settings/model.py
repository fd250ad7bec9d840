"""The configuration as the rest of the program uses it: frozen and already checked."""

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
    """The configuration is invalid; `mistakes` has a sentence for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(" ".join(mistakes))
        self.mistakes = tuple(mistakes)

    @property
    def for_strangers(self) -> tuple[str, ...]:
        """The mistakes as shown to unauthenticated visitors.

        They do not reveal the names of workspaces or of recipients of notifications.
        """
        return tuple(dict.fromkeys(map(_for_strangers, self.mistakes)))


def _for_strangers(mistake: str) -> str:
    if _NAMES_A_WORKSPACE.match(mistake):
        return "A workspace is not set up correctly; the log of the server says what is wrong."
    if mistake.startswith("[notify"):
        return "Notifications are not set up correctly; the log of the server says what is wrong."
    return mistake


class SecretsOutOfReach(SettingsError):
    """A secrets file exists but cannot be opened. Streamlit serves nothing in that case."""


@dataclass(frozen=True)
class ChosenEngine:
    """What computes the numbers: `address` is memory, duckdb, or the URL of a Spark Connect server.

    `token` is for a Spark Connect server that requires one; `seconds` is the time limit of a query.
    """

    address: str = "memory"
    seconds: float = 60
    token: str | None = field(default=None, repr=False)

    @property
    def is_memory(self) -> bool:
        return self.address == "memory"

    @property
    def name(self) -> str:
        """The engine's name for people."""
        return {"memory": "Memory", "duckdb": "DuckDB"}.get(self.address, "Spark")


@dataclass(frozen=True)
class Settings:
    """The settings of one workspace. `token` is None for the demo workspace.

    `refresh_minutes`: the age at which a snapshot is refreshed. `quiet_minutes`: the same for a
    workspace that nobody has viewed for a day, if that is longer. `connections`: the number of
    concurrent requests. `requests_per_10s`: their rate limit. `max_minutes`: how long a crawl may
    take. `name` and `label` identify one of several workspaces, in URLs and to people.

    `store`: where snapshots and history are kept, a folder or the URL of a bucket (s3://, gs://,
    az://), for which `store_options` are passed on. `history_days`: how long recorded events are
    kept. `bot_answers`: whether an active bot counts as answering (metrics.md, "awaiting reply").
    `shared_views`: whether people may save views for everybody. `engine`: what computes the
    numbers, memory, duckdb, or the URL of a Spark Connect server, with `engine_token` if it
    requires one. `engine_seconds`: the time limit of a query.
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
    engine_token: str | None = field(default=None, repr=False)
    engine_seconds: float = 60
    connections: int = 4
    requests_per_10s: int = 100
    max_minutes: float = 30
    notes: tuple[str, ...] = field(default=(), compare=False)
    """A sentence for each unknown key with our prefix, which is probably a typo."""
    name: str = ""
    label: str = field(default="", compare=False)

    @property
    def is_demo(self) -> bool:
        return self.token is None

    @property
    def identity(self) -> tuple[str, str | None, str | None]:
        """What identifies the workspace's data.

        Includes the default region, since countries are inferred with it before data is stored.
        """
        return self.base_url, self.token, self.default_region

    @property
    def chosen_engine(self) -> ChosenEngine:
        return ChosenEngine(self.engine, self.engine_seconds, self.engine_token)

    @property
    def store_folder(self) -> Path | None:
        """The folder of the store; None if it is a bucket."""
        return None if "://" in self.store else Path(self.store)


@dataclass(frozen=True)
class Configuration:
    """The whole configuration: workspaces, access and notifications.

    `workspaces` are in the order in which they are configured, at least one. `frame_ancestors` is
    the value of the Content-Security-Policy directive of that name. `store` is the store that
    contains those of the workspaces. `results_mb` limits the memory for cached results, in
    megabytes. `crawls_at_once` is how many workspaces are fetched concurrently. `notes` are
    sentences about keys that belong to no single workspace.
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
        """The local folder, for files that are never kept in a bucket."""
        return Path(Configuration.store if "://" in self.store else self.store)

    def named(self, name: str) -> Settings:
        """The workspace of that name. Raises KeyError."""
        return {workspace.name: workspace for workspace in self.workspaces}[name]
