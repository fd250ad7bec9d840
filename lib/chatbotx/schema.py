"""The fields of a contact that are read. Personal data goes no further than this module.

A `Decoder` turns the body of an answer into `Contact`s. It reduces e-mail addresses and phone
numbers to what the metrics need. Names, avatars, notes, custom fields and the rest have no field
here, so the parser skips them.

Times stay text: `lib.store.builder` parses a whole column of them at once.
"""

import codecs
import json
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Union, cast, get_args, get_origin

import msgspec

from lib.reference.phone_numbers import phone_country


class Email:
    """What is kept of `email`: whether it is an address (metrics.md, "From a contact to a row")."""

    __slots__ = ("is_address",)

    def __init__(self, is_address: bool) -> None:
        self.is_address = is_address


class Phone:
    """What is kept of `phoneNumber`: whether it is a number, and its ISO 3166-1 alpha-2 code."""

    __slots__ = ("country", "is_number")

    def __init__(self, is_number: bool, country: str | None) -> None:
        self.is_number = is_number
        self.country = country


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """JSON keys are camelCase; unknown keys are skipped; missing ones are None."""


class Tag(_Wire):
    id: str | None = None
    name: str | None = None
    deleted_at: str | None = None


class Inbox(_Wire):
    id: str | None = None
    name: str | None = None
    channel: str | None = None
    status: str | None = None


class ContactInbox(_Wire):
    inbox_id: str | None = None
    channel: str | None = None
    last_incoming_message_at: str | None = None
    last_message_at: str | None = None
    source: str | None = None
    inbox: Inbox | None = None


class Named(_Wire):
    """An agent or a team; the display name is kept, since the workload page is about them."""

    id: str | None = None
    name: str | None = None


class Conversation(_Wire):
    id: str | None = None
    bot_enabled: bool | None = None
    bot_resume_at: str | None = None
    archived_at: str | None = None
    followed: bool | None = None
    assigned_user_id: str | None = None
    assigned_inbox_team_id: str | None = None
    assigned_user: Named | None = None
    assigned_inbox_team: Named | None = None
    last_activity_at: str | None = None
    contact_replied_at: str | None = None
    admin_replied_at: str | None = None
    agent_last_read_at: str | None = None


class Contact(_Wire):
    id: str | None = None
    workspace_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    subscribed_at: str | None = None
    broadcast_subscribed_at: str | None = None
    blocked_at: str | None = None
    email: Any = None
    phone_number: Any = None
    """`email` and `phone_number` are text on the wire, which the decoder replaces by an `Email` and
    a `Phone`. A msgspec hook for these two would take longer than half of all other fields."""
    email_verified: bool | None = None
    email_opt_in: bool | None = None
    country: str | None = None
    timezone: str | None = None
    locale: str | None = None
    tags: list[Tag] | None = None
    contact_inboxes: list[ContactInbox] | None = None
    conversation: Conversation | None = None


class _Body(_Wire):
    data: list[Contact]
    page_count: int | None = None
    total_count: int | None = None
    total_count_capped: bool | None = None


@dataclass(frozen=True)
class Answer:
    """One page of contacts in the server's order, including those without an id.

    `unreadable` maps a contact's index to the names of the fields whose values could not be read.
    `total_count` is None if the server gives no count or a capped one.
    """

    contacts: list[Contact]
    page_count: int | None = None
    total_count: int | None = None
    unreadable: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def received(self) -> int:
        return len(self.contacts)

    def only(self, rows: Sequence[int]) -> "Answer":
        """The same answer with only the contacts at the indices `rows`, in that order."""
        return Answer(
            [self.contacts[row] for row in rows],
            self.page_count,
            self.total_count,
            {new: self.unreadable[row] for new, row in enumerate(rows) if row in self.unreadable}
            if self.unreadable
            else {},
        )


class Garbled(ValueError):
    """The body is not JSON, or not an answer from this endpoint."""


