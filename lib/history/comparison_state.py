"""What the next comparison needs to know besides a snapshot's tables.

These are the contacts that the crawl missed, and those who have been waiting since before they last
wrote. It is one table with a row per such contact.
"""

from datetime import datetime
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lib.history import carrying
from lib.history.attributes import lists
from lib.history.recorded import Columns, Recorded, baseline, waits_for_a_person
from lib.store import columns
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.tables import Tables

_AS_TEXT = ("id", "conversation")


@cache
def schema() -> pa.Schema:
    """Schema of the table: id; since: when the contact began to wait for a person; missed: whether
    the crawl missed it. For missed contacts only, also all columns of contacts, with lists in place
    of link tables."""
    contacts = columns.schema_of(
        columns.to_columns("contacts", TableBuilder().build().contacts).drop_columns(["row"])
    )
    return pa.schema(
        [
            pa.field("since", pa.timestamp("us", tz="UTC")),
            pa.field("missed", pa.bool_()),
            *(pa.field(f.name, pa.string() if f.name in _AS_TEXT else f.type) for f in contacts),
            *(pa.field(table, pa.list_(pa.string())) for table in carrying.LINKS.values()),
        ]
    )


def to_table(recorded: Recorded) -> pa.Table:
    """The state (`schema`) of a recorded snapshot, to store along with it."""
    tables, since = recorded.tables, recorded.since
    wrote = recorded.columns.time("wrote")
    rows = np.flatnonzero(recorded.carried | (~np.isnat(since) & (since != wrote)))
    missed = recorded.carried[rows]
    contacts = columns.to_columns("contacts", tables.contacts.take(rows)).drop_columns(["row"])
    found = {"since": pa.array(since[rows]), "missed": pa.array(missed)}
    for name in contacts.column_names:
        column = contacts[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        found[name] = column.cast(pa.string()) if name in _AS_TEXT else column
        if name != "id":
            found[name] = pc.if_else(pa.array(missed), found[name], None)
    for name, table in carrying.LINKS.items():
        links = getattr(tables, table)
        # Negative rows become null lists.
        wanted = np.where(missed, rows, -1)
        found[table] = lists(links["contact"].to_numpy(), links[name].array, wanted)
    return pa.table({name: found[name] for name in schema().names}).cast(schema())


def restore(snapshot: Snapshot, table: pa.Table) -> Recorded:
    """The recorded snapshot: the stored one with this state applied."""
    return ComparisonState(table).restore(snapshot.as_of, snapshot.tables)


class ComparisonState:
    """The state kept for a snapshot, applied to some of its contacts at a time."""

    def __init__(self, table: pa.Table) -> None:
        self._ids = pd.Index(table["id"].to_pylist(), dtype="str")
        self._since = np.asarray(table["since"], dtype="datetime64[us]")
        self._missed = table.filter(table["missed"])

    @property
    def missed(self) -> pa.Table:
        """The contacts that the crawl missed."""
        return self._missed

    def restore(
        self, as_of: datetime, tables: Tables, missed: np.ndarray | None = None
    ) -> Recorded:
        """The recorded snapshot of the contacts of `tables` and of missed contacts (with `missed`:
        only of those it selects)."""
        table = self._missed if missed is None else self._missed.filter(pa.array(missed))
        carried = np.zeros(len(tables.contacts), np.bool_)
        if len(table):
            tables, carried = carrying.join(tables, tables_of(table))
        since = baseline(as_of, tables).since.copy()
        rows = self._ids.get_indexer(pd.Index(tables.contacts["id"].astype("str")))
        waits = waits_for_a_person(Columns(tables.contacts))
        known = (rows >= 0) & waits
        since[known] = self._since[rows[known]]
        return Recorded(as_of, tables, since, carried)


def tables_of(missed: pa.Table) -> Tables:
    """The missed contacts as tables of their own."""
    empty = TableBuilder().build()
    contacts = missed.select(list(empty.contacts.columns))
    for name in _AS_TEXT:
        as_numbers = _numbers(contacts[name])
        contacts = contacts.set_column(contacts.schema.get_field_index(name), name, as_numbers)
    for name in contacts.column_names:
        column = contacts[name]
        # Flags and counts that an earlier version did not know default to false and 0.
        if column.null_count and (pa.types.is_boolean(column.type) or name in _COUNTS):
            filled = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
            contacts = contacts.set_column(contacts.schema.get_field_index(name), name, filled)
    for name in columns.categorical("contacts"):
        coded = contacts[name].dictionary_encode()
        contacts = contacts.set_column(contacts.schema.get_field_index(name), name, coded)
    frames = empty.frames() | {"contacts": columns.from_columns("contacts", contacts)}
    for name, table in carrying.LINKS.items():
        values = pc.list_flatten(missed[table])
        parents = pc.list_parent_indices(missed[table])
        links = pa.table({"contact": parents.cast(pa.int32()), name: values.dictionary_encode()})
        frames[table] = columns.from_columns(table, links)
    return Tables(**frames)


_COUNTS = ("channels", "inboxes", "tags", "sources")
"""Number of links of each kind."""


def _numbers(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """IDs as integers if all of them are, as the builder does it."""
    try:
        numbers = ids.cast(pa.int64())
    except pa.ArrowInvalid:
        return ids
    return numbers if numbers.cast(pa.string()).equals(ids) else ids
