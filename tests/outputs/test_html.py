"""Tables as HTML, the same on screen and in the page file."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lib.charts.stack import Part, Stack
from lib.outputs import columns as of
from lib.outputs.columns import Format, Table, column
from lib.outputs.html import MOST_TRENDS, prose, table_html
from lib.reference import escaping, formatting

SAO_PAULO = of.time_in("America/Sao_Paulo")
HOSTILE = '<img src=x onerror=alert(1)>"'


def cells(format: Format, values: Any) -> list[str]:
    """Contents of the second column."""
    rows = [f"{row}" for row in range(len(values))]
    shown = table_html(Table((column("", rows, of.TEXT), column("x", values, format))), label="")
    return re.findall(r"<td[^>]*>(.*?)</td>", shown)


@pytest.mark.parametrize(
    ("format", "values", "shown"),
    [
        (of.COUNT, [1234567, -5], ["1,234,567", "-5"]),
        (of.COUNT, pd.array([1234, None], dtype="Int64"), ["1,234", "–"]),
        (of.SIGNED, [1234, -5, 0], ["+1,234", "−5", "0"]),
        (of.SHARE, [0.1234, float("nan")], ["12.3%", "–"]),
        (of.CHANGE, [0.18, -0.5], ["+18.0%", "−50.0%"]),
        (of.POINTS, [0.012, None], ["+1.2 points", "–"]),
        (of.HOURS, [1234.56, float("nan")], ["51 d 11 h", "–"]),
        (of.HOURS, [-35_151.0], ["0 min"]),
        (of.DAY, pd.DatetimeIndex(["2026-06-01", "NaT"]), ["1 Jun 2026", "–"]),
        (of.DAY, [date(2026, 6, 1)], ["1 Jun 2026"]),
        (of.MONTH, pd.DatetimeIndex(["2026-06-01"]), ["Jun 2026"]),
        (SAO_PAULO, [datetime(2026, 6, 1, tzinfo=UTC)], ["31 May 2026, 21:00"]),
        (of.SHARES, [(0.1, 0.25), None], ["10.0% to 25.0%", "–"]),
        (of.DIFFERENCES, [(-0.1, 0.25)], ["−10.0 points to +25.0 points"]),
        (of.TEXT, ["connected", None], ["<bdi>connected</bdi>", "–"]),
    ],
    ids=lambda value: value.name if isinstance(value, Format) else "",
)  # fmt: skip
def test_a_cell_reads_as_people_write_it(
    format: Format,
    values: Any,
    shown: list[str],
) -> None:
    assert cells(format, values) == shown


@pytest.mark.parametrize(
    ("locale", "shown"), [("en_IN", "12,34,567"), ("pt_BR", "1.234.567"), ("en_ZA", "1 234 567")]
)
def test_numbers_are_grouped_as_the_cards_group_them(
    set_locale: Callable[[str], None], locale: str, shown: str
) -> None:
    set_locale(locale)
    assert formatting.number(1234567) == cells(of.COUNT, [1234567])[0]
    assert cells(of.COUNT, [1234567])[0].replace("\u00a0", " ") == shown


def test_numbers_and_times_bear_what_they_sort_by() -> None:
    table = Table(
        (
            column("Wait", [36.5, None], of.HOURS),
            column("Range", [(0.25, 1.0), None], of.SHARES),
            column("Since", [datetime(1970, 1, 2, tzinfo=UTC), None], of.time_in("UTC")),
        )
    )
    keys = re.findall(r'data-v="([^"]*)"', table_html(table, label=""))
    assert keys == ["36.5", "0.25", "86400.0", "", "", ""]


def test_names_of_strangers_are_text_and_isolated() -> None:
    table = Table((column(HOSTILE, [f"\u202e{HOSTILE}"], of.TEXT),))
    shown = table_html(table, label=HOSTILE, links=[f"?tag={HOSTILE}"])
    assert "<img" not in shown
    assert "\u202e" not in shown
    assert "<bdi>&lt;img" in shown


def test_a_row_that_narrows_is_a_link_and_the_chosen_one_is_marked() -> None:
    table = Table((column("Tag", ["VIP", "Lead"], of.TEXT),))
    shown = table_html(table, label="Tags", links=["?tag=1", None], chosen=[True, False])
    assert re.findall(r'<a class="narrow" href="([^"]*)"', shown) == ["?tag=1"]
    assert shown.count('aria-current="true"') == 1


def test_a_value_that_rests_on_few_is_muted() -> None:
    rates = column("Rate", [0.5, 0.5], of.SHARE, muted=[True, False])
    table = Table((column("Tag", ["VIP", "Lead"], of.TEXT), rates))
    assert table_html(table, label="").count("muted") == 1


def test_a_link_opens_elsewhere_and_tells_nothing_of_where_it_was() -> None:
    shown = table_html(Table((column("x", ["https://c/?a=1&b=2"], of.LINK),)), label="")
    assert 'href="https://c/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer"' in shown


def wide(columns: int, details: int = 0) -> str:
    made = [column(f"c{n}", [1], of.COUNT) for n in range(columns)]
    made += [column(f"d{n}", [1], of.COUNT, detail=True) for n in range(details)]
    return table_html(Table(tuple(made)), label="")


def test_details_are_behind_more_columns() -> None:
    assert "More columns" in wide(3, details=1)
    assert "narrow-only" not in wide(3, details=1)


def test_on_a_phone_four_columns_are_shown_until_there_are_more_asked_for() -> None:
    assert "More columns" not in wide(4)
    assert "narrow-only" in wide(5)
    assert wide(6).count("wide") == 4  # the heads and cells of two


def line_in(html: str) -> str:
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert found is not None
    points = re.search(r'<polyline points="([^"]*)"', b64decode(found[1]).decode())
    assert points is not None
    return points[1]


@pytest.mark.parametrize("values", [[3, 1, 2], (3, 1, 2), np.array([3, 1, 2])], ids=repr)
def test_a_trend_is_a_small_line_from_zero_told_in_words(values: Any) -> None:
    (cell,) = cells(of.TREND, [values])
    assert 'alt="Trend: from 3 to 2, at least 1, at most 3"' in cell
    assert line_in(cell) == "0.0,2.0 50.0,15.3 100.0,8.7"


def test_a_trend_of_nothing_is_nothing() -> None:
    assert cells(of.TREND, [[]]) == ["–"]


def test_a_stack_is_a_bar_told_in_words() -> None:
    (cell,) = cells(of.STACK, [Stack((Part("answered", 3, "#12759A"),), 4)])
    assert cell.startswith('<img class="stack"')
    assert 'alt="3 answered"' in cell


def test_a_long_table_has_no_images() -> None:
    many = MOST_TRENDS + 1
    bar = Stack((Part("answered", 1, "#12759A"),), 1)
    table = Table(
        (
            column("n", [1] * many, of.COUNT),
            column("Trend", [[1, 2]] * many, of.TREND),
            column("Load", [bar] * many, of.STACK),
        )
    )
    assert "<img" not in table_html(table, label="")


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**312** new", "<strong>312</strong> new"),
        ("a <b> & c", "a &lt;b&gt; &amp; c"),
        (escaping.markdown("**x** [y](z) :tada: www.a"), "**x** [y](z) :tada: www.a"),
        ("[y](javascript:alert(1))", "[y](javascript:alert(1))"),
        ("<script>", "&lt;script&gt;"),
    ],
)
def test_of_markdown_bold_words_and_escapes_are_known_and_all_else_is_text(
    markdown: str, html: str
) -> None:
    assert prose(markdown) == html
