"""Exported pages: their contents, and what they cannot do to people who open them."""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from lib.charts.heat import arrivals
from lib.charts.ranking import Ranking
from lib.charts.style import TEXT
from lib.charts.world import world
from lib.outputs import columns as of
from lib.outputs import drawing, page_file
from lib.outputs.columns import Table, column
from lib.outputs.page_file import page_html
from lib.outputs.shown import (
    FactsShown,
    FigureShown,
    Item,
    NumberShown,
    NumbersShown,
    Page,
    PointsShown,
    TableShown,
)
from lib.reference import escaping, formatting
from tests.workspaces import Json

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
    "thead", "tbody", "tr", "th", "td", "details", "summary", "bdi", "label", "input",
}  # fmt: skip
"""Elements of a page."""


class Read(HTMLParser):
    """What a browser without scripts shows of a file."""

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
        if tag not in {"meta", "img", "input"}:
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
        """The figures, as the page's script gets them."""
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
    return Ranking.of(["BR", "PT"], [name, "Portugal"], [3, 1]).figure()


def names(*texts: str, head: str = "Tag") -> Table:
    return Table((column(head, list(texts), of.TEXT),))


NEW = NumberShown("New", "1,272", "+3.8%", "vs 1,226", "Contacts of the period.")


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
    page = read(sentence=f"**{escaping.markdown(name)}** leads, then {escaping.markdown(name)}.")
    assert page.texts["strong"] == [name]
    assert f"{name} leads, then {name}." in page.text


def test_the_page_says_what_was_chosen() -> None:
    page = read()
    assert dict(zip(page.texts["dt"], page.texts["dd"], strict=True)) == {
        "Period": "1 Jun 2026",
        "Filters": "none",
    }


def test_the_page_names_its_language(set_locale: Callable[[str], None]) -> None:
    set_locale("pt_BR")
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


# Cell contents are tested with `table_html`.


def test_a_table_has_headings_for_its_columns_and_rows() -> None:
    table = Table((column("Tag", ["VIP"], of.TEXT), column("Contacts", [3], of.COUNT)))
    page = read(TableShown("Things", table))
    assert page.texts["th"] == ["Tag", "Contacts", "VIP"]
    assert [each["scope"] for each in page.attributes("th")] == ["col", "col", "row"]


def test_a_table_without_rows_says_so() -> None:
    assert "Nothing to list here." in read(TableShown("Things", names())).text


def test_the_note_of_a_table_is_read_before_it() -> None:
    page = read(TableShown("Things", names("VIP"), "Of **3** in all."))
    assert re.search(r"Things\s*Of 3 in all\.\s*Tag\s*VIP", page.text)


def test_a_page_of_2000_tags_is_small_and_has_no_image_for_each() -> None:
    # A browser took 86 s to open it, for the images of a collapsed table.
    many = [f"tag {number}" for number in range(2000)]
    table = Table(
        (
            column("Tag", many, of.TEXT),
            column("Contacts", [1] * 2000, of.COUNT),
            column("Trend", [[0, 1] * 15] * 2000, of.TREND),
            *(column(f"Rate {n}", [0.5] * 2000, of.SHARE) for n in range(9)),
        )
    )
    figure = Ranking.of(many, many, [1] * 2000).figure()
    content = page_html(page_of(figure_of(figure, table=lambda: table), TableShown("Tags", table)))
    assert len(content) < 6_000_000
    assert content.count(b"<img") == 1  # the logo


