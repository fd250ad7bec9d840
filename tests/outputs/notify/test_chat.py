"""Messages to Slack, Teams, Telegram and web hooks: real requests to a local server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from lib.outputs.deliveries import Outcome
from lib.outputs.message import Link, Message, Text, text
from lib.outputs.notify import chat
from lib.outputs.notify.attempt import Attempt, within_time
from lib.settings import Chat, load_all
from tests.outputs.notify.conftest import Hook
from tests.serving import free_port

SLACK = "https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/cccccccccccccccccccccccc"
TELEGRAM = "tgram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/-100123/"
TEAMS = (
    "https://prod-1.westus.logic.azure.com:443/workflows/a1b2c3/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=signature123"
)
HOSTILE = (
    "<!channel> <@U1> *bold* _it_ ~s~ `c` [x](http://evil.example) @everyone <at>A</at> & :tada:"
)
MESSAGE = Message(
    "Numbers",
    (
        text("Audience", strong=True),
        (Text("New: "), Text("4", strong=True)),
        text(f"• The tag “{HOSTILE}” grew."),
        (Link("Open this view", "https://audience.example.com/?from=2026-11-22&to=2026-11-28"),),
    ),
    "plain",
    "html",
)


def channel(address: str) -> Chat:
    (recipient,) = load_all({}, {"notify": {"x": {"chat": address}}}).notifications.recipients
    assert isinstance(recipient.channel, Chat)
    return recipient.channel


def send(address: str, message: Message = MESSAGE) -> Outcome:
    return chat.send(message, channel(address), Attempt())


@pytest.mark.parametrize("address", [SLACK, TELEGRAM, TEAMS])
def test_apprise_knows_the_addresses_that_the_settings_let_pass(address: str) -> None:
    assert chat.mistake(channel(address)) is None


def test_several_chats_in_one_address_are_a_mistake() -> None:
    both = Chat(TELEGRAM.rstrip("/") + "/-100456/", "Telegram", "api.telegram.org")
    assert "a table of its own" in (chat.mistake(both) or "")


def test_slack_gets_text_that_it_takes_for_no_mark_up(
    hook: Hook, to_hook: Callable[[], None]
) -> None:
    to_hook()
    assert send(SLACK) == Outcome("done", "Taken by the service.")
    (block,) = hook.payload["attachments"][0]["blocks"]
    assert block["text"]["type"] == "mrkdwn"
    written = block["text"]["text"]
    assert written.startswith("*Audience*\nNew: *4*\n")
    assert "<https://audience.example.com/?from=2026-11-22&amp;to=2026-11-28|Open" in written
    for mark_up in ("<!channel>", "<@U1>", "*bold*", "_it_", "~s~", "`c`", ":tada:", "http://"):
        assert mark_up not in written.replace("https://audience", "")


def test_telegram_gets_text_that_it_takes_for_no_mark_up(
    hook: Hook, to_hook: Callable[[], None]
) -> None:
    to_hook()
    hook.answer = (200, {"Content-Type": "application/json"}, b'{"ok": true}')
    assert send(TELEGRAM).state == "done"
    assert hook.payload["parse_mode"] == "HTML"
    assert hook.payload["chat_id"] in (-100123, "-100123")
    written = hook.payload["text"]
    assert written.startswith("<b>Audience</b>\nNew: <b>4</b>\n")
    assert "&lt;at&gt;" in written.replace("\u2060", "")
    assert "@everyone" not in written
    assert 'href="https://audience.example.com/?from=2026-11-22&amp;to=2026-11-28"' in written


def test_teams_gets_a_card_with_text_that_it_takes_for_no_mark_up(
    hook: Hook, to_hook: Callable[[], None]
) -> None:
    to_hook()
    hook.answer = (202, {}, b"")
    assert send(TEAMS).state == "done"
    card = hook.payload["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert "entities" not in card["msteams"]
    (block,) = card["body"]
    assert block["text"].startswith("**Audience**\n\nNew: **4**\n\n• The tag")
    for mark_up in ("*bold*", "[x](", "<at>", "http://evil"):
        assert mark_up not in block["text"]
    assert "(https://audience.example.com/?from=2026-11-22&to=2026-11-28)" in block["text"]


def test_a_web_hook_gets_the_plain_text(hook: Hook) -> None:
    assert send(f"json://127.0.0.1:{hook.port}/secret-path").state == "done"
    assert hook.payload["title"] == "Numbers"
    assert HOSTILE in hook.payload["message"]


@pytest.mark.parametrize(
    ("body", "state"),
    [(b"OK", "done"), (b"", "done"), (b"\n<!DOCTYPE html><h1>Sign in</h1>", "unclear")],
)
def test_a_web_hook_may_answer_in_html_and_gets_nothing_twice(
    hook: Hook, body: bytes, state: str
) -> None:
    """As programs do that do not say otherwise."""
    hook.answer = (200, {"Content-Type": "text/html; charset=utf-8"}, body)
    assert send(f"json://127.0.0.1:{hook.port}/hook").state == state


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ((429, {"Retry-After": "120"}, b""), "failed", "429"),
        ((503, {}, b"busy"), "failed", "503"),
        ((404, {}, b"no_service"), "given up", "404"),
        ((403, {"Content-Type": "text/html"}, b"<h1>no</h1>"), "given up", "403"),
        ((502, {}, b""), "unclear", "502"),
        ((200, {"Content-Type": "text/html"}, b"<h1>Sign in</h1>"), "failed", "web page"),
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), "given up", "elsewhere"),
        ((307, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), "given up", "elsewhere"),
    ],
)
@pytest.mark.parametrize("address", [SLACK, TELEGRAM, TEAMS])
def test_what_a_service_answers_decides_whether_it_is_tried_again(
    hook: Hook,
    to_hook: Callable[[], None],
    address: str,
    answer: tuple[int, dict[str, str], bytes],
    state: str,
    said: str,
) -> None:
    to_hook()
    hook.answer = answer
    outcome = send(address)
    assert (outcome.state, said in outcome.sentence) == (state, True), outcome
    assert len(hook.requests) == 1


def test_a_service_that_asks_for_two_minutes_gets_them(hook: Hook) -> None:
    hook.answer = (429, {"Retry-After": "120"}, b"")
    outcome = send(f"json://127.0.0.1:{hook.port}/")
    assert outcome.retry_after is not None
    assert outcome.retry_after.total_seconds() == 120


def test_nothing_that_listens_is_known_to_have_taken_nothing() -> None:
    outcome = send(f"json://127.0.0.1:{free_port()}/")
    assert outcome == Outcome("failed", "The service cannot be reached.")


def test_a_service_that_takes_the_request_and_is_silent_may_have_taken_it(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "SECONDS", (1, 0.3))
    hook.silent = threading.Event()
    outcome = send(f"json://127.0.0.1:{hook.port}/")
    assert outcome.state == "unclear"
    assert len(hook.requests) == 1


def test_a_service_is_waited_for_only_so_long(hook: Hook) -> None:
    hook.silent = threading.Event()
    to = channel(f"json://127.0.0.1:{hook.port}/")
    outcome = within_time(lambda attempt: chat.send(MESSAGE, to, attempt), "The web hook", 0.5)
    assert outcome.state == "unclear"


def test_no_address_gets_into_the_log(
    hook: Hook, to_hook: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    to_hook()
    hook.answer = (404, {}, b"")
    with caplog.at_level(logging.INFO):
        send(TELEGRAM)
        send(SLACK)
    assert "AAAAAAAA" not in caplog.text
    assert "cccccc" not in caplog.text


def test_a_message_that_is_too_long_is_one_message_that_says_so(
    hook: Hook, to_hook: Callable[[], None]
) -> None:
    to_hook()
    long = Message("s", tuple(text(f"• finding {n} " + "x" * 80) for n in range(200)), "p", "h")
    assert send(SLACK, long).state == "done"
    (block,) = hook.payload["attachments"][0]["blocks"]
    assert len(block["text"]["text"]) <= 3000
    assert block["text"]["text"].endswith("… more is on the dashboard.")
