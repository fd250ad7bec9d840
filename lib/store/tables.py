"""Contacts → columns. Answers become columns as they arrive; the JSON of a crawl is never held.

A `TableBuilder` takes contacts page by page and makes `Tables`, what a snapshot holds. Personal
data has ended before, in `lib.chatbotx.schema`.
"""

from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lib.chatbotx.schema import Contact, ContactInbox, Conversation, Inbox
from lib.reference import countries

CHUNK = 512
"""Contacts that are held as objects before they become columns: enough to spread what a column
costs by itself, few enough to stay near the processor and not to keep other threads waiting."""

TIMES = {
    "created": "created_at",
    "updated": "updated_at",
    "subscribed": "subscribed_at",
    "broadcast": "broadcast_subscribed_at",
    "blocked": "blocked_at",
}
CONVERSATION_TIMES = {
    "last_activity": "last_activity_at",
    "contact_replied": "contact_replied_at",
    "admin_replied": "admin_replied_at",
    "agent_read": "agent_last_read_at",
}
FLAGS = (
    "has_email",
    "has_phone",
    "has_timezone",
    "has_locale",
    "email_opt_in",
    "email_verified",
    "has_conversation",
    "bot_enabled",
    "followed",
    "archived",
)

_Names = dict[str | None, str | None]
"""The name of each id."""

_Facts = tuple[str | None, str | None, str | None]
"""Of an inbox: name, channel, status."""

