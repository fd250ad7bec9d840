"""Detect contacts that come again with different contents, by fingerprints."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from lib.chatbotx.schema import Contact, Email, Phone

Versions = dict[str, int]
"""Fingerprint of each contact, by id."""


class Known(Protocol):
    """Access to fingerprints of contacts, by id."""

    def get(self, contact: str, /) -> int | None: ...

    def __setitem__(self, contact: str, version: int, /) -> None: ...


def _reduced(value: Any) -> Any:
    if isinstance(value, Phone):
        return value.is_number, value.country
    if isinstance(value, Email):
        return value.is_address
    raise TypeError(f"{type(value).__name__} is no part of a contact")


_encode = msgspec.msgpack.Encoder(enc_hook=_reduced).encode


def fingerprint(contact: Contact) -> int:
    """A hash of everything that is kept of a contact.

    It ignores the order of tags and inboxes, which servers do not guarantee. Valid only within this
    process, since Python salts its hashes.
    """
    tags, inboxes = contact.tags, contact.contact_inboxes
    contact.tags = contact.contact_inboxes = None
    try:
        itself = hash(_encode(contact))
    finally:
        contact.tags, contact.contact_inboxes = tags, inboxes
    lists = [sum(hash(_encode(each)) for each in some or ()) for some in (tags, inboxes)]
    return hash((itself, *lists))


def new_and_changed(
    contacts: list[Contact], rows: Iterable[int], known: Known
) -> tuple[list[int], list[int]]:
    """Split `rows` into those of new contacts and those of contacts changed since they were known.

    Contacts without an id are skipped. Updates `known`.
    """
    new, changed = [], []
    for row in rows:
        contact = contacts[row]
        if contact.id:
            version = fingerprint(contact)
            before = known.get(contact.id)
            if before is None:
                new.append(row)
            elif before != version:
                changed.append(row)
            known[contact.id] = version
    return new, changed
