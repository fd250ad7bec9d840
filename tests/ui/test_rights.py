"""Everything that starts outside the main script checks the visitor again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.user_info import UserInfoProxy

from lib.settings import Closed, Configuration, Welcome
from lib.ui import rights
from lib.ui.rights import Visitor

ROOT = Path(__file__).parents[2]
OUR_SCRIPTS = [ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("lib/ui/*.py")]

CALLBACKS = ("on_click", "on_change", "on_select", "on_submit", "on_dismiss")
ASKING = ("callback", "for_strangers")

WELCOME = Visitor(Configuration(), Welcome(("main",), "ana@example.com"))
REFUSED = Visitor(Configuration(), Closed())


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> list[Visitor]:
    """The current visitor is the last in the list."""
    people = [WELCOME]
    monkeypatch.setattr(rights, "visitor_of", lambda *_: people[-1])
    return people


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def given(path: Path, names: tuple[str, ...]) -> Iterator[ast.expr]:
    """Values passed under these names, as an argument or in a dictionary of arguments."""
    for node in nodes(path):
        if isinstance(node, ast.keyword) and node.arg in names:
            yield node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in names:
                    yield value


def asks(value: ast.expr, by: tuple[str, ...]) -> bool:
    """Whether it is `rights.callback(…)` or a similar wrapper, or a constant such as "rerun"."""
    if isinstance(value, ast.Constant):
        return True
    called = value.func if isinstance(value, ast.Call) else None
    return (
        isinstance(called, ast.Attribute)
        and called.attr in by
        and isinstance(called.value, ast.Name)
        and called.value.id == "rights"
    )


@pytest.mark.parametrize("path", OUR_SCRIPTS, ids=lambda path: path.stem)
def test_no_callback_file_or_fragment_skips_the_access_check(path: Path) -> None:
    for value in given(path, CALLBACKS):
        assert asks(value, ASKING), f"line {value.lineno}: a callback that asks nobody"
    for node in nodes(path):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "download_button":
            (data,) = (each.value for each in node.keywords if each.arg == "data")
            assert asks(data, ("file",)), f"line {data.lineno}: a file for whoever asks"
        if isinstance(node, ast.Attribute) and node.attr in ("fragment", "dialog"):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            is_ours = owner == "rights" or path.stem == "rights"
            assert is_ours, f"line {node.lineno}: a part of a page that asks nobody"


def test_only_coming_in_and_leaving_are_for_strangers() -> None:
    found = {
        node.args[0].id
        for path in OUR_SCRIPTS
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "for_strangers"
        and isinstance(node.args[0], ast.Name)
    }
    assert found == {"_sign_in", "_sign_out"}


def page() -> None:
    from datetime import timedelta

    import streamlit as st

    from lib.ui import rights

    def count() -> None:
        st.session_state["pressed"] = st.session_state.get("pressed", 0) + 1

    @rights.fragment(timedelta(minutes=1))
    def part(name: str) -> None:
        st.caption(f"part of {name}")

    st.button("Press", on_click=rights.callback(count))
    part("the page")


def test_a_callback_of_somebody_who_lost_their_right_does_nothing(person: list[Visitor]) -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    app.button[0].click().run()
    assert app.session_state["pressed"] == 1
    person.append(REFUSED)
    app.button[0].click().run()
    assert app.session_state["pressed"] == 1


@pytest.mark.parametrize(
    "now",
    [REFUSED, Visitor(Configuration(), Welcome(("other",), "ana@example.com"))],
    ids=["nothing", "another workspace"],
)
def test_a_file_is_made_only_for_those_who_may_see_what_they_saw(
    person: list[Visitor], now: Visitor
) -> None:
    made = rights.file(lambda: b"numbers")
    assert made() == b"numbers"
    person.append(now)
    with pytest.raises(rights.NotAllowed):
        made()


def test_a_file_is_for_the_identity_that_it_was_offered_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made in a thread without a session, where nobody is signed in."""
    asked = []

    def visitor(claims: object, cookies: object) -> Visitor:
        asked.append(claims)
        return WELCOME

    monkeypatch.setattr(rights, "visitor_of", visitor)
    monkeypatch.setattr(UserInfoProxy, "to_dict", lambda _: {"email": "ana@example.com"})
    made = rights.file(lambda: b"numbers")
    monkeypatch.setattr(UserInfoProxy, "to_dict", lambda _: {})
    made()
    assert asked == [{"email": "ana@example.com"}] * 2


def test_asking_reads_no_secrets_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each widget of a page asks."""
    read = []

    def secrets() -> dict[str, Any]:
        read.append("file")
        return {}

    monkeypatch.setattr("lib.settings.reading.secrets_from_files", secrets)
    for _ in range(100):
        rights.callback(print)
    assert read == ["file"]


def test_a_part_of_a_page_is_drawn_for_those_who_may_see_it(person: list[Visitor]) -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert [each.value for each in app.caption] == ["part of the page"]
    person.append(REFUSED)
    assert not app.run().caption
