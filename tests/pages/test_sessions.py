"""What a session keeps between runs."""

from __future__ import annotations

import gc
import weakref
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.refresh import refreshers
from lib.store.snapshot import Snapshot
from tests import effort
from tests.pages.conftest import JUNE, Connect, open_page, text
from tests.switching import PATHS

PLAIN = (bool, int, float, str, date, type(None))


def kept(value: object) -> list[object]:
    """Everything in a value, however deeply nested in lists and dictionaries."""
    if isinstance(value, dict):
        return [each for item in value.items() for part in item for each in kept(part)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in kept(item)]
    return [value]


@pytest.mark.parametrize("path", PATHS)
def test_a_session_keeps_choices_and_nothing_of_what_it_showed(connect: Connect, path: str) -> None:
    connect()
    page = open_page(path, **JUNE)
    state = page.session_state.to_dict()
    assert not [each for each in kept(state) if not isinstance(each, PLAIN)]


SESSIONS = 5
REFRESHES = effort.of(10)


class Workspace:
    """A refresher whose snapshots are tracked by weak references, in order."""

    def __init__(self) -> None:
        self._refresher = refreshers.refresher_of(settings.configuration().workspaces[0])
        self.snapshots = [self._current()]

    def _current(self) -> weakref.ref[Snapshot]:
        snapshot = self._refresher.wait(60).snapshot
        assert snapshot is not None
        return weakref.ref(snapshot)

    def refresh(self, times: int = 1) -> None:
        for _ in range(times):
            self._refresher.refresh()
            self.snapshots.append(self._current())

    @property
    def replaced(self) -> int:
        """Number of replaced snapshots still in memory."""
        gc.collect()
        assert self.snapshots[-1]() is not None
        return sum(snapshot() is not None for snapshot in self.snapshots[:-1])


class TestMemoryOfOpenTabs:
    """A snapshot of a million contacts takes 134 MB."""

    @pytest.fixture
    def workspace(self, connect: Connect) -> Workspace:
        connect()
        return Workspace()

    @pytest.fixture
    def tabs(self, workspace: Workspace) -> list[AppTest]:
        return [open_page(path, **JUNE) for path in PATHS[-SESSIONS:]]

    def test_those_left_alone_keep_no_more_than_two_and_none_when_they_look_again_or_go(
        self, workspace: Workspace, tabs: list[AppTest]
    ) -> None:
        workspace.refresh(REFRESHES)
        assert workspace.replaced <= 2
        for tab in tabs:
            tab.run()
        assert workspace.replaced == 0
        workspace.refresh(REFRESHES)
        tabs.clear()
        assert workspace.replaced == 0

    def test_those_that_look_now_and_then_keep_no_more_than_two(
        self, workspace: Workspace, tabs: list[AppTest]
    ) -> None:
        for number in range(REFRESHES):
            workspace.refresh()
            tabs[number % SESSIONS].run()
            assert workspace.replaced <= 2


def test_a_saved_view_is_listed_and_opens_the_choice_that_was_saved(connect: Connect) -> None:
    connect()
    page = open_page(**JUNE, channel="whatsapp")
    page.text_input(key="saved-name").set_value("WhatsApp in June").run()
    page.button(key="saved-save").click().run()
    another = open_page()
    (saved,) = [each for each in another.button if (each.key or "").startswith("saved-open-")]
    assert saved.label == "WhatsApp in June"
    saved.click().run()
    assert dict(another.query_params) == {**JUNE, "channel": "whatsapp"}


def test_a_saved_view_opens_on_the_page_on_which_it_was_saved(connect: Connect) -> None:
    connect()
    page = open_page("workload", channel="whatsapp")
    page.text_input(key="saved-name").set_value("WhatsApp queue").run()
    page.button(key="saved-save").click().run()
    links = [each.proto for each in open_page().get("page_link")]
    (link,) = [each for each in links if each.label == "WhatsApp queue"]
    assert (link.page, link.query_string) == ("workload", "channel=whatsapp")


def test_what_is_gone_is_said_beside_the_saved_view(connect: Connect, tmp_path: Path) -> None:
    connect()
    page = open_page(tag="601")  # saved with one click, under the name that the field suggests
    page.button(key="saved-save").click().run()
    (kept,) = tmp_path.glob("saved-views-*.json")
    kept.write_text(kept.read_text("utf-8").replace("601", "999999"), "utf-8")
    again = open_page()
    assert "opens without it" in text(again)
    assert "tag" not in again.query_params
