"""The command `python -m lib.digest`: output, sending and exit status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib import settings
from lib.outputs.digest_command import main
from tests.fake_chatbotx import FakeChatbotx
from tests.outputs.notify.conftest import MailServer


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mail_server: MailServer,
    edge_server: FakeChatbotx,
) -> MailServer:
    """A folder with secrets that configure recipients, and the recorded workspace."""
    monkeypatch.setenv("CHATBOTX_TOKEN", "edge")
    monkeypatch.setenv("CHATBOTX_BASE_URL", edge_server.base_url)
    monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path / "store"))
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text(
        f"""
        [notify]
        dashboard = "https://audience.example.com"
        [notify.boss]
        to = "ana@example.com"
        server = "127.0.0.1:{mail_server.port}"
        security = "none"
        sender = "us@example.com"
        [notify.other]
        to = "bo@example.org"
        server = "127.0.0.1:{mail_server.port}"
        security = "none"
        sender = "us@example.com"
        view = "period=7d&tag=999999"
        """
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", (secrets,))
    settings.read_again()
    return mail_server


def test_it_is_printed_and_not_sent(here: MailServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Subject: Audience: ")
    assert "https://audience.example.com/?from=" in printed
    assert here.mails == []


def test_it_is_sent_once_an_hour_whoever_asks(
    here: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--to", "boss"]) == 0
    assert main(["--to", "boss"]) == 0
    assert "already" in capsys.readouterr().err
    (received,) = here.mails
    assert "new contacts in the last 7 days" in received["Subject"]
    assert main(["--to", "boss", "--again"]) == 0
    assert len(here.mails) == 2


def test_a_view_may_be_given(here: MailServer) -> None:
    assert main(["--to", "boss", "--view", "period=30d&channel=whatsapp"]) == 0
    assert "in the last 30 days" in here.mails[0]["Subject"]


def test_a_view_that_is_gone_is_said_in_the_mail_and_on_the_terminal(
    here: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--to", "other"]) == 0
    assert "cannot be shown" in here.mails[0]["Subject"]
    assert main(["--dry-run", "--view", "tag=999999"]) == 2
    assert "has no tag" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "nobody"], "There is no [notify.<name>] of that name"),
        ([], "Name a recipient with --to"),
        (["--to"], "expected one argument"),
    ],
)
def test_a_wrong_argument_is_a_sentence(
    here: MailServer, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_refusal_is_status_4_and_names_no_address(
    here: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    here.refuse["RCPT"] = "550 <ana@example.com> unknown"
    assert main(["--to", "boss"]) == 4
    said = capsys.readouterr().err
    assert "example.com: The mail server refused every address (550)." in said
    assert "ana@" not in said
    assert main(["--to", "boss"]) == 4
    assert "is not sent" in capsys.readouterr().err


def test_a_file_may_be_written(here: MailServer, tmp_path: Path) -> None:
    assert main(["--html", "mail.html"]) == 0
    assert (tmp_path / "mail.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert here.mails == []


def test_the_demo_tells_of_its_past(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", ())
    assert main(["--demo", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Subject: Audience · the demo workspace: ")
    assert "people were answered since" in said
    assert "people opted out (" in said
    assert "once the past is recorded" not in said
    assert "change not recorded" not in said
