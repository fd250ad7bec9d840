"""Escape text from untrusted sources for what it is shown in: names of tags, agents, inboxes."""

import re
from html import escape

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_BIDI_CONTROLS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""They would also reverse the text that follows a name."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_JOINER = "\u2060"
_SHORTHAND = re.compile(
    r"(?<=:)(?=[\w+-]+:)"  # :tada:, :material_home:, :streamlit:
    r"|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=[\w-])"  # addresses
    r"|(?<=(?<!\S)[<>~-])(?=(?:->|[->=])(?!\S))",  # arrows and the like
    re.IGNORECASE,
)
"""Positions within shorthand that Streamlit replaces even if escaped, because it searches the text
after rendering Markdown. Inserting a zero-width character there breaks the shorthand."""


def markdown(text: str) -> str:
    """Escape untrusted text for Markdown, so that it is shown literally, in one line."""
    return _PUNCTUATION.sub(r"\\\1", _SHORTHAND.sub(_JOINER, _one_line(text)))


def html(text: str) -> str:
    """Escape untrusted text for HTML, in element content or a quoted attribute, in one line."""
    return escape(_one_line(text))


def visible(text: str) -> str:
    """Untrusted text as a plain-text label: in one line, without bidirectional controls."""
    return _one_line(text)


def upright(text: str) -> str:
    """Untrusted text without bidirectional controls, otherwise unchanged."""
    return _BIDI_CONTROLS.sub("", text)


def plotly(text: str) -> str:
    """Escape untrusted text for a Plotly figure, in one line.

    Plotly interprets pseudo-HTML, hover placeholders (`%{…}`) and LaTeX between dollar signs.
    """
    line = _one_line(text)
    for sign, reference in _REFERENCES.items():
        line = line.replace(sign, reference)
    return line


_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%{": "&#37;{"}


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", _BIDI_CONTROLS.sub("", text))


_SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_FORMULA = re.compile(rf"[\t\r\n]|[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*[{_SIGNS}]")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?%?", re.ASCII)
_NEXT_CELL = {
    separator: re.compile(rf"([{separator}\t\r\n]\s*)(?=[{_SIGNS}])") for separator in ",;"
}
"""Where spreadsheets in locales that separate cells by this would start another cell, even within
quotes, which they do not take for quotes there."""


def spreadsheet(text: str, elsewhere: str = ";") -> str:
    """Untrusted text for a cell of a CSV file, with an apostrophe where it would run as a formula.
    `elsewhere` separates cells in other locales: a comma or a semicolon."""
    if _NUMBER.fullmatch(text):
        return text
    safe = _NEXT_CELL[elsewhere].sub(r"\1'", text)
    return f"'{safe}" if _FORMULA.match(safe) else safe
