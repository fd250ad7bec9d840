from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lib import settings
from lib.chatbotx.client import Patience
from lib.chatbotx.crawl import Verdict
from lib.engines.errors import EngineError
from lib.outputs import report
from lib.store import workspace
from lib.store.snapshot import Snapshot
from tests.engines.answering import KINDS, Kind, engine_of
from tests.fake_chatbotx import JULY, NOVEMBER, Contact, FakeChatbotx
from tests.workspaces import AS_OF, contact, tables_of, terms

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parents[1] / "data" / "expected"
AS_OF_JULY = ("--as-of", "2026-07-01T00:00:00Z")
JUNE = ("--from", "2026-06-01", "--to", "2026-06-30")
MAY = ("--from", "2026-05-01", "--to", "2026-05-31")
MIDWEEK = ("--as-of", "2026-06-17T15:20:00Z")
THIS_WEEK = ("--from", "2026-06-15", "--to", "2026-06-21")
TOKEN = "edge-5ecret-t0ken"

ONE_CONTACT = contact(
    id="7", createdAt="2026-06-10T00:00:00.000Z", updatedAt="2026-06-10T00:00:00.000Z"
)
PARTS = [
    "workspace_id",
    "as_of",
    "timezone",
    "period",
    "subscription_basis",
    "audience",
    "opt_in",
    "channels",
    "countries",
    "country_sources",
    "sources",
    "tags",
    "workload",
    "engagement",
    "new_by_day",
    "cohorts",
]


@dataclass(frozen=True)
class Run:
    """What a run of the command left behind."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Json:
        assert self.status == 0, self.err
        found: Json = json.loads(self.out)
        return found


class Command:
    """Run `python -m lib.report` in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: object) -> Run:
        status = report.main([str(each) for each in arguments])
        return Run(status, *self._capfd.readouterr())


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with nothing configured, and without the retries that real networks need."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "secrets_from_files", dict)
    monkeypatch.setattr(workspace, "Patience", partial(Patience, attempts=1))
    return Command(capfd)


@pytest.fixture
def server(edge_contacts: list[Contact]) -> Iterator[FakeChatbotx]:
    workspaces = {
        TOKEN: edge_contacts,
        "empty": [],
        "one": [ONE_CONTACT],
        "garbled": [ONE_CONTACT | {"blockedAt": "yesterday", "emailOptIn": "maybe", "tags": 5}],
    }
    with FakeChatbotx(workspaces, manners=JULY) as server:
        yield server


@pytest.fixture
def servers(
    server: FakeChatbotx, november_contacts: list[Contact]
) -> Iterator[dict[str, FakeChatbotx]]:
    with FakeChatbotx({TOKEN: november_contacts}, manners=NOVEMBER) as newest:
        yield {"edge": server, "november": newest}


