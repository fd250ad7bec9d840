"""Charts come after everything else of a run, in their reserved places."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lib.web import paint_signals


def page() -> None:
    import streamlit as st

    from lib.ui import deferred

    order = st.session_state.setdefault("order", [])
    order.clear()

    def chart() -> None:
        order.append("chart")
        st.markdown("chart")

    with deferred.charts_last():
        st.markdown("number")
        deferred.at_last(chart, height=300)
        order.append("foot")
        st.markdown("foot")
    deferred.at_last(chart, height=200)


def test_a_chart_is_drawn_last_and_stands_where_it_was_asked_for() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()

    assert app.session_state["order"] == ["foot", "chart", "chart"]
    assert [element.value for element in app.markdown] == ["number", "chart", "foot", "chart"]


def test_the_place_of_a_chart_is_kept_free() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()

    blocks = [child.proto for child in app.main.children.values() if child.type != "markdown"]
    assert [block.height_config.pixel_height for block in blocks] == [300, 200]


def test_a_run_whose_page_failed_draws_no_charts() -> None:
    def failing() -> None:
        import streamlit as st

        from lib.ui import deferred

        with deferred.charts_last():
            deferred.at_last(lambda: st.markdown("chart"), height=300)
            raise ValueError("of the page")

    app = AppTest.from_function(failing, default_timeout=60).run()

    assert len(app.exception) == 1
    assert not app.markdown


def test_only_the_first_run_of_a_tab_waits_until_the_browser_has_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    class PaintSignal(paint_signals.PaintSignal):
        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            return True

    monkeypatch.setattr(paint_signals, "paint_signal", PaintSignal)
    AppTest.from_function(page, default_timeout=60).run().run().run()

    assert waited == [3.0]
