"""Contacts → columns. Answers become columns as they arrive; the JSON of a crawl is never held.

A `TableBuilder` takes contacts page by page and makes `Tables`, what a snapshot holds. Personal data
has ended before, in `lib.chatbotx.schema`.
"""

from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lib import countries
from lib.chatbotx.schema import Contact, Conversation, Inbox

CHUNK = 4096
"""Contacts that are held as objects before they become columns."""

TIMES = {
    "created": "created_at",
    "updated": "updated_at",
    "subscribed": "subscribed_at",
    "broadcast": "broadcast_subscribed_at",
    "blocked": "blocked_at",
}
CONVERSATION_TIMES = {
    "archived": "archived_at",
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
)


@dataclass(frozen=True)
class Tables:
    """A workspace as columns, read-only and shared. Times are UTC, repeated text is categorical.

    contacts: a row per contact, in the order of `created`, `id`:
        id; created, updated, subscribed, broadcast, blocked: times, NaT for never;
        channels, tags: how many of them it has;
        country: alpha-2 or `unknown`; country_source; has_email, has_phone, has_timezone,
        has_locale, email_opt_in, email_verified: flags;
        has_conversation; conversation: its id, missing for none; bot_enabled (True where not said),
        followed; archived, last_activity, contact_replied, admin_replied, agent_read: times;
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
        return _Selection(self, np.asarray(mask, dtype=np.bool_))


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
        column = pa.array(texts, pa.string()).cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        blank = [text.strip() or None if text is not None else None for text in texts]
        times = pd.to_datetime(
            pd.Series(blank, dtype="str"), format="ISO8601", utc=True, errors="coerce"
        )
        unreadable = sum(text is not None for text in blank) - int(times.notna().sum())
        return times.dt.tz_localize(None).to_numpy("datetime64[us]"), unreadable
    nat = np.datetime64("NaT", "us").astype("int64")
    return column.cast(pa.int64()).fill_null(int(nat)).to_numpy().view("datetime64[us]"), 0


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
        self._ids = _Ids()
        self._conversations = _Ids()
        self._times: dict[str, list[np.ndarray]] = {
            name: [] for name in (*TIMES, *CONVERSATION_TIMES, "last_incoming")
        }
        self._flags: dict[str, bytearray] = {name: bytearray() for name in FLAGS}
        self._country, self._source = _Codes(), _Codes()
        self._assignee, self._team = _Codes(), _Codes()
        self._channels, self._inboxes, self._tags = _Pairs(), _Pairs(), _Pairs()
        self._tag_names: dict[str, str | None] = {}
        self._inbox_facts: dict[str, tuple[str | None, str | None, str | None]] = {}
        self._agent_names: dict[str, str | None] = {}
        self._team_names: dict[str, str | None] = {}

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
        ids = self._ids.column()
        kept = _latest_of_each(ids, _joined(self._times["updated"]), self._rows)
        created = _joined(self._times["created"])[kept]
        kept = kept[np.lexsort((ids[kept], created))]
        rows = np.full(self._rows, -1, dtype=np.int32)
        rows[kept] = np.arange(len(kept), dtype=np.int32)

        columns: dict[str, object] = {"id": ids[kept]}
        for name in (*TIMES, "last_incoming", *CONVERSATION_TIMES):
            stamps = _joined(self._times.pop(name))[kept]
            columns[name] = pd.DatetimeIndex(stamps).tz_localize("UTC")
        for name in FLAGS:
            columns[name] = np.frombuffer(self._flags.pop(name), dtype=np.bool_)[kept]
        channels = self._channels.frame("channel", rows)
        tags_of = self._tags.frame("tag", rows)
        columns["channels"] = _how_many(channels, len(kept))
        columns["tags"] = _how_many(tags_of, len(kept))
        columns["conversation"] = self._conversations.nullable_column(kept)
        columns["country"] = self._country.categorical(kept)
        columns["country_source"] = self._source.categorical(kept)
        columns["assignee"] = self._assignee.categorical(kept)
        columns["team"] = self._team.categorical(kept)
        tags, inboxes = sorted(self._tag_names), sorted(self._inbox_facts)
        facts = [self._inbox_facts[inbox] for inbox in inboxes]
        return Tables(
            contacts=pd.DataFrame(columns),
            contact_channels=channels,
            contact_inboxes=self._inboxes.frame("inbox", rows),
            contact_tags=tags_of,
            tags=_texts(id=tags, name=[self._tag_names[tag] for tag in tags]),
            inboxes=_texts(
                id=inboxes,
                name=[name for name, _, _ in facts],
                channel=[channel for _, channel, _ in facts],
                status=[status for _, _, status in facts],
            ),
            agents=_names(self._agent_names),
            teams=_names(self._team_names),
        )

    def _add_columns(self, contacts: list[Contact]) -> None:
        """Turns a chunk into columns, one column at a time."""
        conversations = [contact.conversation or _NO_CONVERSATION for contact in contacts]
        self._ids.extend([contact.id for contact in contacts])
        self._conversations.extend([_clean(each.id) for each in conversations])
        for name, attribute in TIMES.items():
            self._add_times(name, attribute, [getattr(each, attribute) for each in contacts])
        for name, attribute in CONVERSATION_TIMES.items():
            times = [getattr(each, attribute) for each in conversations]
            self._add_times(name, f"conversation.{attribute}", times)
        for name, values in {
            "has_email": [each.email is not None and each.email.is_address for each in contacts],
            "has_phone": [
                each.phone_number is not None and each.phone_number.is_number for each in contacts
            ],
            "has_timezone": [_clean(each.timezone) is not None for each in contacts],
            "has_locale": [_clean(each.locale) is not None for each in contacts],
            "email_opt_in": [each.email_opt_in is True for each in contacts],
            "email_verified": [each.email_verified is True for each in contacts],
            "has_conversation": [each.conversation is not None for each in contacts],
            "bot_enabled": [each.bot_enabled is not False for each in conversations],
            "followed": [each.followed is True for each in conversations],
        }.items():
            self._flags[name].extend(values)
        for contact in contacts:
            phone = contact.phone_number
            country, source = countries.country_of(
                contact.country,
                phone.country if phone is not None else None,
                contact.timezone,
                contact.locale,
            )
            self._country.append(country)
            self._source.append(source)
        self._add_assignments(conversations)
        self._add_tags(contacts)
        self._add_inboxes(contacts)
        if self.workspace_id is None:
            self.workspace_id = next((each.workspace_id for each in contacts), None)
        self._rows += len(contacts)

    def _add_times(self, name: str, attribute: str, texts: list[str | None]) -> None:
        times, unreadable = parse_times(texts)
        self._times[name].append(times)
        if unreadable:
            self.unreadable[_camel(attribute)] += unreadable

    def _add_assignments(self, conversations: list[Conversation]) -> None:
        for each in conversations:
            assignee, team = _clean(each.assigned_user_id), _clean(each.assigned_inbox_team_id)
            self._assignee.append(assignee)
            self._team.append(team)
            if assignee is not None:
                user = each.assigned_user
                _remember(self._agent_names, assignee, user.name if user is not None else None)
            if team is not None:
                its = each.assigned_inbox_team
                _remember(self._team_names, team, its.name if its is not None else None)

    def _add_tags(self, contacts: list[Contact]) -> None:
        for row, contact in enumerate(contacts, self._rows):
            if not contact.tags:
                continue
            tags = set()
            for tag in contact.tags:
                if tag.deleted_at is None and (tag_id := _clean(tag.id)) is not None:
                    tags.add(tag_id)
                    _remember(self._tag_names, tag_id, tag.name)
            self._tags.extend(row, tags)

    def _add_inboxes(self, contacts: list[Contact]) -> None:
        latest: list[str | None] = []
        for row, contact in enumerate(contacts, self._rows):
            messages = []
            channels, inboxes = set(), set()
            for link in contact.contact_inboxes or ():
                inbox = link.inbox or _NO_INBOX
                own_channel = _lower(inbox.channel)
                if (channel := _lower(link.channel) or own_channel) is not None:
                    channels.add(channel)
                if (inbox_id := _clean(link.inbox_id) or _clean(inbox.id)) is not None:
                    inboxes.add(inbox_id)
                    if link.inbox is not None or inbox_id not in self._inbox_facts:
                        self._inbox_facts[inbox_id] = (
                            _clean(inbox.name),
                            own_channel or channel,
                            _lower(inbox.status),
                        )
                if link.last_incoming_message_at is not None:
                    messages.append(link.last_incoming_message_at)
            self._channels.extend(row, channels)
            self._inboxes.extend(row, inboxes)
            latest.append(_latest(messages))
        self._add_times("last_incoming", "contact_inboxes.last_incoming_message_at", latest)


_NO_CONVERSATION = Conversation()
_NO_INBOX = Inbox()


def _clean(text: str | None) -> str | None:
    """Trimmed; None for blank."""
    return (text.strip() or None) if text is not None else None


def _lower(text: str | None) -> str | None:
    return (text.strip().lower() or None) if text is not None else None


def _remember(names: dict[str, str | None], key: str, name: str | None) -> None:
    """Keeps the name seen last; a missing one does not displace one that is known."""
    if (name := _clean(name)) is not None or key not in names:
        names[key] = name


def _latest(times: list[str]) -> str | None:
    """The latest of several times; text that is no time loses."""
    if not times:
        return None
    if all(len(text) == len(times[0]) and text[-1:] == "Z" for text in times):
        return max(times)
    parsed, _ = parse_times(times)
    parsed = np.where(np.isnat(parsed), np.datetime64(-(2**62), "us"), parsed)
    return times[int(np.argmax(parsed))]


def _camel(attribute: str) -> str:
    head, *rest = attribute.split("_")
    return head + "".join(part.title() if "." not in part else _camel(part) for part in rest)


def _texts(**columns: list[str] | list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(texts, dtype="str") for name, texts in columns.items()})


def _names(names: dict[str, str | None]) -> pd.DataFrame:
    ids = sorted(names)
    return _texts(id=ids, name=[names[each] for each in ids])


def _how_many(pairs: pd.DataFrame, contacts: int) -> np.ndarray:
    return np.bincount(pairs["contact"], minlength=contacts).astype(np.uint16)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.array([], dtype="datetime64[us]")


def _latest_of_each(ids: np.ndarray, updated: np.ndarray, rows: int) -> np.ndarray:
    """The row numbers that remain when each id keeps the row updated last, then read last."""
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    if rows < 2 or not (in_order[1:] == in_order[:-1]).any():
        return np.arange(rows)
    order = np.lexsort((np.arange(rows), updated.view("int64"), ids))
    in_order = ids[order]
    is_last = np.append(in_order[1:] != in_order[:-1], True)
    return np.sort(order[is_last])


class _Ids:
    """Ids as int64 while they all are plain numbers; as text for the whole column otherwise."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []
        self._numeric = True

    def extend(self, ids: Sequence[str | None]) -> None:
        texts = pa.array(ids, pa.string())
        if self._numeric:
            try:
                numbers = texts.cast(pa.int64())
            except pa.ArrowInvalid:
                self._numeric = False
            else:
                # 007 and 7 are two ids, so only what comes back unchanged may become a number.
                if numbers.cast(pa.string()).equals(texts):
                    self._parts.append(numbers)
                    return
                self._numeric = False
            self._parts = [part.cast(pa.string()) for part in self._parts]
        self._parts.append(texts)

    def column(self) -> np.ndarray:
        """The ids as int64, or as objects of text; none is missing."""
        kind = pa.int64() if self._numeric else pa.string()
        joined = pa.chunked_array(self._parts, kind)
        return joined.to_numpy() if self._numeric else joined.to_numpy().astype(object)

    def nullable_column(self, rows: np.ndarray) -> object:
        """The ids of the given rows as nullable Int64 or text."""
        kind = pa.int64() if self._numeric else pa.string()
        joined = pa.chunked_array(self._parts, kind)
        if not self._numeric:
            return pd.array(joined.to_numpy()[rows], dtype="str")
        missing = joined.is_null().to_numpy()[rows]
        return pd.arrays.IntegerArray(joined.fill_null(0).to_numpy()[rows], missing)


