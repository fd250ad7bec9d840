from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.reference import glossary
from lib.reference.glossary import TERMS

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "pages").glob("*.py")), ROOT / "lib/ui/cards.py"]


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def terms_in(path: Path) -> set[str]:
    """The terms that a page passes to `Number` or `rate_number`.

    If the argument is a variable, these are the texts in the tuples that the page loops over.
    """
    tree = ast.parse(path.read_text("utf-8"))
    tuples = {
        target.id: set(texts(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    loops = {
        loop.target.id: tuples.get(loop.iter.id, set())
        for loop in ast.walk(tree)
        if isinstance(loop, ast.comprehension | ast.For)
        if isinstance(loop.target, ast.Name) and isinstance(loop.iter, ast.Name)
    }
    found: set[str] = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and called(call) in ("Number", "rate_number") and call.args:
            first = call.args[0]
            found |= (
                loops.get(first.id, set()) if isinstance(first, ast.Name) else set(texts(first))
            )
    return found


USED = {(path.stem, term) for path in FILES for term in terms_in(path)}


def test_the_pages_use_terms() -> None:
    """Otherwise the tests below would test nothing."""
    pages = {page for page, _ in USED}
    assert pages >= {"overview", "channels", "countries", "tags", "opt_in", "workload"}
    assert ("workload", "orphaned_handoff") in USED


@pytest.mark.parametrize(("page", "term"), sorted(USED), ids="-".join)
def test_every_number_on_a_page_is_in_the_glossary(page: str, term: str) -> None:
    assert term in TERMS


def test_no_two_numbers_have_the_same_name() -> None:
    names = [term.name.lower() for term in TERMS.values()]
    assert len(set(names)) == len(names)


def test_no_two_numbers_mean_the_same() -> None:
    meanings = [term.meaning for term in TERMS.values()]
    assert len(set(meanings)) == len(meanings)


def test_no_term_is_written_down_twice() -> None:
    """The later definition would silently replace the earlier one."""
    tree = ast.parse((ROOT / "lib/reference/glossary.py").read_text("utf-8"))
    keys = next(
        [text for key in node.value.keys if key is not None for text in texts(key)]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    assert sorted(keys) == sorted(TERMS)


@pytest.mark.parametrize("key", TERMS)
def test_every_meaning_is_made_of_sentences(key: str) -> None:
    meaning = glossary.meaning(key)
    assert meaning[0].isupper()
    assert meaning.endswith(".")
    assert "  " not in meaning


def test_a_term_has_its_name_and_its_meaning() -> None:
    assert glossary.name("net") == "Net growth"
    assert glossary.meaning("net") == "New less lost contacts of the period."
