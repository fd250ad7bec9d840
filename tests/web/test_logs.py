"""No secret or personal data gets into a log, whichever library writes it."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from lib import settings
from lib.history import unreadable
from lib.store.place import StoreError
from lib.store.snapshot import fetch
from lib.store.workspace import connect
from lib.web import logs
from lib.web.logs import Redaction
from tests.fake_chatbotx import FakeChatbotx

TOKEN = "cbx_q8Zt0/wPj+secret"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The output of a handler of the root logger, with redaction installed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    # A server in another test may have stopped some loggers from propagating.
    for name in ("uvicorn", "uvicorn.error", "streamlit", "httpx", "httpcore"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    logs.install({"CHATBOTX_TOKEN": TOKEN, "workspaces": {"a": {"token": "another token"}}})
    yield stream
    logs.uninstall()
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"got {TOKEN}.", "got …."),
        ("cbx_q8Zt0%2FwPj%2Bsecret", "…"),
        ("Authorization: Bearer abc.def-9_", "Authorization: …"),
        ("{'authorization': 'Basic dTpw', 'x': 1}", "{'authorization': …, 'x': 1}"),
        ("[(b'Set-Cookie', b'a=b; c=d'), (b'x', b'y')]", "[(b'Set-Cookie', …), (b'x', b'y')]"),
        ("sent bearer abc.def to x", "sent bearer … to x"),
        ("https://user:pass@example.com/x", "https://…@example.com/x"),
        ("GET https://example.com/v1?page=2&q=Ana failed", "GET https://example.com/v1?… failed"),
        ('"GET /oauth2callback?code=abc HTTP/1.1" 200', '"GET /oauth2callback?… HTTP/1.1" 200'),
        ("told ana.souza+x@mail.example.com", "told …@…"),
        ("Why? Because a=b.", "Why? Because a=b."),
        ("137 contacts in 0.5 s", "137 contacts in 0.5 s"),
    ],
)
def test_secrets_are_removed_and_the_rest_is_kept(text: str, redacted: str) -> None:
    assert Redaction([TOKEN])(text) == redacted


def test_secrets_are_recognised_by_the_names_of_settings() -> None:
    configured = {
        "CHATBOTX_TOKEN": "one",
        "CHATBOTX_TIMEZONE": "UTC",
        "auth": {"client_id": "x", "client_secret": "two", "cookie_secret": "three"},
        "workspaces": {"north": {"token": "four", "label": "North"}},
    }
    assert sorted(logs.secrets_in(configured)) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(
    "name", ["", "streamlit.runtime", "uvicorn.error", "httpx", "lib.refresh.refresher"]
)
def test_records_of_every_logger_are_redacted(written: io.StringIO, name: str) -> None:
    logger = logging.getLogger(name)
    logger.error("A %s and %r of ana@example.com", TOKEN, {"token": "another token"})
    assert "A … and {'token': '…'} of …@…" in written.getvalue()


def test_tracebacks_are_redacted_with_their_causes_and_notes(written: io.StringIO) -> None:
    try:
        try:
            raise ValueError(f"Bearer {TOKEN}")
        except ValueError as error:
            error.add_note("of ana@example.com")
            raise RuntimeError("https://example.com/?q=Ana") from error
    except RuntimeError:
        logging.getLogger("streamlit").exception("Uncaught")
    text = written.getvalue()
    assert "Traceback" in text
    assert "RuntimeError: https://example.com/?…" in text
    assert "Bearer …" in text
    assert TOKEN not in text
    assert "ana@" not in text


def test_uncaught_exceptions_are_logged_and_redacted(written: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError(TOKEN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert written.getvalue().count("ValueError: …") == 2


def test_arguments_that_cannot_be_printed_do_not_end_the_program(written: io.StringIO) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError

    logging.getLogger("x").error("%s", Unprintable())
    assert "cannot be printed: RuntimeError" in written.getvalue()


def test_the_access_log_keeps_the_shape_that_its_formatter_needs(written: io.StringIO) -> None:
    arguments = ("1.2.3.4:5", "GET", "/oauth2callback?code=abc", "1.1", 200)
    logger = logging.getLogger("uvicorn.access")
    record = logger.makeRecord("uvicorn.access", 20, "", 0, '%s - "%s %s %s" %d', arguments, None)
    assert record.args == ("1.2.3.4:5", "GET", "/oauth2callback?…", "1.1", 200)


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_http_libraries_cannot_print_the_token(
    caplog: pytest.LogCaptureFixture,
    edge_server: FakeChatbotx,
    written: io.StringIO,
    is_installed: bool,
) -> None:
    if not is_installed:  # the libraries must not log it in the first place
        logs.uninstall()
    for name in ("httpx", "httpcore", "urllib3", "asyncio", ""):
        caplog.set_level(logging.DEBUG, name)
    edge_server.workspaces[TOKEN] = edge_server.workspaces["edge"]
    configured = settings.Settings(token=TOKEN, base_url=edge_server.base_url)
    with connect(configured) as client:
        assert fetch(client).contacts == 137
    assert "httpcore" in written.getvalue()
    assert TOKEN not in written.getvalue()
    assert "cbx_" not in written.getvalue()


@pytest.mark.parametrize(
    "part", ["a", "a?", "?a=", "://a", "a@", "a.", "@a.", "Bearer ", "cookie", "cookie=", "'b"]
)
def test_a_long_text_does_not_hold_up_the_log(part: str) -> None:
    """Takes half a second; a pattern with quadratic backtracking would take hours."""
    text = part * (1_000_000 // len(part))
    Redaction([TOKEN])(text)


def test_references_differ() -> None:
    assert len({logs.new_reference() for _ in range(100)}) == 100


def test_a_warning_that_strangers_cause_is_written_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    warn = logs.RareWarning(logging.getLogger("strangers"), clock=lambda: now)
    for _ in range(1000):
        warn("Somebody at %s knocked.", "203.0.113.9")
    now = 61.0
    warn("Somebody at %s knocked.", "203.0.113.10")
    assert [record.getMessage() for record in caplog.records] == [
        "Somebody at 203.0.113.9 knocked.",
        "Somebody at 203.0.113.10 knocked. (999 more since the last time this was written.)",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "streamlit.runtime.app_session",
        "streamlit.web.server.starlette.starlette_websocket",
        "streamlit.web.server.starlette.starlette_auth_routes",
        "uvicorn.error",
        "asyncio",
        unreadable.__name__,
    ],
)
def test_library_messages_that_strangers_cause_are_logged_once_and_short(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "filters", [])
    monkeypatch.setattr(logger, "propagate", True)
    logs.install()
    for number in range(3):
        logger.warning("Invalid: %s", f"{number} was sent" * 1000)
    assert written.getvalue().count("\n") == 1
    assert len(written.getvalue()) < 500
    logger.warning("Something else")
    assert written.getvalue().count("\n") == 2


def test_history_that_no_page_can_read_does_not_fill_the_log(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> int:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(unreadable.log, "filters", [])
    logs.install()
    assert [unreadable.unless_unreadable(read, 0) for _ in range(3)] == [0, 0, 0]
    assert written.getvalue().count("the disk is gone") == 1


def test_the_same_is_written_again_a_minute_later() -> None:
    now = 0.0
    limit = logs.RateLimitFilter(clock=lambda: now)

    def passes(line: int) -> bool:
        record = logging.LogRecord("asyncio", logging.ERROR, "events.py", line, "x", (), None)
        return limit.filter(record)

    assert [passes(1), passes(1), passes(2)] == [True, False, True]
    now = 61.0
    assert passes(1)


def test_our_own_loggers_are_not_limited(written: io.StringIO) -> None:
    logs.install()
    for number in range(3):
        logging.getLogger("lib.refresh.refresher").warning("Fetch %s failed.", number)
    assert written.getvalue().count("\n") == 3


def test_a_ration_is_renewed_after_its_time() -> None:
    now = 0.0
    ration = logs.Ration(2, clock=lambda: now)
    assert [ration.is_left() for _ in range(3)] == [True, True, False]
    now = 61.0
    assert ration.is_left()


def test_the_traceback_of_a_failure_is_written_once_a_minute_for_each_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    note = logs.FailureLog(logging.getLogger("ours"), most=4, clock=lambda: now)

    def fail(*, elsewhere: bool = False) -> None:
        try:
            if elsewhere:
                raise KeyError("another mistake")
            raise ValueError("a mistake")
        except (ValueError, KeyError) as error:
            note("It failed", "1A2B-3C4D", error)

    fail()
    fail()
    fail(elsewhere=True)
    fail()
    fail()
    assert [record.exc_info is not None for record in caplog.records] == [True, False, True, False]
    assert caplog.messages[1] == "It failed, as just now: ValueError. Reference 1A2B-3C4D."
    now = 60
    fail()
    assert caplog.records[-1].exc_info is not None
