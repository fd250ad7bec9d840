"""Mail over SMTP: the server's reply decides whether a mail is sent again."""

import smtplib
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from lib.outputs.deliveries import Outcome
from lib.outputs.message import Message, one_line, subject
from lib.outputs.notify.attempt import Attempt
from lib.settings.notifications import Mail

SECONDS = 20
"""Timeout for each reply of the server."""

SENDER = "Audience"


def mail(message: Message, to: Mail, id_: str, now: datetime) -> EmailMessage:
    """The message as a mail: plain text, the same as HTML, and attachments. `id_` is the delivery's
    ID, so a mail client shows a second attempt as the same mail."""
    written = EmailMessage(policy=SMTP)
    written["Subject"] = subject(message.subject)
    written["From"] = Address(SENDER, addr_spec=to.sender)
    written["To"] = ", ".join(to.to)
    written["Date"] = format_datetime(now)
    written["Message-ID"] = f"<{id_}@{to.sender.rpartition('@')[2]}>"
    # Suppress out-of-office replies and other automatic answers.
    written["Auto-Submitted"] = "auto-generated"
    written["X-Auto-Response-Suppress"] = "All"
    written.set_content(message.plain, cte="quoted-printable")
    written.add_alternative(message.html, subtype="html", cte="quoted-printable")
    for each in message.attachments:
        main, _, kind = each.kind.partition("/")
        written.add_attachment(each.data, maintype=main, subtype=kind, filename=one_line(each.name))
    return written


def send(message: Message, to: Mail, id_: str, now: datetime, attempt: Attempt) -> Outcome:
    """Submit the mail. Only the code of the server's reply is kept: its text may contain an
    address."""
    server: smtplib.SMTP | None = None
    try:
        server = _connect(to)
        return _submit(server, mail(message, to, id_, now), to, attempt)
    except smtplib.SMTPResponseException as error:
        return _refused("The mail server refused", error.smtp_code)
    except smtplib.SMTPNotSupportedError:
        return Outcome(
            "given up",
            "The mail server does not offer what is set: check security, user and password.",
        )
    except ssl.SSLCertVerificationError:
        return Outcome("failed", "The certificate of the mail server is not valid.")
    except (smtplib.SMTPException, OSError) as error:
        if attempt.committed:
            return Outcome(
                "unclear",
                "The mail server fell silent after it was given the mail. It may have taken it, "
                "and the mail is not sent again.",
            )
        return Outcome("failed", f"The mail server {_why(error)}.")
    finally:
        if server is not None:
            _close(server)


def _connect(to: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if to.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            to.server, to.port, timeout=SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(to.server, to.port, timeout=SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        if to.security == "starttls":
            server.starttls(context=context)
            server.ehlo()
        if to.user is not None and to.password is not None:
            server.login(to.user, to.password)
    except BaseException:
        _close(server)
        raise
    return server


def _submit(server: smtplib.SMTP, written: EmailMessage, to: Mail, attempt: Attempt) -> Outcome:
    code, _ = server.mail(to.sender)
    if code != 250:
        return _refused("The mail server refused the sender", code)
    codes = [server.rcpt(address)[0] for address in to.to]
    taken = sum(code in (250, 251) for code in codes)
    if not taken:
        return _refused("The mail server refused every address", min(codes))
    code, _ = server.docmd("DATA")
    if code != 354:
        return _refused("The mail server refused the mail", code)
    lines = written.as_bytes().replace(b"\r\n.", b"\r\n..")
    attempt.commit()
    server.send(lines + (b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"))
    code, _ = server.getreply()
    if code != 250:
        return _refused("The mail server refused the mail", code)
    if taken < len(codes):
        return Outcome(
            "done",
            f"Taken by the mail server for {taken} of {len(codes)} addresses; it refused the "
            "others.",
        )
    return Outcome("done", "Taken by the mail server.")


def _refused(what: str, code: int) -> Outcome:
    """Outcome of a refusal: 5yz codes are permanent, 4yz are transient (RFC 5321, 4.2.1); other
    codes are treated as transient."""
    return Outcome("given up" if 500 <= code < 600 else "failed", f"{what} ({code}).")


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"did not answer within {SECONDS} s"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "broke off the connection"
    if isinstance(error, ConnectionRefusedError):
        return "cannot be reached: it refuses connections"
    return f"cannot be reached ({type(error).__name__})"


def _close(server: smtplib.SMTP) -> None:
    """Close without QUIT: a mail that was accepted stays accepted."""
    server.close()
