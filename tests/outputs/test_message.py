"""Untrusted text in each markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lib.outputs.message import LONGEST, PLAIN, SLACK, TEAMS, TELEGRAM, MarkUp, subject, text

NAMES = st.text(
    st.sampled_from("*_~`[]()<>&:@#!\\|-+=.1 \n\r\u202eaAt/\"'$w") | st.characters(), max_size=40
)


@given(NAMES)
def test_markdown_makes_nothing_but_text_of_a_name(name: str) -> None:
    tokens = MarkdownIt("commonmark", {"linkify": False}).parse(TEAMS.write([text(name)]))
    kinds = {token.type for token in tokens}
    inline = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline"}
    assert inline <= {"text", "html_inline", "text_special", "softbreak"}


@given(NAMES)
def test_slack_finds_no_mark_up_in_a_name(name: str) -> None:
    written = SLACK.write([text(name)])
    for mark in ("*", "~", "`", "<", ">", "\n"):
        assert mark not in written


@given(NAMES)
def test_telegram_finds_no_element_in_a_name(name: str) -> None:
    written = TELEGRAM.write([text(name)])
    for mark in ("<", ">", '"', "\n"):
        assert mark not in written


@given(st.text(max_size=300))
def test_a_subject_is_one_short_line(name: str) -> None:
    written = subject(name)
    assert len(written.splitlines()) <= 1
    assert len(written) <= 250


def test_an_ordinary_name_is_as_it_was() -> None:
    for mark_up in (SLACK, TEAMS, TELEGRAM, PLAIN):
        assert mark_up.write([text("black_friday 2026 (São Paulo)")]) == (
            "black_friday 2026 (São Paulo)"
        )


@pytest.mark.parametrize("mark_up", [SLACK, TEAMS, TELEGRAM, PLAIN])
def test_what_does_not_fit_is_said(mark_up: MarkUp) -> None:
    written = mark_up.write([text("x" * 100)] * 100)
    assert len(written) <= LONGEST
    assert written.endswith("… more is on the dashboard.")
