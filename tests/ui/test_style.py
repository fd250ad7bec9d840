"""Our styles do not make the browser restyle a whole page for each mark of a chart.

An element that `:has()` looks into is restyled whenever something in it changes, together with what
the rest of the selector may match. Plotly measures each label that it draws, so with `*` there, or
with an attribute that most elements have, every label costs as much as the page has elements.
"""

import re

import pytest

from lib.ui import style
from lib.web import first_page

SCREEN = re.sub(r"@media print \{.*?\n\}", "", style.rules() + first_page.STYLE, flags=re.DOTALL)


def selectors() -> list[str]:
    without_comments = re.sub(r"/\*.*?\*/", "", SCREEN, flags=re.DOTALL)
    lists = re.findall(r"([^{};]+)\{", without_comments)
    return [each.strip() for each in lists if ":has(" in each]


@pytest.mark.parametrize("selector", selectors())
def test_what_depends_on_a_descendant_is_known_by_class_or_tag(selector: str) -> None:
    below = re.split(r":has\((?:[^()]|\([^()]*\))*\)\)?", selector)[-1]
    assert not re.search(r"\*|\[data-testid", below), f"use a class instead: {selector}"
    assert not re.match(r"(.*\s)?:has", selector), f"any element may match: {selector}"
