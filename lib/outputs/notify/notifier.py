"""What one recipient is written: judged, planned, and sent once, step by step.

Any number of processes may do this for the same recipient. Each step is committed to the ledger
before its effect, and a step that another process has done is not done again.
"""

import contextlib
import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lib.insights.alerts import Change, advance, changes, mark_told
from lib.insights.past import NothingRecorded, Past
from lib.insights.readings import Reading, reading_of
from lib.insights.rules import CLOCKS_DIFFER, Judged, is_old, judge
from lib.outputs import digest as digests
from lib.outputs.deliveries import (
    Deliveries,
    Delivery,
    Ledger,
    Outcome,
    due,
    settle,
)
from lib.outputs.message import Attachment, Message
from lib.outputs.notify import channels, schedule
from lib.outputs.notify.telling import telling
from lib.outputs.views import Named, SavedViews, ViewGone, nothing_saved, view_named
from lib.reference import formatting
from lib.reference.periods import midnight
from lib.settings import Settings
from lib.settings.notifications import Mail, Recipient
from lib.store.snapshot import Snapshot

log = logging.getLogger(__name__)

FRESH = timedelta(hours=1)
"""A digest waits that long after its time for data that is not old."""

MISSED_TOLD = 5
"""Digests that were missed in a row, each with a line of its own."""

Send = Callable[[Message, Recipient, str, datetime], Outcome]


