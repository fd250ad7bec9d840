"""Messages to Slack, Teams and Telegram, by Apprise: it knows the services, we watch what it does.

Apprise says only whether a message was sent, and a message is tried again only if it is known not
to have arrived. So its plugins get a stand-in for the library that they speak HTTP with, which
notes the answers, follows no redirect, and bounds what comes back.
"""

import importlib
import logging
import sys
import threading
from datetime import timedelta
from types import ModuleType
from typing import Any

from lib.outputs.deliveries import Outcome
from lib.outputs.message import PLAIN, SLACK, TEAMS, TELEGRAM, MarkUp, Message, one_line
from lib.outputs.notify.attempt import Attempt
from lib.settings.notifications import Chat

SECONDS = (5, 15)
"""To connect, and for an answer."""

MOST_BYTES = 64 * 1024

_SERVICES: dict[str, tuple[MarkUp, str]] = {
    "Slack": (SLACK, "markdown"),
    "Teams": (TEAMS, "markdown"),
    "Telegram": (TELEGRAM, "html"),
    "web hook": (PLAIN, "text"),
}
"""How each writes, and what Apprise calls that."""

_NOT_NOW = (408, 425, 429, 500, 503)
"""Answers after which a message has not arrived, and may another time."""

_NOBODY_KNOWS = (502, 504)
"""From something in between, which does not know what became of the request."""


def mistake(chat: Chat) -> str | None:
    """Why Apprise cannot write to the address, as a sentence without it; None if it can."""
    service = _service(chat)
    if service is None:
        return f"The address for {chat.service} is not complete: copy it again."
    if len(service) > 1:
        return "The address names several chats: give each a table of its own."
    return None


def send(message: Message, to: Chat, attempt: Attempt) -> Outcome:
    """Writes to the chat. The address appears in no sentence, and in no log."""
    service = _service(to)
    if service is None or len(service) > 1:
        return Outcome("given up", f"{to.service} cannot be written to at this address.")
    mark_up, format_ = _SERVICES[to.service]
    with _Watched(service, attempt) as watched:
        sent = service.send(
            body=mark_up.write(message.lines),
            title=one_line(message.subject) if to.service == "web hook" else "",
            body_format=format_,
        )
    return watched.outcome(to.service, sent=bool(sent))


_PLUGINS = {
    "Slack": ("apprise.plugins.slack", "NotifySlack", "footer=no&image=no&blocks=yes"),
    "Teams": ("apprise.plugins.workflows", "NotifyWorkflows", "image=no"),
    "Telegram": ("apprise.plugins.telegram", "NotifyTelegram", "format=html&preview=no"),
    "web hook": ("apprise.plugins.custom_json", "NotifyJSON", ""),
}
"""The plugin of each service, and how it is to write. Taken by name: to find the one that an
address is for, Apprise would load all of its hundred."""


def _service(chat: Chat) -> Any:
    """The plugin for the address; None if it does not make sense to it."""
    # Imported here: only who writes to a chat pays for it.
    import apprise

    # Its log names addresses.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(
        app_id="Audience",
        http_redirects=False,
        interpret_emojis=False,
        secure_logging=True,
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    module, name, how = _PLUGINS[chat.service]
    plugin = getattr(importlib.import_module(module), name)
    address = chat.address
    if how:
        address += ("&" if "?" in address else "?") + how
    try:
        parts = plugin.parse_native_url(address) or plugin.parse_url(address)
        return plugin(**parts | {"asset": asset}) if parts else None
    except (TypeError, ValueError):  # as its plugins refuse; the text holds the address
        return None


_installing = threading.Lock()
_this_thread = threading.local()


class _Watched:
    """While it is entered, what the plugin of `service` asks in this thread goes through us."""

    def __init__(self, service: Any, attempt: Attempt) -> None:
        import requests

        self._requests = requests
        self._attempt = attempt
        self._answers: list[Outcome] = []
        plugin: Any = sys.modules[type(service).__module__]
        with _installing:
            if not isinstance(plugin.requests, _StandIn):
                plugin.requests = _StandIn(plugin.requests)

    def __enter__(self) -> "_Watched":
        _this_thread.request = self._request
        return self

    def __exit__(self, *_: object) -> None:
        del _this_thread.request

    def outcome(self, service: str, *, sent: bool) -> Outcome:
        if not self._answers:
            return Outcome("failed", f"Apprise could not make a message for {service} of it.")
        worst = max(self._answers, key=lambda each: _GRAVITY[each.state])
        if worst.state == "done" and not sent:
            return Outcome("failed", f"{service} answered, and not as it does when it is well.")
        return worst

    def _request(self, method: str, url: str, **given: Any) -> Any:
        """Like `requests.request`, but for what is said above."""
        given |= {"allow_redirects": False, "timeout": SECONDS, "stream": True}
        self._attempt.commit()
        try:
            answer = self._requests.request(method, url, **given)
            body = answer.raw.read(MOST_BYTES, decode_content=True)
        except self._requests.RequestException as error:
            self._answers.append(self._broken(error))
            raise
        except Exception as error:
            # Below requests, where a body is read: the request itself was taken.
            self._answers.append(_unclear("fell silent in the middle of its answer"))
            raise self._requests.RequestException from error
        answer.close()
        answer._content = body  # requests has no public way to set a bounded body
        self._answers.append(_judged(answer))
        return answer

    def _broken(self, error: Exception) -> Outcome:
        errors = self._requests.exceptions
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        never_connected = type(reason).__name__ in ("NewConnectionError", "NameResolutionError")
        if isinstance(error, errors.SSLError):
            return Outcome("failed", "The certificate at the address is not valid.")
        if isinstance(error, errors.ConnectTimeout) or never_connected:
            return Outcome("failed", "The service cannot be reached.")
        if isinstance(error, errors.InvalidURL | errors.MissingSchema | errors.InvalidSchema):
            return Outcome("given up", "The address is not one that can be written to.")
        return _unclear("did not answer")


_GRAVITY = {"done": 0, "failed": 1, "given up": 2, "unclear": 3}


def _unclear(what: str) -> Outcome:
    return Outcome(
        "unclear", f"The service {what}. It may have taken the message, which is not sent again."
    )


def _judged(answer: Any) -> Outcome:
    status: int = answer.status_code
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status in _NOBODY_KNOWS:
        return _unclear(f"could not be asked through what stands before it ({status})")
    if status in _NOT_NOW:
        return Outcome(
            "failed", f"The service does not take messages now ({status}).", _asked(answer)
        )
    if 300 <= status < 400:
        return Outcome(
            "given up",
            f"The address leads elsewhere ({status}), and nothing is sent there: copy it again.",
        )
    if not 200 <= status < 300:
        return Outcome("given up", f"The service refused the message ({status}).")
    if kind == "text/html" and answer.content != b"ok":
        return Outcome("failed", "A web page answered in place of the service.")
    return Outcome("done", "Taken by the service.")


def _asked(answer: Any) -> timedelta | None:
    """For how long it wants to be left alone."""
    seconds = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 7 else None


class _StandIn:
    """The module `requests`, but that what a watched thread asks goes the way that is watched."""

    def __init__(self, requests: ModuleType) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def request(self, method: str, url: str, **given: Any) -> Any:
        return getattr(_this_thread, "request", self._requests.request)(method, url, **given)

    def get(self, url: str, **given: Any) -> Any:
        return self.request("get", url, **given)

    def post(self, url: str, **given: Any) -> Any:
        return self.request("post", url, **given)
