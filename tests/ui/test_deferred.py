"""Numbers come first, menus after them, and charts last, each in its reserved place."""

from __future__ import annotations

import re
import threading

import pytest
from streamlit.testing.v1 import AppTest

from lib.ui.deferred import SENDING_SECONDS
from lib.web import paint_signals
from lib.web.paint_signals import PaintSignal


def page() -> None:
    import streamlit as st

    from lib.ui import deferred

    order = st.session_state.setdefault("order", [])
    order.clear()

    def chart() -> None:
        order.append("chart")
        st.markdown("chart")

    with deferred.charts_last():
        deferred.after_numbers(st.container(), lambda: order.append("menu"))
        st.markdown("number")
        deferred.numbers_are_sent()
        deferred.at_last(chart, height=300)
        order.append("foot")
        st.markdown("foot")
    deferred.at_last(chart, height=200)


def test_menus_and_then_charts_are_drawn_last_and_stand_where_they_were_asked_for() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()

    assert app.session_state["order"] == ["foot", "menu", "chart", "chart"]
    assert [element.value for element in app.markdown] == ["number", "chart", "foot", "chart"]


def test_the_place_of_a_chart_is_kept_free() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()

    blocks = [child.proto for child in app.main.children.values() if child.type != "markdown"]
    heights = [block.height_config.pixel_height for block in blocks]
    assert [height for height in heights if height] == [300, 200]


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


def test_what_follows_the_numbers_is_drawn_once_they_are_on_their_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[float] = []
    served = threading.Event()
    served.set()
    monkeypatch.setattr(paint_signals, "is_served", served)
    monkeypatch.setattr(
        PaintSignal, "wait_until_sent", lambda _, most_seconds: sent.append(most_seconds)
    )

    app = AppTest.from_function(page, default_timeout=60).run()

    (style,) = app.get("html")
    assert re.fullmatch(r"<style>h1 \{ background-image: url\(.*\); \}</style>", style.proto.body)
    assert sent == [SENDING_SECONDS]


def test_without_a_server_of_ours_there_is_nothing_to_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paint_signals, "is_served", threading.Event())

    assert not AppTest.from_function(page, default_timeout=60).run().get("html")