class Notifier:
    """Writes to one recipient about its workspace. `clock` gives the time, UTC; `past` gives
    the record of the workspace, `saved` finds saved views, `send` is the channel."""

    def __init__(
        self,
        recipient: Recipient,
        settings: Settings,
        deliveries: Deliveries,
        *,
        dashboard: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        past: Callable[[], Past] = NothingRecorded,
        saved: SavedViews = nothing_saved,
        send: Send = channels.send,
    ) -> None:
        self.recipient = recipient
        self.deliveries = deliveries
        self._settings = settings
        self._dashboard = dashboard
        self._clock = clock
        self._past = past
        self._saved = saved
        self._send = send
        self._reading: Reading | None = None
        self._gone = ""

    def step(self, snapshot: Snapshot | None) -> None:
        """Judges the snapshot if it is new, plans what is to be sent, and sends what is due. Raises
        OSError if the ledger cannot be used: nothing is sent, then."""
        self.judge(snapshot)
        self.plan()
        self.send_due(snapshot)

    # Judging

    def judge(self, snapshot: Snapshot | None) -> None:
        if not self.recipient.alerts:
            return
        if snapshot is not None:
            self._read(snapshot)
        reading = self._reading
        if reading is None and not self._gone:
            return
        key = uuid.uuid4().hex

        def judged(ledger: Ledger) -> Ledger:
            # Asked after the ledger was read: to a process that was held up in between, what
            # others wrote meanwhile would come from the future.
            now = self._clock()
            if reading is not None and not _is_newer(ledger, reading, now):
                return ledger
            firing = frozenset(key for key, alert in ledger.alerts.items() if alert.firing)
            if reading is None:
                said = [Judged(key, "unknown") for key in ledger.alerts]
                alerts = advance(ledger.alerts, said, now)
                return replace(ledger, alerts=alerts)
            said = judge(self.recipient.alerts, reading, now, firing)
            at = now if is_old(self.recipient.alerts, reading, now) else reading.as_of
            alerts = advance(ledger.alerts, said, at)
            is_new = ledger.as_of != reading.as_of
            ledger = replace(
                ledger,
                alerts=alerts,
                as_of=reading.as_of,
                judged=now if is_new else ledger.judged,
            )
            return self._with_message(ledger, key, now)

        self.deliveries.change(judged)

    def _read(self, snapshot: Snapshot) -> None:
        """What the rules look at, once for each snapshot."""
        if self._reading is not None and self._reading.as_of == snapshot.as_of:
            return
        try:
            self._reading = reading_of(self._view(snapshot).view, self._past())
            self._gone = ""
        except ViewGone as error:
            self._reading, self._gone = None, str(error)

    def _with_message(self, ledger: Ledger, key: str, now: datetime) -> Ledger:
        """With a message of what is to be told: begun and told are committed together."""
        told = changes(ledger.alerts, now)
        held = self._held(ledger, now) if told else ""
        if not told or held:
            return replace(ledger, held=held)
        waiting = next(
            (each for each in ledger.deliveries if each.kind == "alerts" and each.is_open), None
        )
        if waiting is None:
            row = Delivery(f"alerts-{key}", "alerts", self.recipient.host, now, tells=tuple(told))
        else:
            row = _merged(waiting, told, now)
        alerts = mark_told(ledger.alerts, told)
        return replace(ledger.with_delivery(row), alerts=alerts, held="")

    def _held(self, ledger: Ledger, now: datetime) -> str:
        """Why alerts wait, as a sentence; empty if they do not."""
        quiet = self.recipient.quiet
        if quiet is not None and quiet.includes(self._local(now).time()):
            return f"Alerts wait until the quiet hours end at {quiet.end:%H:%M}."
        return self._over_limit(ledger, now)

    def _over_limit(self, ledger: Ledger, now: datetime) -> str:
        today = midnight(self._local(now).date(), self._settings.timezone)
        if ledger.begun_since(today, now) < self.recipient.per_day:
            return ""
        most = formatting.counted(self.recipient.per_day, "message")
        return f"What is to be told waits until tomorrow: {most} were sent today."

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self._settings.timezone))

    # Planning

    def plan(self) -> None:
        """Plans the digests whose time has come, and closes what was left open by a process that
        ended."""

        def planned(ledger: Ledger) -> Ledger:
            now = self._clock()
            return self._with_digests(settle(ledger, now), now)

        self.deliveries.change(planned)

    def _with_digests(self, ledger: Ledger, now: datetime) -> Ledger:
        if self.recipient.at is None:
            return ledger
        until = ledger.planned_until
        if until is None or until > now + timedelta(days=1):
            # The first time, or after a clock went wrong: nothing of before is made up for.
            return replace(ledger, planned_until=now)
        times = schedule.times_between(self.recipient.at, self._settings.timezone, until, now)
        for moment in times[-MISSED_TOLD - 1 :]:
            row = self.digest_of(moment)
            if ledger.delivery(row.id) is not None:
                continue
            if moment != times[-1] or now - moment > schedule.LATEST:
                row = replace(row, state="missed", ended=now, outcome=NOBODY_RAN)
            ledger = ledger.with_delivery(row)
        return replace(ledger, planned_until=times[-1]) if times else ledger

    def digest_of(self, moment: datetime) -> Delivery:
        """The row of the digest that is due at that moment: the same in every process."""
        return Delivery(
            f"digest-{moment.astimezone(UTC):%Y%m%dT%H%MZ}", "digest", self.recipient.host, moment
        )

    # Sending

    def send_due(self, snapshot: Snapshot | None) -> None:
        now = self._clock()
        for row in due(self.deliveries.read(), now):
            if row.kind == "digest":
                self._send_digest(row, snapshot, now)
            else:
                ledger = self.deliveries.read()
                if row.attempts or not self._over_limit(ledger, now):
                    self.send(row, lambda row=row: self._alerts(row, snapshot))  # type: ignore[misc]

    def _send_digest(self, row: Delivery, snapshot: Snapshot | None, now: datetime) -> None:
        age = now - row.planned
        over_limit = "" if row.attempts else self._over_limit(self.deliveries.read(), now)
        is_fresh = snapshot is not None and now - snapshot.as_of <= digests.OLD
        if not row.attempts and age > schedule.LATEST:
            self._miss(row, over_limit or NO_DATA, now)
        elif snapshot is not None and not over_limit and (is_fresh or age > FRESH):
            self.send(row, lambda: self.digest(snapshot, now))

    def _miss(self, row: Delivery, why: str, now: datetime) -> None:
        def miss(ledger: Ledger) -> Ledger:
            known = ledger.delivery(row.id)
            if known is None or known.state != "planned":
                return ledger
            return ledger.with_delivery(replace(known, state="missed", ended=now, outcome=why))

        self.deliveries.change(miss)

    def send(self, row: Delivery, write: Callable[[], Message]) -> Delivery:
        """Sends a row, unless another process does; gives it as it is then."""
        try:
            message: Message | None = write()
        except Exception:
            # The thread must live on, and the row says that it was not sent.
            log.exception("A message to “%s” could not be written", self.recipient.name)
            message = None
        if not self.deliveries.begin(row, self._clock()):
            return self.deliveries.read().delivery(row.id) or row
        if message is None:
            outcome = Outcome("failed", "It could not be written; the server's log says why.")
        else:
            outcome = self._send(message, self.recipient, self._message_id(row), self._clock())
        ended = self.deliveries.end(row, outcome, self._clock())
        log.info("%s to %s: %s", row.kind.capitalize(), row.host, ended.outcome)
        return ended

    def _message_id(self, row: Delivery) -> str:
        """Unlike that of any other recipient or dashboard, and the same at each attempt."""
        parts = self.recipient.name, repr(self._settings.store), repr(self._dashboard), row.host
        return f"{row.id}.{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"

    def digest(self, snapshot: Snapshot, now: datetime) -> Message:
        """The digest of the recipient's view."""
        ledger = self.deliveries.read()
        try:
            named = self._view(snapshot)
        except ViewGone as error:
            return digests.message(digests.gone(str(error), self._settings, self._dashboard))
        last = max(
            (
                each.planned
                for each in ledger.deliveries
                if each.kind == "digest" and each.state == "done"
            ),
            default=None,
        )
        written = digests.digest(
            named,
            self._settings,
            now=now,
            since=last,
            past=self._past(),
            dashboard=self._dashboard,
            alerts=ledger.alerts,
        )
        return digests.message(written, self._attached(written, named))

    def _attached(self, written: digests.Digest, named: Named) -> tuple[Attachment, ...]:
        channel = self.recipient.channel
        if not isinstance(channel, Mail) or not channel.attach:
            return ()
        # Imported here: only those pay for charts who want them in a mail.
        from lib.outputs.digest_page import attachment

        return (attachment(written, named.view),)

    def _alerts(self, row: Delivery, snapshot: Snapshot | None) -> Message:
        view = None
        if snapshot is not None:
            with contextlib.suppress(ViewGone):
                view = self._view(snapshot).view
        return telling(row.tells, self._settings, self._settings.timezone, view, self._dashboard)

    def _view(self, snapshot: Snapshot) -> Named:
        return view_named(self.recipient.view, snapshot, self._settings, self._saved)


NOBODY_RAN = "Not sent: no server ran at that time. A server that sleeps does not send."
NO_DATA = "Not sent: there was no data at that time."


def _is_newer(ledger: Ledger, reading: Reading, now: datetime) -> bool:
    """Whether nobody has judged later data; what comes from the future does not count."""
    if ledger.as_of is None or ledger.as_of > now + CLOCKS_DIFFER:
        return True
    return reading.as_of >= ledger.as_of


def _merged(waiting: Delivery, told: list[Change], now: datetime) -> Delivery:
    """A message that could not be sent yet, with what is new: what began and is over again by then
    is not told."""
    by_key = {each.key: each for each in waiting.tells}
    for change in told:
        before = by_key.pop(change.key, None)
        if before is None or before.began == change.began:
            by_key[change.key] = change
    if not by_key:
        return replace(
            waiting, state="given up", ended=now, tells=(), outcome="Over before it could be sent."
        )
    return replace(waiting, tells=tuple(by_key.values()))