class Decoder:
    """Decodes answers. `default_region` (ISO 3166-1 alpha-2) applies to phone numbers without a
    calling code. Thread-safe."""

    def __init__(self, default_region: str | None = None) -> None:
        self._default_region = default_region
        self._json = msgspec.json.Decoder(_Body)

    def __call__(self, body: bytes) -> Answer:
        """The contacts of an answer. Raises Garbled."""
        body = body.removeprefix(codecs.BOM_UTF8)
        try:
            answer = self._json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # These errors quote the body, which is personal data, so no reference may survive.
            answer = None
        if answer is None or not self._reduce(answer.data):
            return self._salvage(body)
        total = None if answer.total_count_capped else answer.total_count
        return Answer(answer.data, answer.page_count, total)

    def _reduce(self, contacts: list[Contact]) -> bool:
        """Replace personal data by what the metrics need; False if a value is not text."""
        for contact in contacts:
            if (text := contact.email) is not None:
                if type(text) is not str:
                    return False
                contact.email = _ADDRESS if _IS_ADDRESS(text.strip()) else _NO_ADDRESS
            if (text := contact.phone_number) is not None:
                if type(text) is not str:
                    return False
                contact.phone_number = self._phone(text)
        return True

    def _phone(self, text: str) -> Phone:
        country = phone_country(text, self._default_region)
        plain = text[1:].isdecimal() and len(text) > _LEAST_DIGITS
        is_number = plain or _HAS_SEVEN_DIGITS(text) is not None
        known = _PHONES.get((is_number, country))
        return known or _PHONES.setdefault((is_number, country), Phone(is_number, country))

    def _salvage(self, body: bytes) -> Answer:
        """Read field by field an answer that the typed decoder rejected. Raises Garbled.

        The standard parser also accepts what JavaScript servers do send and msgspec does not: lone
        surrogates, from names that were truncated in the middle of an emoji.
        """
        try:
            raw = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict) or not isinstance(raw.get("data"), list):
            raise Garbled("The body is not JSON, or holds no list of contacts.")
        contacts: list[Contact] = []
        unreadable: dict[int, tuple[str, ...]] = {}
        for item in raw["data"]:
            fields: list[str] = []
            contact = self._read(Contact, item, "", fields) or Contact()
            self._reduce([contact])
            if fields:
                unreadable[len(contacts)] = tuple(fields)
            contacts.append(contact)
        total = None if raw.get("totalCountCapped") is True else _count(raw.get("totalCount"))
        return Answer(contacts, _count(raw.get("pageCount")), total, unreadable)

    def _read(self, kind: Any, value: Any, path: str, unreadable: list[str]) -> Any:
        """Convert `value` to `kind`; if that fails, return None and add `path` to `unreadable`."""
        if value is None:
            return None
        if get_origin(kind) in (Union, types.UnionType):
            kind = next(option for option in get_args(kind) if option is not types.NoneType)
        if get_origin(kind) is list and isinstance(value, list):
            (item_kind,) = get_args(kind)
            items = (self._read(item_kind, item, path, unreadable) for item in value)
            return [item for item in items if item is not None]
        if isinstance(kind, type) and issubclass(kind, _Wire) and isinstance(value, dict):
            prefix = f"{path}." if path else ""
            return kind(
                **{
                    known.name: self._read(
                        known.type,
                        value.get(known.encode_name),
                        prefix + known.encode_name,
                        unreadable,
                    )
                    for known in msgspec.structs.fields(kind)
                }
            )
        # An id or name sent as a number is accepted; a time or a source is not.
        if kind is str and type(value) is int and path.lower().endswith(("id", "name")):
            return str(value)
        if isinstance(value, str) and kind in (str, Any):
            return value.encode("utf-8", "replace").decode()
        if kind is bool and isinstance(value, bool):
            return value
        unreadable.append(path or "contact")
        return None


# One `@`, something before it, a dotted domain after it, no white space.
_IS_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+").fullmatch
_LEAST_DIGITS = 7
_HAS_SEVEN_DIGITS = re.compile(r"(?:\D*\d){7}").match

_ADDRESS, _NO_ADDRESS = Email(True), Email(False)
_PHONES: dict[tuple[bool, str | None], Phone] = {}
"""Shared instances: there are only a few hundred combinations."""


def _count(value: object) -> int | None:
    return value if type(value) is int else None


def total_of(body: bytes) -> int:
    """The number in `{"total": n}`, the answer of the count endpoint. Raises Garbled."""
    try:
        total = json.loads(body.removeprefix(codecs.BOM_UTF8))["total"]
    except (ValueError, KeyError, TypeError, RecursionError):
        total = None
    if type(total) is not int or total < 0:
        raise Garbled("The body is not JSON, or holds no count.")
    return total


def error_code(body: bytes) -> str | None:
    """The `code` of an error body, such as INVALID_CHATBOT_TOKEN; None if it has none."""
    try:
        code = cast("dict[str, Any]", json.loads(body))["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return code if isinstance(code, str) else None
