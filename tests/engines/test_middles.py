"""Medians from counts in buckets."""

from __future__ import annotations

import statistics

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.engines import middles as rounds
from lib.engines.joined import Frame
from lib.engines.middles import VALUE, middles
from lib.engines.questions import Expressions
from lib.engines.selection import KEY, Source
from tests import effort
from tests.engines.answering import OTHERS, Kind, source_in

TENS = [(nw.col(VALUE) * each).floor().cast(nw.Int64) for each in (0.01, 0.1)]

ALL: Expressions = {"all": nw.len()}

Values = list[tuple[str, float | None]]


def found(
    kind: Kind, values: Values, also: Expressions | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, list[int]]:
    """Totals, middles, and how many rows each query returned."""
    keys, numbers = [key for key, _ in values], [value for _, value in values]
    given = pa.table({KEY: pa.array(keys, pa.string()), VALUE: pa.array(numbers, pa.float64())})
    source = Watched(source_in(lambda _: given, kind))
    totals, table = middles(source.table("values"), TENS, source, also)
    return totals, table, source.returned


class Watched:
    """A source that knows how many rows each query returned."""

    def __init__(self, source: Source) -> None:
        self.lock, self.is_embedded = source.lock, source.is_embedded
        self.table, self._source = source.table, source
        self.returned: list[int] = []

    def collect(self, frame: Frame) -> pa.Table:
        found = self._source.collect(frame)
        self.returned.append(len(found))
        return found


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are counted in finer buckets unless there are three at most."""
    monkeypatch.setattr(rounds, "FEW", 3)
    monkeypatch.setattr(rounds, "FEW_EMBEDDED", 3)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.usefixtures("few")
def test_are_found_within_the_buckets_that_hold_them(kind: Kind) -> None:
    values: Values = [("a", each) for each in (5, 7, 131, 132, 149, 250, 999, 400)]
    values += [("b", 8), ("b", None), ("c", None)]

    totals, table, returned = found(kind, values, ALL)

    assert totals.to_dict("index") == {
        "a": {"values": 8, "all": 8},
        "b": {"values": 1, "all": 2},
        "c": {"values": 0, "all": 1},
    }
    assert table.to_dict("index") == {
        "a": {"first": 5, "lower": 132, "upper": 149},
        "b": {"first": 8, "lower": 8, "upper": 8},
    }
    # Hundreds: 0, 1, 2, 4 and 9 of a; 0 and none of b; none of c. Tens: 13 and 14 of a, 0 of b.
    # Values: 131, 132 and 149 of a, 8 of b.
    assert returned == [8, 3, 4]


def test_few_values_are_returned_at_once() -> None:
    _, table, returned = found("DuckDB", [("a", each) for each in (131, 132, 139, 250)], ALL)

    assert [*table.loc["a", ["lower", "upper"]]] == [132, 139]
    assert returned == [2, 3]  # two hundreds, and the values of the first


def test_few_values_without_other_counts_are_not_counted_first() -> None:
    totals, table, returned = found("DuckDB", [("a", 131), ("a", 132), ("a", None), ("b", 7)])

    assert totals["values"].to_dict() == {"a": 2, "b": 1}
    assert table.to_dict("index") == {
        "a": {"first": 131, "lower": 131, "upper": 132},
        "b": {"first": 7, "lower": 7, "upper": 7},
    }
    assert returned == [3]


@pytest.mark.usefixtures("few")
def test_many_values_without_other_counts_are_counted_after_all() -> None:
    _, table, returned = found("DuckDB", [("a", each) for each in (131, 132, 139, 250)])

    assert [*table.loc["a", ["lower", "upper"]]] == [132, 139]
    assert returned == [4, 2, 3]  # one too many; two hundreds, and the values of the first


@pytest.mark.parametrize("also", [None, ALL], ids=["alone", "with other counts"])
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.usefixtures("few")
@settings(max_examples=effort.of(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 300))))
def test_are_those_of_the_values_in_order(
    kind: Kind, also: Expressions | None, values: Values
) -> None:
    _, table, _ = found(kind, values, also)

    expected = {}
    for key in sorted({key for key, value in values if value is not None}):
        own = [value for each, value in values if each == key and value is not None]
        middle = statistics.median_low(own), statistics.median_high(own)
        expected[key] = [min(own), *middle]
    assert {str(key): [*row] for key, row in zip(table.index, table.to_numpy(), strict=True)} == (
        expected
    )
