"""Contacts → columns. Responses become columns as they arrive; a crawl's JSON is never held as a
whole.

A `TableBuilder` takes contacts page by page and builds `Tables`, the contents of a snapshot.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.chatbotx.schema import Contact, ContactInbox, Conversation, Inbox
from lib.reference import countries
from lib.store.accumulators import Codes, Ids, Pairs, clean
from lib.store.tables import CONNECTED, CONVERSATION_TIMES, FLAGS, INBOX_TIMES, TIMES, Tables
from lib.store.times import parse_columns

CHUNK = 512
"""Contacts held as objects before they are converted to columns: enough to amortize the cost per
column, few enough to fit the CPU cache and not to hold up other threads."""

ALL_TIMES = (*TIMES, *INBOX_TIMES, *CONVERSATION_TIMES)
"""The time columns, in the order of the table."""

_Names = dict[str | None, str | None]
"""Names by ID."""

_Facts = tuple[str | None, str | None, str | None]
"""An inbox: name, channel, status."""

_InboxFields = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""An inbox as it came with a contact: ID and channel of the link; ID, name, channel and status of
the inbox."""

NAT = int(np.iinfo("int64").min)
"""The integer value of NaT."""


@dataclass(frozen=True)
class Drained:
    """Columns of contacts in the order in which they were read.

    IDs are int64, or text if not all of them are numbers. `times` are microseconds since 1970,
    `NAT` for never; `codes` and `links` are indices into the builder's texts, -1 for none.
    """

    ids: pa.Array
    conversations: pa.Array
    times: dict[str, np.ndarray]
    flags: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    links: dict[str, pa.ListArray]

    def __len__(self) -> int:
        return len(self.ids)


