"""Settings of notifications: who is notified, when and about what. Frozen and already checked.

An address is a secret, since whoever has one can post to the chat. It appears in no repr; only its
`host` may be shown.
"""

from dataclasses import dataclass, field
from datetime import time
from typing import Literal

from lib.settings.access import Guests

Limit = int | Literal["usual"]
"""A threshold: more than this number, or more than usual at that hour or on that weekday."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class AlertRules:
    """When to send an alert; None, False or empty for never.

    `waiting_hours`: somebody waits longer than this. `backlog`: more people wait. `unassigned`:
    more conversations are unassigned. `handed_over`: more were handed over and taken by nobody.
    `opt_outs`: more on a finished day. `inbox_disconnected`: an inbox lost its connection.
    `new_stopped`: no new contacts come any more. `data_hours`: the data is older than this, or may
    be incomplete. `findings`: names of rules of `lib.insights.findings`.
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
    """E-mails to the addresses `to`, sent through the SMTP `server`."""

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
        """The domains of the addresses, separated by commas."""
        domains = dict.fromkeys(address.rpartition("@")[2].lower() for address in self.to)
        return ", ".join(domains)


@dataclass(frozen=True)
class Chat:
    """Messages to one chat; `address` is a URL for Apprise."""

    address: str = field(repr=False)
    service: Literal["Slack", "Teams", "Telegram", "web hook"]
    host: str


@dataclass(frozen=True)
class Quiet:
    """Quiet hours in the zone of the workspace, from `start` to before `end`; may span midnight."""

    start: time
    end: time

    def includes(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True)
class Recipient:
    """A table [notify.<name>].

    `workspace` is the name of the workspace that it is about. `at` is a cron expression, in the
    zone of the workspace, for when to send a digest of `view`, which is the query string of a link
    or the name of a saved view. At most `per_day` messages are sent a day; alerts are held back
    during `quiet` hours.
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
    """The whole of [notify].

    `dashboard` is the URL that links start with. Alerts can be snoozed by `snoozers`, by everybody
    who sees the Data page if `all_snooze`, and, if the operator named nobody (`savers_snooze`), by
    those who may save views for everybody.
    """

    recipients: tuple[Recipient, ...] = ()
    dashboard: str | None = None
    snoozers: Guests = field(default=Guests(), repr=False)
    all_snooze: bool = False
    savers_snooze: bool = True

    def __bool__(self) -> bool:
        return bool(self.recipients)

    def named(self, name: str) -> Recipient:
        """The recipient of that name. Raises KeyError."""
        return {recipient.name: recipient for recipient in self.recipients}[name]
