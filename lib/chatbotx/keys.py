"""Creation times as keys of the walk: parsing, formatting and searching within a sorted page."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.chatbotx.schema import Answer, Contact


class NotInOrder(Exception):
    """An answer is not sorted or filtered as requested, so this server cannot be walked by key."""


SECOND, MINUTE = 1000, 60_000
"""In milliseconds. Servers since November truncate the time in a filter to the second."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_USUAL = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)+")
_USUAL_LENGTH = 24

LAST_INSTANT = 253_402_300_799_999
"""The last millisecond of the year 9999, the largest time Python can represent."""

BEFORE_ALL, AFTER_ALL = "", "~"
"""Strings that sort before and after every time."""


def instant_of(text: str) -> int:
    """Milliseconds since 1970 (UTC) of an ISO 8601 time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MILLISECOND


def as_text(instant: int) -> str:
    """The time as the API writes it: ISO 8601 in UTC with milliseconds, sortable as text."""
    text = (EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment_of(instant: int) -> datetime:
    return EPOCH + instant * _MILLISECOND


def floor(instant: int, grain: int) -> int:
    """The instant rounded down to a multiple of `grain` milliseconds."""
    return instant // grain * grain


def _key(text: str) -> int:
    """Like `instant_of`, for a contact from which the walk must continue. Raises NotInOrder."""
    try:
        return instant_of(text)
    except ValueError:
        raise NotInOrder from None


def keys_of(contacts: list[Contact], before: str) -> tuple[list[str], int]:
    """The `createdAt` of each contact as text, and how many leading ones were unreadable.

    The server sorted the contacts, so an unreadable time is replaced by that of the previous
    contact, and unreadable ones at the start by `before`.
    """
    texts = [contact.created_at or "" for contact in contacts]
    if {len(text) for text in texts} == {_USUAL_LENGTH} and _USUAL.fullmatch("".join(texts)):
        return texts, 0
    keys: list[str] = []
    unknown = 0
    for index, text in enumerate(texts):
        try:
            before = as_text(instant_of(text))
        except (ValueError, OverflowError):
            unknown += unknown == index
        keys.append(before)
    return keys, unknown


@dataclass(frozen=True)
class KeyedPage:
    """An answer in order, oldest first, with the `createdAt` of each contact as text.

    The first `unknown` contacts have no readable time; their keys only repeat the bound that was
    requested.
    """

    answer: Answer
    keys: list[str]
    unknown: int = 0

    @property
    def received(self) -> int:
        return len(self.keys)

    @property
    def first(self) -> int:
        """The `createdAt` of the first contact in ms. Raises NotInOrder if unreadable."""
        return _key(self.keys[0])

    @property
    def last(self) -> int:
        """The `createdAt` of the last contact in ms. Raises NotInOrder if unreadable."""
        return _key(self.keys[-1])

    @property
    def identities(self) -> list[tuple[str | None, str | None]]:
        return [(contact.id, contact.created_at) for contact in self.answer.contacts]

    def before(self, instant: int) -> range:
        """Indices of the contacts created before `instant`."""
        return range(bisect_left(self.keys, as_text(instant)))

    def up_to(self, instant: int) -> range:
        """Indices of the contacts created at or before `instant`."""
        return range(bisect_right(self.keys, as_text(instant)))

    def since(self, instant: int) -> range:
        """Indices of the contacts created at or after `instant`."""
        return range(bisect_left(self.keys, as_text(instant)), self.received)

    def after(self, instant: int) -> range:
        """Indices of the contacts created after `instant`."""
        return range(bisect_right(self.keys, as_text(instant)), self.received)
