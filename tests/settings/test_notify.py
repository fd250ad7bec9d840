"""Reading [notify] from the secrets, and the messages about mistakes in it."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from lib.insights.findings import URGENCY
from lib.settings import Chat, Mail, Notifications, Recipient, SettingsError, load_all
from lib.settings.notifications import AlertRules, Quiet
from lib.settings.notify import FINDINGS

MAIL = {"to": "ana@example.com", "server": "smtp.example.com", "sender": "us@example.com"}
SLACK = "https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/cccccccccccccccccccccccc"
TELEGRAM = "tgram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/-100123/"
TEAMS = "prod-1.westus.logic.azure.com"


def read(**table: Any) -> Notifications:
    return load_all({}, {"notify": table}).notifications


def mistakes(**table: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        read(**table)
    return " ".join(raised.value.mistakes)


def test_there_are_no_notifications_by_default() -> None:
    assert not load_all({}, {}).notifications


def test_a_recipient_of_mails_is_read_with_the_usual_port_and_protection() -> None:
    (recipient,) = read(boss=MAIL).recipients
    assert recipient == Recipient(
        "boss",
        Mail(("ana@example.com",), "smtp.example.com", 587, "starttls", "us@example.com"),
    )
    assert recipient.host == "example.com"


def test_the_name_of_a_mail_server_may_be_written_in_any_case() -> None:
    (recipient,) = read(boss=MAIL | {"server": "SMTP.Example.com:25"}).recipients
    assert isinstance(recipient.channel, Mail)
    assert (recipient.channel.server, recipient.channel.port) == ("smtp.example.com", 25)


def test_settings_common_to_all_recipients_are_given_once() -> None:
    shared = {key: value for key, value in MAIL.items() if key != "to"}
    found = read(**shared, quiet="22:00-07:00", a={"to": "a@x.org"}, b={"to": ["b@y.org"]})
    assert [each.host for each in found.recipients] == ["x.org", "y.org"]
    assert {each.quiet for each in found.recipients} == {Quiet(time(22), time(7))}


@pytest.mark.parametrize(
    ("address", "service", "host"),
    [
        (SLACK, "Slack", "hooks.slack.com"),
        (TELEGRAM, "Telegram", "api.telegram.org"),
        (f"workflows://{TEAMS}:443/workflow/signature", "Teams", TEAMS),
        ("jsons://hooks.example.com/path", "web hook", "hooks.example.com"),
    ],
)
def test_a_chat_is_known_by_its_address_and_shown_by_its_host(
    address: str, service: str, host: str
) -> None:
    (recipient,) = read(support={"chat": address}).recipients
    assert isinstance(recipient.channel, Chat)
    assert (recipient.channel.service, recipient.host) == (service, host)


def test_no_address_is_in_a_repr() -> None:
    found = read(support={"chat": SLACK}, boss=MAIL | {"user": "me", "password": "very secret"})
    for secret in ("ana@", "us@", "cccccc", "very secret", "T0AAAAAAA"):
        assert secret not in repr(found)


def test_rules_of_alerts_are_read() -> None:
    alerts = {
        "waiting_hours": 4,
        "backlog": "usual",
        "unassigned": 50,
        "inbox_disconnected": True,
        "findings": ["outlier-day"],
    }
    (recipient,) = read(support={"chat": SLACK, "alerts": alerts}).recipients
    assert recipient.alerts == AlertRules(
        waiting_hours=4,
        backlog="usual",
        unassigned=50,
        inbox_disconnected=True,
        findings=("outlier-day",),
    )


def test_the_settings_know_every_rule_of_findings() -> None:
    assert set(FINDINGS) == set(URGENCY)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"boss": MAIL | {"to": "not an address"}}, "[notify.boss] to must be an address"),
        ({"boss": MAIL | {"to": []}}, "[notify.boss] to must be an address"),
        ({"boss": MAIL | {"to": "ana@example.com\r\nBcc: x@y.org"}}, "to must be an address"),
        ({"boss": MAIL | {"server": "smtp example"}}, "server must be the name"),
        ({"boss": MAIL | {"server": "user:secret@smtp.example.com"}}, "server must be the name"),
        ({"boss": MAIL | {"security": ["tls"]}}, "security must be starttls, tls or none"),
        ({"boss": MAIL | {"user": "me"}}, "both user and password"),
        ({"boss": MAIL | {"user": "a", "password": "b", "security": "none"}}, "unprotected"),
        ({"boss": MAIL | {"chat": SLACK}}, "either to, for mails, or chat"),
        ({"boss": {}}, "either to, for mails, or chat"),
        ({"boss": MAIL | {"sever": "x"}}, "Did you mean server?"),
        ({"boss": MAIL | {"at": "every morning"}}, "at is no time like"),
        ({"boss": MAIL | {"at": "*/5 * * * *"}}, "more often than once an hour"),
        ({"boss": MAIL | {"at": "0 8 31 2 *"}}, "at is no time like"),
        ({"boss": MAIL | {"quiet": "22-7"}}, "quiet must be two times of the day"),
        ({"boss": MAIL | {"per_day": 0}}, "from 1 to 200"),
        ({"boss": MAIL | {"workspace": "nope"}}, "workspace is none of"),
        ({"boss": MAIL | {"alerts": {"backlog": "many"}}}, 'whole number, or "usual"'),
        ({"boss": MAIL | {"alerts": {"waiting": 3}}}, "is not a rule"),
        ({"boss": MAIL | {"alerts": {"findings": ["outlier"]}}}, "Did you mean outlier-day?"),
        ({"Boss!": MAIL}, "must have names of lower-case letters"),
        ({"dashboard": "example.com", "boss": MAIL}, "dashboard must be the address"),
        ({"snooze": ["who"], "boss": MAIL}, "snooze must be"),
        ({"s": {"chat": "https://hooks.slack.com/services/T0AAAAAAA"}}, "chat is not an address"),
        ({"s": {"chat": "https://evil.example.com/services/a/b/c"}}, "chat is not an address"),
        ({"s": {"chat": "mailto://user:secret@example.com"}}, "chat is not an address"),
        ({"s": {"chat": "file:///etc/passwd"}}, "chat is not an address"),
        ({"s": {"chat": "json://example.com/unprotected"}}, "chat is not an address"),
        ({"s": {"chat": "tgram://123/456"}}, "chat is not an address"),
    ],
)
def test_a_mistake_is_a_sentence_that_does_not_repeat_the_value(
    table: dict[str, Any], said: str
) -> None:
    sentence = mistakes(**table)
    assert said in sentence
    for secret in ("secret@", "evil", "passwd", "unprotected.example", "Bcc", "T0AAAAAAA"):
        assert secret not in sentence


def test_strangers_do_not_learn_the_recipients() -> None:
    with pytest.raises(SettingsError) as raised:
        read(the_chief=MAIL | {"to": "?"})
    assert "the_chief" not in " ".join(raised.value.for_strangers)


def test_quiet_hours_may_run_past_midnight() -> None:
    quiet = Quiet(time(22), time(7))
    assert quiet.includes(time(23))
    assert quiet.includes(time(6, 59))
    assert not quiet.includes(time(7))
    assert not quiet.includes(time(12))


def test_what_only_notifications_need_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.settings.notify.find_spec", lambda name: None)
    assert mistakes(boss=MAIL) == (
        "[notify] needs cronsim, which is not installed: install requirements-notify.txt as you "
        "installed requirements.txt."
    )
