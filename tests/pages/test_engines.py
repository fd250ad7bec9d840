"""The pages with an engine other than memory."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

import lib.engines.duckdb
from lib import settings
from lib.engines.errors import EngineError
from lib.engines.results import RESULTS
from lib.refresh import refreshers
from lib.store.snapshot import FiledSnapshot
from tests.fake_chatbotx import FakeChatbotx
from tests.pages.conftest import JUNE, Connect, downloads, markup, numbers, open_page, text
from tests.switching import PATHS, switch_page

FILTERED = JUNE | {"channel": ["whatsapp", "zalo"]}
REASON = "DuckDB had too little memory, or disk, for an answer."


def test_every_page_shows_the_numbers_of_memory(connect: Connect) -> None:
    shown = connect().snapshot
    expected, said = _all_pages()
    assert "answered" not in said

    RESULTS.forget(shown)
    connect(engine="duckdb")
    found, said = _all_pages()

    assert found.keys() == expected.keys()
    for name in PATHS:
        assert found[name] == expected[name], name
    assert "DuckDB answered" in said


def test_no_page_loads_the_tables_of_a_snapshot_that_is_kept(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("the tables were loaded")

    connect(engine="duckdb")
    refresher = refreshers.refresher_of(settings.load())
    refresher.refresh()
    state = refresher.wait(60)
    monkeypatch.setattr("lib.store.storage.Store.read", load)

    _all_pages()

    assert isinstance(state.snapshot, FiledSnapshot)
    assert not state.snapshot.is_loaded
    assert state.history is not None
    assert len(state.history.recorded) == 2


def test_tables_that_are_too_large_are_left_in_the_store(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.outputs.archive.MOST", 100)
    connect(engine="duckdb")
    everybody, some = open_page("data"), open_page("data", channel="zalo")

    assert "All tables (Parquet)" not in downloads(everybody)
    assert "more than 100 contacts are too large" in text(everybody)
    assert "All tables (Parquet)" in downloads(some)


def _all_pages() -> tuple[dict[str, str], str]:
    """Numbers and tables of each page, opened one after another, and the text of the last."""
    dashboard = open_page(PATHS[0], **FILTERED)
    shown = {PATHS[0]: markup(dashboard)}
    for name in PATHS[1:]:
        shown[name] = markup(switch_page(dashboard, name).run())
        assert not dashboard.exception
        assert not dashboard.error
    return shown, text(dashboard)


def test_an_engine_returns_only_the_longest_waits_of_a_queue(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.workload.MOST_LISTED", 2)
    connect(engine="duckdb")

    said = text(open_page("workload", **JUNE))

    assert re.search(
        r"\*\*\d+ conversations wait\*\* for a person\. Only the 2 longest waits are listed\.", said
    )
    assert "**2 conversations wait**" not in said


def fail(*_: object) -> None:
    raise EngineError(REASON)


def test_page_without_an_answer_says_why_keeps_the_filters_and_asks_again(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(engine="duckdb")
    page = open_page("overview", **FILTERED)
    with monkeypatch.context() as broken:
        broken.setattr(lib.engines.duckdb.DuckDB, "collect", fail)
        page.query_params["country"] = "BR"
        switch_page(page, "channels").run()

        assert [each.value.replace("\\", "") for each in page.error] == [REASON]
        assert page.query_params["channel"] == ["whatsapp", "zalo"]
        assert page.multiselect(key="pick-channel").value == ["whatsapp", "zalo"]

    page.button(key="ask-again").click().run()

    assert not page.error
    assert numbers(page)["New"]


def test_first_page_without_an_answer_says_why_and_asks_again_for_the_same(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(engine="duckdb")
    with monkeypatch.context() as broken:
        broken.setattr(lib.engines.duckdb.DuckDB, "collect", fail)
        page = open_page("channels", **FILTERED)

        assert [each.value.replace("\\", "") for each in page.error] == [REASON]

    page.button(key="ask-again").click().run()

    assert not page.error
    assert page.multiselect(key="pick-channel").value == ["whatsapp", "zalo"]
    assert numbers(page)["New"]


def test_page_of_newer_data_without_an_answer_keeps_the_last_numbers_and_says_so(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, edge_server: FakeChatbotx
) -> None:
    connect(engine="duckdb")
    page = open_page("channels", **FILTERED)
    before = numbers(page)
    for contact in edge_server.workspaces["edge"].contacts[::2]:
        edge_server.workspaces["edge"].delete(contact["id"])
    refresher = refreshers.refresher_of(settings.load())
    refresher.refresh()
    newer = refresher.wait(60).snapshot
    assert newer is not None
    assert newer.contacts == 68
    with monkeypatch.context() as broken:
        broken.setattr(lib.engines.duckdb.DuckDB, "collect", fail)
        page.run()

        assert numbers(page) == before
        assert not page.error
        (warning,) = (each.value.replace("\\", "") for each in page.warning)
        assert warning.startswith(f"{REASON} The numbers here are those of ")
        # Browsers press this one by themselves, and would again and again.
        assert "Show the new data" not in [each.label for each in page.button]

    page.button(key="ask-about-newer").click().run()

    assert not page.warning
    assert numbers(page) != before


def test_part_of_a_page_without_an_answer_says_why() -> None:
    """As `st.App` calls it after an error in a fragment."""

    def script() -> None:
        from app import last_resort
        from lib.engines.errors import EngineError

        assert last_resort(EngineError("Spark cannot be reached."))

    page = AppTest.from_function(script, default_timeout=60).run()

    assert not page.exception
    assert [each.value.replace("\\", "") for each in page.error] == ["Spark cannot be reached."]
    assert [each.label for each in page.button] == ["Try again"]