class TableBuilder:
    """Collects contacts; `build` makes the tables. Not thread-safe.

    `unreadable` counts time values that could not be parsed, by the field's name in the API;
    `workspace_id` is the one given by the contacts.
    """

    def __init__(self) -> None:
        self.unreadable: Counter[str] = Counter()
        self.workspace_id: str | None = None
        self._pending: list[Contact] = []
        self._rows = 0
        self._ids, self._conversations = Ids(), Ids()
        self._times = {name: array("q") for name in ALL_TIMES}
        self._flags = {name: bytearray() for name in FLAGS if name != "reachable"}
        self._country, self._country_source = Codes(), Codes()
        self._assignee, self._team = Codes(), Codes()
        self._channels, self._inboxes = Pairs(), Pairs()
        self._sources, self._tags = Pairs(), Pairs()
        self._inbox_facts: dict[str | None, _Facts] = {}
        self._known_inboxes: dict[_InboxFields, tuple[str | None, str | None]] = {}
        self._tag_names: _Names = {}
        self._agent_names: _Names = {}
        self._team_names: _Names = {}

    def add(self, contacts: Iterable[Contact]) -> None:
        """Add contacts in the order in which they were read. Each has an ID."""
        self._pending += contacts
        while len(self._pending) >= CHUNK:
            chunk, self._pending = self._pending[:CHUNK], self._pending[CHUNK:]
            self._add_columns(chunk)

    def build(self) -> Tables:
        """The tables of the added contacts, one row per ID: the one with the latest `updated`, then
        the one read last. Empties the builder."""
        self._add_columns(self._pending)
        self._pending = []
        ids = self._ids.ranks()
        kept = _latest_of_each(ids, _stamps(self._times["updated"]))
        kept = kept[np.lexsort((ids[kept], _stamps(self._times["created"])[kept]))]
        rows = np.full(self._rows, -1, dtype=np.int32)
        rows[kept] = np.arange(len(kept), dtype=np.int32)

        columns: dict[str, object] = {"id": self._ids.kept(kept)}
        for name in ALL_TIMES:
            stamps = _stamps(self._times.pop(name))[kept]
            columns[name] = pd.DatetimeIndex(stamps).tz_localize("UTC")
        for name in self._flags:
            columns[name] = np.frombuffer(self._flags[name], dtype=np.bool_)[kept]
        channels = self._channels.frame("channel", rows)
        sources = self._sources.frame("source", rows)
        tags = self._tags.frame("tag", rows)
        links = self._inboxes.frame("inbox", rows)
        columns["reachable"] = _has_any(links, "inbox", self.connected, len(kept))
        columns["channels"] = _how_many(channels, len(kept))
        columns["inboxes"] = _how_many(links, len(kept))
        columns["tags"] = _how_many(tags, len(kept))
        columns["sources"] = _how_many(sources, len(kept))
        columns["conversation"] = self._conversations.kept_or_missing(kept)
        columns["country"] = self._country.categorical(kept)
        columns["country_source"] = self._country_source.categorical(kept)
        columns["assignee"] = self._assignee.categorical(kept)
        columns["team"] = self._team.categorical(kept)
        return Tables(
            contacts=pd.DataFrame(columns),
            contact_channels=channels,
            contact_inboxes=links,
            contact_sources=sources,
            contact_tags=tags,
            **self.names(),
        )

    def names(self) -> dict[str, pd.DataFrame]:
        """The tables tags, inboxes, agents and teams."""
        inboxes = sorted(self._inboxes.texts)
        facts = [self._inbox_facts[inbox] for inbox in inboxes]
        return {
            "tags": _named(self._tags.texts, self._tag_names),
            "inboxes": _texts(
                id=inboxes,
                name=[name for name, _, _ in facts],
                channel=[channel for _, channel, _ in facts],
                status=[status for _, _, status in facts],
            ),
            "agents": _named(self._assignee.texts, self._agent_names),
            "teams": _named(self._team.texts, self._team_names),
        }

    @property
    def connected(self) -> set[str]:
        """IDs of the connected inboxes."""
        facts = ((inbox, self._inbox_facts[inbox]) for inbox in self._inboxes.texts)
        return {inbox for inbox, (_, _, status) in facts if status == CONNECTED}

    def drain(self) -> Drained:
        """Remove and return the contacts added since the last call, for tables built in parts.
        Names are kept."""
        self._add_columns(self._pending)
        self._pending, rows, self._rows = [], self._rows, 0
        times = {name: np.frombuffer(self._times[name], np.int64).copy() for name in ALL_TIMES}
        flags = {name: np.frombuffer(self._flags[name], np.bool_).copy() for name in self._flags}
        self._times = {name: array("q") for name in times}
        self._flags = {name: bytearray() for name in flags}
        return Drained(
            self._ids.drain(),
            self._conversations.drain(),
            times,
            flags,
            {name: codes.drain() for name, codes in self._coded.items()},
            {name: pairs.drain(rows) for name, pairs in self._linked.items()},
        )

    def texts(self) -> dict[str, list[str]]:
        """The texts that the drained codes index, by column."""
        coded = {name: codes.texts for name, codes in self._coded.items()}
        return coded | {name: pairs.texts for name, pairs in self._linked.items()}

    @property
    def _coded(self) -> dict[str, Codes]:
        return {
            "country": self._country,
            "country_source": self._country_source,
            "assignee": self._assignee,
            "team": self._team,
        }

    @property
    def _linked(self) -> dict[str, Pairs]:
        return {
            "channel": self._channels,
            "inbox": self._inboxes,
            "source": self._sources,
            "tag": self._tags,
        }

    def _add_columns(self, contacts: list[Contact]) -> None:
        """Convert a chunk to columns, one column at a time."""
        conversations = [contact.conversation or _NO_CONVERSATION for contact in contacts]
        self._ids.extend([each.id for each in contacts])
        self._conversations.extend([each.id or None for each in conversations])
        for name, values in {
            "has_email": [each.email is not None and each.email.is_address for each in contacts],
            "has_phone": [
                each.phone_number is not None and each.phone_number.is_number for each in contacts
            ],
            "has_timezone": [_is_given(each.timezone) for each in contacts],
            "has_locale": [_is_given(each.locale) for each in contacts],
            "email_opt_in": [each.email_opt_in is True for each in contacts],
            "email_verified": [each.email_verified is True for each in contacts],
            "has_conversation": [each.conversation is not None for each in contacts],
            "bot_enabled": [each.bot_enabled is not False for each in conversations],
            "followed": [each.followed is True for each in conversations],
        }.items():
            self._flags[name].extend(values)
        self._add_countries(contacts)
        self._add_assignments(conversations)
        self._add_tags(contacts)
        links, rows = self._add_inboxes(contacts)
        self._add_times(contacts, conversations, links, rows)
        if self.workspace_id is None:
            self.workspace_id = next(
                (each.workspace_id for each in contacts if each.workspace_id), None
            )
        self._rows += len(contacts)

    def _add_countries(self, contacts: list[Contact]) -> None:
        found = [
            countries.country_of(
                each.country,
                each.phone_number.country if each.phone_number is not None else None,
                each.timezone,
                each.locale,
            )
            for each in contacts
        ]
        self._country.extend([country for country, _ in found])
        self._country_source.extend([source for _, source in found])

    def _add_assignments(self, conversations: list[Conversation]) -> None:
        self._assignee.extend([each.assigned_user_id for each in conversations])
        self._team.extend([each.assigned_inbox_team_id for each in conversations])
        _remember(
            self._agent_names,
            {
                each.assigned_user_id: each.assigned_user.name
                for each in conversations
                if each.assigned_user is not None and _is_given(each.assigned_user.name)
            },
        )
        _remember(
            self._team_names,
            {
                each.assigned_inbox_team_id: each.assigned_inbox_team.name
                for each in conversations
                if each.assigned_inbox_team is not None and _is_given(each.assigned_inbox_team.name)
            },
        )

    def _add_tags(self, contacts: list[Contact]) -> None:
        rows, tags = [], []
        for row, contact in enumerate(contacts, self._rows):
            for tag in contact.tags or ():
                if tag.deleted_at is None:
                    rows.append(row)
                    tags.append(tag)
        self._tags.extend(rows, [tag.id for tag in tags])
        _remember(self._tag_names, {tag.id: tag.name for tag in tags if _is_given(tag.name)})

    def _add_inboxes(self, contacts: list[Contact]) -> tuple[list[ContactInbox], list[int]]:
        """All inbox links, and for each the position of its contact in `contacts`."""
        rows, links = [], []
        for row, contact in enumerate(contacts):
            for link in contact.contact_inboxes or ():
                rows.append(row)
                links.append(link)
        said = [
            (link.inbox_id, link.channel, *_inbox_fields(link.inbox or _NO_INBOX)) for link in links
        ]
        # Thousands of contacts repeat the same inbox; it is interpreted once.
        known, look = self._known_inboxes, self._interpret
        found = [known.get(each) or look(each) for each in said]
        in_table = [row + self._rows for row in rows]
        self._inboxes.extend(in_table, [inbox for inbox, _ in found])
        self._channels.extend(in_table, [channel for _, channel in found])
        named = [place for place, link in enumerate(links) if link.source is not None]
        self._sources.extend(
            [in_table[place] for place in named], [links[place].source for place in named]
        )
        return links, rows

    def _interpret(self, said: _InboxFields) -> tuple[str | None, str | None]:
        """ID and channel of an inbox; records its other facts."""
        link_id, link_channel, own_id, name, own_channel, status = said
        own_channel = _lower(own_channel)
        channel = _lower(link_channel) or own_channel
        inbox = clean(link_id) or clean(own_id)
        facts = clean(name), own_channel or channel, _lower(status)
        known = self._inbox_facts.get(inbox, facts)
        # Facts missing here may have come with another contact.
        name, its_channel, status = (new or old for new, old in zip(facts, known, strict=True))
        self._inbox_facts[inbox] = name, its_channel, status
        self._known_inboxes[said] = inbox, channel
        return inbox, channel

    def _add_times(
        self,
        contacts: list[Contact],
        conversations: list[Conversation],
        links: list[ContactInbox],
        rows: list[int],
    ) -> None:
        times, unreadable = parse_columns(
            (tuple(TIMES), list(map(_times_of_contact, contacts))),
            (tuple(CONVERSATION_TIMES), list(map(_times_of_conversation, conversations))),
            (tuple(_LINK_TIMES), list(map(_times_of_link, links))),
        )
        # As integers, of which NaT is the smallest.
        incoming, latest = (times.pop(name).view("int64") for name in _LINK_TIMES)
        is_told = latest != NAT
        came_in = _latest_of(incoming, rows, len(contacts))
        times["last_incoming"] = came_in
        times["wrote"] = np.maximum(came_in, times["contact_replied"].view("int64"))
        times["sent"] = _latest_of(np.where(latest > incoming, latest, NAT), rows, len(contacts))
        tells = np.zeros(len(contacts), dtype=np.bool_)
        tells[np.asarray(rows, dtype=np.intp)[is_told]] = True
        self._flags["tells"].extend(tells.tobytes())
        for name, column in times.items():
            self._times[name].frombytes(column.view("int64").tobytes())
        for name, count in unreadable.items():
            self.unreadable[_FIELDS[name]] += count


