"""Delivery record: each message is a row, and none is sent twice.

A row is committed as `begun` before anything leaves this machine, and as `done` after it was
accepted. An attempt that is known to have failed is repeated. One that began and never ended,
because the process was killed or the other side went silent, may have arrived: it is not repeated,
and the row says so.

    planned ──▶ begun ──▶ done
       ▲          │ ├───▶ unclear      never sent again
       │          ▼ └───▶ given up     refused for good, or failed too often
       └────── failed

All rows of a recipient and the state of its alerts form one document, so that a message and what it
reports are committed together or not at all.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lib.insights.alerts import Alert, Change
from lib.store.documents import Documents

log = logging.getLogger(__name__)

State = Literal["planned", "begun", "done", "failed", "unclear", "given up", "missed"]
Kind = Literal["digest", "alerts"]

LONGEST_SENDING = timedelta(minutes=5)
"""Attempts end long before this; an older one belongs to a dead process."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180))
"""Delays before the second attempt, the third, and so on; after the last one the message is given
up."""

KEPT = 200
KEPT_FOR = timedelta(days=90)

_MOST_ATTEMPTS = 50
"""Attempts to commit a change; each failure means that another process succeeded."""


@dataclass(frozen=True)
class Delivery:
    """One message to one recipient. Times are UTC. Only the host of the address is stored.

    `id` identifies the subject, so the same digest has the same `id` in every process. `outcome` is
    a sentence. `tells` holds the changes that an alert message reports; digests are composed when
    they are sent.
    """

    id: str
    kind: Kind
    host: str
    planned: datetime
    state: State = "planned"
    attempts: int = 0
    begun: datetime | None = None
    ended: datetime | None = None
    due: datetime | None = None
    outcome: str = ""
    tells: tuple[Change, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it may still be sent."""
        return self.state in ("planned", "failed")


@dataclass(frozen=True)
class Ledger:
    """Everything stored about one recipient. `planned_until` is the time up to which digests have
    been planned, `as_of` the time of the data that alerts were last judged by, `held` why alerts
    are held back."""

    deliveries: tuple[Delivery, ...] = ()
    alerts: dict[str, Alert] = field(default_factory=dict)
    planned_until: datetime | None = None
    as_of: datetime | None = None
    judged: datetime | None = None
    held: str = ""

    def delivery(self, key: str) -> Delivery | None:
        return next((each for each in self.deliveries if each.id == key), None)

    def with_delivery(self, delivery: Delivery) -> "Ledger":
        """The ledger with this row added, or replacing the one with its id."""
        if self.delivery(delivery.id) is None:
            return replace(self, deliveries=(*self.deliveries, delivery))
        rows = (delivery if each.id == delivery.id else each for each in self.deliveries)
        return replace(self, deliveries=tuple(rows))

    def begun_since(self, moment: datetime, now: datetime) -> int:
        """Number of messages begun since then. Those in the future count too: a wrong clock began
        them."""
        return sum(
            each.begun is not None and (each.begun >= moment or each.begun > now)
            for each in self.deliveries
        )


class Contended(Exception):
    """Other processes committed first every time."""


class Deliveries:
    """The ledger of one recipient, stored in `documents` under `key`."""

    def __init__(self, documents: Documents, key: str) -> None:
        self._documents = documents
        self._key = key

    def read(self) -> Ledger:
        """The stored ledger, or an empty one. Raises OSError."""
        return self._read()[0]

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Commit what `change` makes of the ledger, calling it again if another process committed
        first. Raises OSError or Contended."""
        for _ in range(_MOST_ATTEMPTS):
            before, version = self._read()
            after = change(before)
            if after == before:
                return before
            body = msgspec.json.encode(_trimmed(after))
            if self._documents.put(self._key, body, version):
                return after
        raise Contended

    def begin(self, delivery: Delivery, now: datetime) -> bool:
        """Commit that the delivery is being sent. False if it must not be, if another process sends
        it, or if it reports something else by now: the message has been written already."""
        is_ours = False

        def begin(ledger: Ledger) -> Ledger:
            nonlocal is_ours
            row = ledger.delivery(delivery.id)
            is_ours = (
                row is not None
                and row.is_open
                and (row.attempts, row.tells) == (delivery.attempts, delivery.tells)
            )
            if row is None or not is_ours:
                return ledger
            return ledger.with_delivery(
                replace(row, state="begun", begun=now, attempts=row.attempts + 1, due=None)
            )

        self.change(begin)
        return is_ours

    def end(self, delivery: Delivery, outcome: "Outcome", now: datetime) -> Delivery:
        """Commit the outcome of the attempt that `begin` committed; returns the row."""

        def end(ledger: Ledger) -> Ledger:
            row = ledger.delivery(delivery.id)
            # An attempt that was taken for dead may still report.
            is_waited_for = row is not None and row.state in ("begun", "unclear")
            if row is None or not is_waited_for or row.attempts != delivery.attempts + 1:
                return ledger
            return ledger.with_delivery(_ended(row, outcome, now))

        return self.change(end).delivery(delivery.id) or delivery

    def _read(self) -> tuple[Ledger, str | None]:
        found = self._documents.get(self._key)
        if found is None:
            return Ledger(), None
        body, version = found
        try:
            return msgspec.json.decode(body, type=Ledger), version
        except msgspec.MsgspecError as error:
            # Starting over might repeat messages.
            raise OSError("the record of deliveries is damaged") from error


@dataclass(frozen=True)
class Outcome:
    """Outcome of an attempt: a sentence without any address. `retry_after` is the delay that the
    other side asked for."""

    state: Literal["done", "failed", "unclear", "given up"]
    sentence: str
    retry_after: timedelta | None = None


def _ended(row: Delivery, outcome: Outcome, now: datetime) -> Delivery:
    """The row after an attempt; it is repeated only if it is known to have failed."""
    if outcome.state != "failed":
        return replace(row, state=outcome.state, ended=now, outcome=outcome.sentence)
    if row.attempts > len(PAUSES):
        sentence = f"{outcome.sentence} Given up after {row.attempts} attempts."
        return replace(row, state="given up", ended=now, outcome=sentence)
    asked = min(outcome.retry_after or timedelta(0), max(PAUSES))
    pause = max(PAUSES[row.attempts - 1], asked)
    return replace(row, state="failed", ended=now, due=now + pause, outcome=outcome.sentence)


UNCLEAR = (
    "It was begun, and nobody can tell whether it arrived: the process that sent it ended. It is "
    "not sent again."
)


def settle(ledger: Ledger, now: datetime) -> Ledger:
    """The ledger with deliveries closed whose process has died."""
    for each in ledger.deliveries:
        if each.state == "begun" and each.begun is not None:
            age = now - each.begun
            # One begun in the future was begun before the clock was set back.
            if age > LONGEST_SENDING or age < -LONGEST_SENDING:
                ledger = ledger.with_delivery(
                    replace(each, state="unclear", ended=now, outcome=UNCLEAR)
                )
    return ledger


def due(ledger: Ledger, now: datetime) -> list[Delivery]:
    """The rows to send now."""
    longest = max(PAUSES)
    return [
        each
        for each in ledger.deliveries
        # After the clock was set back nothing waits longer than the longest delay.
        if each.is_open and (each.due is None or each.due <= now or each.due > now + 2 * longest)
    ]


def _trimmed(ledger: Ledger) -> Ledger:
    """The ledger without old rows, except those that may still be sent."""
    rows = ledger.deliveries
    newest = max((each.planned for each in rows), default=None)
    kept: Iterable[Delivery] = (
        each
        for place, each in enumerate(rows)
        if each.is_open
        or each.state == "begun"
        or (len(rows) - place <= KEPT and newest is not None and newest - each.planned <= KEPT_FOR)
    )
    return replace(ledger, deliveries=tuple(kept))