_Said = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Of an inbox, as it came with a contact: id and channel of the link; id, name, channel, status."""

_NAT = int(np.iinfo("int64").min)
"""What NaT is as a number."""


@dataclass(frozen=True)
class Tables:
    """A workspace as columns, read-only and shared. Times are UTC, repeated text is categorical.

    contacts: a row per contact, in the order of `created`, `id`:
        id; created, updated, subscribed, broadcast, blocked: times, NaT for never;
        channels, tags: how many of them it has;
        country: alpha-2 or `unknown`; country_source; has_email, has_phone, has_timezone,
        has_locale, email_opt_in, email_verified: flags;
        has_conversation; conversation: its id, missing for none; bot_enabled (True where not said),
        followed, archived; last_activity, contact_replied, admin_replied, agent_read: times;
        assignee, team: ids, missing for none;
        last_incoming: time of the latest incoming message in any of its inboxes.
    contact_channels: a row per contact × channel: contact (row number in `contacts`), channel.
    contact_inboxes: a row per contact × inbox: contact (row number), inbox (id).
    contact_tags: a row per contact × tag that is not deleted: contact (row number), tag (id).
    tags, agents, teams: id, name. inboxes: id, name, channel, status. Names may be missing.
    """

    contacts: pd.DataFrame
    contact_channels: pd.DataFrame
    contact_inboxes: pd.DataFrame
    contact_tags: pd.DataFrame
    tags: pd.DataFrame
    inboxes: pd.DataFrame
    agents: pd.DataFrame
    teams: pd.DataFrame

    def frames(self) -> dict[str, pd.DataFrame]:
        return {table.name: getattr(self, table.name) for table in fields(self)}

    @property
    def whole(self) -> "Tables":
        """The tables that these were selected from; they themselves if they are the workspace."""
        return self

    @property
    def mask(self) -> np.ndarray | None:
        """Which contacts of `whole` these are, a boolean for each; None for all of them."""
        return None

    @cached_property
    def memo(self) -> dict[Hashable, Any]:
        """For what is worked out from these tables once and then read often; goes with them."""
        return {}

    def select(self, mask: np.ndarray) -> "Tables":
        """The contacts where `mask`, a boolean for each, is true, with their links renumbered.

        `tags`, `inboxes`, `agents` and `teams` stay those of the whole workspace. Nothing is copied
        before it is asked for, and what can read `whole` under `mask` need not ask.
        """
        return _Selection(self, np.array(mask, dtype=np.bool_))


class _Selection(Tables):
    """Some contacts of other tables."""

    _whole: Tables
    _mask: np.ndarray

    def __init__(self, tables: Tables, mask: np.ndarray) -> None:
        if tables.mask is not None:
            within, mask = mask, tables.mask.copy()
            mask[tables.mask] = within
        unchanged = {name: getattr(tables, name) for name in ("tags", "inboxes", "agents", "teams")}
        # The base is frozen; its columns are taken when they are first asked for.
        self.__dict__.update(_whole=tables.whole, _mask=mask, **unchanged)

    @property
    def whole(self) -> Tables:
        return self._whole

    @property
    def mask(self) -> np.ndarray:
        return self._mask

    @cached_property
    def contacts(self) -> pd.DataFrame:
        return self.whole.contacts[self.mask].reset_index(drop=True)

    @cached_property
    def contact_channels(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_channels)

    @cached_property
    def contact_inboxes(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_inboxes)

    @cached_property
    def contact_tags(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_tags)

    def _of_selected(self, links: pd.DataFrame) -> pd.DataFrame:
        kept: pd.DataFrame = links[self.mask[links["contact"].to_numpy()]].reset_index(drop=True)
        number = np.cumsum(self.mask, dtype=np.int32) - 1
        kept["contact"] = number[kept["contact"].to_numpy()]
        return kept


def parse_times(texts: Sequence[str | None]) -> tuple[np.ndarray, int]:
    """The times as datetime64[us] in UTC, NaT for None, and how many texts could not be read.

    The API writes `2026-05-10T12:00:00.123Z`; other ISO 8601 shapes are read too, without an offset
    as UTC.
    """
    try:
        return _parse(texts), 0
    except pa.ArrowInvalid:
        blank = [_clean(text) for text in texts]
        times = pd.to_datetime(
            pd.Series(blank, dtype="str"), format="ISO8601", utc=True, errors="coerce"
        )
        unreadable = sum(text is not None for text in blank) - int(times.notna().sum())
        return times.dt.tz_localize(None).to_numpy("datetime64[us]"), unreadable


def _parse(texts: Sequence[str | None]) -> np.ndarray:
    """The times, quickly if all are in the usual shape. Raises pyarrow.ArrowInvalid if not."""
    column = pa.array(texts, pa.string()).cast(pa.timestamp("us", tz="UTC"))
    times: np.ndarray = column.to_numpy(zero_copy_only=False)  # UTC, NaT for None
    return times


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
        self._ids, self._conversations = _Ids(), _Ids()
        self._times = {name: array("q") for name in (*TIMES, *CONVERSATION_TIMES, "last_incoming")}
        self._flags = {name: bytearray() for name in FLAGS}
        self._country, self._source = _Codes(), _Codes()
        self._assignee, self._team = _Codes(), _Codes()
        self._channels, self._inboxes, self._tags = _Pairs(), _Pairs(), _Pairs()
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
        for name in (*TIMES, "last_incoming", *CONVERSATION_TIMES):
            stamps = _stamps(self._times.pop(name))[kept]
            columns[name] = pd.DatetimeIndex(stamps).tz_localize("UTC")
        for name in FLAGS:
            columns[name] = np.frombuffer(self._flags.pop(name), dtype=np.bool_)[kept]
        channels = self._channels.frame("channel", rows)
        tags = self._tags.frame("tag", rows)
        columns["channels"] = _how_many(channels, len(kept))
        columns["tags"] = _how_many(tags, len(kept))
        columns["conversation"] = self._conversations.kept_or_missing(kept)
        columns["country"] = self._country.categorical(kept)
        columns["country_source"] = self._source.categorical(kept)
        columns["assignee"] = self._assignee.categorical(kept)
        columns["team"] = self._team.categorical(kept)
        inboxes = sorted(self._inboxes.texts)
        facts = [self._inbox_facts[inbox] for inbox in inboxes]
        return Tables(
            contacts=pd.DataFrame(columns),
            contact_channels=channels,
            contact_inboxes=self._inboxes.frame("inbox", rows),
            contact_tags=tags,
            tags=_named(self._tags.texts, self._tag_names),
            inboxes=_texts(
                id=inboxes,
                name=[name for name, _, _ in facts],
                channel=[channel for _, channel, _ in facts],
                status=[status for _, _, status in facts],
            ),
            agents=_named(self._assignee.texts, self._agent_names),
            teams=_named(self._team.texts, self._team_names),
        )

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
        self._source.extend([source for _, source in found])

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
        return links, rows

    def _understand(self, said: _Said) -> tuple[str | None, str | None]:
        """The id and the channel of an inbox, whose other facts are noted."""
        link_id, link_channel, own_id, name, own_channel, status = said
        own_channel = _lower(own_channel)
        channel = _lower(link_channel) or own_channel
        inbox = _clean(link_id) or _clean(own_id)
        facts = _clean(name), own_channel or channel, _lower(status)
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
        times, unreadable = _parse_columns(
            (tuple(TIMES), list(map(_times_of_contact, contacts))),
            ((*CONVERSATION_TIMES, "archived"), list(map(_times_of_conversation, conversations))),
            (("last_incoming",), [(link.last_incoming_message_at,) for link in links]),
        )
        messages = times["last_incoming"].view("int64")
        latest = np.full(len(contacts), _NAT)
        np.maximum.at(latest, rows, messages)  # NaT is the lowest of all numbers
        times["last_incoming"] = latest
        # When a conversation was archived is in no number; whether it was takes an eighth of that.
        self._flags["archived"].extend((~np.isnat(times.pop("archived"))).tobytes())
        for name, column in times.items():
            self._times[name].frombytes(column.view("int64").tobytes())
        for name, count in unreadable.items():
            self.unreadable[_FIELDS[name]] += count


def _camel(attribute: str) -> str:
    head, *rest = attribute.split("_")
    return head + "".join(map(str.title, rest))


_FIELDS = (
    {name: _camel(attribute) for name, attribute in TIMES.items()}
    | {name: f"conversation.{_camel(attribute)}" for name, attribute in CONVERSATION_TIMES.items()}
    | {"archived": "conversation.archivedAt"}
    | {"last_incoming": "contactInboxes.lastIncomingMessageAt"}
)
"""What the API calls the times."""

_NO_CONVERSATION = Conversation()
_NO_INBOX = Inbox()
_said_of_inbox = attrgetter("id", "name", "channel", "status")


def _clean(text: str | None) -> str | None:
    """Trimmed; None for blank."""
    return (text.strip() or None) if text is not None else None


def _lower(text: str | None) -> str | None:
    return (text.strip().lower() or None) if text is not None else None


def _is_told(name: str | None) -> bool:
    return name is not None and name != "" and not name.isspace()


def _remember(names: _Names, said: _Names) -> None:
    """Keeps the names said last."""
    for key, name in said.items():
        names[_clean(key)] = _clean(name)


_times_of_contact = attrgetter(*TIMES.values())
_times_of_conversation = attrgetter(*CONVERSATION_TIMES.values(), "archived_at")


def _parse_columns(
    *tables: tuple[tuple[str, ...], list[tuple[str | None, ...]]],
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Like `parse_times`, all columns at once, of tables given as names and rows; of unreadable
    ones only those that have some."""
    try:
        flat = _parse([*chain.from_iterable(chain.from_iterable(rows for _, rows in tables))])
    except pa.ArrowInvalid:
        parsed = {
            name: parse_times([row[place] for row in rows])
            for names, rows in tables
            for place, name in enumerate(names)
        }
        return (
            {name: times for name, (times, _) in parsed.items()},
            {name: unreadable for name, (_, unreadable) in parsed.items() if unreadable},
        )
    ends = accumulate(len(names) * len(rows) for names, rows in tables)
    return {
        name: flat[end - len(names) * len(rows) + place : end : len(names)]
        for (names, rows), end in zip(tables, ends, strict=True)
        for place, name in enumerate(names)
    }, {}


