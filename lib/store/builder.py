"""Contacts → columns. Answers become columns as they arrive; the JSON of a crawl is never held.

A `TableBuilder` takes contacts page by page and makes `Tables`, what a snapshot holds.
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
"""Contacts that are held as objects before they become columns: enough to spread what a column
costs by itself, few enough to stay near the processor and not to keep other threads waiting."""

ALL_TIMES = (*TIMES, *INBOX_TIMES, *CONVERSATION_TIMES)
"""The columns of times, in the order of the table."""

_Names = dict[str | None, str | None]
"""The name of each id."""

_Facts = tuple[str | None, str | None, str | None]
"""Of an inbox: name, channel, status."""

_Said = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Of an inbox, as it came with a contact: id and channel of the link; id, name, channel, status."""

NAT = int(np.iinfo("int64").min)
"""What NaT is as a number."""


@dataclass(frozen=True)
class Drained:
    """Contacts in the order in which they were read. Ids are int64, or text where not all are
    numbers; `times` microseconds since 1970, `NAT` for never; `codes` and `links` numbers into the
    builder's texts, -1 for none."""

    ids: pa.Array
    conversations: pa.Array
    times: dict[str, np.ndarray]
    flags: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    links: dict[str, pa.ListArray]

    def __len__(self) -> int:
        return len(self.ids)


class TableBuilder:
    """Collects contacts; `build` makes the tables. One thread at a time.

    `unreadable` counts the times that could not be read, by the API's name of the field;
    `workspace_id` is the one that the contacts name.
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
        self._understood: dict[_Said, tuple[str | None, str | None]] = {}
        self._tag_names: _Names = {}
        self._agent_names: _Names = {}
        self._team_names: _Names = {}

    def add(self, contacts: Iterable[Contact]) -> None:
        """Takes contacts in the order in which they were read. Each has an id."""
        self._pending += contacts
        while len(self._pending) >= CHUNK:
            chunk, self._pending = self._pending[:CHUNK], self._pending[CHUNK:]
            self._add_columns(chunk)

    def build(self) -> Tables:
        """The tables of what was added: one row per id, the one with the later `updated`, then the
        later read, winning. Empties the builder."""
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
        """The inboxes that work."""
        facts = ((inbox, self._inbox_facts[inbox]) for inbox in self._inboxes.texts)
        return {inbox for inbox, (_, _, status) in facts if status == CONNECTED}

    def drain(self) -> Drained:
        """What was added since the last time, which is forgotten, but for the names: for what is
        built in parts."""
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
        """What the numbers of all that was drained stand for, by column."""
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
        """Turns a chunk into columns, one column at a time."""
        conversations = [contact.conversation or _NO_CONVERSATION for contact in contacts]
        self._ids.extend([each.id for each in contacts])
        self._conversations.extend([each.id or None for each in conversations])
        for name, values in {
            "has_email": [each.email is not None and each.email.is_address for each in contacts],
            "has_phone": [
                each.phone_number is not None and each.phone_number.is_number for each in contacts
            ],
            "has_timezone": [_is_told(each.timezone) for each in contacts],
            "has_locale": [_is_told(each.locale) for each in contacts],
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
                if each.assigned_user is not None and _is_told(each.assigned_user.name)
            },
        )
        _remember(
            self._team_names,
            {
                each.assigned_inbox_team_id: each.assigned_inbox_team.name
                for each in conversations
                if each.assigned_inbox_team is not None and _is_told(each.assigned_inbox_team.name)
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
        _remember(self._tag_names, {tag.id: tag.name for tag in tags if _is_told(tag.name)})

    def _add_inboxes(self, contacts: list[Contact]) -> tuple[list[ContactInbox], list[int]]:
        """Returns all links to inboxes, and the place of each one's contact in `contacts`."""
        rows, links = [], []
        for row, contact in enumerate(contacts):
            for link in contact.contact_inboxes or ():
                rows.append(row)
                links.append(link)
        said = [
            (link.inbox_id, link.channel, *_said_of_inbox(link.inbox or _NO_INBOX))
            for link in links
        ]
        # An inbox says the same of itself with thousands of contacts: it is looked at once.
        known, look = self._understood, self._understand
        found = [known.get(each) or look(each) for each in said]
        in_table = [row + self._rows for row in rows]
        self._inboxes.extend(in_table, [inbox for inbox, _ in found])
        self._channels.extend(in_table, [channel for _, channel in found])
        named = [place for place, link in enumerate(links) if link.source is not None]
        self._sources.extend(
            [in_table[place] for place in named], [links[place].source for place in named]
        )
        return links, rows

    def _understand(self, said: _Said) -> tuple[str | None, str | None]:
        """The id and the channel of an inbox, whose other facts are noted."""
        link_id, link_channel, own_id, name, own_channel, status = said
        own_channel = _lower(own_channel)
        channel = _lower(link_channel) or own_channel
        inbox = clean(link_id) or clean(own_id)
        facts = clean(name), own_channel or channel, _lower(status)
        known = self._inbox_facts.get(inbox, facts)
        # What is missing here may have been said elsewhere.
        name, its_channel, status = (new or old for new, old in zip(facts, known, strict=True))
        self._inbox_facts[inbox] = name, its_channel, status
        self._understood[said] = inbox, channel
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
        # As numbers, of which NaT is the lowest.
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
"""What the API calls the times."""

_NO_CONVERSATION = Conversation()
_NO_INBOX = Inbox()
_said_of_inbox = attrgetter("id", "name", "channel", "status")


def _lower(text: str | None) -> str | None:
    return (text.strip().lower() or None) if text is not None else None


def _is_told(name: str | None) -> bool:
    return name is not None and name != "" and not name.isspace()


def _remember(names: _Names, said: _Names) -> None:
    """Keeps the names said last."""
    for key, name in said.items():
        names[clean(key)] = clean(name)


_times_of_contact = attrgetter(*TIMES.values())
_times_of_conversation = attrgetter(*CONVERSATION_TIMES.values())
_times_of_link = attrgetter(*_LINK_TIMES.values())


def _latest_of(times: np.ndarray, rows: list[int], contacts: int) -> np.ndarray:
    """The latest of the times of each contact, whose places are `rows`; NaT for none."""
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
    """The contacts that are paired with one of the values."""
    found = np.zeros(contacts, dtype=np.bool_)
    found[pairs.loc[pairs[column].isin(values), "contact"]] = True
    return found


def _latest_of_each(ids: np.ndarray, updated: np.ndarray) -> np.ndarray:
    """The row numbers that remain when each id keeps the row updated last, then read last."""
    order = np.lexsort((updated.view("int64"), ids))  # stable: of equals, the later read is last
    in_order = ids[order]
    is_last = np.append(in_order[1:] != in_order[:-1], True)[: len(ids)]
    return order[is_last]