def _camel(attribute: str) -> str:
    head, *rest = attribute.split("_")
    return head + "".join(map(str.title, rest))


_LINK_TIMES = {"incoming": "last_incoming_message_at", "latest": "last_message_at"}

_FIELDS = (
    {name: _camel(attribute) for name, attribute in TIMES.items()}
    | {name: f"conversation.{_camel(attribute)}" for name, attribute in CONVERSATION_TIMES.items()}
    | {name: f"contactInboxes.{_camel(attribute)}" for name, attribute in _LINK_TIMES.items()}
)
"""Names of the time columns in the API."""

_NO_CONVERSATION = Conversation()
_NO_INBOX = Inbox()
_inbox_fields = attrgetter("id", "name", "channel", "status")


def _lower(text: str | None) -> str | None:
    return (text.strip().lower() or None) if text is not None else None


def _is_given(name: str | None) -> bool:
    return name is not None and name != "" and not name.isspace()


def _remember(names: _Names, said: _Names) -> None:
    """Update names; the latest one wins."""
    for key, name in said.items():
        names[clean(key)] = clean(name)


_times_of_contact = attrgetter(*TIMES.values())
_times_of_conversation = attrgetter(*CONVERSATION_TIMES.values())
_times_of_link = attrgetter(*_LINK_TIMES.values())


