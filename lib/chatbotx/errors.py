"""Errors of requests to ChatbotX.

Each message is a sentence or two for the people who run the dashboard: what happened and what to
do. None contains the token or the URL of a request.
"""


class ChatbotXError(Exception):
    """The workspace could not be read."""


class TokenRefused(ChatbotXError):
    """The token is missing, wrong, revoked, or lacks the contacts scope."""


class WrongAddress(ChatbotXError):
    """The base URL answers, but not as the ChatbotX API."""


class RequestRefused(ChatbotXError):
    """The API rejects our request as malformed: its version differs from those we know."""


class Unreachable(ChatbotXError):
    """No connection, or none that lasts long enough for an answer."""


class ServerTrouble(ChatbotXError):
    """The server answers with errors, unreadable data, or too much data."""


class TooSlow(ChatbotXError):
    """The crawl did not finish within the time that the operator allows."""


class Cancelled(ChatbotXError):
    """The crawl was cancelled on purpose."""
