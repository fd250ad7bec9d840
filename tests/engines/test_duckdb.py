from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lib.engines import flights
from lib.engines.duckdb import DuckDB
from lib.engines.errors import EngineError
from lib.engines.flights import Flight
from lib.engines.lazy import LazyEngine
from lib.engines.results import Results
from lib.engines.where import Files, in_memory
from lib.metrics import audience
from lib.store.dimensions import TAG
from tests.workspaces import contact, tables_of, tagged, terms


@pytest.fixture(autouse=True)
def engine() -> None:
    """The tests here choose their engine."""


def test_nobody_imports_an_engine_that_was_not_asked_for() -> None:
    code = (
        "import sys, lib.outputs.report, lib.query.view;"
        "print(*{'duckdb', 'pyspark', 'grpc', 'lib.engines.lazy'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def slow(seconds: float) -> tuple[DuckDB, nw.LazyFrame[Any], nw.LazyFrame[Any]]:
    """A query that takes minutes, and one that takes no time."""
    many = pa.table({"row": pa.array(range(100_000), pa.int32())})
    source = DuckDB(lambda _: many, seconds=seconds)
    one, other = source.table("contacts"), source.table("contacts").rename({"row": "other"})
    each_with_each = one.join(other, how="cross").select(
        total=(nw.col("row") * nw.col("other") % 7).sum()
    )
    return source, each_with_each, one.select(contacts=nw.len())


def test_answer_that_takes_too_long_is_given_up_and_the_next_is_given() -> None:
    source, takes_minutes, quick = slow(seconds=0.3)

    with pytest.raises(
        EngineError, match=r"no answer within 0\.3 seconds\..* CHATBOTX_ENGINE_SECONDS\.$"
    ):
        source.collect(takes_minutes)

    assert source.collect(quick)["contacts"].to_pylist() == [100_000]


def test_question_that_nobody_waits_for_any_more_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flights, "GRACE", 0.0)
    source, takes_minutes, quick = slow(seconds=600)
    works = threading.Event()

    def move_on_once_it_works(_: Flight) -> None:
        assert works.wait(60)
        raise InterruptedError

    def ask() -> pa.Table:
        with source.lock:
            works.set()
            return source.collect(takes_minutes)

    with pytest.raises(InterruptedError), flights.watched(move_on_once_it_works):
        Results().get(source, "question", ask)

    with source.lock:  # held by the other one while it works
        assert source.collect(quick)["contacts"].to_pylist() == [100_000]


@pytest.mark.parametrize("contents", [None, b"", b"PAR1 and nothing more"], ids=str)
def test_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, contents: bytes | None) -> None:
    place = tmp_path / "contacts.parquet"
    if contents is not None:
        place.write_bytes(contents)
    asked = LazyEngine(DuckDB(lambda _: Files((str(place),))))

    with pytest.raises(EngineError, match=r"^DuckDB cannot read the files of the store: "):
        audience.audience(asked, terms())


def test_it_reads_files_whose_names_have_blanks_and_accents(tmp_path: Path) -> None:
    tables = tables_of(contact(tagged("601")), contact())
    folder = tmp_path / "São Paulo %20 [a]*?"
    folder.mkdir()

    def files(name: str) -> Files:
        pq.write_table(in_memory(tables)(name), folder / f"{name}.parquet", store_schema=False)
        return Files((str(folder / f"{name}.parquet"),))

    found = LazyEngine(DuckDB(files)).count(by=TAG)["contacts"]

    assert found.to_dict() == {"601": 1, "": 1}
