"""Notifications on the Data page, and who may snooze alerts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.outputs.deliveries import Outcome
from lib.outputs.notify.notifier import Notifier
from lib.outputs.notify.service import deliveries_of
from lib.query.choice import Choice
from lib.query.options import Options
from lib.query.saved_views import EVERYBODY, of_workspace
from lib.refresh.state import State
from lib.settings import Recipient, Settings
from tests.pages.conftest import Connect, markup, open_page, text

SECRETS = """
[notify]
{snooze}
[notify.support]
chat = "jsons://hooks.example.com/path-that-is-secret"
at = "0 8 * * *"
view = "{view}"
[notify.support.alerts]
backlog = 0
unassigned = 0
"""


def configured(
    monkeypatch: pytest.MonkeyPatch, folder: Path, snooze: str | None, view: str = ""
) -> None:
    secrets = folder / "secrets.toml"
    shared = "" if snooze is None else f"snooze = {snooze}"
    secrets.write_text(SECRETS.format(snooze=shared, view=view))
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", (secrets,))


TAKEN = Outcome("done", "Taken by the service.")


def told(state: State, outcome: Outcome = TAKEN) -> tuple[Recipient, Settings]:
    """The workspace's recipient, after its alerts were reported."""
    configuration = settings.configuration()
    (recipient,) = configuration.notifications.recipients
    workspace = configuration.workspaces[0]
    Notifier(
        recipient,
        workspace,
        deliveries_of(recipient, workspace),
        send=lambda *_: outcome,
    ).step(state.snapshot)
    return recipient, workspace


def buttons(dashboard: AppTest) -> list[str]:
    return [
        button.label for button in dashboard.button if button.label.startswith(("Snooze", "Wake"))
    ]


def test_where_nobody_is_written_to_the_page_says_nothing_of_it(connect: Connect) -> None:
    connect()
    assert "Digests and alerts" not in text(open_page("data"))


def test_a_delivery_that_failed_says_when_it_is_tried_again(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"')
    told(connect(), Outcome("failed", "The service cannot be reached."))
    said = r"The service cannot be reached\. It is tried again at \d+ \w+ \d{4}, \d\d:\d\d\."
    assert re.search(said, markup(open_page("data")))


def test_every_delivery_is_shown_by_host_and_every_alert_with_its_state(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"')
    told(connect())
    dashboard = open_page("data")
    shown = markup(dashboard)
    assert "support (hooks.example.com)" in shown
    assert "Taken by the service." in shown
    assert "Alerts: 2 begun" in shown
    assert "goes on" in shown
    prose = text(dashboard)
    assert "A server that sleeps" in prose or "One that sleeps" in prose
    assert "Next digest for support" in prose
    assert "path-that-is-secret" not in prose + shown


def test_an_alert_is_put_to_sleep_and_woken(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"')
    recipient, workspace = told(connect())
    dashboard = open_page("data")
    dashboard.button(key="snooze-24-support-backlog").click().run()
    assert "snoozed until" in markup(dashboard)
    kept = deliveries_of(recipient, workspace).read().alerts["backlog"]
    assert kept.snoozed_until is not None
    dashboard.button(key="wake-support-backlog").click().run()
    assert deliveries_of(recipient, workspace).read().alerts["backlog"].snoozed_until is None


def test_nobody_snoozes_whom_the_operator_has_not_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '["ana@example.com"]')
    told(connect())
    assert buttons(open_page("data")) == []


@pytest.mark.parametrize(("shared_views", "buttons_shown"), [("yes", True), ("no", False)])
def test_where_the_operator_names_nobody_those_snooze_who_save_views_for_everybody(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shared_views: str,
    buttons_shown: bool,
) -> None:
    configured(monkeypatch, tmp_path, None)
    told(connect(shared_views=shared_views))
    assert bool(buttons(open_page("data"))) == buttons_shown


def test_what_the_rules_would_have_done_is_said_when_it_is_asked_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"')
    told(connect())
    dashboard = open_page("data")
    dashboard.toggle(key="rehearse-support").set_value(True).run()
    assert "0 refreshes were recorded since" in text(dashboard)
    assert "History cannot answer, or not yet" in text(dashboard)


def test_the_rules_of_a_saved_view_are_rehearsed_under_that_view(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"', view="Sales")
    connect()
    views = of_workspace(settings.configuration().workspaces[0])
    assert views is not None
    now = datetime(2026, 11, 28, tzinfo=UTC)
    views.save("Sales", Choice("7d"), Options(), page="overview", owner=EVERYBODY, now=now)
    dashboard = open_page("data")
    dashboard.toggle(key="rehearse-support").set_value(True).run()
    assert "There is no saved view" not in text(dashboard)
    assert "0 refreshes were recorded since" in text(dashboard)


def test_a_record_that_cannot_be_read_is_said(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(monkeypatch, tmp_path, '"everybody"')
    connect()
    (tmp_path / "notify.sqlite3").write_bytes(b"not a database" * 100)
    assert "nothing is sent" in text(open_page("data"))
