"""Dimensions: what contacts can be counted and filtered by (metrics.md, "From a contact to a row").

A new dimension is one object here: engines count by it, history records changes of it, the sidebar
offers it, links carry it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lib.reference import countries, formatting

Names = Literal["tags", "inboxes", "agents", "teams"]
"""The tables with the names of values."""

MISSING = ""
"""Key of contacts without a value. Values are trimmed and never blank, so none equals it: a channel
called "none" is a channel."""


@dataclass(frozen=True)
class Missing:
    """How contacts without a value are presented.

    key: `MISSING`, or the value that the column holds instead;
    name: as a bar or an option of its own, "No channel";
    phrase: in a list of values within a sentence, "no channel";
    alone: text of a filter that selects only these;
    among: flag of the contacts that can have a value at all: the others do not lack one.
    """

    key: str
    name: str
    phrase: str
    alone: str | None = None
    among: str | None = None


@dataclass(frozen=True)
class Dimension:
    """key: name in code and in the URL; label: heading; noun: one value.

    A contact has either one value, in the categorical column `column` of the contacts, or several,
    in the column `key` of the link table `links`; then the contacts' column `count` has their
    number. `names` is the table with the names of the values, if these are IDs; `name_of` names
    them otherwise. `preposition` precedes the values in the text of a filter: "in " Brazil.
    `came` says of some new contacts that they have a value: "5 came by Zalo". `is_ranked`: options
    are listed by number of contacts, else by name.
    """

    key: str
    label: str
    noun: str
    missing: Missing
    preposition: str = ""
    column: str | None = None
    links: str | None = None
    count: str | None = None
    names: Names | None = None
    name_of: Callable[[str], str] = str
    came: str = "came from {name}"
    is_ranked: bool = True

    @property
    def has_several(self) -> bool:
        """Whether a contact may have several values, so that counts by value do not add up to the
        total."""
        return self.links is not None

    @property
    def joined(self) -> str:
        """Column of a contact's several values in files of crawls to disk: see
        `lib.store.columns`."""
        return f"{self.key}_values"


CHANNEL = Dimension(
    "channel",
    "Channels",
    "channel",
    Missing(MISSING, "No channel", "no channel"),
    links="contact_channels",
    count="channels",
    name_of=formatting.channel_name,
    came="came by {name}",
)
COUNTRY = Dimension(
    "country",
    "Countries",
    "country",
    Missing(countries.UNKNOWN, "Unknown", "an unknown country"),
    preposition="in ",
    column="country",
    name_of=formatting.country,
    came="{are} in {name}",
)
TAG = Dimension(
    "tag",
    "Tags",
    "tag",
    Missing(MISSING, "Untagged", "untagged", alone="untagged"),
    preposition="tagged ",
    links="contact_tags",
    count="tags",
    names="tags",
    came="{are} tagged {name}",
)
SOURCE = Dimension(
    "source",
    "Sources",
    "source",
    Missing(MISSING, "No source", "no source", alone="with no source"),
    preposition="from ",
    links="contact_sources",
    count="sources",
    name_of=formatting.source_name,
)
TEAM = Dimension(
    "team",
    "Teams",
    "team",
    Missing(MISSING, "No team", "no team", alone="with no team", among="has_conversation"),
    preposition="with team ",
    column="team",
    names="teams",
)
AGENT = Dimension(
    "agent",
    "Agents",
    "agent",
    Missing(MISSING, "No agent", "none", alone="with no agent", among="has_conversation"),
    preposition="with agent ",
    column="assignee",
    names="agents",
    is_ranked=False,
)

COUNTRY_SOURCE = Dimension(
    "country_source",
    "Sources of countries",
    "source of the country",
    Missing(MISSING, "Unknown", "unknown"),
    column="country_source",
)
INBOX = Dimension(
    "inbox",
    "Inboxes",
    "inbox",
    Missing(MISSING, "No inbox", "no inbox"),
    links="contact_inboxes",
    count="inboxes",
    names="inboxes",
)
"""These two are only counted by, not filtered by."""

DIMENSIONS = (CHANNEL, COUNTRY, TAG, SOURCE, TEAM, AGENT)
BY_KEY = {dimension.key: dimension for dimension in DIMENSIONS}
SEVERAL = (CHANNEL, INBOX, SOURCE, TAG)
"""Those of which a contact may have several values."""
