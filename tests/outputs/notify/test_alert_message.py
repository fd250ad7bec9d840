"""What a message about alerts says, and where its links lead."""

from __future__ import annotations

from datetime import date

from lib.insights.alerts import Change
from lib.outputs.notify.alert_message import alert_message
from lib.outputs.views import view_named
from lib.settings import Settings
from tests.outputs.digesting import snapshot_of
from tests.workspaces import AS_OF, contact

SETTINGS = Settings(token="token", label="Sales")
DAY = date(2026, 6, 26)


def test_links_open_the_days_and_the_list_that_an_alert_is_about() -> None:
    tells = [
        Change("a", True, AS_OF, "Friday brought 90.", "", "overview", days=(DAY, DAY)),
        Change("b", True, AS_OF, "3 wait.", "", "workload", queue="waiting", wait="over_7d"),
    ]
    view = view_named("period=7d", snapshot_of(contact()), SETTINGS).view

    written = alert_message(tells, SETTINGS, "UTC", view, "https://audience.example.com").plain

    assert "/?from=2026-06-26&to=2026-06-26" in written
    assert "/workload?from=2026-06-25&to=2026-07-01&queue=waiting&wait=over_7d" in written
