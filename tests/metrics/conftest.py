"""Run the tests of every metric with every engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.answering import KINDS, Kind, answering


@pytest.fixture(autouse=True, params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Kind]:
    with answering(request.param):
        yield request.param
