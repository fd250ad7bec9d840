"""Times of creation as keys of the walk, and whether an answer is in their order."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.chatbotx.schema import Answer, Contact


class NotInOrder(Exception):
    """An answer is not sorted or filtered as it was asked for: no walk by key on this server."""


SECOND, MINUTE = 1000, 60_000
"""Milliseconds. Servers since November cut the time in a filter to its second."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_USUAL = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)+")
_USUAL_LENGTH = 24

LAST_INSTANT = 253_402_300_799_999
"""The last millisecond of the year 9999, after which there are no times."""

BEFORE_ALL, AFTER_ALL = "", "~"
"""Texts that sort before and after every time."""


def instant_of(text: str) -> int:
    """Milliseconds since 1970 of a time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MILLISECOND


def as_text(instant: int) -> str:
    """The time as the API writes it, which sorts like the time."""
    text = (EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment_of(instant: int) -> datetime:
    return EPOCH + instant * _MILLISECOND


def floor(instant: int, grain: int) -> int:
    """The beginning of the stretch of `grain` milliseconds that the instant lies in."""
    return instant // grain * grain


def _key(text: str) -> int:
    """Like `instant_of`, of a contact that a walk has to go on from. Raises NotInOrder."""
    try:
        return instant_of(text)
    except ValueError:
        raise NotInOrder from None


def keys_of(contacts: list[Contact], before: str) -> tuple[list[str], int]:
    """The `createdAt` of the contacts as the API writes times.

    One that cannot be read takes that of the contact before it, the first ones, which are counted,
    take `before`: the place that the server gave them says that much.
    """
    texts = [contact.created_at or "" for contact in contacts]
    if {len(text) for text in texts} == {_USUAL_LENGTH} and _USUAL.fullmatch("".join(texts)):
        return texts, 0
    keys: list[str] = []
    unknown = 0
    for place, text in enumerate(texts):
        try:
            before = as_text(instant_of(text))
        except (ValueError, OverflowError):
            unknown += unknown == place
        keys.append(before)
    return keys, unknown


@dataclass(frozen=True)
class KeyedPage:
    """An answer that is in order, oldest first, with the `createdAt` of each contact as text.

    Of so many `unknown` contacts, where the server began, it says no more than what was asked for.
    """

    answer: Answer
    keys: list[str]
    unknown: int = 0

    @property
    def received(self) -> int:
        return len(self.keys)

    @property
    def first(self) -> int:
        """The `createdAt` of the first contact. Raises NotInOrder if it cannot be read."""
        return _key(self.keys[0])

    @property
    def last(self) -> int:
        """The `createdAt` of the last contact. Raises NotInOrder if it cannot be read."""
        return _key(self.keys[-1])

    @property
    def identities(self) -> list[tuple[str | None, str | None]]:
        return [(contact.id, contact.created_at) for contact in self.answer.contacts]

    def before(self, instant: int) -> range:
        """The places of the contacts created earlier."""
        return range(bisect_left(self.keys, as_text(instant)))

    def up_to(self, instant: int) -> range:
        """The places of the contacts created earlier or then."""
        return range(bisect_right(self.keys, as_text(instant)))

    def since(self, instant: int) -> range:
        """The places of the contacts created then or later."""
        return range(bisect_left(self.keys, as_text(instant)), self.received)

    def after(self, instant: int) -> range:
        """The places of the contacts created later."""
        return range(bisect_right(self.keys, as_text(instant)), self.received)