class _Codes:
    """A column of texts that repeat, held as numbers; -1 for none."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.codes = array("i")

    def append(self, text: str | None) -> None:
        if text is None:
            self.codes.append(-1)
        else:
            self.codes.append(self.numbers.setdefault(text, len(self.numbers)))

    def categorical(self, rows: np.ndarray) -> pd.Categorical:
        """The texts of the given rows. Categories are sorted: the order of arrival does not show."""
        ordered = sorted(self.numbers)
        rank = np.full(len(ordered) + 1, -1, dtype=np.min_scalar_type(-len(ordered) - 1))
        rank[[self.numbers[text] for text in ordered]] = np.arange(len(ordered))
        codes = rank[np.frombuffer(self.codes, dtype=np.int32)[rows]]
        categories = pd.Index(ordered, dtype="str")
        return pd.Categorical.from_codes(codes, categories=categories)


class _Pairs:
    """Rows and texts, many to many."""

    def __init__(self) -> None:
        self._rows = array("i")
        self._texts = _Codes()

    def extend(self, row: int, texts: set[str]) -> None:
        for text in texts:
            self._rows.append(row)
            self._texts.append(text)

    def frame(self, name: str, rows: np.ndarray) -> pd.DataFrame:
        """Columns contact and `name`, for the contacts whose new number in `rows` is not -1."""
        contact = rows[np.frombuffer(self._rows, dtype=np.int32)]
        codes = self._texts.categorical(np.arange(len(contact)))
        order = np.lexsort((codes.codes, contact))
        order = order[contact[order] >= 0]
        return pd.DataFrame({"contact": contact[order], name: codes[order]})
