"""Recording a large workspace for two months, and the page's questions about it.

Comparing, saving and loading are timed on a million contacts. The two months are simulated: of 96
transitions a day, each has the events of one comparison, of a ninety-sixth part of one in a hundred
contacts. They are written, put together and committed as a recorder does it, but the tables of the
contacts are empty: writing those takes the same time whatever went before.

On the first ten days and the last ten each transition is a commit of its own. On the forty between
them, four commits a day hold 24 transitions each: the same events, levels and list of snapshots,
in a sixth of the time. Files and their log grow older by a day with each day, so that what is to be
kept for so long goes when it would.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.counting import AS_OF, CONTACTS, synthetic_tables
from benchmarks.table import Row
from lib.chatbotx.crawl import Verdict
from lib.engines.questions import Filter
from lib.history import comparison_state, levels
from lib.history.compaction import Compaction
from lib.history.compare import compare
from lib.history.demo import demo_past
from lib.history.reading import changes, events_in
from lib.history.recorded import Recorded, baseline
from lib.history.stored import StoredHistory
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.builder import TableBuilder
from lib.store.dimensions import CHANNEL, COUNTRY, TAG
from lib.store.place import Place
from lib.store.snapshot import Snapshot, fetch
from lib.store.snapshot_rows import Head
from lib.store.storage import Change, Recording, Store
from lib.store.tables import Tables
from lib.store.workspace import connect

DAYS, A_DAY = 60, 96
CHANGING = 0.01
"""Of the contacts, in a day."""

SOME_DAYS = 10, 50
"""After the first and until the second, transitions are committed by the dozen."""

APART = timedelta(days=1) / A_DAY

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


@dataclass
class _TwoMonths:
    """Days of transitions, recorded one after another."""

    folder: Path
    store: Store
    level: pa.Table
    events: pa.Table
    moment: datetime = BEGAN
    """As of when the next snapshot is."""
    head: Head | None = None

    def day(self, commits: int) -> float:
        """Records a day in so many commits; seconds of processor that each took, with its share of
        putting files together and tidying."""
        with patch("lib.store.delta.time", SimpleNamespace(time=self._now)):
            recording = sum(self._commit(A_DAY // commits) for _ in range(commits))
            # What an hourly tidying would have found all day long.
            _make_older(self.folder, timedelta(days=1))
            assert self.head is not None
            head = self.head
            return (recording + _processor(lambda: self.store.tidy(head))) / commits

    def _now(self) -> float:
        """For the log of a table, which keeps some things for so many hours."""
        return time.time() - (AS_OF - self.moment).total_seconds()

    def _commit(self, transitions: int) -> float:
        moments = [self.moment + APART * number for number in range(transitions)]
        self.moment = moments[-1] + APART
        seen, new = _at(self.events, moments), _at(self.level, moments)
        snapshot = Snapshot(TableBuilder().build(), Verdict(moments[-1]), "1")
        return _processor(lambda: self._record(moments[:-1], snapshot, seen, new))

    def _record(
        self, before: Sequence[datetime], snapshot: Snapshot, seen: pa.Table, new: pa.Table
    ) -> None:
        head = self.store.head()
        if head is not None and before:
            head = _as_if_recorded(head, before)
        as_of = snapshot.as_of
        forget = as_of - timedelta(days=400)
        compaction = Compaction(self.store, head, as_of, forget, "America/Sao_Paulo")
        changes = {
            "events": compaction.events(seen),
            "levels": compaction.levels(new),
            "carried": Change(comparison_state.schema()),
        }
        previous = as_of - APART if head is not None else None
        self.head = self.store.commit(head, snapshot, Recording(previous, changes, forget))

    def opened(self, latest: Recorded) -> StoredHistory:
        head = self.store.head()
        assert head is not None
        return StoredHistory(self.store, head, lambda: latest)

    def seconds_to_open(self, latest: Recorded) -> float:
        return _seconds(lambda: self.opened(latest).recorded)


def _as_if_recorded(head: Head, moments: Sequence[datetime]) -> Head:
    """The list of snapshots as it would be after a commit as of each of these moments, with those
    but the last one no longer kept."""
    ends = [head.last.as_of, *moments]
    last = replace(head.last, number=head.last.number + len(moments), as_of=ends[-1])
    listed: list[dict[str, object]] = [
        {
            "number": head.last.number + place,
            "as_of": as_of,
            "saved": as_of,
            "format": head.last.format,
            "workspace": head.last.workspace,
            "verdict": "",
            "recorded": True,
            "previous": as_of - APART,
            "versions": [],
            "files": [],
        }
        for place, as_of in enumerate(ends[:-1])
    ]
    past = pa.concat_tables([head.past, pa.Table.from_pylist(listed, head.past.schema)])
    return replace(head, rows=(*head.rows[:-1], last), past=past)


def _two_months(folder: Path, first: Recorded, events: pa.Table) -> list[Row]:
    months = _TwoMonths(folder, Store(Place(str(folder / "store"))), levels.levels(first), events)
    commits, openings, asked = [], {}, {}
    for day in range(1, DAYS + 1):
        is_whole = not SOME_DAYS[0] < day <= SOME_DAYS[1]
        commits.append(months.day(A_DAY if is_whole else A_DAY // 24))
        if day in (SOME_DAYS[0], 31, DAYS):
            latest = Recorded(
                months.moment, first.tables, first.since, np.zeros(CONTACTS, np.bool_)
            )
            openings[day] = min(months.seconds_to_open(latest) for _ in range(3))
            asked[day] = _questions(months.opened(latest), months.moment)
    early, late = (commits[day - 1] * 1e3 for day in (SOME_DAYS[0], DAYS))
    return [
        Row.at_most(
            f"Two months of {len(events) * DAYS * A_DAY:,} events on disk",
            "MB",
            _size(folder) / 1e6,
            1000,
            " MB",
        ),
        Row.at_most(
            f"A commit on day {DAYS} / on day {SOME_DAYS[0]}, mean, without the contacts",
            f"{late:.0f} ms / {early:.0f} ms of processor",
            late / early,
            1.5,
            " ×",
        ),
        Row.at_most(
            f"Opening it on day {DAYS}; on day {SOME_DAYS[0]} {openings[SOME_DAYS[0]]:.3f} s",
            "s",
            openings[DAYS],
            0.3,
            " s",
        ),
        *(
            Row.at_most(
                f"30 days, on day {DAYS}: {name}; on day 31 {asked[31][name]:.3f} s",
                "s of processor",
                seconds,
                0.3,
                " s",
            )
            for name, seconds in asked[DAYS].items()
        ),
    ]


def _questions(history: StoredHistory, now: datetime) -> dict[str, float]:
    """What the page asks of 30 days, and the seconds of processor that each takes: the first time,
    with nothing read before, and again."""
    period = Period.last(30, now, "America/Sao_Paulo")
    of_channel = Filter.to({"channel": ["001"]})
    questions: dict[str, Callable[[], object]] = {
        "all changes, the first time": lambda: changes(history, period),
        "all changes": lambda: changes(history, period),
        "all changes of a channel": lambda: changes(history, period, of_channel),
        "opt-outs by channel, country and tag": lambda: [
            events_in(history, period, by=[dimension]).by_key("blocked", dimension)
            for dimension in (CHANNEL, COUNTRY, TAG)
        ],
    }
    return {name: _processor(ask) for name, ask in questions.items()}


def _at(table: pa.Table, moments: Sequence[datetime]) -> pa.Table:
    """The rows as if they had been seen at each of these."""
    parts = []
    for moment in moments:
        stamp = pa.scalar(moment.astimezone(UTC), pa.timestamp("us", tz="UTC"))
        part = table
        for name in {"seen", "at"} & {*table.column_names}:
            place = part.schema.get_field_index(name)
            part = part.set_column(place, part.schema.field(name), pa.repeat(stamp, len(part)))
        parts.append(part)
    return pa.concat_tables(parts)


def _make_older(folder: Path, age: timedelta) -> None:
    """All files in it, by so much: what is old is tidied away."""
    for path in folder.rglob("*"):
        seen = path.stat()
        os.utime(path, (seen.st_atime, seen.st_mtime - age.total_seconds()))


def _processor(ask: Callable[[], object]) -> float:
    began = time.process_time()
    ask()
    return time.process_time() - began


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
