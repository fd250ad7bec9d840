"""No secret, no address and no person gets into a log, whoever writes it.

Every record of the process is made harmless as it is made, before any handler sees it: its message,
its arguments and its traceback. So it does not matter which logger, handler or format is used, nor
which library logs what it was given.
"""

import logging
import os
import re
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

log = logging.getLogger(__name__)

_IS_SECRET = re.compile(
    r"token|secret|password|passwd|api_?key|access_?key|account_?key|credential|sas_|webhook",
    re.IGNORECASE,
)
"""In the name of a setting."""

_SHORTEST_SECRET = 6
"""What is shorter is no secret, and would be found in every other word."""

_PATTERNS = (
    # With or without the quotes of a dictionary or a list of pairs, as text or as bytes.
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=:-]+", re.IGNORECASE), r"\1 …"),
    (
        re.compile(
            r"""\b((?:set-)?cookie|(?:proxy-)?authorization)(\b['"]?\s*[:=,]\s*)"""
            r"""(b?'[^']*'|b?"[^"]*"|[^\r\n]+)""",
            re.IGNORECASE,
        ),
        r"\1\2…",
    ),
    (re.compile(r"(?<=://)[^/\s@'\"]+@"), "…@"),
    (re.compile(r"(?<=[\w/])\?[^\s'\"<>?=]*=[^\s'\"<>]*"), "?…"),
    # From the beginning of a word only, or a long text without an @ would be read again and again.
    (re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+"), "…@…"),
)


class Redaction:
    """Takes the given secrets, and whatever looks like one, out of a text."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in known
            if len(secret) >= _SHORTEST_SECRET
            for spelling in (secret, quote(secret, safe=""), repr(secret)[1:-1])
        }
        # The longest first: one may be the beginning of another.
        ordered = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("…", text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


def secrets_in(values: Mapping[str, Any]) -> Iterator[str]:
    """The texts whose keys, at any depth, say that they are secret, and the addresses of
    `[notify]`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from secrets_in(value)
            if isinstance(chat := value.get("chat"), str):
                yield chat.strip()
        elif isinstance(value, str) and _IS_SECRET.search(key):
            yield value.strip()


def install(*sources: Mapping[str, Any], known: Iterable[str] = ()) -> None:
    """From now on every record is redacted, has its time, and what nobody catches is logged.

    `sources` are the secrets that are in use, beside the environment: their secret values are to be
    known, and other `known` texts. A second call replaces what the first one knew.
    """
    found = (secret for source in (os.environ, *sources) for secret in secrets_in(source))
    redact = Redaction([*found, *known])
    logging.setLogRecordFactory(_Records(redact))
    for name, beginning in _OF_STREAMLIT:
        logger = logging.getLogger(name)
        if not any(
            isinstance(each, Sparingly) and each.beginning == beginning for each in logger.filters
        ):
            logger.addFilter(Sparingly(beginning))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def uninstall() -> None:
    """As it was. For tests."""
    logging.setLogRecordFactory(logging.LogRecord)
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__


def new_reference() -> str:
    """By which somebody who saw an error can name it to somebody who reads the log."""
    number = secrets.token_hex(4).upper()
    return f"{number[:4]}-{number[4:]}"


class RareWarning:
    """Writes a warning at most once in `seconds`, and then how many were left out: what strangers
    send must not fill the log."""

    def __init__(
        self,
        log: logging.Logger,
        seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._seconds = seconds
        self._clock = clock
        self._last: float | None = None
        self._left_out = 0

    def __call__(self, message: str, *arguments: object) -> None:
        now = self._clock()
        if self._last is not None and now - self._last < self._seconds:
            self._left_out += 1
            return
        if self._left_out:
            message += f" ({self._left_out} more since the last time this was written.)"
        self._last, self._left_out = now, 0
        self._log.warning(message, *arguments)


class Sparingly(logging.Filter):
    """The same for a message of others, by how it begins: lets it through once in `seconds`, and
    no more of it than tells what it is about, as it may hold what somebody sent."""

    def __init__(
        self, beginning: str, seconds: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.beginning = beginning
        self._seconds = seconds
        self._clock = clock
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self.beginning):
            return True
        now = self._clock()
        if now - self._last < self._seconds:
            return False
        self._last = now
        record.msg = _shortened(str(record.msg))
        return True


_LONGEST = 300
"""Characters of a message that repeats what somebody sent."""


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"


_OF_STREAMLIT = (
    ("streamlit.runtime.app_session", "Rejecting backend operation request"),
    ("streamlit.runtime.backend_operation_handler", "Error executing deferred callable"),
    ("streamlit.runtime.app_session", "The fragment with id"),
    ("streamlit.web.server.starlette.starlette_websocket", "Error deserializing back message"),
)
"""What anybody with a web socket can have Streamlit write, with a traceback some of it: they ask
for a file that is not theirs, or not there, name a part of a page that is not there, up to all of
a message long, or send what is no message."""


class _Records:
    """Makes records that hold text only, and no text that must not be there."""

    def __init__(self, redact: Redaction) -> None:
        self._redact = redact

    def __call__(self, *arguments: Any, **more: Any) -> logging.LogRecord:
        record = logging.LogRecord(*arguments, **more)
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            # Its formatter takes the arguments apart.
            record.args = tuple(
                self._redact(each) if isinstance(each, str) else each for each in record.args
            )
        else:
            record.msg, record.args = self._redact(_message(record)), ()
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            # Formatters print this text, and would make it of the exception only if it were empty.
            record.exc_text = self._redact(text)
        record.exc_info = None
        if record.stack_info:
            record.stack_info = self._redact(record.stack_info)
        return record


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - the arguments may raise anything
        return f"{record.msg!s} (its arguments cannot be printed: {type(error).__name__})"


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("Nobody caught this", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None and not issubclass(uncaught.exc_type, SystemExit):
        error = uncaught.exc_value
        log.critical("Nobody caught this", exc_info=(type(error), error, error.__traceback__))
