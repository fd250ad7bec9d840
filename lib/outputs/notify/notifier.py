"""Everything written to one recipient: judge, plan, send, each message once.

Any number of processes may do this for the same recipient. Each step is committed to the ledger
before it takes effect, so no process repeats a step that another has done.
"""

import contextlib
import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from lib.engines.errors import EngineError
from lib.insights.alerts import Change, advance, changes, mark_told
from lib.insights.past import NothingRecorded, Past
from lib.insights.readings import Reading, reading_of
from lib.insights.rules import CLOCK_SKEW, Judged, is_old, judge
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
from lib.outputs.notify.alert_message import alert_message
from lib.outputs.views import Named, SavedViews, ViewGone, nothing_saved, view_named
from lib.reference import formatting
from lib.reference.periods import midnight
from lib.settings import Settings
from lib.settings.notifications import Mail, Recipient
from lib.store.snapshot import Snapshot

log = logging.getLogger(__name__)

FRESH = timedelta(hours=1)
"""How long a due digest waits for fresh data."""

ASKED_AGAIN = timedelta(minutes=1)
"""How long an engine that gave no answer is not asked again: failing may take it as long."""

MISSED_SHOWN = 5
"""Missed digests that get a row each, after a long outage."""

Send = Callable[[Message, Recipient, str, datetime], Outcome]


