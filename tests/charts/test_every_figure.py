"""What holds for all figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from lib.charts import heat
from lib.charts.growth import growth, new_by_channel
from lib.charts.heat import arrivals
from lib.charts.ranking import Ranking
from lib.charts.rates import cohort_shares, differences
from lib.charts.rates import rates as rates_figure
from lib.charts.world import world
from lib.reference.rates import Difference, Rate
from tests.charts.reading import cohorts, daily, held, week

HOSTILE = '<b>R&D</b> $x$ %{y}\n<a href="https://example.com">'


def ranked(*names: str) -> go.Figure:
    return Ranking.of(names, names, [1] * len(names)).figure()


EVERY: dict[str, Callable[[str], go.Figure]] = {
    "growth": lambda name: growth(daily("2026-06-01", new=[1], lost=[1]), "day", date(2026, 6, 1)),
    "by channel": lambda name: new_by_channel(
        daily("2026-06-01", **{name: [1]}), "day", date(2026, 6, 1)
    ),
    "ranking": ranked,
    "world": lambda name: world({"BR": 1}, "contacts"),
    "arrivals": lambda name: arrivals(week()),
    "rates": lambda name: rates_figure([(name, Rate(1, 2))], "opted in"),
    "differences": lambda name: differences([(name, Difference(Rate(1, 2), Rate(1, 3)))]),
    "grid": lambda name: heat.grid(held(Ana=[1]), [name], [name], "open"),
    "cohorts": lambda name: cohort_shares(cohorts()),
}
EMPTY: dict[str, Callable[[], go.Figure]] = {
    "growth": lambda: growth(daily("2026-06-01", new=[], lost=[]), "day", date(2026, 6, 1)),
    "by channel": lambda: new_by_channel(
        pd.DataFrame(index=pd.DatetimeIndex([], name="day")), "week", date(2026, 6, 1)
    ),
    "nothing new by channel": lambda: new_by_channel(
        daily("2026-06-01", none=[0]).drop(columns="none"), "day", date(2026, 6, 1)
    ),
    "ranking": ranked,
    "world": lambda: world({}, "contacts"),
    "arrivals": lambda: arrivals(week() * 0),
    "rates": lambda: rates_figure([], "opted in"),
    "differences": lambda: differences([]),
    "grid": lambda: heat.grid(pd.DataFrame(), [], [], "open"),
    "grid of zeros": lambda: heat.grid(held(Ana=[0]), ["Ana"], ["a"], "open"),
    "cohorts": lambda: cohort_shares(cohorts().iloc[:0]),
}


@pytest.mark.parametrize("draw", EMPTY.values(), ids=EMPTY)
def test_nothing_makes_a_figure_too(draw: Callable[[], go.Figure]) -> None:
    assert json.loads(draw().to_json())["data"] is not None


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_a_figure_can_be_sent(draw: Callable[[str], go.Figure]) -> None:
    assert "NaN" not in draw("VIP").to_json()


def test_there_is_no_pie() -> None:
    sources = [path.read_text("utf-8") for path in Path("lib/charts").glob("*.py")]
    assert sources
    assert not [code for code in sources if re.search(r"\b(Pie|Sunburst|Treemap)\b", code)]


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_no_name_is_taken_for_a_mark(draw: Callable[[str], go.Figure]) -> None:
    sent = json.dumps(json.loads(draw(HOSTILE).to_json()), ensure_ascii=False)
    for mark in ("<b>", "<a ", "R&D<", "$x$", "%{y}\\n", "%{y} <"):
        assert mark not in sent


@pytest.mark.parametrize("kind", ["by channel", "ranking", "rates", "differences", "grid"])
def test_a_name_is_shown_as_it_is(kind: str) -> None:
    sent = json.dumps(json.loads(EVERY[kind]("R&D <3").to_json()), ensure_ascii=False)
    assert "R&amp;D &lt;3" in sent


@pytest.mark.parametrize("kind", ["by channel", "ranking", "rates", "differences", "grid"])
def test_an_overlong_name_is_cut(kind: str) -> None:
    assert "x" * 30 not in EVERY[kind]("x" * 1000).to_json()


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_a_finger_that_scrolls_past_drags_nothing_along(
    draw: Callable[[str], go.Figure],
) -> None:
    layout = draw("VIP").layout
    assert layout.dragmode is False
    assert layout.xaxis.fixedrange is not False


@pytest.mark.parametrize("kind", ["ranking", "rates", "differences"])
def test_two_names_that_look_the_same_keep_their_own_rows(kind: str) -> None:
    long = "x" * 40
    two: dict[str, go.Figure] = {
        "ranking": ranked(long + "1", long + "2"),
        "rates": rates_figure([(long + "1", Rate(1, 2)), (long + "2", Rate(1, 3))], "opted in"),
        "differences": differences(
            [(long + end, Difference(Rate(1, 2), Rate(1, 3))) for end in "12"]
        ),
    }
    assert len(set(two[kind].data[0].y)) == 2