def test_a_table_that_the_page_shows_anyway_does_not_follow_its_figure_too() -> None:
    shown = TableShown("Tags", names("VIP"))
    once = page_html(page_of(figure_of(bars(), table=lambda: names("VIP")), shown))
    both = page_html(page_of(figure_of(bars(), table=lambda: names("Lead")), shown))
    assert (once.count(b"<table"), both.count(b"<table")) == (1, 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_wherever_it_stands(name: str) -> None:
    page = read(
        NumbersShown((NumberShown(name, name, name, name, name),)),
        FigureShown(
            name, bars(name), name, escaping.markdown(name), lambda: names(name, "", head=name)
        ),
        TableShown(name, names(name, head=name), escaping.markdown(name)),
        FactsShown(name, {name: name}, (name, name)),
        PointsShown(name, (escaping.markdown(name),)),
        sentence=escaping.markdown(name),
    )
    assert {tag for tag, _ in page.elements} <= LAID_OUT
    assert len(page.attributes("script")) == 4
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    for tag, times in {"h2": 4, "th": 7, "dt": 2, "li": 1}.items():
        assert page.texts[tag].count(name) == times
    assert page.attributes("div")[-1]["aria-label"] == name
    label = escaping.plotly(formatting.shortened(name, 24))
    assert page.drawings[0]["data"][0]["customdata"][0] == f"{label}: 3 contacts"


def test_marks_that_turn_the_writing_around_are_left_out() -> None:
    page = read(TableShown("Things", names("\u202egpj.exe\u2066")))
    assert page.texts["th"] == ["Tag", "gpj.exe"]


def test_writing_from_right_to_left_stays() -> None:
    page = read(TableShown("Things", names("عميل مهم")))
    assert "عميل مهم" in page.texts["th"]
    assert "عميل مهم" in page.texts["bdi"]


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
    programs = [text for text in page.texts["script"] if not text.startswith("[")]
    digests = [sha256(script.encode()).digest() for script in programs]
    assert re.findall("'sha256-(.*?)'", policy) == [b64encode(each).decode() for each in digests]


def test_a_tag_within_the_library_ends_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    library = 'const tags = ["<!--", "</Script>", "<script>"], less = 1 < 2;'
    monkeypatch.setattr(page_file, "get_plotlyjs", lambda: library)
    assert read(figure_of(bars())).texts["script"][2] == (
        r'const tags = ["\x3C!--", "\x3C/Script>", "\x3Cscript>"], less = 1 < 2;'
    )


def test_the_file_refers_to_no_other() -> None:
    page = read(figure_of(world({"BR": 3}, "contacts")))
    references = [
        value or ""
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data"}
    ]
    assert [each[:5] for each in references] == ["data:"]


def test_a_figure_is_told_in_words_where_it_cannot_be_drawn() -> None:
    page = read(figure_of(bars(), "Most are in Brazil."))
    place = next(each for each in page.attributes("div") if each.get("role") == "img")
    assert place["aria-label"] == "Most are in Brazil."
    assert "Most are in Brazil." in page.texts["p"]


def test_a_figure_is_followed_by_its_table() -> None:
    page = read(figure_of(bars(), table=lambda: names("Brazil", head="Country")))
    (told,) = page.texts["details"]
    assert told.split() == ["Show", "table", "Country", "Brazil"]


def test_where_there_is_nothing_to_draw_the_page_says_so() -> None:
    page = read(figure_of(None, "There is nothing to draw for this choice."))
    assert "There is nothing to draw for this choice." in page.text
    assert b"plotly.js v" not in page_html(page_of(figure_of(None)))


def test_what_draws_is_there_once_and_only_with_a_figure() -> None:
    one, two = page_html(page_of(figure_of(bars()))), page_html(page_of(*[figure_of(bars())] * 2))
    assert one.count(b"plotly.js v") == two.count(b"plotly.js v") == 1
    assert len(page_html(page_of())) < 100_000


def test_the_outlines_of_the_world_come_only_with_a_map() -> None:
    assert b'id="world"' in page_html(page_of(figure_of(world({"BR": 3}, "contacts"))))
    assert b'id="world"' not in page_html(page_of(figure_of(bars())))


STAND_IN = re.compile(r"#0000[0-9a-f]{2}\b", re.IGNORECASE)


@pytest.fixture
def streamlit_template() -> Iterator[None]:
    """As after importing Streamlit: every new figure takes its colour placeholders."""
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
    "world": lambda: world({"BR": 3}, "contacts"),
    "arrivals": lambda: arrivals(WEEK),
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
    drawn = read(figure_of(bars(TEXT))).drawings[0]
    assert drawn["layout"]["yaxis"]["ticktext"][0] == TEXT
    assert drawn["layout"]["yaxis"]["tickfont"]["color"] == drawing.MUTED


def test_the_colours_are_those_of_the_light_theme() -> None:
    theme = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    assert theme["chartCategoricalColors"] == drawing.COLOURS
    assert theme["light"]["chartSequentialColors"] == list(drawing.SEQUENTIAL)
    assert theme["light"]["chartDivergingColors"] == list(drawing.DIVERGING)
    assert theme["light"]["textColor"] == drawing.TEXT
    assert theme["light"]["grayTextColor"] == drawing.MUTED