class Notifier:
    """Writes to one recipient about its workspace.

    `clock` returns the time in UTC, `past` the workspace's history; `saved` finds saved views;
    `send` is the channel.
    """

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
        self._unanswered: datetime | None = None
        self._view_gone = ""

    def step(self, snapshot: Snapshot | None) -> None:
        """Judge a new snapshot, plan what is to be sent, and send what is due. Raises OSError if
        the ledger is unavailable; nothing is sent in that case."""
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
        if reading is None and not self._view_gone:
            return
        key = uuid.uuid4().hex

        def judged(ledger: Ledger) -> Ledger:
            # Read the clock after the ledger: for a process that was suspended in between, what
            # others wrote meanwhile would lie in the future.
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
        """Take the reading of a snapshot, once per snapshot. While an engine gives no answer, the
        last one stays, and grows old."""
        if self._reading is not None and self._reading.as_of == snapshot.as_of:
            return
        now, unanswered = self._clock(), self._unanswered
        if unanswered is not None and abs(now - unanswered) < ASKED_AGAIN:
            return
        try:
            self._reading = reading_of(self._view(snapshot).view, self._past())
            self._view_gone = ""
        except ViewGone as error:
            self._reading, self._view_gone, self._unanswered = None, str(error), None
        except EngineError as error:
            if unanswered is None:
                log.warning("Alerts to “%s” are not judged: %s", self.recipient.name, error)
            self._unanswered = now
        else:
            self._unanswered = None

    def _with_message(self, ledger: Ledger, key: str, now: datetime) -> Ledger:
        """The ledger with a message about unreported changes. The message and the alerts' `told`
        are committed together."""
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
        """Why alerts are held back, as a sentence; empty if they are not."""
        return self._quiet(now) or self._over_limit(ledger, now)

    def _quiet(self, now: datetime) -> str:
        quiet = self.recipient.quiet
        if quiet is not None and quiet.includes(self._local(now).time()):
            return f"Alerts wait until the quiet hours end at {quiet.end:%H:%M}."
        return ""

    def _over_limit(self, ledger: Ledger, now: datetime) -> str:
        today = midnight(self._local(now).date(), self._settings.timezone)
        if ledger.begun_since(today, now) < self.recipient.per_day:
            return ""
        most = formatting.counted(self.recipient.per_day, "message")
        return f"Messages wait until tomorrow: {most} were sent today."

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self._settings.timezone))

    # Planning

    def plan(self) -> None:
        """Plan the digests that are due, and close deliveries left open by a process that ended."""

        def planned(ledger: Ledger) -> Ledger:
            now = self._clock()
            return self._with_digests(settle(ledger, now), now)

        self.deliveries.change(planned)

    def _with_digests(self, ledger: Ledger, now: datetime) -> Ledger:
        if self.recipient.at is None:
            return ledger
        until = ledger.planned_until
        if until is None or until > now + timedelta(days=1):
            # First run, or a clock was wrong: do not catch up on earlier digests.
            return replace(ledger, planned_until=now)
        times = schedule.times_between(self.recipient.at, self._settings.timezone, until, now)
        for moment in times[-MISSED_SHOWN - 1 :]:
            row = self.digest_of(moment)
            if ledger.delivery(row.id) is not None:
                continue
            if moment != times[-1] or now - moment > schedule.LATEST:
                row = replace(row, state="missed", ended=now, outcome=NOBODY_RAN)
            ledger = ledger.with_delivery(row)
        return replace(ledger, planned_until=times[-1]) if times else ledger

    def digest_of(self, moment: datetime) -> Delivery:
        """The delivery of the digest due at that moment; identical in every process."""
        return Delivery(
            f"digest-{moment.astimezone(UTC):%Y%m%dT%H%MZ}", "digest", self.recipient.host, moment
        )

    # Sending

    def send_due(self, snapshot: Snapshot | None) -> None:
        now = self._clock()
        for row in due(self.deliveries.read(), now):
            if row.kind == "digest":
                self._send_digest(row, snapshot, now)
            elif not self._quiet(now):  # another attempt may be due in the night
                ledger = self.deliveries.read()
                if row.attempts or not self._over_limit(ledger, now):
                    self.send(row, partial(self._alerts, row, snapshot))

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
        """Send a delivery unless another process does; returns its state afterwards."""
        try:
            message: Message | None = write()
        except Exception:
            # Keep the thread alive; the delivery records that it was not sent.
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
        """A message ID, unique to this recipient and dashboard and the same for every attempt."""
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
        # Imported here so that only mails with attachments pay for the charts.
        from lib.outputs.digest_page import attachment

        return (attachment(written, named.view),)

    def _alerts(self, row: Delivery, snapshot: Snapshot | None) -> Message:
        view = None
        if snapshot is not None:
            # It is only for links.
            with contextlib.suppress(ViewGone, EngineError):
                view = self._view(snapshot).view
        return alert_message(
            row.tells, self._settings, self._settings.timezone, view, self._dashboard
        )

    def _view(self, snapshot: Snapshot) -> Named:
        history = self._past().history
        return view_named(self.recipient.view, snapshot, self._settings, self._saved, history)


NOBODY_RAN = "Not sent: no server ran at that time. A server that sleeps does not send."
NO_DATA = "Not sent: there was no data at that time."


def _is_newer(ledger: Ledger, reading: Reading, now: datetime) -> bool:
    """Whether the reading is at least as new as the data judged last; data from the future does not
    count."""
    if ledger.as_of is None or ledger.as_of > now + CLOCK_SKEW:
        return True
    return reading.as_of >= ledger.as_of


def _merged(waiting: Delivery, told: list[Change], now: datetime) -> Delivery:
    """A pending message updated with new changes. An alert that began and ended meanwhile is left
    out. If something joins it, earlier attempts no longer count: what is new has had none."""
    by_key = {each.key: each for each in waiting.tells}
    for change in told:
        before = by_key.pop(change.key, None)
        if before is None or before.began == change.began:
            by_key[change.key] = change
    if not by_key:
        return replace(
            waiting, state="given up", ended=now, tells=(), outcome="Over before it could be sent."
        )
    is_longer = not by_key.keys() <= {each.key for each in waiting.tells}
    # As after a first one: a limit of messages a day holds back only what has not been tried.
    attempts = min(waiting.attempts, 1) if is_longer else waiting.attempts
    return replace(waiting, tells=tuple(by_key.values()), attempts=attempts)
