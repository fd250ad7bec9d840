"""Chat messages to Slack, Teams, Telegram and web hooks, through Apprise.

Apprise reports only whether a message was sent, while we repeat a message only if it is known not
to have arrived. So its plugins get a proxy for `requests` that records the responses, follows no
redirects, and limits the size of response bodies.
"""

import importlib
import logging
import re
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
"""Connect and read timeouts."""

MOST_BYTES = 64 * 1024

_SERVICES: dict[str, tuple[MarkUp, str]] = {
    "Slack": (SLACK, "markdown"),
    "Teams": (TEAMS, "markdown"),
    "Telegram": (TELEGRAM, "html"),
    "web hook": (PLAIN, "text"),
}
"""Markup of each service, and Apprise's name for it."""

_TRANSIENT = (408, 425, 429, 500, 503)
"""Transient refusals: the message has not arrived, and may be sent again."""

_GATEWAY_ERRORS = (502, 504)
"""Gateway errors, which leave open what became of the request."""


def mistake(chat: Chat) -> str | None:
    """Why Apprise cannot use the address, as a sentence that leaves it out; None if it can."""
    service = _service(chat)
    if service is None:
        return f"The address for {chat.service} is not complete: copy it again."
    if len(service) > 1:
        return "The address names several chats: give each a table of its own."
    return None


def send(message: Message, to: Chat, attempt: Attempt) -> Outcome:
    """Send to the chat. The address appears in no sentence and in no log."""
    service = _service(to)
    if service is None or len(service) > 1:
        return Outcome("given up", f"{to.service} cannot be written to at this address.")
    mark_up, format_ = _SERVICES[to.service]
    with _RecordedRequests(service, attempt, to.service) as recorded:
        sent = service.send(
            body=mark_up.write(message.lines),
            title=one_line(message.subject) if to.service == "web hook" else "",
            body_format=format_,
        )
    return recorded.outcome(to.service, sent=bool(sent))


_PLUGINS = {
    "Slack": ("apprise.plugins.slack", "NotifySlack", "footer=no&image=no&blocks=yes"),
    "Teams": ("apprise.plugins.workflows", "NotifyWorkflows", "image=no"),
    "Telegram": ("apprise.plugins.telegram", "NotifyTelegram", "format=html&preview=no"),
    "web hook": ("apprise.plugins.custom_json", "NotifyJSON", ""),
}
"""Plugin of each service, and its options. Chosen by name, because Apprise would load all of its
hundred plugins to find the one for an address."""


def _service(chat: Chat) -> Any:
    """The plugin for the address; None if it does not accept it."""
    # Imported here so that only dashboards with chats pay for it.
    import apprise

    # Its log contains addresses.
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
    except (TypeError, ValueError):  # raised by plugins that refuse; the text contains the address
        return None


_installing = threading.Lock()
_this_thread = threading.local()


class _RecordedRequests:
    """Context in which the requests that this thread makes through the plugin of `service` are
    recorded; `name` is that of the service."""

    def __init__(self, service: Any, attempt: Attempt, name: str) -> None:
        import requests

        self._requests = requests
        self._name = name
        self._attempt = attempt
        self._answers: list[Outcome] = []
        plugin: Any = sys.modules[type(service).__module__]
        with _installing:
            if not isinstance(plugin.requests, _RequestsProxy):
                plugin.requests = _RequestsProxy(plugin.requests)

    def __enter__(self) -> "_RecordedRequests":
        _this_thread.request = self._request
        return self

    def __exit__(self, *_: object) -> None:
        del _this_thread.request

    def outcome(self, service: str, *, sent: bool) -> Outcome:
        if not self._answers:
            return Outcome("failed", f"Apprise could not turn it into a message for {service}.")
        worst = max(self._answers, key=lambda each: _SEVERITY[each.state])
        if worst.state == "done" and not sent:
            return Outcome("failed", f"{service} answered, but did not confirm the message.")
        return worst

    def _request(self, method: str, url: str, **given: Any) -> Any:
        """`requests.request` with the limits described above."""
        given |= {"allow_redirects": False, "timeout": SECONDS, "stream": True}
        self._attempt.commit()
        try:
            answer = self._requests.request(method, url, **given)
            body = answer.raw.read(MOST_BYTES, decode_content=True)
        except self._requests.RequestException as error:
            self._answers.append(self._outcome_of_error(error))
            raise
        except Exception as error:
            # Raised below requests while the body was read: the request itself was accepted.
            self._answers.append(_unclear("fell silent in the middle of its answer"))
            raise self._requests.RequestException from error
        answer.close()
        answer._content = body  # requests has no public way to set a bounded body
        self._answers.append(_outcome_of(answer, self._name))
        return answer

    def _outcome_of_error(self, error: Exception) -> Outcome:
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


_SEVERITY = {"done": 0, "failed": 1, "given up": 2, "unclear": 3}


def _unclear(what: str) -> Outcome:
    return Outcome(
        "unclear", f"The service {what}. It may have taken the message, which is not sent again."
    )


def _outcome_of(answer: Any, service: str) -> Outcome:
    status: int = answer.status_code
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status in _GATEWAY_ERRORS:
        return _unclear(f"could not be reached through its gateway ({status})")
    if status in _TRANSIENT:
        return Outcome(
            "failed", f"The service does not take messages now ({status}).", _retry_after(answer)
        )
    if 300 <= status < 400:
        return Outcome(
            "given up",
            f"The address leads elsewhere ({status}), and nothing is sent there: copy it again.",
        )
    if not 200 <= status < 300:
        return Outcome("given up", f"The service refused the message ({status}).")
    if kind == "text/html" and service == "web hook":
        # Programs that do not say what they answer say HTML.
        if _PAGE.match(answer.content):
            return _unclear("answered with a web page")
    elif kind == "text/html" and answer.content != b"ok":
        return Outcome("failed", "A web page answered in place of the service.")
    return Outcome("done", "Taken by the service.")


_PAGE = re.compile(rb"\s*<(!doctype\b|html\b)", re.IGNORECASE)


def _retry_after(answer: Any) -> timedelta | None:
    """The `Retry-After` of the response, if it is in seconds."""
    seconds = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 7 else None


class _RequestsProxy:
    """Proxy for the module `requests` that routes the requests of recorded threads through the
    recorder."""

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
