"""Translate failed requests into errors whose messages say what to do."""

import email.utils
import re
from datetime import UTC, datetime

import httpx

from lib.chatbotx import schema
from lib.chatbotx.errors import (
    ChatbotXError,
    RequestRefused,
    ServerTrouble,
    TokenRefused,
    WrongAddress,
)

_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class TryAgain(Exception):
    """This attempt failed but may be repeated; `final` is raised if there is no further attempt.

    `retry_after` is in seconds, None if the server does not ask for a pause.
    """

    def __init__(
        self,
        final: ChatbotXError,
        *,
        retry_after: float | None = None,
        is_rate_limit: bool = False,
    ) -> None:
        super().__init__(str(final))
        self.final = final
        self.retry_after = retry_after
        self.is_rate_limit = is_rate_limit


def error_for(response: httpx.Response, body: bytes) -> ChatbotXError | TryAgain:
    """The error to raise for a response whose status is not 200 (api.md, "Limits and errors")."""
    status, code = response.status_code, schema.error_code(body)
    if code == "INVALID_CHATBOT_TOKEN" or status == 401:  # July says so with a 500
        return TokenRefused(
            "ChatbotX does not accept the access token. Create a new read-only token with the "
            "contacts scope in ChatbotX and put it into CHATBOTX_TOKEN."
        )
    if status == 403:
        return TokenRefused(
            "The access token may not read contacts. Give it the contacts scope in ChatbotX, and "
            "check that the workspace is not being deleted."
        )
    if 300 <= status < 400:
        return WrongAddress(
            "The server redirects us instead of answering. Check CHATBOTX_BASE_URL: it ends with "
            "/api, as in https://app.chatbotx.io/api, and needs https:// on most servers."
        )
    if status == 404:
        return WrongAddress(
            "There is no ChatbotX API at this address. Check CHATBOTX_BASE_URL: it ends with /api, "
            "as in https://app.chatbotx.io/api."
        )
    if status in _RETRIED_STATUS:
        if status == 429:
            return TryAgain(
                ServerTrouble(
                    "ChatbotX keeps asking us to slow down. Lower CHATBOTX_REQUESTS_PER_10S, or "
                    "see what else uses this workspace's API."
                ),
                retry_after=_retry_after(response, body),
                is_rate_limit=True,
            )
        return TryAgain(
            ServerTrouble(
                f"ChatbotX answers with an error (status {status}) again and again. Try again "
                "later; if it persists, tell whoever runs the server."
            ),
            retry_after=_retry_after(response, body),
        )
    return RequestRefused(
        f"ChatbotX does not understand our request (status {status}). This dashboard may be older "
        "than your server: update it, or tell its developers."
    )


def _retry_after(response: httpx.Response, body: bytes) -> float | None:
    """Seconds to wait, from the header or, on October's servers, from the message; or None."""
    header = response.headers.get("retry-after")
    if header is None:
        found = _IN_MESSAGE.search(body[:_LONGEST_MESSAGE])
        return float(found[1]) if found else None
    try:
        return max(0.0, float(header))
    except ValueError:
        return _seconds_until(header, response.headers.get("date"))


def _seconds_until(moment: str, now: str | None) -> float | None:
    """Seconds from one HTTP date to another (RFC 9110, section 10.2.3).

    `now` is the response's Date header, so that a wrong local clock does no harm; without it, the
    local time is used. None if a date cannot be read.
    """
    try:
        when = email.utils.parsedate_to_datetime(moment)
        since = email.utils.parsedate_to_datetime(now) if now else datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    wait = when.replace(tzinfo=when.tzinfo or UTC) - since.replace(tzinfo=since.tzinfo or UTC)
    return max(0.0, wait.total_seconds())


_IN_MESSAGE = re.compile(rb"retry after (\d{1,6}(?:\.\d{1,3})?) ?s", re.IGNORECASE)
_LONGEST_MESSAGE = 4096


STOPPED = "The refresh was stopped."
TOO_SLOW = (
    "The workspace could not be read within the time allowed. Try again when ChatbotX is less "
    "busy, or allow more with CHATBOTX_MAX_MINUTES."
)
SILENT = (
    "ChatbotX does not answer in time. Try again later; if it persists, check that "
    "CHATBOTX_BASE_URL is right and that this machine can reach it."
)
UNREACHABLE = (
    "ChatbotX cannot be reached. Check CHATBOTX_BASE_URL, and that this machine can connect to it "
    "(network, proxy, firewall, certificate)."
)
GARBLED = (
    "The server's answers cannot be read. Try again later; if it persists, check that "
    "CHATBOTX_BASE_URL leads to ChatbotX and not to something in between."
)
HTML = (
    "A web page answers where the ChatbotX API should. Check CHATBOTX_BASE_URL: it ends with /api, "
    "as in https://app.chatbotx.io/api."
)
TOO_LARGE = (
    "The server sent an answer far larger than any page of contacts, so it was refused. Check that "
    "CHATBOTX_BASE_URL leads to ChatbotX."
)
ENCODED = (
    "The server's answer is compressed in a way that we did not ask for, so it was refused. Check "
    "that CHATBOTX_BASE_URL leads to ChatbotX, and what the proxies in front of it do."
)
