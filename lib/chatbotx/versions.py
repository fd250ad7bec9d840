"""Whether a contact that comes again is the same as before, without keeping either."""

from collections.abc import Iterable
from typing import Any

import msgspec

from lib.chatbotx.schema import Contact, Email, Phone

Versions = dict[str, int]
"""The fingerprint of each contact by id."""


def _reduced(value: Any) -> Any:
    if isinstance(value, Phone):
        return value.is_number, value.country
    if isinstance(value, Email):
        return value.is_address
    raise TypeError(f"{type(value).__name__} is no part of a contact")


_encode = msgspec.msgpack.Encoder(enc_hook=_reduced).encode


def fingerprint(contact: Contact) -> int:
    """A number that differs between contacts that differ in anything that is kept of them, but for
    the order of tags and inboxes, which servers do not promise. Holds for this process only."""
    tags, inboxes = contact.tags, contact.contact_inboxes
    contact.tags = contact.contact_inboxes = None
    try:
        itself = hash(_encode(contact))
    finally:
        contact.tags, contact.contact_inboxes = tags, inboxes
    lists = [sum(hash(_encode(each)) for each in some or ()) for some in (tags, inboxes)]
    return hash((itself, *lists))


def news_of(
    contacts: list[Contact], rows: Iterable[int], known: Versions
) -> tuple[list[int], list[int]]:
    """Which of the contacts with an id in these `rows` are new, and which have changed since they
    were known. From then on they are known."""
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
