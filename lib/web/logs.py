"""Redact secrets, e-mail addresses and personal data from all log records.

Every record of the process is redacted when it is created, before any handler sees it: its message,
arguments and traceback. So it does not matter which logger, handler or format is used, nor which
library logs something.
"""

import logging
import os
import re
import secrets
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

log = logging.getLogger(__name__)

_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|api_?key|access_?key|account_?key|credential|sas_|webhook",
    re.IGNORECASE,
)
"""Matches names of settings whose values are secret."""

_SHORTEST_SECRET = 6
"""Shorter values are not redacted: they would match parts of ordinary words."""

_PATTERNS = (
    # With or without the quotes of a dictionary or a list of pairs, as str or as bytes.
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
    # Anchored at the start of a word, or long text without an @ would take quadratic time.
    (re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+"), "…@…"),
)


class Redaction:
    """Removes the given secrets, and whatever looks like one, from a text."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in known
            if len(secret) >= _SHORTEST_SECRET
            for spelling in (secret, quote(secret, safe=""), repr(secret)[1:-1])
        }
        # Longest first, since one may be a prefix of another.
        ordered = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("…", text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


def secrets_in(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values, at any depth, whose keys suggest secrets, and addresses in `[notify]`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from secrets_in(value)
            if isinstance(chat := value.get("chat"), str):
                yield chat.strip()
        elif isinstance(value, str) and _SECRET_NAME.search(key):
            yield value.strip()


def install(*sources: Mapping[str, Any], known: Iterable[str] = ()) -> None:
    """Redact every log record from now on, add timestamps, and log uncaught exceptions.

    Redacts the secret values in the environment and in `sources`, and the `known` texts. A second
    call replaces what the first one redacts.
    """
    found = (secret for source in (os.environ, *sources) for secret in secrets_in(source))
    redact = Redaction([*found, *known])
    logging.setLogRecordFactory(_Records(redact))
    _limit_others()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def uninstall() -> None:
    """Undo `install`, for tests."""
    logging.setLogRecordFactory(logging.LogRecord)
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    for name in logging.Logger.manager.loggerDict:
        logger = logging.getLogger(name)
        for each in [each for each in logger.filters if isinstance(each, RateLimitFilter)]:
            logger.removeFilter(each)


def new_reference() -> str:
    """A random reference, such as 1A2B-3C4D, that links an error on screen to its log entry."""
    number = secrets.token_hex(4).upper()
    return f"{number[:4]}-{number[4:]}"


class RareWarning:
    """Logs a warning at most once in `seconds`, with the number suppressed since the last one.

    Otherwise strangers could fill the log.
    """

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


class Ration:
    """Passes `most` events in `seconds`."""

    def __init__(
        self,
        most: int = 10,
        seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._given: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def is_left(self) -> bool:
        """Whether one more may pass; counts it if so."""
        with self._lock:
            now = self._clock()
            is_full = len(self._given) == self._given.maxlen
            if is_full and now - self._given[0] < self._seconds:
                return False
            self._given.append(now)
            return True


class FailureLog:
    """Logs failures that a visitor may be able to provoke: at most `most` in `seconds`, and the
    traceback, which is far longer, only of the first one from the same place in the code.
    """

    def __init__(
        self,
        log: logging.Logger,
        most: int = 10,
        seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._seconds = seconds
        self._clock = clock
        self._ration = Ration(most, seconds, clock)
        self._of_places: dict[tuple[str, int], Ration] = {}

    def __call__(self, sentence: str, reference: str, error: BaseException) -> None:
        """Write `sentence`, without its full stop, and the reference that the visitor sees."""
        if not self._ration.is_left():
            return
        if self._of_place(error).is_left():
            self._log.error("%s. Reference %s.", sentence, reference, exc_info=error)
        else:
            kind = type(error).__name__
            self._log.error("%s, as just now: %s. Reference %s.", sentence, kind, reference)

    def _of_place(self, error: BaseException) -> Ration:
        place = ("", 0)
        for frame, line in traceback.walk_tb(error.__traceback__):
            place = (frame.f_code.co_filename, line)
        return self._of_places.setdefault(place, Ration(1, self._seconds, self._clock))


class RateLimitFilter(logging.Filter):
    """Passes messages that other libraries write from one place in their code at most once in
    `seconds`.

    It also truncates them, as they may contain whatever somebody sent.
    """

    def __init__(self, seconds: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO:
            return True
        place, now = (record.pathname, record.lineno), self._clock()
        last = self._last.get(place)
        if last is not None and now - last < self._seconds:
            return False
        self._last[place] = now
        record.msg = _shortened(str(record.msg))
        return True


_LONGEST = 300
"""Maximum length of a message that repeats what somebody sent."""


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"


_TALKATIVE = re.compile(r"(streamlit|asyncio|websockets|starlette)(\..+)?|uvicorn\.error")
"""Loggers that anybody can make write, sometimes with a traceback: by sending something that is no
request, message or identity, or by disconnecting early."""


_OF_PAGES = ("lib.history.unreadable",)
"""Our own loggers that write with each run of a page while recorded history cannot be read."""


def _limit_others() -> None:
    """Covers the libraries' loggers that exist: all serving code is imported before serving."""
    known = [name for name in logging.Logger.manager.loggerDict if _TALKATIVE.fullmatch(name)]
    for name in ["asyncio", "uvicorn.error", *known, *_OF_PAGES]:
        logger = logging.getLogger(name)
        if not any(isinstance(each, RateLimitFilter) for each in logger.filters):
            logger.addFilter(RateLimitFilter())


class _Records:
    """A log record factory that formats the message at once and redacts it."""

    def __init__(self, redact: Redaction) -> None:
        self._redact = redact

    def __call__(self, *arguments: Any, **more: Any) -> logging.LogRecord:
        record = logging.LogRecord(*arguments, **more)
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            # uvicorn's formatter needs the arguments, so these are redacted one by one.
            record.args = tuple(
                self._redact(each) if isinstance(each, str) else each for each in record.args
            )
        else:
            record.msg, record.args = self._redact(_message(record)), ()
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            # Formatters print exc_text, and format the exception only if that is empty.
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
    log.critical("Uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None and not issubclass(uncaught.exc_type, SystemExit):
        error = uncaught.exc_value
        log.critical("Uncaught exception", exc_info=(type(error), error, error.__traceback__))
