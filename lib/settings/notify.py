"""Read `[notify]`: a table for each recipient, and above these the settings common to all.

No message about a mistake repeats a value, since it may be an address, and addresses are secrets.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from lib.settings import checks
from lib.settings.access import Guests, is_loopback
from lib.settings.notifications import (
    AlertRules,
    Chat,
    Limit,
    Mail,
    Notifications,
    Quiet,
    Recipient,
    Security,
)
from lib.settings.remarks import Remarks, suggestion

FINDINGS = (
    "orphaned-handoff",
    "waiting-long",
    "inbox-disconnected",
    "backlog-grows",
    "channel-dried-up",
    "country-dried-up",
    "blocked-more",
    "opt-outs-more",
    "answers-slower",
    "deleted-more",
    "channel-took-off",
    "country-took-off",
    "outlier-day",
    "load-doubled",
    "load-uneven",
    "opt-in-differs",
)
"""The rules of `lib.insights.findings`, which this room may not import; a test compares them."""

_MAIL_KEYS = ("to", "server", "security", "sender", "user", "password", "attach")
_GLOBAL_KEYS = ("dashboard", "snooze")
_SHARED_KEYS = ("server", "security", "sender", "user", "password", "per_day", "quiet")
"""Keys that can be given once in [notify] for all recipients."""

_RECIPIENT_KEYS = (*_MAIL_KEYS, "chat", "workspace", "at", "view", "alerts", "quiet", "per_day")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)", re.ASCII)
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}

SHORTEST_INTERVAL = timedelta(hours=1)
"""Minimum time between two digests."""


def read_notifications(
    secrets: Mapping[str, Any], workspaces: tuple[str, ...], remarks: Remarks
) -> Notifications:
    """The notifications in `secrets`; anything wrong with them is added to `remarks`.

    `workspaces` are the names of the workspaces that could be read.
    """
    table = secrets.get("notify", {})
    if not isinstance(table, Mapping):
        remarks.mistakes.append("[notify] must hold a table for each recipient.")
        return Notifications()
    shared = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    for key in shared:
        if key not in (*_GLOBAL_KEYS, *_SHARED_KEYS):
            hint = suggestion(key, (*_GLOBAL_KEYS, *_SHARED_KEYS))
            remarks.mistakes.append(f"[notify] {key} is not a setting. {hint}")
    everybody, snoozers = _snoozers(shared.get("snooze", []), remarks)
    savers = "snooze" not in shared
    recipients = []
    if "notify" in secrets and (missing := _not_installed()):
        remarks.mistakes.append(
            f"[notify] needs {missing}, which is not installed: install requirements-notify.txt "
            "as you installed requirements.txt."
        )
        return Notifications()
    for name, values in table.items():
        if isinstance(values, Mapping):
            given = {key: shared[key] for key in _SHARED_KEYS if key in shared} | dict(values)
            recipients.append(_recipient(name, given, workspaces, remarks))
    dashboard = shared.get("dashboard")
    if dashboard is not None:
        dashboard = remarks.checked("[notify] dashboard", _web_address, dashboard)
    return Notifications(
        tuple(each for each in recipients if each is not None),
        dashboard,
        snoozers,
        everybody,
        savers,
    )


def _not_installed() -> str | None:
    """The name of a package that notifications need and that is missing; None if there is none."""
    packages = ("cronsim", "apprise")
    return next((name for name in packages if find_spec(name) is None), None)


def _recipient(
    name: str, given: Mapping[str, Any], workspaces: tuple[str, ...], remarks: Remarks
) -> Recipient | None:
    place = f"[notify.{name}]"
    if not _NAME.fullmatch(name):
        remarks.mistakes.append(
            "The tables of [notify] must have names of lower-case letters, digits, - and _."
        )
        return None
    own = Remarks()
    for key in given:
        if key not in _RECIPIENT_KEYS:
            hint = suggestion(key, _RECIPIENT_KEYS)
            own.mistakes.append(f"{place} {key} is not a setting. {hint}")

    def read(key: str, check: Callable[[str], Any], usual: Any) -> Any:
        return own.checked(f"{place} {key}", check, given[key]) if key in given else usual

    if ("to" in given) == ("chat" in given):
        own.mistakes.append(
            f"{place} needs either to, for mails, or chat, for messages to Slack, Teams or "
            "Telegram."
        )
    channel: Mail | Chat | None = None
    if "to" in given:
        channel = _mail(place, given, own)
    elif "chat" in given:
        channel = read("chat", _chat, None)
    workspace = given.get("workspace", workspaces[0] if len(workspaces) == 1 else None)
    if workspace is None:
        own.mistakes.append(f"{place} workspace is missing: name one of [workspaces].")
    elif workspaces and workspace not in workspaces:
        own.mistakes.append(f"{place} workspace is none of the [workspaces.…].")
    alerts = _alerts(name, given.get("alerts", {}), own)
    recipient = {
        "at": read("at", _schedule, None),
        "view": read("view", _view, ""),
        "quiet": read("quiet", _quiet, None),
        "per_day": read("per_day", checks.Number(int, 1, 200, "messages"), Recipient.per_day),
    }
    remarks.mistakes += own.mistakes
    if own.mistakes or channel is None:
        return None
    return Recipient(name, channel, str(workspace), alerts=alerts, **recipient)


def _mail(place: str, given: Mapping[str, Any], own: Remarks) -> Mail | None:
    before = len(own.mistakes)
    protection = given.get("security", "starttls")
    if not isinstance(protection, str) or protection not in _PORTS:
        own.mistakes.append(f"{place} security must be starttls, tls or none.")
        return None
    security: Security = protection
    to = given["to"] if isinstance(given["to"], list) else [given["to"]]
    if not to or not all(_is_mail_address(each) for each in to):
        own.mistakes.append(
            f'{place} to must be an address or a list of addresses like "ana@example.com", in '
            "plain ASCII letters."
        )
    if not _is_mail_address(given.get("sender")):
        own.mistakes.append(
            f'{place} sender must be the address that mails come from, like "ana@example.com".'
        )
    host, port = _server(given.get("server"), _PORTS[security])
    if host is None:
        own.mistakes.append(
            f'{place} server must be the name of a mail server like "smtp.example.com", with or '
            "without a port."
        )
    user, password = given.get("user"), given.get("password")
    for key, value in (("user", user), ("password", password)):
        if value is not None and (not isinstance(value, str) or not value.isprintable()):
            own.mistakes.append(f"{place} {key} must be one line of text.")
    if (user is None) != (password is None):
        own.mistakes.append(f"{place} needs both user and password, or neither.")
    if security == "none" and password is not None and host and not is_loopback(host):
        own.mistakes.append(
            f"{place} security must be starttls or tls, or the password would travel unprotected."
        )
    attach = given.get("attach", False)
    if not isinstance(attach, bool):
        own.mistakes.append(f"{place} attach must be true or false.")
    if len(own.mistakes) > before or host is None:
        return None
    sender = str(given["sender"])
    return Mail(tuple(to), host, port, security, sender, user, password, bool(attach))


def _is_mail_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(Guests.of([value]).emails)
    except ValueError:
        return False


def _server(value: object, usual: int) -> tuple[str | None, int]:
    try:
        parts = urlsplit(f"//{value}" if isinstance(value, str) else "")
        host, port = parts.hostname, parts.port or usual
    except ValueError:
        return None, usual
    if not host or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        return None, usual
    return (host, port) if _HOST.fullmatch(host) or is_loopback(host) else (None, usual)


_NO_CHAT = (
    "is not an address that this dashboard can write to: copy the address of a web hook from Slack "
    "(https://hooks.slack.com/services/…) or of a workflow from Teams, or write one for Telegram "
    "like tgram://token of the bot/id of the chat."
)


def _chat(text: str) -> Chat:
    """Parse the address of a chat; the schemes are those of Apprise.

    Apprise supports more services, but some do more than post to a chat, so they are not accepted.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(_NO_CHAT) from None
    if not text.isprintable() or any(each.isspace() for each in text) or not text.isascii():
        raise ValueError(_NO_CHAT)
    segments = [each for each in parts.path.split("/") if each]
    match parts.scheme:
        case "https" if host == "hooks.slack.com" and len(segments) == 4:
            return Chat(text, "Slack", "hooks.slack.com")
        case "slack" if host and len(segments) >= 2:
            return Chat(text, "Slack", "hooks.slack.com")
        case "https" if _is_of_teams(host) and parts.query:
            return Chat(text, "Teams", host)
        case "workflows" | "workflow" if len(segments) >= 2:
            return Chat(text, "Teams", host)
        case "tgram" if re.fullmatch(r"tgram://\d+:[\w-]{20,}/-?\d+/?", text, re.ASCII):
            return Chat(text, "Telegram", "api.telegram.org")
        case "jsons" if host:
            return Chat(text, "web hook", host)
        case "json" if is_loopback(host):
            return Chat(text, "web hook", host)
    raise ValueError(_NO_CHAT)


