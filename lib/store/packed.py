"""Tables held in memory in compressed parts, for what is only written to a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass
class PackedTable:
    """A table of which only the part that is read now takes its full size in memory."""

    schema: pa.Schema
    _parts: list[pa.Buffer] = field(default_factory=list)
    _rows: int = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, table: pa.Table) -> None:
        """Add a table of the same schema at the end."""
        if not len(table):
            return
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, self.schema, options=options) as stream:
            stream.write_table(table)
        self._parts.append(sink.getvalue())
        self._rows += len(table)

    def parts(self) -> Iterator[pa.Table]:
        """The tables that were appended, those without rows left out."""
        for each in self._parts:
            yield pa.ipc.open_stream(each).read_all()

    def table(self) -> pa.Table:
        """The whole table in its full size."""
        return pa.concat_tables([self.schema.empty_table(), *self.parts()])
