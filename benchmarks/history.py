"""Recording a large workspace for two months, and the page's questions about it.

Comparing, saving and loading are timed on a million contacts. The two months are simulated: of 96
transitions a day, each has the events of one comparison, of a ninety-sixth part of one in a hundred
contacts. They are written, put together and committed as a recorder does it, but the tables of the
contacts are empty: writing those takes the same time whatever went before.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.counting import AS_OF, CONTACTS, synthetic_tables
from benchmarks.table import Row
from lib.chatbotx.crawl import Verdict
from lib.history import beside, levels
from lib.history.compaction import Compaction
from lib.history.compare import compare
from lib.history.demo import demo_past
from lib.history.filters import Filter
from lib.history.reading import changes, events_in
from lib.history.recorded import Recorded, baseline
from lib.history.stored import StoredHistory
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.builder import TableBuilder
from lib.store.dimensions import CHANNEL, COUNTRY, TAG
from lib.store.place import Place
from lib.store.snapshot import Snapshot, fetch
from lib.store.storage import Change, Head, Recording, Store
from lib.store.tables import Tables
from lib.store.workspace import connect

DAYS, A_DAY = 60, 96
CHANGING = 0.01
"""Of the contacts, in a day."""

BEGAN = AS_OF - timedelta(days=DAYS)


def rows() -> list[Row]:
    tables = synthetic_tables(CONTACTS)
    tables = Tables(**tables.frames() | {"contacts": tables.contacts.assign(has_conversation=True)})
    first = baseline(AS_OF, tables)
    found = [_past_of_demo(), *_comparing(first, changed(tables, CHANGING))]
    with tempfile.TemporaryDirectory() as folder:
        found += _saving(Path(folder), tables)
    quarter = changed(tables, CHANGING / A_DAY)
    events = compare(first, AS_OF + timedelta(minutes=15), quarter).events
    with tempfile.TemporaryDirectory() as folder:
        found += _two_months(Path(folder), first, events)
    return found


def changed(tables: Tables, share: float) -> Tables:
    """The same workspace after so many of its contacts wrote, were answered, blocked, tagged or
    handed on."""
    random = np.random.default_rng(1)
    contacts = tables.contacts.copy()
    rows = random.choice(len(contacts), int(len(contacts) * share), replace=False)
    half, some = rows[: len(rows) // 2], rows[: len(rows) // 3]
    now = np.datetime64(AS_OF.replace(tzinfo=None), "us") + np.timedelta64(600, "s")
    for name, which in (
        ("wrote", half),
        ("admin_replied", some),
        ("blocked", rows[-len(rows) // 20 :]),
    ):
        moments = np.asarray(contacts[name], dtype="datetime64[us]").copy()
        moments[which] = now
        contacts[name] = pd.DatetimeIndex(moments).tz_localize("UTC")
    agents = contacts["assignee"].cat.codes.to_numpy().copy()
    agents[rows[-len(rows) // 4 :]] = 3
    contacts["assignee"] = pd.Categorical.from_codes(agents, contacts["assignee"].cat.categories)
    gone = random.choice(len(tables.contact_tags), len(rows) // 3, replace=False)
    stays = np.ones(len(tables.contact_tags), dtype=np.bool_)
    stays[gone] = False
    tags = tables.contact_tags[stays].reset_index(drop=True)
    return Tables(**tables.frames() | {"contacts": contacts, "contact_tags": tags})


def _past_of_demo() -> Row:
    with connect(Settings(), as_of=AS_OF) as client:
        snapshot = fetch(client, began=AS_OF, is_demo=True)
    began = time.process_time()
    demo_past(snapshot)
    seconds = time.process_time() - began
    return Row.at_most("Making up the past of the demo", "s of processor", seconds, 2, " s")


def _comparing(first: Recorded, after: Tables) -> list[Row]:
    times, before = [], _resident()
    number = 0
    for _ in range(3):
        began = time.process_time()
        number = len(compare(first, AS_OF + timedelta(minutes=15), after).events)
        times.append(time.process_time() - began)
    peak = max(0.0, _peak() - before)
    return [
        Row.at_most(
            f"Comparing two snapshots of {CONTACTS:,} contacts, {number:,} events",
            "s of processor",
            median(times),
            1.5,
            " s",
        ),
        Row.at_most("Memory for it beside the two", "MB", peak, 150, " MB"),
    ]


def _saving(folder: Path, tables: Tables) -> list[Row]:
    store = Store(Place(str(folder / "store")))
    snapshot = Snapshot(tables, Verdict(AS_OF), "1")
    began = time.process_time()
    store.commit(None, snapshot, Recording(None, {}))
    saving = time.process_time() - began
    store.load()
    times = [_seconds(store.load) for _ in range(3)]
    return [
        Row.at_most(f"Saving {CONTACTS:,} contacts", "s of processor", saving, 3, " s"),
        Row.at_most(f"Loading {CONTACTS:,} contacts", "s", min(times), 0.5, " s"),
    ]


def _two_months(folder: Path, first: Recorded, events: pa.Table) -> list[Row]:
    store = Store(Place(str(folder / "store")))
    level = levels.levels(first)
    head: Head | None = None
    commits: list[float] = []
    empty = TableBuilder().build()
    moment = BEGAN
    for number in range(DAYS * A_DAY):
        moment = BEGAN + timedelta(minutes=15 * number)
        began = time.perf_counter()
        forget = moment - timedelta(days=400)
        compaction = Compaction(store, head, moment, forget, "America/Sao_Paulo")
        recording = Recording(
            moment - timedelta(minutes=15) if number else None,
            {
                "events": compaction.events(_at(events, moment)),
                "levels": compaction.levels(_at(level, moment)),
                "carried": Change(beside.schema()),
            },
            forget,
        )
        head = store.commit(head, Snapshot(empty, Verdict(moment), "1"), recording)
        if number % A_DAY == A_DAY - 1:
            store.tidy(head)
        commits.append(time.perf_counter() - began)
    end = Recorded(moment, first.tables, first.since, np.zeros(CONTACTS, np.bool_))

    def opened() -> StoredHistory:
        head = store.head()
        assert head is not None
        return StoredHistory(store, head, lambda: end)

    opening = min(_seconds(lambda: opened().recorded) for _ in range(3))
    history = opened()
    period = Period.last(30, moment, "America/Sao_Paulo")
    questions: dict[str, Callable[[], object]] = {
        "all changes": lambda: changes(history, period),
        "all changes of a channel": lambda: changes(history, period, Filter({"channel": ["001"]})),
        "opt-outs by channel, country and tag": lambda: [
            events_in(history, period, by=[dimension]).by_key("blocked", dimension)
            for dimension in (CHANNEL, COUNTRY, TAG)
        ],
    }
    week = A_DAY * 7
    return [
        Row.at_most(
            f"Two months of {len(events) * DAYS * A_DAY:,} events on disk",
            "MB",
            _size(folder) / 1e6,
            1000,
            " MB",
        ),
        Row.at_most(
            "A commit in the last week / in the first, without the contacts",
            f"{median(commits[-week:]) * 1e3:.0f} ms / {median(commits[:week]) * 1e3:.0f} ms",
            median(commits[-week:]) / median(commits[:week]),
            1.5,
            " ×",
        ),
        Row.at_most("Opening it", "s", opening, 0.3, " s"),
        *(
            Row.at_most(f"30 days: {name}", "s", min(_seconds(ask) for _ in range(3)), 0.3, " s")
            for name, ask in questions.items()
        ),
    ]


def _at(table: pa.Table, moment: datetime) -> pa.Table:
    """The rows as if they had been seen then."""
    stamp = pa.scalar(moment.astimezone(UTC), pa.timestamp("us", tz="UTC"))
    for name in ("seen", "at"):
        if name in table.column_names:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(name), pa.repeat(stamp, len(table)))
    return table


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
