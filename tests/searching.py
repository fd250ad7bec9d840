"""Exercise a dashboard completely, collect everything it holds, and search that for texts.

    python -m tests.searching

It learns what to search for only at the end, as otherwise it would find the search terms themselves
in its memory. For the same reason it must not import modules that contain them.
"""

from __future__ import annotations

import gc
import io
import json
import logging
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.message import Message  # type: ignore[import-untyped]  # it ships none
from streamlit.testing.v1 import AppTest

from lib import settings
from lib.chatbotx.crawl import Verdict
from lib.history.recorder import recorder_of
from lib.outputs import report
from lib.refresh import refreshers
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from tests.switching import PATHS, switch_page

FRAME = Path(__file__).parents[1] / "pages" / "frame.py"


def found_in(text: str | bytes, marks: Iterable[str]) -> list[str]:
    """The `marks` in a text, in any case, or in bytes encoded as UTF-8 or UTF-16."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    lower = text.lower()
    return [mark for mark in marks if mark.encode() in lower or mark.encode("utf-16-le") in lower]


def texts_of_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The bytes of every file, and the tables and metadata of Parquet files."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        table_name = path.parent.name
        yield table_name, path.name.encode() + path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield f"{table_name}, decoded", repr(table.to_pylist()).encode()
            yield f"{table_name}, metadata", repr(table.schema.metadata).encode()


def texts_in_memory() -> Iterator[tuple[str, str | bytes]]:
    """Every reachable text in this process, including the contents of tables and arrays."""
    gc.collect()
    waiting: list[object] = list(gc.get_objects())
    seen: set[int] = set(map(id, waiting))
    own = {id(waiting), id(seen)}
    while waiting:
        each = waiting.pop()
        if isinstance(each, str | bytes | bytearray):
            yield type(each).__name__, bytes(each) if isinstance(each, bytearray) else each
            continue
        if isinstance(each, types.FrameType) or id(each) in own:
            continue
        yield from _texts_of_tables(each)
        for inner in (*gc.get_referents(each), *_fields(each)):
            if id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)


def _texts_of_tables(each: object) -> Iterator[tuple[str, str | bytes]]:
    if isinstance(each, pd.DataFrame | pd.Series | pd.Index):
        yield type(each).__name__, repr(each.to_numpy(dtype=object).tolist())
        kind = getattr(each, "dtype", None)
        if isinstance(kind, pd.CategoricalDtype):
            yield "categories", repr(list(kind.categories))
    elif isinstance(each, np.ndarray):
        plain = np.asarray(each)
        yield "array", repr(plain.tolist()) if plain.dtype.hasobject else plain.tobytes()
    elif isinstance(each, pa.Table | pa.ChunkedArray | pa.Array):
        yield type(each).__name__, repr(each.to_pylist())
    elif isinstance(each, pa.Buffer):
        yield "buffer", each.to_pybytes()
    elif isinstance(each, Message):
        yield type(each).__name__, each.SerializeToString()
    elif isinstance(each, io.BytesIO):
        yield "BytesIO", each.getvalue()


def _fields(each: object) -> list[object]:
    """The fields of structs that the garbage collector does not track."""
    if isinstance(each, msgspec.Struct):
        return [getattr(each, name) for name in each.__struct_fields__]
    return []


def _messages(dashboard: AppTest) -> Iterator[bytes]:
    """The messages that a page sends to the browser."""
    waiting = [dashboard._tree]
    while waiting:
        node: Any = waiting.pop()
        waiting.extend(getattr(node, "children", {}).values())
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message):
            yield proto.SerializeToString()


class _Records(logging.Handler):
    """Collects the records of all loggers, without our redaction."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))


def _main() -> None:
    """Print where each mark was found, as JSON."""
    records = _Records()
    logging.basicConfig(level=logging.DEBUG, handlers=[records])
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    configured = settings.load(secrets={})
    # Compared with an empty snapshot, every contact becomes an event of history.
    recorder = recorder_of(configured)
    assert recorder is not None
    before = Verdict(datetime(2026, 1, 1, tzinfo=UTC))
    recorder.save(Snapshot(TableBuilder().build(), before))
    state = refreshers.refresher_of(configured).wait(60)
    assert state.snapshot is not None, state.failure
    pages = []
    for name in PATHS:
        dashboard = AppTest.from_file(FRAME, default_timeout=60)
        dashboard.run()
        switch_page(dashboard, name).run()
        assert not dashboard.exception, dashboard.exception[0].value
        pages.append((dashboard, list(_messages(dashboard))))
    reported = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with redirect_stdout(reported):
        assert report.main(["--record"]) == 0
    reported.seek(0)
    places: dict[str, set[str]] = {}

    def search(place: str, texts: Iterable[tuple[str, str | bytes]]) -> None:
        for kind, text in texts:
            for mark in found_in(text, marks):
                places.setdefault(mark, set()).add(f"{place}: {kind}")

    texts = list(texts_in_memory())
    marks = json.loads(sys.stdin.readline())
    search("memory", texts)
    search("snapshot", texts_of_files(Path(configured.store)))
    search("log", (("record", text) for text in records.written))
    search("report", [("JSON", reported.read())])
    search("page", (("message", text) for _, sent in pages for text in sent))
    assert records.written
    json.dump({mark: sorted(found) for mark, found in places.items()}, sys.stdout)


if __name__ == "__main__":
    _main()
