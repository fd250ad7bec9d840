"""Tables in compressed parts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lib.store import parquet
from lib.store.delta import Delta
from lib.store.packed import PackedTable
from lib.store.place import Place

SCHEMA = pa.schema([pa.field("number", pa.int64()), pa.field("tags", pa.list_(pa.string()))])


def part(*numbers: int) -> pa.Table:
    return pa.table({"number": numbers, "tags": [[f"tag {number}"] for number in numbers]}, SCHEMA)


def packed(*parts: pa.Table) -> PackedTable:
    found = PackedTable(SCHEMA)
    for each in parts:
        found.append(each)
    return found


def test_its_rows_are_those_of_all_parts_in_order() -> None:
    found = packed(part(3), SCHEMA.empty_table(), part(1, 2))
    assert len(found) == 3
    assert found.table().equals(part(3, 1, 2))
    assert [len(each) for each in found.parts()] == [1, 2]
    assert packed().table().equals(SCHEMA.empty_table())


def test_it_is_written_like_the_whole_table_in_groups_of_several_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PACKED_GROUP", 3)
    table = Delta(Place(str(tmp_path)), "events")
    name = table.put(packed(part(1), part(2), part(3), part(4)))
    path = tmp_path / "events" / name
    assert pq.read_table(path).equals(part(1, 2, 3, 4))
    groups = pq.read_metadata(path)
    assert [groups.row_group(each).num_rows for each in range(groups.num_row_groups)] == [3, 1]
