"""Files that leave the dashboard: what stands in them, and what cannot happen to who opens them."""

from __future__ import annotations

import io
import json
import re
import tomllib
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from lib.charts import figures
from lib.chatbotx.crawl import Verdict
from lib.outputs import page_file
from lib.outputs.page_file import (
    FactsShown,
    FigureShown,
    Item,
    NumberShown,
    NumbersShown,
    Page,
    PointsShown,
    TableShown,
    numbers_json,
    page_html,
    tables_zip,
)
from lib.outputs.report import report
from lib.query.choice import Choice
from lib.query.view import View, view_of
from lib.reference import formatting
from lib.settings import Settings
from lib.store.dimensions import CHANNEL
from lib.store.snapshot import Snapshot
from tests.workspaces import Json, contact, conversation, on, tables_of, tagged

THEME = Path(__file__).parents[2] / ".streamlit" / "config.toml"

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "**bold**",
    "[x](javascript:alert(1))",
    "$x$ &amp; %{y}",
]
LAID_OUT = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "img"} | {
    "h1", "h2", "p", "dl", "dt", "dd", "div", "section", "strong", "ul", "li", "script", "table",
    "thead", "tbody", "tr", "th", "td", "details", "summary",
}  # fmt: skip
"""Elements that a page is made of."""


