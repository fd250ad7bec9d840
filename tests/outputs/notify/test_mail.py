"""Mails submitted to a real server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from lib.outputs.deliveries import Outcome
from lib.outputs.message import Attachment, Message, text
from lib.outputs.notify import attempt as attempts
from lib.outputs.notify import mail
from lib.outputs.notify.attempt import Attempt, within_time
from lib.settings import Mail
from tests.outputs.notify.conftest import MailServer
from tests.serving import free_port

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
MESSAGE = Message("Numbers", (text("Numbers"),), "In words: 4", "<p>In words: 4</p>")


def send(message: Message, to: Mail) -> Outcome:
    return mail.send(message, to, "digest-1.abc", NOW, Attempt())


def test_a_mail_has_a_plain_text_an_html_and_an_id_of_its_own(mail_server: MailServer) -> None:
    outcome = send(MESSAGE, mail_server.channel("ana@example.com", "bo@example.org"))
    assert outcome == Outcome("done", "Taken by the mail server.")
    (received,) = mail_server.mails
    assert mail_server.envelopes[0].rcpt_tos == ["ana@example.com", "bo@example.org"]
    assert received["Message-ID"] == "<digest-1.abc@example.com>"
    assert received["Subject"] == "Numbers"
    assert received["Date"].datetime == NOW
    plain, html = received.get_body(("plain",)), received.get_body(("html",))
    assert plain is not None
    assert plain.get_content().strip() == "In words: 4"
    assert html is not None
    assert html.get_content().strip() == "<p>In words: 4</p>"


def test_what_is_attached_arrives_as_it_was(mail_server: MailServer) -> None:
    page = Attachment("page.html", "text/html", "<p>é</p>".encode())
    message = Message("Numbers", (), "plain", "<p>html</p>", (page,))
    send(message, mail_server.channel())
    (attached,) = mail_server.mails[0].iter_attachments()
    assert attached.get_filename() == "page.html"
    assert attached.get_payload(decode=True) == page.data


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nBcc: everybody@example.com",
        "a\nX-Evil: yes\n\n<script>",
        "=?utf-8?q?=0D=0ABcc:_x@y.org?=",
        "\u202etxt.exe\u2028Bcc: x@y.org",
        "x" * 5000,
        "\ud800 half of a pair",
        "",
    ],
)
def test_a_hostile_subject_stays_one_subject(mail_server: MailServer, name: str) -> None:
    outcome = send(Message(f"Tag {name}", (), "plain", "html"), mail_server.channel())
    assert outcome.state == "done"
    (received,) = mail_server.mails
    assert received["Bcc"] is None
    assert received["X-Evil"] is None
    assert received.get_all("Subject") is not None
    assert len(received.get_all("Subject", [])) == 1
    assert mail_server.envelopes[0].rcpt_tos == ["ana@example.com"]


def test_a_line_that_is_a_dot_ends_no_mail(mail_server: MailServer) -> None:
    body = "before\n.\nafter\n..\nend"
    assert send(Message("s", (), body, "h"), mail_server.channel()).state == "done"
    plain = mail_server.mails[0].get_body(("plain",))
    assert plain is not None
    assert plain.get_content().split() == body.split()


@pytest.mark.parametrize(
    ("command", "answer", "state"),
    [
        ("MAIL", "451 later", "failed"),
        ("MAIL", "550 no", "given up"),
        ("RCPT", "450 <ana@example.com> is busy", "failed"),
        ("RCPT", "550 <ana@example.com> is unknown", "given up"),
        ("DATA", "452 full", "failed"),
        ("DATA", "554 <ana@example.com> takes no such mail", "given up"),
    ],
)
def test_a_refusal_is_for_now_or_for_good_and_never_quoted(
    mail_server: MailServer, command: str, answer: str, state: str
) -> None:
    mail_server.refuse[command] = answer
    outcome = send(MESSAGE, mail_server.channel())
    assert outcome.state == state
    assert answer[:3] in outcome.sentence
    assert "ana@" not in outcome.sentence
    assert not mail_server.envelopes


def test_one_refused_address_of_two_is_said(mail_server: MailServer) -> None:
    mail_server.refuse["bo@example.org"] = "550 unknown"
    outcome = send(MESSAGE, mail_server.channel("ana@example.com", "bo@example.org"))
    assert outcome.state == "done"
    assert "1 of 2 addresses" in outcome.sentence


def test_a_server_that_is_down_is_known_to_have_taken_nothing() -> None:
    to = Mail(("ana@example.com",), "127.0.0.1", free_port(), "none", "us@example.com")
    outcome = send(MESSAGE, to)
    assert outcome.state == "failed"
    assert "cannot be reached" in outcome.sentence


def test_a_server_that_takes_the_mail_and_falls_silent_leaves_it_unclear(
    mail_server: MailServer,
) -> None:
    mail_server.drop_after_data = True
    outcome = send(MESSAGE, mail_server.channel())
    assert outcome.state == "unclear"
    assert "not sent again" in outcome.sentence
    assert len(mail_server.envelopes) == 1


@contextmanager
def talker(*lines: bytes, pause: float = 0) -> Iterator[int]:
    """A server that sends these lines, whatever it is asked, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def talk() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                for line in lines:
                    if done.wait(pause):
                        return
                    try:
                        connection.sendall(line)
                    except OSError:
                        return

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(60)


def test_a_server_that_accepts_and_drops_is_tried_again() -> None:
    with talker() as port:
        to = Mail(("ana@example.com",), "127.0.0.1", port, "none", "us@example.com")
        outcome = send(MESSAGE, to)
    assert outcome.state == "failed"


def test_a_server_that_says_a_byte_now_and_then_is_left_in_time() -> None:
    with talker(*[b"2"] * 200, pause=0.1) as port:
        to = Mail(("ana@example.com",), "127.0.0.1", port, "none", "us@example.com")
        outcome = within_time(
            lambda attempt: mail.send(MESSAGE, to, "id", NOW, attempt), "The mail server", 0.5
        )
    assert outcome.state == "failed"
    assert "too slow" in outcome.sentence


def test_a_server_without_starttls_gets_no_password(mail_server: MailServer) -> None:
    to = Mail(
        ("ana@example.com",), "127.0.0.1", mail_server.port, "starttls", "us@example.com",
        "me", "my password",
    )  # fmt: skip
    outcome = send(MESSAGE, to)
    assert outcome.state == "given up"
    assert not mail_server.envelopes


def test_what_nobody_expects_is_told_without_its_text() -> None:
    def broken(attempt: attempts.Attempt) -> Outcome:
        raise RuntimeError("ana@example.com")

    outcome = within_time(broken, "The mail server")
    assert outcome.state == "failed"
    assert "ana@" not in outcome.sentence


def test_after_the_point_of_no_return_nothing_is_known_to_have_failed() -> None:
    def broken(attempt: attempts.Attempt) -> Outcome:
        attempt.commit()
        raise RuntimeError

    assert within_time(broken, "The mail server").state == "unclear"


def test_a_sender_that_is_too_late_sends_nothing() -> None:
    go_on = threading.Event()
    sent = []

    def slow(attempt: attempts.Attempt) -> Outcome:
        go_on.wait(60)
        attempt.commit()
        sent.append("sent")
        return Outcome("done", "")

    assert within_time(slow, "The mail server", 0.05).state == "failed"
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "sending":
            thread.join(60)
    assert not sent