def _is_of_teams(host: str) -> bool:
    return host.endswith((".logic.azure.com", ".api.powerplatform.com"))


def _schedule(text: str) -> str:
    """Check a cron expression. cronsim handles daylight saving like Debian's cron."""
    # Imported here because only those who configure digests need the package.
    from cronsim import CronSim, CronSimError

    mistake = 'is no time like "0 8 * * 1-5": minute, hour, day, month, weekday.'
    if len(text.split()) != 5:
        raise ValueError(mistake)
    try:
        times = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
        first = [next(times) for _ in range(48)]
    except (CronSimError, StopIteration):
        raise ValueError(mistake) from None
    if any(after - before < SHORTEST_INTERVAL for before, after in pairwise(first)):
        raise ValueError("comes more often than once an hour.")
    return text


def _view(text: str) -> str:
    if len(text) > 8000 or not text.isprintable():
        raise ValueError("must be the name of a saved view, or what follows the ? of a link.")
    return text.removeprefix("?")


def _quiet(text: str) -> Quiet:
    found = _SPAN.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        hour, minute, to_hour, to_minute = map(int, found.groups())
        quiet = Quiet(time(hour, minute), time(to_hour, to_minute))
    except ValueError:
        raise ValueError("must be two times of the day like 22:00-07:00.") from None
    if quiet.start == quiet.end:
        raise ValueError("must begin and end at different times.")
    return quiet


