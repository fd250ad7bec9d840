"""Text from strangers is shown literally, whatever it is shown in."""

from __future__ import annotations

import html
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reference import escaping

some = settings(derandomize=True, deadline=None)

# Surrogates cannot be in JSON, in a URL or in a page.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def unmarked(source: str) -> str:
    """How Markdown renders text whose punctuation is all escaped.

    It removes each backslash before ASCII punctuation; zero-width characters are invisible.
    """
    assert not re.search(rf"(?<!\\)(\\\\)*(?!\\)[{re.escape(string.punctuation)}]", source)
    return re.sub(rf"\\([{re.escape(string.punctuation)}])", r"\1", source).replace("\u2060", "")


@some
@given(TEXTS)
def test_names_in_markdown_are_shown_as_they_are_in_one_line(text: str) -> None:
    seen = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", re.sub("[\u202a-\u202e\u2066-\u2069]", "", text))
    assert unmarked(escaping.markdown(text)) == seen.replace("\u2060", "")


@pytest.mark.parametrize(
    "text",
    [
        "# VIP",
        "> VIP",
        "- VIP",
        "1. VIP",
        "*VIP* **VIP** _VIP_ ~VIP~ `VIP`",
        "[VIP](https://example.com)",
        "![](https://example.com/pixel.png)",
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "a | b |",
        "&nbsp;&#36;",
        ":red[VIP] :blue-background[VIP] :help[VIP]",
        "$x^2$ $$x$$",
        "\\*",
        "[^1]",
        "---",
    ],
)
def test_no_mark_of_markdown_has_its_meaning(text: str) -> None:
    assert unmarked(escaping.markdown(text)) == text


# What Streamlit 1.67 replaces after rendering Markdown, when escapes are gone: `StreamlitMarkdown`
# in its static files, remark-emoji, and mdast-util-gfm-autolink-literal.
DRAWN_AS_SOMETHING_ELSE = [
    r":material_(\w+):",
    r":streamlit:",
    r":\+1:|:-1:|:[\w-]+:",
    r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
    r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)",
    r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)",
]


@pytest.mark.parametrize(
    "text",
    [
        ":tada:",
        ":+1: :-1:",
        ":material_home:",
        ":streamlit:",
        ":::a:::",
        "-> VIP",
        "a <-> b -- c <- d >= e <= f ~= g",
        "http://example.com",
        "HTTPS://EXAMPLE.COM",
        "www.example.com",
        "vip@example.com",
    ],
)
def test_nothing_that_streamlit_draws_as_something_else_is_left(text: str) -> None:
    source = escaping.markdown(text)
    shown = re.sub(rf"\\([{re.escape(string.punctuation)}])", r"\1", source)
    found = [form for form in DRAWN_AS_SOMETHING_ELSE if re.search(form, shown, re.I | re.A)]
    assert (found, shown.replace("\u2060", "")) == ([], text)


@some
@given(st.lists(st.sampled_from([*":@/.<>-=~+ \nw", "www", "http", "a", "material_"]), max_size=12))
def test_no_combination_of_signs_is_drawn_as_something_else(parts: list[str]) -> None:
    shown = re.sub(
        rf"\\([{re.escape(string.punctuation)}])", r"\1", escaping.markdown("".join(parts))
    )
    assert [form for form in DRAWN_AS_SOMETHING_ELSE if re.search(form, shown, re.I | re.A)] == []


def test_a_name_cannot_turn_what_comes_after_it() -> None:
    assert escaping.markdown("VIP\u202e 21") == "VIP 21"
    assert escaping.plotly("VIP\u202e 21") == "VIP 21"


def test_an_ordinary_name_is_not_changed() -> None:
    for name in ("Trần Thị Ánh", "客户 2026", "VIP"):
        assert (
            escaping.markdown(name) == escaping.plotly(name) == escaping.spreadsheet(name) == name
        )


@some
@given(TEXTS)
def test_names_in_html_are_shown_as_they_are_in_one_line(text: str) -> None:
    source = escaping.html(text)
    seen = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", re.sub("[\u202a-\u202e\u2066-\u2069]", "", text))
    assert html.unescape(source) == seen
    assert not re.search(r"[<>\"']|&(?!amp;|lt;|gt;|quot;|#x27;)", source)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('" onload="alert(1)', "&quot; onload=&quot;alert(1)"),
        ("' x='", "&#x27; x=&#x27;"),
        ("R&D &lt;", "R&amp;D &amp;lt;"),
        ("two\nlines", "two lines"),
        ("VIP\u202e 21", "VIP 21"),
    ],
)
def test_html_takes_no_name_for_an_element_or_the_end_of_an_attribute(
    text: str, source: str
) -> None:
    assert escaping.html(text) == source


@some
@given(TEXTS)
def test_names_in_a_figure_are_shown_as_they_are_in_one_line(text: str) -> None:
    source = escaping.plotly(text)
    seen = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", re.sub("[\u202a-\u202e\u2066-\u2069]", "", text))
    assert html.unescape(source) == seen
    assert not re.search(r"[<>$]|%\{|&(?!amp;|lt;|gt;|#36;|#37;)", source)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("<b>VIP</b>", "&lt;b&gt;VIP&lt;/b&gt;"),
        ("R&D &lt;", "R&amp;D &amp;lt;"),
        ("$x$", "&#36;x&#36;"),
        ("100 %{y}", "100 &#37;{y}"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_figure_takes_no_name_for_a_mark(text: str, source: str) -> None:
    assert escaping.plotly(text) == source


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://example.com")',
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1:A2)",
        "  =1+1",
        "\u00a0=1+1",
        "\u200b=1+1",
        "\ufeff=1+1",
        "＝1+1",
        "＋1+1",
        "－1+1",
        "＠SUM(A1)",
        "\tVIP",
    ],
)
def test_a_cell_that_would_run_as_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert escaping.spreadsheet(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", "\n=1+1"])
def test_nor_does_one_run_after_a_tab_or_a_line_break(text: str) -> None:
    assert escaping.spreadsheet(text) == f"'{text[0]}'{text[1:]}"


@pytest.mark.parametrize("separator", [";", "\t", "\n", "; "])
def test_nor_does_what_other_spreadsheets_take_for_the_next_cell_run(separator: str) -> None:
    assert escaping.spreadsheet(f"VIP{separator}=1+1") == f"VIP{separator}'=1+1"


@pytest.mark.parametrize(
    "text", ["+18.0%", "-5", "-1,234.5", "−5.0%", "5", "VIP", "", "a=b", "a-b"]
)
def test_text_that_is_no_formula_is_unchanged(text: str) -> None:
    assert escaping.spreadsheet(text) == text


@some
@given(TEXTS)
def test_no_cell_begins_with_a_sign_of_a_formula_but_a_plain_number(text: str) -> None:
    cell = escaping.spreadsheet(text)
    is_number = re.fullmatch(r"[+-][0-9,]+(\.[0-9]+)?%?", cell)
    assert is_number or cell.strip()[:1] not in tuple("=+-@＝＋－＠")
