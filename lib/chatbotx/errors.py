"""What can go wrong between us and ChatbotX. Each message is a sentence or two for the people who
run the dashboard: what happened, and what to do. None holds the token or a request's address."""


class ChatbotXError(Exception):
    """The workspace could not be read."""


class TokenRefused(ChatbotXError):
    """The token is missing, wrong, revoked, or lacks the contacts scope."""


class WrongAddress(ChatbotXError):
    """Something answers at the base URL, but it is not the ChatbotX API."""


class RequestRefused(ChatbotXError):
    """The API calls our request malformed: its version differs from those we know."""


class Unreachable(ChatbotXError):
    """No connection, or none that lives long enough for an answer."""


class ServerTrouble(ChatbotXError):
    """The server answers, but with errors, garbage, or too much."""


class TooSlow(ChatbotXError):
    """The crawl did not end within the time that the operator allows."""


class Cancelled(ChatbotXError):
    """The crawl was stopped on purpose."""
