"""What a session keeps between its runs."""

from __future__ import annotations

from datetime import date

import pytest

from tests.pages.conftest import JUNE, Connect, open_page
from tests.switching import PATHS

PLAIN = (bool, int, float, str, date, type(None))


def kept(value: object) -> list[object]:
    """What there is in a value, however deep in lists and dictionaries."""
    if isinstance(value, dict):
        return [each for item in value.items() for part in item for each in kept(part)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in kept(item)]
    return [value]


@pytest.mark.parametrize("path", PATHS)
def test_a_session_keeps_choices_and_nothing_of_what_it_showed(connect: Connect, path: str) -> None:
    connect()
    page = open_page(path, **JUNE)
    state = page.session_state.to_dict()
    assert not [each for each in kept(state) if not isinstance(each, PLAIN)]
