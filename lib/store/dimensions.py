"""What contacts can be counted and filtered by: "From a contact to a row" of the metrics.

A new dimension is one object here: engines count by it, history tells changes of it, the sidebar
offers it, links carry it.
"""

from dataclasses import dataclass
from typing import Literal

from lib.reference import countries

Names = Literal["tags", "inboxes", "agents", "teams"]
"""The tables that give values a name."""

MISSING = ""
"""The key of contacts that have no value. Values are trimmed and never blank, so none equals it: a
channel that is called "none" is a channel."""


@dataclass(frozen=True)
class Missing:
    """How contacts without a value of a dimension are known.

    key: `MISSING`, or the value that the column holds in its place;
    name: as a bar or an option of its own, "No channel";
    phrase: within a sentence, where values are listed, "no channel";
    alone: the whole filter in words, where nothing else is chosen;
    among: a flag of the contacts: the others cannot have a value, so they do not lack one.
    """

    key: str
    name: str
    phrase: str
    alone: str | None = None
    among: str | None = None


@dataclass(frozen=True)
class Dimension:
    """key: its name in code and in the URL; label: its heading; noun: one value of it.

    A contact has one value, in the categorical `column` of the contacts, or several, in the column
    `key` of the table `links`; then the column `count` of the contacts says how many. `names` is
    the table that has a name for each value, where values are ids. `preposition` goes before the
    values where a filter is put into words: "in " Brazil.
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

    @property
    def has_several(self) -> bool:
        """Whether a contact may have several values, so that they do not add up to the total."""
        return self.links is not None


CHANNEL = Dimension(
    "channel",
    "Channels",
    "channel",
    Missing(MISSING, "No channel", "no channel"),
    links="contact_channels",
    count="channels",
)
COUNTRY = Dimension(
    "country",
    "Countries",
    "country",
    Missing(countries.UNKNOWN, "Unknown", "an unknown country"),
    preposition="in ",
    column="country",
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
)
SOURCE = Dimension(
    "source",
    "Sources",
    "source",
    Missing(MISSING, "No source", "no source", alone="with no source"),
    preposition="from ",
    links="contact_sources",
    count="sources",
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
"""These two are counted by, and not filtered by."""

DIMENSIONS = (CHANNEL, COUNTRY, TAG, SOURCE, TEAM, AGENT)
BY_KEY = {dimension.key: dimension for dimension in DIMENSIONS}