def _latest_of(times: np.ndarray, rows: list[int], contacts: int) -> np.ndarray:
    """The latest time of each contact, NaT if none; `rows` holds the contact of each time."""
    latest = np.full(contacts, NAT)
    np.maximum.at(latest, rows, times)
    return latest


def _stamps(times: "array[int]") -> np.ndarray:
    return np.frombuffer(times, dtype="datetime64[us]")


def _texts(**columns: list[str] | list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(texts, dtype="str") for name, texts in columns.items()})


def _named(ids: Iterable[str], names: _Names) -> pd.DataFrame:
    ordered = sorted(ids)
    return _texts(id=ordered, name=[names.get(each) for each in ordered])


def _how_many(pairs: pd.DataFrame, contacts: int) -> np.ndarray:
    return np.bincount(pairs["contact"], minlength=contacts).astype(np.uint16)


def _has_any(pairs: pd.DataFrame, column: str, values: set[str], contacts: int) -> np.ndarray:
    """Mask of the contacts linked to any of the values."""
    found = np.zeros(contacts, dtype=np.bool_)
    found[pairs.loc[pairs[column].isin(values), "contact"]] = True
    return found


def _latest_of_each(ids: np.ndarray, updated: np.ndarray) -> np.ndarray:
    """Row numbers of the latest row of each ID: the one with the latest `updated`, then the one
    read last."""
    order = np.lexsort(
        (updated.view("int64"), ids)
    )  # stable: among equals, the one read last comes last
    in_order = ids[order]
    is_last = np.append(in_order[1:] != in_order[:-1], True)[: len(ids)]
    return order[is_last]