@pytest.fixture
def connected(run: Command, server: FakeChatbotx, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, configured for the recorded workspace."""
    monkeypatch.setenv("CHATBOTX_BASE_URL", server.base_url)
    monkeypatch.setenv("CHATBOTX_TOKEN", TOKEN)
    return run


RECORDED = {
    "edge-sao-paulo-june": (*AS_OF_JULY, "--timezone", "America/Sao_Paulo", *JUNE),
    "edge-utc-may-subscribed": (*AS_OF_JULY, *MAY, "--basis", "subscribedAt"),
    "november-sao-paulo-june": (*AS_OF_JULY, "--timezone", "America/Sao_Paulo", *JUNE),
    "november-bot-answers-no": (*AS_OF_JULY, *MAY, "--bot-answers", "no"),
    "november-midweek": (*MIDWEEK, "--timezone", "Asia/Kolkata", *THIS_WEEK),
}
"""Queries to the recorded databases; the first word is the server's version."""


def rounded(value: Any, name: str = "") -> Any:
    """Numbers as the report rounds them: hours to two decimals, rates to six."""
    if isinstance(value, dict):
        return {key: rounded(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        return round(value, 2 if name.endswith("hours") else 6)
    return value


class TestRecordedWorkspace:
    """Numbers computed in SQL on the recorded databases."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("name", RECORDED)
    def test_has_the_numbers_of_the_database(
        self,
        run: Command,
        servers: dict[str, FakeChatbotx],
        name: str,
        kind: Kind,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(report, "MemoryEngine", partial(engine_of, kind=kind))
        monkeypatch.setenv("CHATBOTX_BASE_URL", servers[name.partition("-")[0]].base_url)
        monkeypatch.setenv("CHATBOTX_TOKEN", TOKEN)

        found = run(*RECORDED[name]).report

        expected = rounded(json.loads((EXPECTED / f"{name}.json").read_text("utf-8")))
        assert expected.keys() == set(PARTS)
        for part in PARTS:
            assert found[part] == expected[part], part

    @pytest.mark.parametrize("name", RECORDED)
    def test_has_them_from_files_that_are_never_loaded(
        self,
        run: Command,
        servers: dict[str, FakeChatbotx],
        name: str,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        def load(*_: object) -> None:
            raise AssertionError("the tables were loaded")

        monkeypatch.setattr("lib.store.on_disk.read_files", load)
        monkeypatch.setenv("CHATBOTX_BASE_URL", servers[name.partition("-")[0]].base_url)
        monkeypatch.setenv("CHATBOTX_TOKEN", TOKEN)
        monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path))

        found = run(*RECORDED[name], "--engine", "duckdb").report

        expected = rounded(json.loads((EXPECTED / f"{name}.json").read_text("utf-8")))
        for part in PARTS:
            assert found[part] == expected[part], part

    def test_is_the_same_by_the_engine_that_is_asked_for(self, connected: Command) -> None:
        by_argument = connected(*AS_OF_JULY, "--engine", "duckdb").report

        assert by_argument == connected(*AS_OF_JULY, "--engine", "memory").report

    def test_has_no_other_parts(self, connected: Command) -> None:
        assert connected(*AS_OF_JULY).report.keys() == {*PARTS, "crawl"}

    def test_says_how_the_crawl_went(self, connected: Command) -> None:
        crawl = connected(*AS_OF_JULY).report["crawl"]

        assert crawl.pop("pages") >= 3
        assert crawl == {"contacts": 137, "duplicates": 0, "complete": True, "warnings": []}

    def test_holds_nothing_personal(self, connected: Command, edge_contacts: list[Contact]) -> None:
        personal = {
            each[field]
            for each in edge_contacts
            for field in ("email", "phoneNumber", "fullName", "avatar")
            if each[field] and len(each[field].strip()) > 4
        }

        found = connected(*AS_OF_JULY)

        assert found.status == 0
        assert [text for text in personal if text in found.out + found.err] == []


class TestPeriod:
    @pytest.mark.parametrize(
        ("arguments", "start", "end"),
        [
            ((), "2026-06-02", "2026-07-01"),
            (("--timezone", "America/Sao_Paulo"), "2026-06-01", "2026-06-30"),
            (("--from", "2026-06-20"), "2026-06-20", "2026-07-01"),
            (("--from", "2026-08-01"), "2026-08-01", "2026-08-01"),
            (("--to", "2026-05-31"), "2026-05-02", "2026-05-31"),
            (JUNE, "2026-06-01", "2026-06-30"),
        ],
        ids=["usual", "in a zone", "from", "from the future", "to", "both"],
    )
    def test_is_the_last_thirty_days_where_nothing_else_is_said(
        self, connected: Command, arguments: tuple[str, ...], start: str, end: str
    ) -> None:
        found = connected(*AS_OF_JULY, *arguments).report

        assert found["period"] == {"start": start, "end": end}

    def test_has_a_row_for_each_of_its_days(self, connected: Command) -> None:
        found = connected(*AS_OF_JULY, *JUNE).report

        assert [row["day"] for row in found["new_by_day"]] == [
            f"2026-06-{day:02}" for day in range(1, 31)
        ]


class TestConfiguration:
    def test_zone_and_basis_are_those_of_the_settings(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_TIMEZONE", "Asia/Kathmandu")
        monkeypatch.setenv("CHATBOTX_BASIS", "subscribedAt")

        found = connected().report

        assert (found["timezone"], found["subscription_basis"]) == (
            "Asia/Kathmandu",
            "subscribedAt",
        )

    def test_arguments_come_before_the_settings(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_TIMEZONE", "Asia/Kathmandu")
        monkeypatch.setenv("CHATBOTX_BASIS", "subscribedAt")

        found = connected("--timezone", "UTC", "--basis", "createdAt").report

        assert (found["timezone"], found["subscription_basis"]) == ("UTC", "createdAt")

    def test_time_without_an_offset_is_utc(self, connected: Command) -> None:
        assert connected("--as-of", "2026-07-01T12:00").report["as_of"] == "2026-07-01T12:00:00Z"

    def test_time_is_told_in_utc(self, connected: Command) -> None:
        found = connected("--as-of", "2026-07-01T00:00:00-03:00").report

        assert found["as_of"] == "2026-07-01T03:00:00Z"

    def test_demo_needs_no_workspace(self, connected: Command, server: FakeChatbotx) -> None:
        found = connected("--demo", *AS_OF_JULY).report

        assert found["audience"]["contacts"] > 137
        assert server.requests == []


class TestSmallWorkspaces:
    def test_empty_one_has_zeros_and_absent_rates(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_TOKEN", "empty")

        found = connected(*AS_OF_JULY, *JUNE).report

        absent = {"numerator": 0, "denominator": 0, "rate": None, "low": None, "high": None}
        assert found["workspace_id"] is None
        assert set(found["audience"].values()) == {0}
        assert list(found["opt_in"].values()) == [absent] * 3
        assert [found[part] for part in ("channels", "countries", "tags", "cohorts")] == [[]] * 4
        assert found["engagement"] == {
            "active_7d": 0,
            "active_30d": 0,
            "window_24h": None,
            "reach_at_risk": 0,
        }
        assert [found["workload"][name] for name in ("agents", "teams", "gini", "top_share")] == [
            [],
            [],
            None,
            None,
        ]

    def test_one_contact_is_counted(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_TOKEN", "one")

        found = connected(*AS_OF_JULY, *JUNE).report

        assert found["audience"] == {
            "contacts": 1,
            "active": 1,
            "blocked": 0,
            "new": 1,
            "new_previous": 0,
            "new_previous_to_date": 0,
            "lost": 0,
            "net": 1,
        }
        assert [row["channel"] for row in found["channels"]] == ["none"]
        assert [(row["tag_id"], row["tag"]) for row in found["tags"]] == [(None, "none")]

    def test_fields_that_cannot_be_read_stop_nothing(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_TOKEN", "garbled")

        assert connected(*AS_OF_JULY).report["audience"]["active"] == 1


def test_crawl_that_may_have_missed_contacts_still_reports_and_says_so() -> None:
    verdict = Verdict(AS_OF, complete=False, warnings=("About 3 may be missing.",))

    found = report.report(Snapshot(tables_of(contact()), verdict), terms())

    assert found["crawl"]["complete"] is False
    assert found["crawl"]["warnings"] == ["About 3 may be missing."]
    assert found["audience"]["contacts"] == 1


class TestMistakes:
    """Each error is a sentence, without a report, a traceback or the token."""

    def assert_told(self, run: Run, status: int, *words: str) -> None:
        assert run.status == status
        assert run.out == ""
        assert run.err.count("\n") == 1
        assert "Traceback" not in run.err
        assert TOKEN not in run.err
        assert [word for word in words if word not in run.err] == []

    def test_no_token(self, run: Command) -> None:
        self.assert_told(run(), 2, "CHATBOTX_TOKEN is not set", "--demo")

    def test_wrong_token(self, connected: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHATBOTX_TOKEN", f"{TOKEN}-of-another-workspace")

        self.assert_told(connected(), 3, "token")

    def test_address_without_api(
        self, connected: Command, server: FakeChatbotx, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHATBOTX_BASE_URL", server.base_url.removesuffix("/api"))

        self.assert_told(connected(), 3, "CHATBOTX_BASE_URL", "/api")

    def test_unprotected_address(self, connected: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHATBOTX_BASE_URL", "http://chatbotx.example/api")

        self.assert_told(connected(), 2, "CHATBOTX_BASE_URL", "https://")

    def test_engine_without_an_answer(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise EngineError("DuckDB had no answer within 60 seconds.")

        monkeypatch.setattr("lib.engines.duckdb.DuckDB.collect", fail)

        self.assert_told(connected("--engine", "duckdb"), 3, "DuckDB had no answer")

    def test_nobody_listening(self, connected: Command, server: FakeChatbotx) -> None:
        server.close()

        self.assert_told(connected(), 3, "cannot be reached", "CHATBOTX_BASE_URL")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--from", "2026-06-30", "--to", "2026-06-01"), ("--to is before --from",)),
            (("--from", "2026-02-30"), ("--from", "not a day")),
            (("--to", "1066-10-14"), ("--to", "not between 1969-12-31")),
            (("--timezone", "Mars/Olympus"), ("--timezone", "IANA name")),
            (("--as-of", "yesterday"), ("--as-of", "2026-07-01T00:00:00Z")),
            (("--as-of", "0001-01-01T00:00:00Z"), ("--as-of", "not between")),
            (("--basis", "updatedAt"), ("--basis", "subscribedAt")),
            (("--record", "--as-of", "2199-01-01"), ("--record with a time to come",)),
            (("--engine", "spark"), ("--engine", "sc://localhost:15002")),
            (("--everything",), ("--everything",)),
        ],
        ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
    )
    def test_wrong_argument(
        self,
        connected: Command,
        server: FakeChatbotx,
        arguments: tuple[str, ...],
        words: tuple[str, ...],
    ) -> None:
        self.assert_told(connected(*arguments), 2, *words)
        assert server.requests == []

    @pytest.mark.parametrize("option", ["--out", "--save"])
    def test_place_that_cannot_be_written_to_is_told_before_the_crawl(
        self, connected: Command, server: FakeChatbotx, tmp_path: Path, option: str
    ) -> None:
        file = tmp_path / "file"
        file.touch()

        self.assert_told(connected(option, file / "place"), 2, "Cannot write to", str(file))
        assert server.requests == []

    def test_failed_crawl_leaves_no_empty_report(
        self, connected: Command, server: FakeChatbotx, tmp_path: Path
    ) -> None:
        server.close()

        self.assert_told(connected("--out", tmp_path / "report.json"), 3)
        assert list(tmp_path.iterdir()) == []

    def test_failed_crawl_leaves_the_last_report(
        self, connected: Command, server: FakeChatbotx, tmp_path: Path
    ) -> None:
        last = tmp_path / "report.json"
        last.write_text("{}")
        server.close()

        connected("--out", last)

        assert last.read_text() == "{}"


class TestFiles:
    def test_out_takes_the_report_instead_of_standard_output(
        self, connected: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("CHATBOTX_CONNECTIONS", "1")  # others depend on timing
        shown = connected(*AS_OF_JULY)

        written = connected(*AS_OF_JULY, "--out", tmp_path / "report.json")

        assert written == Run(0, "", "")
        assert (tmp_path / "report.json").read_text("utf-8") == shown.out

    def test_save_writes_the_ids_of_the_contacts(
        self, connected: Command, edge_contacts: list[Contact], tmp_path: Path
    ) -> None:
        assert connected("--save", tmp_path / "new" / "folder").status == 0

        contacts = pd.read_parquet(tmp_path / "new" / "folder" / "contacts.parquet")
        assert sorted(contacts["id"].astype("str")) == sorted(each["id"] for each in edge_contacts)

    def test_save_writes_every_table(self, connected: Command, tmp_path: Path) -> None:
        assert connected("--save", tmp_path).status == 0

        assert sorted(file.name for file in tmp_path.iterdir()) == [
            f"{name}.parquet"
            for name in (
                "agents",
                "contact_channels",
                "contact_inboxes",
                "contact_sources",
                "contact_tags",
                "contacts",
                "inboxes",
                "tags",
                "teams",
            )
        ]


class TestAsACommand:
    def run(
        self, *arguments: str, configured: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CHATBOTX_")
        } | (configured or {})
        return subprocess.run(
            [sys.executable, "-m", "lib.report", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output="stdout" not in options,
            timeout=120,
            check=False,
            **options,
        )

    def test_demo_prints_a_report(self) -> None:
        done = self.run("--demo", *AS_OF_JULY)

        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["as_of"] == "2026-07-01T00:00:00Z"

    def test_interrupt_ends_it_with_a_sentence(self) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CHATBOTX_")
        }
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            started = subprocess.Popen(
                [sys.executable, "-m", "lib.report"],
                cwd=ROOT,
                env=environment
                | {"CHATBOTX_BASE_URL": f"http://127.0.0.1:{port}/api", "CHATBOTX_TOKEN": "t"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            silent.settimeout(60)
            asking, _ = silent.accept()
            with asking:
                started.send_signal(signal.SIGINT)
                out, err = started.communicate(timeout=120)

        assert (started.returncode, out, err) == (130, b"", b"Interrupted: no report was made.\n")

    def test_mistake_is_its_exit_status(self) -> None:
        done = self.run("--as-of", "yesterday")

        assert done.returncode == 2
        assert b"Traceback" not in done.stderr

    def test_reader_that_goes_away_is_no_traceback(self, server: FakeChatbotx) -> None:
        one = {"CHATBOTX_BASE_URL": server.base_url, "CHATBOTX_TOKEN": "one"}
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = self.run(*AS_OF_JULY, configured=one, stdout=writing, stderr=subprocess.PIPE)
        finally:
            os.close(writing)

        assert done.returncode == 2
        assert done.stderr == b"Cannot write to standard output: Broken pipe.\n"


def test_now_is_when_the_command_runs(connected: Command) -> None:
    before = datetime.now(UTC)

    found = connected().report

    assert before <= datetime.fromisoformat(found["as_of"]) <= datetime.now(UTC)
