"""The dashboard without a browser, on a workspace of the fake API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.refresh import refreshers
from lib.refresh.refreshers import State
from tests.fake_chatbotx import FakeChatbotx
from tests.switching import switch_page

PAGES = Path(__file__).parents[2] / "pages"
JUNE = {"from": "2026-06-01", "to": "2026-06-30", "tz": "America/Sao_Paulo"}
"""A period in which the recorded workspace has contacts, whatever the day of the test."""

Connect = Callable[..., State]


@pytest.fixture
def connect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edge_server: FakeChatbotx
) -> Iterator[Connect]:
    """`connect(token)` points the dashboard at a workspace of the fake API, and waits until the
    first crawl has ended, well or not. Other settings by name."""

    def connect(token: str = "edge", wait: bool = True, **others: str) -> State:
        given = {"token": token, "base_url": edge_server.base_url, "snapshot_dir": str(tmp_path)}
        # Pages run without the server that would ask for a key.
        given["open_access"] = "yes"
        for name, value in (given | others).items():
            monkeypatch.setenv(f"CHATBOTX_{name.upper()}", value)
        settings.read_again()
        if not wait:
            return State()
        return refreshers.refresher_of(settings.load()).wait(20)

    # Neither a developer's own secrets nor environment may reach a test.
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", ())
    for name in ("TOKEN", "BASE_URL", "OPEN_ACCESS"):
        monkeypatch.delenv(f"CHATBOTX_{name}", raising=False)
    yield connect
    refreshers.stop_all()


def open_page(name: str = "overview", **parameters: str | list[str]) -> AppTest:
    """The page as a first request with these parameters in its URL shows it."""
    dashboard = AppTest.from_file(PAGES / "frame.py", default_timeout=30)
    for key, value in parameters.items():
        dashboard.query_params[key] = value
    dashboard.run()
    if name != "overview":
        switch_page(dashboard, name).run()
    assert not dashboard.exception, dashboard.exception[0].value
    return dashboard


def numbers(dashboard: AppTest) -> dict[str, str]:
    """The cards of a page by name."""
    return {metric.label: metric.value for metric in dashboard.metric}


def table(dashboard: AppTest, column: str) -> list[dict[str, object]]:
    """The rows of the first table whose first column has that name."""
    for element in dashboard.dataframe:
        if element.value.columns[0] == column:
            rows = element.value.to_dict("records")
            return [{str(name): value for name, value in row.items()} for row in rows]
    raise AssertionError(f"no table of {column}")


def text(dashboard: AppTest) -> str:
    """All prose of a page."""
    elements = [*dashboard.title, *dashboard.markdown, *dashboard.caption, *dashboard.header]
    boxes = [*dashboard.info, *dashboard.warning, *dashboard.error]
    return "\n".join(element.value for element in [*elements, *boxes])


def chips(dashboard: AppTest) -> list[str]:
    """The limits that can be taken off with a click."""
    return [button.label for button in dashboard.button if (button.key or "").startswith("chip-")]


def downloads(dashboard: AppTest) -> list[str]:
    """The labels of the buttons that save something as a file."""
    return [button.proto.label for button in dashboard.get("download_button")]
