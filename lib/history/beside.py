"""What the next comparison needs and a snapshot's tables do not hold: contacts that the crawl
missed, and those who have waited for longer than since they wrote last.

It is one table, with a row for each of these contacts.
"""

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


def schema() -> pa.Schema:
    """id; since: from when the contact waits for a person; missed: whether the crawl missed it.
    Only then the columns of contacts follow, with lists in place of links."""
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
        # A row that is not asked for is not there.
        wanted = np.where(missed, rows, -1)
        found[table] = lists(links["contact"].to_numpy(), links[name].array, wanted)
    return pa.table({name: found[name] for name in schema().names}).cast(schema())


def restore(snapshot: Snapshot, table: pa.Table) -> Recorded:
    """The recorded snapshot: that of the store, with what was kept beside it."""
    missed = table.filter(table["missed"])
    tables, carried = snapshot.tables, np.zeros(len(snapshot.tables.contacts), np.bool_)
    if len(missed):
        tables, carried = carrying.join(tables, tables_of(missed))
    found = baseline(snapshot.as_of, tables)
    since = found.since.copy()
    ids = pd.Index(tables.contacts["id"].astype("str"))
    rows = ids.get_indexer(pd.Index(table["id"].to_pylist(), dtype="str"))
    times = np.asarray(table["since"], dtype="datetime64[us]")
    waits = waits_for_a_person(Columns(tables.contacts))
    known = rows >= 0
    since[rows[known]] = np.where(waits[rows[known]], times[known], since[rows[known]])
    return Recorded(snapshot.as_of, tables, since, carried)


def tables_of(missed: pa.Table) -> Tables:
    """The contacts that were missed, as tables of their own."""
    empty = TableBuilder().build()
    contacts = missed.select(list(empty.contacts.columns))
    for name in _AS_TEXT:
        as_numbers = _numbers(contacts[name])
        contacts = contacts.set_column(contacts.schema.get_field_index(name), name, as_numbers)
    for name in contacts.column_names:
        column = contacts[name]
        # Of what an earlier version did not know, no flag is set.
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
"""How many links of each kind a contact has."""


def _numbers(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as numbers, as a builder makes them, if they all are."""
    try:
        numbers = ids.cast(pa.int64())
    except pa.ArrowInvalid:
        return ids
    return numbers if numbers.cast(pa.string()).equals(ids) else ids
