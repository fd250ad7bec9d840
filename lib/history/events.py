"""Events as table columns (history.md, "Recording").

A transition leads from one recorded snapshot to the next. Its events are rows of one Arrow table,
which holds everything that later questions may need, because the contact may be gone by then.
"""

from typing import Final

import pyarrow as pa

from lib.store.dimensions import DIMENSIONS, Dimension

KINDS: Final = (
    "joined",
    "deleted",
    "blocked",
    "unblocked",
    "broadcast_in",
    "broadcast_out",
    "email_in",
    "email_out",
    "tag_added",
    "tag_removed",
    "channel_added",
    "channel_removed",
    "assigned",
    "unassigned",
    "reassigned",
    "closed",
    "reopened",
    "wrote",
    "answered",
)
"""The kinds that are counted, in the order of the report."""

MOVED: Final = "moved"
"""A change in something that filters use. At most one per contact and transition, so that the
bridge can count contacts that moved in and out; tags, channels and agents have events of their own
as well."""

DAILY: Final = (
    "joined",
    "blocked",
    "unblocked",
    "deleted",
    "broadcast_in",
    "broadcast_out",
    "closed",
    "answered",
)
"""The kinds that the report counts by day."""

_TIME = pa.timestamp("us", tz="UTC")


def column(dimension: Dimension, side: str) -> str:
    """Event column with the values of a dimension, `before` or `after`."""
    return f"{dimension.count or dimension.key}_{side}"


COUNTRY_SOURCE: Final = "country_source"
"""Filters can also ask whether the country was recorded."""


def _attributes(side: str) -> list[pa.Field]:
    return [
        *(
            pa.field(
                column(dimension, side),
                pa.list_(pa.string()) if dimension.has_several else pa.string(),
            )
            for dimension in DIMENSIONS
        ),
        pa.field(f"{COUNTRY_SOURCE}_{side}", pa.string()),
        pa.field(f"has_conversation_{side}", pa.bool_()),
        pa.field(f"active_{side}", pa.bool_()),
    ]


SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("at", _TIME),
        pa.field("seen", _TIME),
        pa.field("contact", pa.string()),
        pa.field("value", pa.string()),
        pa.field("hours", pa.float64()),
        *_attributes("before"),
        *_attributes("after"),
    ]
)
"""kind: one of `KINDS`, or `MOVED`.
at: when it happened, UTC: ChatbotX's own time, or `seen` if it has none within the transition.
seen: time of the later snapshot, which identifies the transition.
contact: its ID; missing once the contact has been deleted.
value: the tag's ID or the channel, for events about one.
hours: from waiting to the answer; missing for other events and where unknown.
*_before, *_after: the contact's attributes in the earlier and the later snapshot, missing where it
did not exist: channels, tags and sources are lists; agent is the assignee; active is not blocked.
"""


def none() -> pa.Table:
    return SCHEMA.empty_table()