def _stamps(times: "array[int]") -> np.ndarray:
    return np.frombuffer(times, dtype="datetime64[us]")


def _texts(**columns: list[str] | list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(texts, dtype="str") for name, texts in columns.items()})


def _named(ids: Iterable[str], names: _Names) -> pd.DataFrame:
    ordered = sorted(ids)
    return _texts(id=ordered, name=[names.get(each) for each in ordered])


def _how_many(pairs: pd.DataFrame, contacts: int) -> np.ndarray:
    return np.bincount(pairs["contact"], minlength=contacts).astype(np.uint16)


def _latest_of_each(ids: np.ndarray, updated: np.ndarray) -> np.ndarray:
    """The row numbers that remain when each id keeps the row updated last, then read last."""
    order = np.lexsort((updated.view("int64"), ids))  # stable: of equals, the later read is last
    in_order = ids[order]
    is_last = np.append(in_order[1:] != in_order[:-1], True)[: len(ids)]
    return order[is_last]


class _Ids:
    """Ids as int64 while they all are plain numbers; as text for the whole column otherwise."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []
        self._kind = pa.int64()

    def extend(self, ids: Sequence[str | None]) -> None:
        texts = pa.array(ids, pa.string())
        if self._kind == pa.int64():
            try:
                numbers = texts.cast(pa.int64())
            except pa.ArrowInvalid:
                numbers = None
            # 007 and 7 are two ids, so only what comes back unchanged may become a number.
            if numbers is not None and numbers.cast(pa.string()).equals(texts):
                self._parts.append(numbers)
                return
            self._kind = pa.string()
            self._parts = [part.cast(pa.string()) for part in self._parts]
        self._parts.append(texts)

    @property
    def _joined(self) -> pa.ChunkedArray:
        return pa.chunked_array(self._parts, self._kind)

    def ranks(self) -> np.ndarray:
        """Numbers that order and tell apart the ids; none is missing."""
        if self._kind == pa.int64():
            return self._joined.to_numpy()
        return np.unique(
            self._joined.to_numpy().astype(np.dtypes.StringDType()), return_inverse=True
        )[1]

    def kept(self, rows: np.ndarray) -> object:
        """The ids of the given rows, none of which is missing, as int64 or text."""
        ids = self._joined.to_numpy()[rows]
        return ids if self._kind == pa.int64() else pd.array(ids, dtype="str")

    def kept_or_missing(self, rows: np.ndarray) -> object:
        """The ids of the given rows as nullable Int64 or text."""
        joined = self._joined
        if self._kind != pa.int64():
            return pd.array(joined.to_numpy()[rows], dtype="str")
        missing = joined.is_null().to_numpy()[rows]
        return pd.arrays.IntegerArray(joined.fill_null(0).to_numpy()[rows], missing)


class _Numbers(dict[str | None, int]):
    """Numbers texts as they come; what is the same when trimmed has one number, nothing has -1."""

    def __init__(self) -> None:
        super().__init__({None: -1})
        self.texts: list[str] = []

    def __missing__(self, text: str) -> int:
        word = _clean(text)
        if word == text:
            self[text] = len(self.texts)
            self.texts.append(text)
        else:
            self[text] = self[word]
        return self[text]


class _Codes:
    """A column of texts that repeat, trimmed and held as numbers."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._codes = array("i")

    @property
    def texts(self) -> list[str]:
        """Each text of the column once."""
        return self._numbers.texts

    def extend(self, texts: list[str | None]) -> None:
        self._codes.extend(map(self._numbers.__getitem__, texts))

    def categorical(self, rows: np.ndarray | None = None) -> pd.Categorical:
        """The texts of the given rows, or of all. Categories are those that occur, sorted: what
        came first, or came and was not kept, does not show."""
        codes = np.frombuffer(self._codes, dtype=np.int32)
        if rows is not None:
            codes = codes[rows]
        used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
        ordered = sorted((self.texts[code], code) for code in used)
        rank = np.full(len(self.texts) + 1, -1, dtype=np.min_scalar_type(-len(ordered) - 1))
        rank[[code for _, code in ordered]] = np.arange(len(ordered))
        categories = pd.Index([text for text, _ in ordered], dtype="str")
        return pd.Categorical.from_codes(rank[codes], categories=categories)


class _Pairs:
    """Rows and texts, many to many."""

    def __init__(self) -> None:
        self._rows = array("i")
        self._column = _Codes()

    @property
    def texts(self) -> list[str]:
        """Each text once."""
        return self._column.texts

    def extend(self, rows: list[int], texts: list[str | None]) -> None:
        self._rows.extend(rows)
        self._column.extend(texts)

    def frame(self, name: str, rows: np.ndarray) -> pd.DataFrame:
        """Columns contact and `name`: each pair once, where the contact's new number in `rows` is
        not -1 and there is a text."""
        contact = rows[np.frombuffer(self._rows, dtype=np.int32)]
        kept = np.flatnonzero(contact >= 0)
        texts = self._column.categorical(kept)
        width = len(texts.categories) + 1
        pairs = np.sort(contact[kept].astype(np.int64) * width + texts.codes + 1)
        is_first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
        pairs = pairs[is_first & (pairs % width > 0)]
        codes = pd.Categorical.from_codes(pairs % width - 1, categories=texts.categories)
        return pd.DataFrame({"contact": (pairs // width).astype(np.int32), name: codes})
