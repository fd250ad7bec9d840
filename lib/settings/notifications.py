"""Who is written to, when and about what, as it is used: frozen, checked, without any reading.

An address is a secret: whoever holds one can write to a chat. It appears in no repr; what may be
shown of it is the `host`.
"""

from dataclasses import dataclass, field
from datetime import time
from typing import Literal

from lib.settings.access import Guests

Limit = int | Literal["usual"]
"""More than so many, or more than is usual at that hour or on that weekday."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class AlertRules:
    """What to be told of; None, False or empty where it is not wanted.

    `waiting_hours`: a person waits longer than that. `backlog`, `unassigned`, `handed_over`: more
    people wait, more conversations have nobody, were handed over and taken by nobody. `opt_outs`:
    of a finished day. `data_hours`: the data is older, or may not be complete. `findings` are names
    of rules of `lib.insights.findings`.
    """

    waiting_hours: float | None = None
    backlog: Limit | None = None
    unassigned: Limit | None = None
    handed_over: Limit | None = None
    opt_outs: Limit | None = None
    inbox_disconnected: bool = False
    new_stopped: bool = False
    data_hours: float | None = None
    findings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != AlertRules()


@dataclass(frozen=True)
class Mail:
    """Mails to these addresses, handed to the server of that name."""

    to: tuple[str, ...] = field(repr=False)
    server: str
    port: int
    security: Security
    sender: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    attach: bool = False

    @property
    def host(self) -> str:
        """The domains of the addresses."""
        domains = dict.fromkeys(address.rpartition("@")[2].lower() for address in self.to)
        return ", ".join(domains)


@dataclass(frozen=True)
class Chat:
    """Messages to one chat, whose `address` is as Apprise spells it; `service` says which."""

    address: str = field(repr=False)
    service: Literal["Slack", "Teams", "Telegram", "web hook"]
    host: str


@dataclass(frozen=True)
class Quiet:
    """Hours of the day, in the zone of the workspace; may run past midnight."""

    start: time
    end: time

    def includes(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True)
class Recipient:
    """One table [notify.<name>].

    `workspace` is the name of the workspace it is about. `at` is a cron expression in the zone of
    the workspace: when a digest of `view`, the query of a link or the name of a saved view, is
    sent. At most `per_day` messages a day; alerts wait while it is `quiet`.
    """

    name: str
    channel: Mail | Chat
    workspace: str = ""
    at: str | None = None
    view: str = ""
    alerts: AlertRules = AlertRules()
    quiet: Quiet | None = None
    per_day: int = 20

    @property
    def host(self) -> str:
        return self.channel.host


@dataclass(frozen=True)
class Notifications:
    """All of [notify]. `dashboard` is the address that links begin with; `snoozers` may put an
    alert to sleep, and so may everybody who sees the Data page where `all_snooze`. Where the
    operator named nobody, it is for those who may save views for everybody (`savers_snooze`)."""

    recipients: tuple[Recipient, ...] = ()
    dashboard: str | None = None
    snoozers: Guests = field(default=Guests(), repr=False)
    all_snooze: bool = False
    savers_snooze: bool = True

    def __bool__(self) -> bool:
        return bool(self.recipients)

    def named(self, name: str) -> Recipient:
        """Raises KeyError."""
        return {recipient.name: recipient for recipient in self.recipients}[name]