class Read(HTMLParser):
    """What a browser without scripts finds in a file."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(content.decode())
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return self.texts["body"][0]

    @property
    def drawings(self) -> list[Json]:
        """The figures, as the script of the page gets them."""
        scripts = zip(self.attributes("script"), self.texts["script"], strict=True)
        found: list[Json] = json.loads(
            next(text for each, text in scripts if each.get("id") == "figures")
        )
        return found


def page_of(*items: Item, sentence: str = "All is well.") -> Page:
    return Page("How are they?", sentence, (("Period", "1 Jun 2026"), ("Filters", "none")), items)


def read(*items: Item, **parts: str) -> Read:
    return Read(page_html(page_of(*items, **parts)))


def figure_of(figure: go.Figure | None, alt: str = "Two bars.", **others: Any) -> FigureShown:
    return FigureShown("Bars", figure, alt, **others)


def bars(name: str = "Brazil") -> go.Figure:
    return figures.ranking({name: 3, "Portugal": 1}, "contacts")


def table_of(**columns: Any) -> Read:
    return read(TableShown("Things", pd.DataFrame(columns)))


NEW = NumberShown("New", "1,272", "+3.8%", "vs 1,226", "Contacts of the period.")


# A page in words


def test_the_question_is_the_title_and_the_only_first_heading() -> None:
    page = read()
    assert (page.texts["title"], page.texts["h1"]) == (["How are they?"], ["How are they?"])


def test_the_answer_keeps_its_bold_words() -> None:
    page = read(sentence="**312 new contacts** in the last 30 days.")
    assert page.texts["strong"] == ["312 new contacts"]
    assert "312 new contacts in the last 30 days." in page.text


@pytest.mark.parametrize(
    "name", [*HOSTILE, "*", "a\\", "\\*\\", "** **", "__x__", "www.example.com", ":tada:"]
)
def test_a_name_in_the_answer_reads_as_it_is(name: str) -> None:
    page = read(
        sentence=f"**{formatting.markdown(name)}** leads, then {formatting.markdown(name)}."
    )
    assert page.texts["strong"] == [name]
    assert f"{name} leads, then {name}." in page.text


def test_the_page_says_what_was_chosen() -> None:
    page = read()
    assert dict(zip(page.texts["dt"], page.texts["dd"], strict=True)) == {
        "Period": "1 Jun 2026",
        "Filters": "none",
    }


def test_the_page_names_its_language(speaking: Callable[[str], None]) -> None:
    speaking("pt_BR")
    assert Read(page_html(page_of())).attributes("html") == [{"lang": "pt-BR"}]


def test_a_card_has_its_name_value_change_and_note() -> None:
    page = read(NumbersShown((NEW,)))
    assert "New" in page.texts["dt"]
    assert {"1,272", "+3.8% vs 1,226"} <= set(page.texts["dd"])


def test_a_card_without_a_change_shows_none() -> None:
    page = read(NumbersShown((replace(NEW, change=None, note=None),)))
    assert "strong" not in page.texts


def test_the_page_ends_with_what_its_numbers_mean_each_once() -> None:
    page = read(NumbersShown((NEW,)), NumbersShown((NEW,)))
    assert page.texts["h2"] == ["What the numbers mean"]
    assert page.texts["dd"].count("Contacts of the period.") == 1


def test_facts_and_points_are_told_in_full() -> None:
    page = read(
        FactsShown("How", {"Requests": "41"}, ("What", "Value")),
        PointsShown("Why", ("A contact counts **once**.", "Else not.")),
    )
    assert page.texts["h2"] == ["How", "Why"]
    assert page.texts["th"] == ["What", "Value", "Requests"]
    assert page.texts["td"] == ["41"]
    assert page.texts["li"] == ["A contact counts once.", "Else not."]


# Tables


def test_a_table_has_headings_for_its_columns_and_rows() -> None:
    page = table_of(Tag=["VIP"], Contacts=[3])
    assert page.texts["th"] == ["Tag", "Contacts", "VIP"]
    assert [each["scope"] for each in page.attributes("th")] == ["col", "col", "row"]


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("Contacts", [1234567, -5], ["1,234,567", "-5"]),
        ("Contacts", pd.array([1234, None], dtype="Int64"), ["1,234", "–"]),
        ("Share", [0.1234, float("nan")], ["12.3%", "–"]),
        ("Oldest wait (h)", [1234.56, float("nan")], ["51 d 11 h", "–"]),
        ("From", pd.DatetimeIndex(["2026-06-01", "NaT"]), ["1 Jun 2026", "–"]),
        ("Status", ["connected", None], ["connected", "–"]),
        ("Tag", pd.Categorical(["VIP", None]), ["VIP", "–"]),
    ],
    ids=["int", "missing int", "share", "hours", "day", "text", "category"],
)
def test_a_cell_reads_as_people_write_it(name: str, values: Any, shown: list[str]) -> None:
    assert table_of(**{"": ["a", "b"], name: values}).texts["td"] == shown


def points_of(image: dict[str, str | None]) -> str:
    """The line that a data URI draws."""
    drawing = b64decode((image["src"] or "").partition("base64,")[2]).decode()
    found = re.search(r'<polyline points="([^"]*)"', drawing)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("values", [[3, 1, 2], (3, 1, 2), np.array([3, 1, 2])], ids=repr)
def test_a_list_of_numbers_is_a_small_line_told_in_words(values: Any) -> None:
    page = read(TableShown("Things", pd.DataFrame({"Tag": ["VIP"], "New": [values]})))
    line = page.attributes("img")[-1]
    assert line["alt"] == "Trend: from 3 to 2, at least 1, at most 3"
    # The highest value at the top, the others by their share of it above zero.
    assert points_of(line) == "0.0,2.0 50.0,15.3 100.0,8.7"


@pytest.mark.parametrize("values", [[0, 0], [7], [-1, 2], [float("nan"), 1]], ids=repr)
def test_any_list_of_numbers_can_be_drawn(values: list[float]) -> None:
    points = points_of(table_of(New=[values]).attributes("img")[-1])
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 2
    assert all(2 <= height <= 22 for height in heights)


def test_a_list_without_numbers_is_nothing() -> None:
    assert table_of(Tag=["VIP"], New=[[]]).texts["td"] == ["–"]


def test_columns_of_the_same_name_are_both_shown() -> None:
    frame = pd.DataFrame([["a", 1, 2]], columns=["Tag", "x", "x"])
    assert read(TableShown("Things", frame)).texts["td"] == ["1", "2"]


def test_a_table_without_rows_says_so() -> None:
    assert "Nothing to list here." in table_of(Tag=[]).text


def test_the_note_of_a_table_is_read_before_it() -> None:
    page = read(TableShown("Things", pd.DataFrame({"Tag": ["VIP"]}), "Of **3** in all."))
    assert re.search(r"Things\s*Of 3 in all\.\s*Tag\s*VIP", page.text)


# Strangers


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_wherever_it_stands(name: str) -> None:
    page = read(
        NumbersShown((NumberShown(name, name, name, name, name),)),
        FigureShown(
            name, bars(name), name, formatting.markdown(name), lambda: pd.DataFrame({name: [name]})
        ),
        TableShown(name, pd.DataFrame({name: [name]}), formatting.markdown(name)),
        FactsShown(name, {name: name}, (name, name)),
        PointsShown(name, (formatting.markdown(name),)),
        sentence=formatting.markdown(name),
    )
    assert {tag for tag, _ in page.elements} <= LAID_OUT
    assert len(page.attributes("script")) == 3
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    for tag, times in {"h2": 4, "th": 7, "dt": 2, "li": 1}.items():
        assert page.texts[tag].count(name) == times
    assert page.attributes("div")[-1]["aria-label"] == name
    assert page.drawings[0]["data"][0]["customdata"][0] == formatting.plotly(
        formatting.shortened(name, 24)
    )


def test_marks_that_turn_the_writing_around_are_left_out() -> None:
    page = table_of(Tag=["\u202egpj.exe\u2066"])
    assert page.texts["th"] == ["Tag", "gpj.exe"]


def test_writing_from_right_to_left_stays() -> None:
    assert "عميل مهم" in table_of(Tag=["عميل مهم"]).texts["th"]


@pytest.mark.parametrize("items", [(), (figure_of(bars()),)], ids=["words", "figures"])
def test_the_file_may_ask_for_nothing(items: tuple[Item, ...]) -> None:
    page = read(*items)
    policy = page.attributes("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert (policy["content"] or "").startswith("default-src 'none'; script-src '")
    assert "script-src 'unsafe" not in (policy["content"] or "")


def test_only_the_scripts_that_draw_may_run() -> None:
    page = read(figure_of(bars()))
    policy = page.attributes("meta")[1]["content"] or ""
    digests = [sha256(script.encode()).digest() for script in page.texts["script"][1:]]
    assert re.findall("'sha256-(.*?)'", policy) == [b64encode(each).decode() for each in digests]


def test_a_tag_within_the_library_ends_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    library = 'const tags = ["<!--", "</Script>", "<script>"], less = 1 < 2;'
    monkeypatch.setattr(page_file, "get_plotlyjs", lambda: library)
    assert read(figure_of(bars())).texts["script"][1] == (
        r'const tags = ["\x3C!--", "\x3C/Script>", "\x3Cscript>"], less = 1 < 2;'
    )


def test_the_file_refers_to_no_other() -> None:
    page = read(figure_of(figures.world({"BR": 3}, "contacts")))
    references = [
        value or ""
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data"}
    ]
    assert [each[:5] for each in references] == ["data:"]


# Figures


def test_a_figure_is_told_in_words_where_it_cannot_be_drawn() -> None:
    page = read(figure_of(bars(), "Most are in Brazil."))
    place = next(each for each in page.attributes("div") if each.get("role") == "img")
    assert place["aria-label"] == "Most are in Brazil."
    assert "Most are in Brazil." in page.texts["p"]


def test_a_figure_is_followed_by_its_table() -> None:
    page = read(figure_of(bars(), table=lambda: pd.DataFrame({"Country": ["Brazil"], "n": [3]})))
    assert page.texts["details"] == ["As a tableCountrynBrazil3"]


def test_where_there_is_nothing_to_draw_the_page_says_so() -> None:
    page = read(figure_of(None, "There is nothing to draw for this choice."))
    assert "There is nothing to draw for this choice." in page.text
    assert not page.attributes("script")


def test_what_draws_is_there_once_and_only_with_a_figure() -> None:
    one, two = page_html(page_of(figure_of(bars()))), page_html(page_of(*[figure_of(bars())] * 2))
    assert one.count(b"plotly.js v") == two.count(b"plotly.js v") == 1
    assert len(page_html(page_of())) < 100_000


def test_the_outlines_of_the_world_come_only_with_a_map() -> None:
    assert b'id="world"' in page_html(page_of(figure_of(figures.world({"BR": 3}, "contacts"))))
    assert b'id="world"' not in page_html(page_of(figure_of(bars())))


STAND_IN = re.compile(r"#0000[0-9a-f]{2}\b", re.IGNORECASE)


@pytest.fixture
def streamlit_template() -> Iterator[None]:
    """What importing Streamlit leaves behind: every new figure takes its stand-ins for colours."""
    usual = pio.templates.default
    pio.templates["stand-ins"] = go.layout.Template(
        layout={"colorway": ["#000001"], "font": {"color": "#000032"}},
        data={"heatmap": [{"colorscale": [[0, "#000011"], [1, "#000020"]]}]},
    )
    pio.templates.default = "stand-ins"
    yield
    pio.templates.default = usual


WEEK = pd.DataFrame([[hour * day for hour in range(24)] for day in range(7)])
DRAWN: dict[str, Callable[[], go.Figure]] = {
    "ranking": bars,
    "world": lambda: figures.world({"BR": 3}, "contacts"),
    "arrivals": lambda: figures.arrivals(WEEK),
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_stand_in_for_a_colour_is_left(name: str, streamlit_template: None) -> None:
    figure = DRAWN[name]()
    assert STAND_IN.search(figure.to_json())
    assert not STAND_IN.search(json.dumps(read(figure_of(figure)).drawings))


@pytest.mark.parametrize("name", DRAWN)
def test_the_figure_of_the_page_stays_as_it_is(name: str) -> None:
    figure = DRAWN[name]()
    before = figure.to_json()
    page_html(page_of(figure_of(figure)))
    assert figure.to_json() == before


def test_a_name_that_looks_like_a_stand_in_stays() -> None:
    drawing = read(figure_of(bars(figures.TEXT))).drawings[0]
    assert drawing["layout"]["yaxis"]["ticktext"][0] == figures.TEXT
    assert drawing["layout"]["yaxis"]["tickfont"]["color"] == page_file.MUTED


def test_the_colours_are_those_of_the_light_theme() -> None:
    theme = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    assert theme["chartCategoricalColors"] == page_file.COLOURS
    assert theme["light"]["chartSequentialColors"] == list(page_file.SEQUENTIAL)
    assert theme["light"]["chartDivergingColors"] == list(page_file.DIVERGING)
    assert theme["light"]["textColor"] == page_file.TEXT
    assert theme["light"]["grayTextColor"] == page_file.MUTED


# Everything at once

AS_OF = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
JUNE = Choice("dates", date(2026, 6, 1), date(2026, 6, 30), timezone="America/Sao_Paulo")
ON_LINE = JUNE.limited_to(CHANNEL, ("line",))
CONTACTS = (
    contact(on("line"), tagged("601"), createdAt="2026-06-10T12:00:00Z"),
    contact(
        on("line", "sms"),
        conversation(
            assignedUserId="7", assignedInboxTeamId="8", lastActivityAt="2026-06-30T12:00:00Z"
        ),
        createdAt="2026-05-10T12:00:00Z",
    ),
    contact(tagged("602"), createdAt="2026-06-11T12:00:00Z", blockedAt="2026-06-12T12:00:00Z"),
)
VERDICT = Verdict(AS_OF, complete=False, warnings=("2 contacts may be missing.",))


def june_view(choice: Choice = JUNE) -> View:
    return view_of(Snapshot(tables_of(*CONTACTS), VERDICT, "42"), choice, Settings())


def unpacked(view: View) -> tuple[Json, dict[str, pd.DataFrame]]:
    with zipfile.ZipFile(io.BytesIO(tables_zip(view))) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files.pop("about.json"))
    tables = {
        name.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(content))
        for name, content in files.items()
    }
    return about, tables


@pytest.mark.parametrize("choice", [JUNE, ON_LINE], ids=["all", "filtered"])
def test_the_tables_come_back_as_they_were(choice: Choice) -> None:
    view = june_view(choice)
    about, tables = unpacked(view)
    assert list(tables) == list(view.tables.frames())
    for name, table in view.tables.frames().items():
        # Parquet does not tell the type of categories where there are none.
        pd.testing.assert_frame_equal(tables[name].astype(table.dtypes), table)
    assert about["rows"] == {name: len(table) for name, table in tables.items()}


def test_only_the_chosen_contacts_are_in_the_tables() -> None:
    _, tables = unpacked(june_view(ON_LINE))
    assert tables["contacts"]["id"].tolist() == [2, 1]
    assert tables["contact_tags"][["contact", "tag"]].to_numpy().tolist() == [[1, "601"]]


def test_the_tables_say_what_they_are() -> None:
    about, _ = unpacked(june_view(ON_LINE))
    del about["rows"]
    assert about == {
        "workspace_id": "42",
        "demo": False,
        "as_of": "2026-07-01T12:30:00Z",
        "timezone": "America/Sao_Paulo",
        "period": {"start": "2026-06-01", "end": "2026-06-30"},
        "subscription_basis": "createdAt",
        "filters": {
            "from": ["2026-06-01"],
            "to": ["2026-06-30"],
            "channel": ["line"],
            "tz": ["America/Sao_Paulo"],
        },
        "filters_in_words": "line",
        "complete": False,
        "warnings": ["2 contacts may be missing."],
    }


def test_the_same_view_makes_the_same_file() -> None:
    assert tables_zip(june_view()) == tables_zip(june_view())


def test_the_numbers_are_those_of_the_report() -> None:
    view = june_view()
    numbers = json.loads(numbers_json(view))
    filters = numbers.pop("filters")
    assert numbers == json.loads(json.dumps(report(view.snapshot, view.terms)))
    assert "channel" not in filters


def test_the_numbers_are_of_the_chosen_rows() -> None:
    view = june_view(ON_LINE)
    numbers = json.loads(numbers_json(view))
    chosen = Snapshot(tables_of(*CONTACTS[:2]), VERDICT, "42")
    expected = json.loads(json.dumps(report(chosen, view.terms)))
    assert numbers.pop("filters")["channel"] == ["line"]
    # How the workspace was read is no matter of what is chosen of it.
    assert (numbers.pop("crawl")["contacts"], expected.pop("crawl")["contacts"]) == (3, 2)
    assert numbers == expected
    assert (numbers["audience"]["contacts"], numbers["workload"]["open"]) == (2, 1)