_NO_DASHBOARD = "must be the address of this dashboard, like https://example.com."


def _web_address(text: str) -> str:
    """Check the URL of the dashboard, with which links begin."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_NO_DASHBOARD) from None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ValueError(_NO_DASHBOARD)
    if parts.query or parts.fragment or not text.isascii():
        raise ValueError("must be the address of this dashboard, without a page or filters.")
    return text.rstrip("/")


def _snoozers(value: object, remarks: Remarks) -> tuple[bool, Guests]:
    if value == "everybody":
        return True, Guests()
    entries = value if isinstance(value, list) else [value]
    try:
        return False, Guests.of(str(entry).strip() for entry in entries)
    except ValueError:
        remarks.mistakes.append(
            '[notify] snooze must be "everybody", or a list of addresses like "ana@example.com" '
            'and domains like "example.com".'
        )
        return False, Guests()


_COUNTED = ("backlog", "unassigned", "handed_over", "opt_outs")
_HOURS = ("waiting_hours", "data_hours")
_FLAGS = ("inbox_disconnected", "new_stopped")
_RULES = (*_HOURS[:1], *_COUNTED, *_FLAGS, *_HOURS[1:], "findings")


def _alerts(name: str, table: object, own: Remarks) -> AlertRules:
    place = f"[notify.{name}.alerts]"
    if not isinstance(table, Mapping):
        own.mistakes.append(f"{place} must be a table.")
        return AlertRules()
    values: dict[str, Any] = {}
    for key, value in table.items():
        written = f"{place} {key}"
        if key in _COUNTED:
            values[key] = own.checked(written, _limit, value)
        elif key in _HOURS:
            values[key] = own.checked(written, checks.HOURS, value)
        elif key in _FLAGS:
            values[key] = bool(own.checked(written, checks.boolean, value))
        elif key == "findings":
            values[key] = _findings(written, value, own)
        else:
            own.mistakes.append(f"{written} is not a rule. {suggestion(key, _RULES)}")
    return AlertRules(**values)


def _limit(text: str) -> Limit:
    if text == "usual":
        return cast(Literal["usual"], text)
    if not re.fullmatch(r"\d{1,7}", text, re.ASCII):
        raise ValueError('must be a whole number, or "usual".')
    return int(text)


def _findings(written: str, value: object, own: Remarks) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else [value]
    unknown = [each for each in entries if each not in FINDINGS]
    if unknown:
        hint = suggestion(str(unknown[0]), FINDINGS)
        own.mistakes.append(f"{written} must be a list of rules of findings. {hint}")
    return tuple(str(each) for each in entries)
