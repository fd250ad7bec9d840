"""Messages to one recipient: when, how often, and what the record says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from lib.engines.errors import EngineError
from lib.insights.alerts import Change
from lib.insights.past import NothingRecorded
from lib.insights.recorded_past import RecordedPast
from lib.outputs.deliveries import Deliveries, Delivery, Outcome
from lib.outputs.message import Message
from lib.outputs.notify.notifier import NOBODY_RAN, Notifier
from lib.settings import AlertRules, Chat, Mail, Quiet, Recipient, Settings
from lib.store.documents import LocalDocuments
from lib.store.snapshot import Snapshot
from tests.insights.test_changed import AS_OF as HISTORY_ENDS
from tests.insights.test_changed import steady
from tests.outputs.digesting import snapshot_of
from tests.workspaces import contact, conversation, in_inboxes, on, tagged

NOW = datetime(2026, 7, 1, 5, 59, tzinfo=UTC)
"""One minute before eight in Berlin, a Wednesday."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHANNEL = Chat("json://127.0.0.1/", "web hook", "127.0.0.1")
DONE = Outcome("done", "Taken.")


@dataclass
class World:
    """A notifier with its own clock and channel; `answers` are the channel's outcomes, the last of
    which repeats."""

    folder: Path
    recipient: Recipient
    now: datetime = NOW
    answers: list[Outcome] = field(default_factory=lambda: [DONE])
    sent: list[Message] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def notifier(self, **changes: object) -> Notifier:
        """Another process."""
        return Notifier(
            replace(self.recipient, **changes),  # type: ignore[arg-type]
            Settings(token="token", timezone="Europe/Berlin"),
            self.deliveries,
            dashboard="https://audience.example.com",
            clock=lambda: self.now,
            send=self.send,
        )

    def send(self, message: Message, _: Recipient, id_: str, now: datetime) -> Outcome:
        self.sent.append(message)
        self.ids.append(id_)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(LocalDocuments(self.folder), "boss")

    @property
    def rows(self) -> tuple[Delivery, ...]:
        return self.deliveries.read().deliveries

    def snapshot(self, waiting: int = 0) -> Snapshot:
        asked = self.now - HOUR
        contacts = [
            contact(
                on("whatsapp"), conversation(contactRepliedAt=asked.isoformat(), botEnabled=False)
            )
            for _ in range(waiting)
        ]
        return snapshot_of(contact(on("whatsapp")), *contacts, as_of=self.now)


MakeWorld = Callable[..., World]


@pytest.fixture
def world(tmp_path: Path) -> MakeWorld:
    def make(**recipient: object) -> World:
        return World(tmp_path, Recipient("boss", CHANNEL, **recipient))  # type: ignore[arg-type]

    return make


DAILY = {"at": "0 8 * * *"}
BACKLOG = {"alerts": AlertRules(backlog=2)}


def test_a_digest_comes_at_its_time_and_once(world: MakeWorld) -> None:
    here = world(**DAILY)
    notifier = here.notifier()
    notifier.step(here.snapshot())
    assert here.sent == []
    for _ in range(5):
        here.now += MINUTE
        notifier.step(here.snapshot())
    assert len(here.sent) == 1
    assert [each.state for each in here.rows] == ["done"]
    assert here.rows[0].planned == datetime(2026, 7, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("attach", [False, True])
def test_the_page_goes_with_a_mail_where_it_is_wished(world: MakeWorld, attach: bool) -> None:
    here = world(**DAILY)
    mail = Mail(("ana@example.com",), "smtp.example.com", 587, "starttls", "us@example.com")
    notifier = here.notifier(channel=replace(mail, attach=attach), view="period=7d")
    notifier.step(here.snapshot())
    here.now += MINUTE
    notifier.step(here.snapshot(waiting=1))
    (message,) = here.sent
    assert len(message.attachments) == attach
    for each in message.attachments:
        assert (each.name, each.kind) == ("audience-2026-06-25-2026-07-01.html", "text/html")
        page = each.data.decode()
        assert "Content-Security-Policy" in page
        assert "1 person waits for an answer right now." in page
        assert "New and lost contacts per day" in page
        assert "WhatsApp" in page


def test_two_processes_send_one_digest(world: MakeWorld) -> None:
    here = world(**DAILY)
    both = [here.notifier(), here.notifier()]
    for _ in range(3):
        for notifier in both:
            notifier.step(here.snapshot())
        here.now += MINUTE
    assert len(here.sent) == 1


def test_what_was_due_before_anybody_asked_for_digests_is_not_made_up_for(
    world: MakeWorld,
) -> None:
    here = world(**DAILY)
    here.now += 2 * HOUR
    here.notifier().step(here.snapshot())
    assert here.rows == ()


def test_a_server_that_slept_a_little_sends_late_and_one_that_slept_long_says_so(
    world: MakeWorld,
) -> None:
    here = world(**DAILY)
    here.notifier().step(here.snapshot())
    here.now += 2 * HOUR
    here.notifier().step(here.snapshot())
    assert len(here.sent) == 1
    here.now += 3 * DAY + 8 * HOUR
    here.notifier().step(here.snapshot())
    assert len(here.sent) == 1
    missed = here.rows[1:]
    assert [(each.state, each.outcome) for each in missed] == [("missed", NOBODY_RAN)] * 3


def test_a_clock_that_is_set_back_sends_no_digest_again(world: MakeWorld) -> None:
    here = world(**DAILY)
    notifier = here.notifier()
    notifier.step(here.snapshot())
    here.now += 2 * MINUTE
    notifier.step(here.snapshot())
    for back in (30 * MINUTE, HOUR, 2 * DAY):
        here.now -= back
        notifier.step(here.snapshot())
    for _ in range(60):
        here.now += HOUR
        notifier.step(here.snapshot())
    ids = [each.id for each in here.rows]
    assert len(ids) == len(set(ids))
    # One for each morning that has passed: the first, and the next when the clock gets there.
    assert len(here.sent) == len([each for each in here.rows if each.state == "done"])
    assert sum(each.id == "digest-20260701T0600Z" for each in here.rows) == 1


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)])  # fmt: skip  # noqa: E501
def test_a_digest_in_the_hour_that_the_clock_skips_or_repeats_comes_once(
    world: MakeWorld, day: datetime
) -> None:
    here = world(at="30 2 * * *")
    here.now = day
    notifier = here.notifier()
    for _ in range(24 * 4):
        notifier.step(here.snapshot())
        here.now += 15 * MINUTE
    assert len(here.sent) == 1


def test_a_digest_waits_for_data_that_is_not_old_and_then_says_how_old_it_is(
    world: MakeWorld,
) -> None:
    here = world(**DAILY)
    old = snapshot_of(contact(), as_of=NOW - 9 * HOUR)
    notifier = here.notifier()
    notifier.step(old)
    here.now += 30 * MINUTE
    notifier.step(old)
    assert here.sent == []
    here.now += 40 * MINUTE
    notifier.step(old)
    assert "10 h 10 min old" in here.sent[0].plain


def test_a_digest_of_which_there_is_no_data_is_missed_and_said(world: MakeWorld) -> None:
    here = world(**DAILY)
    notifier = here.notifier()
    for _ in range(5):
        notifier.step(None)
        here.now += HOUR
    (row,) = here.rows
    assert (row.state, row.outcome) == ("missed", "Not sent: there was no data at that time.")


def test_a_view_whose_tag_is_gone_is_said_and_shows_nobody_elses_numbers(world: MakeWorld) -> None:
    here = world(view="tag=601", **DAILY)
    notifier = here.notifier()
    notifier.step(here.snapshot())
    here.now += 2 * MINUTE
    notifier.step(here.snapshot(waiting=3))
    (sent,) = here.sent
    assert "This workspace has no tag “601”" in sent.plain
    assert "Contacts" not in sent.plain
    assert "wait" not in sent.plain


def test_a_digest_that_failed_is_tried_again_under_the_same_id(world: MakeWorld) -> None:
    here = world(**DAILY)
    here.answers = [Outcome("failed", "Down."), DONE]
    notifier = here.notifier()
    notifier.step(here.snapshot())
    for _ in range(6):
        here.now += MINUTE
        notifier.step(here.snapshot())
    assert len(here.sent) == 2
    assert len(set(here.ids)) == 1
    assert [(each.state, each.attempts) for each in here.rows] == [("done", 2)]


def test_a_digest_of_which_nobody_knows_whether_it_arrived_is_not_sent_again(
    world: MakeWorld,
) -> None:
    here = world(**DAILY)
    here.answers = [Outcome("unclear", "Silent."), DONE]
    notifier = here.notifier()
    for _ in range(600):
        notifier.step(here.snapshot())
        here.now += MINUTE
    assert len(here.sent) == 1
    assert here.rows[0].state == "unclear"


def test_a_digest_is_of_the_time_since_the_last_one(world: MakeWorld) -> None:
    here = world(**DAILY)
    notifier = here.notifier()
    notifier.step(here.snapshot())
    here.now += 2 * MINUTE
    notifier.step(here.snapshot())
    here.now += DAY
    notifier.step(here.snapshot())
    assert len(here.sent) == 2


def test_an_alert_is_told_when_it_begins_and_when_it_is_over(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    notifier = here.notifier()
    for waiting in (0, 3, 4, 5, 0, 0):
        notifier.step(here.snapshot(waiting))
        here.now += 15 * MINUTE
    assert [each.subject for each in here.sent] == [
        "Audience: 3 people wait for an answer",
        "Audience: Over: 5 people wait for an answer",
    ]
    assert "https://audience.example.com/workload?" in here.sent[0].plain


def test_a_full_stop_within_a_name_or_a_date_does_not_end_a_subject(
    world: MakeWorld, set_locale: Callable[[str], None]
) -> None:
    set_locale("de")
    here = world(view="from=2026-06-01&to=2026-06-14", **DAILY)
    here.notifier().step(here.snapshot())
    here.now += MINUTE
    here.notifier().step(here.snapshot())
    here.notifier(alerts=AlertRules(inbox_disconnected=True), at=None).step(
        snapshot_of(contact(in_inboxes(**{"St. Mary": "disconnected"})), as_of=here.now)
    )
    assert [each.subject for each in here.sent] == [
        "Audience: 0 new contacts from 1. Juni 2026 to 14. Juni 2026, as many as in the 14 days "
        "before",
        "Audience: The inbox “St. Mary” is not connected: nothing else reaches 1 contact",
    ]


def test_two_processes_tell_it_once(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    both = [here.notifier(), here.notifier()]
    for waiting in (0, 3, 3, 0, 0):
        snapshot = here.snapshot(waiting)
        for notifier in both:
            notifier.step(snapshot)
        here.now += 15 * MINUTE
    assert len(here.sent) == 2


def test_a_process_with_older_data_ends_nothing(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    old = here.snapshot(0)
    here.now += 15 * MINUTE
    here.notifier().step(here.snapshot(3))
    here.notifier().step(old)
    assert len(here.sent) == 1
    assert here.deliveries.read().alerts["backlog"].firing


def test_a_process_that_is_held_up_while_another_goes_on_tells_nothing_again(
    world: MakeWorld,
) -> None:
    there = world(**BACKLOG)
    waiting, other = there.snapshot(waiting=3), there.notifier()
    held_up = iter([20 * MINUTE])

    def clock() -> datetime:
        """Between this process reading the clock and using it, the other one sees that the alert
        has ended."""
        asked = there.now
        there.now += next(held_up, timedelta())
        if there.now > asked:
            other.step(there.snapshot())
        return asked

    other.step(waiting)
    Notifier(
        there.recipient, Settings(token="token"), there.deliveries, clock=clock, send=there.send
    ).step(waiting)
    assert [message.subject for message in there.sent] == [
        "Audience: 3 people wait for an answer",
        "Audience: Over: 3 people wait for an answer",
    ]


def test_a_finding_from_history_is_told(world: MakeWorld) -> None:
    history = steady()
    history.opt_outs[-1] = 60
    here = world(alerts=AlertRules(findings=("opt-outs-more",)))
    here.now = HISTORY_ENDS
    notifier = Notifier(
        here.recipient,
        Settings(token="token"),
        here.deliveries,
        clock=lambda: here.now,
        past=lambda: RecordedPast(history, bot_answers=True),
        send=here.send,
    )
    notifier.step(here.snapshot())
    (message,) = here.sent
    assert "60 contacts opted out of broadcasts on Tuesday, 30 Jun 2026" in message.plain


def test_a_restart_tells_nothing_again(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    for _ in range(4):
        here.notifier().step(here.snapshot(3))
        here.now += 15 * MINUTE
    assert len(here.sent) == 1


def test_fifty_rules_that_fire_at_once_are_one_message(world: MakeWorld) -> None:
    here = world(alerts=AlertRules(backlog=0, unassigned=0, inbox_disconnected=True))
    inboxes = {f"inbox-{n}": "disconnected" for n in range(50)}
    here.notifier().step(
        snapshot_of(
            contact(
                in_inboxes(**inboxes),
                conversation(contactRepliedAt=NOW.isoformat(), botEnabled=False),
            ),
            as_of=NOW,
        )
    )
    (sent,) = here.sent
    assert sent.subject == "Audience: 52 alerts have begun"
    assert "32 more are on the Data page." in sent.plain
    assert len(here.rows[0].tells) == 52


def test_alerts_wait_for_the_end_of_quiet_hours(world: MakeWorld) -> None:
    here = world(quiet=Quiet(time(22), time(8)), **BACKLOG)
    notifier = here.notifier()
    here.now -= HOUR
    notifier.step(here.snapshot(3))
    assert here.sent == []
    assert "until the quiet hours end at 08:00" in here.deliveries.read().held
    here.now += HOUR + MINUTE
    notifier.step(here.snapshot(3))
    assert len(here.sent) == 1
    assert here.deliveries.read().held == ""


def test_an_alert_that_failed_before_quiet_hours_is_tried_again_after_them(
    world: MakeWorld,
) -> None:
    here = world(quiet=Quiet(time(8), time(10)), **BACKLOG)
    here.answers = [Outcome("failed", "Down."), DONE]
    notifier = here.notifier()
    notifier.step(here.snapshot(3))  # at 7:59
    here.now += 2 * MINUTE
    notifier.step(here.snapshot(3))
    assert len(here.sent) == 1
    here.now += 2 * HOUR
    notifier.step(here.snapshot(3))
    assert len(here.sent) == 2


def test_what_began_and_was_over_in_quiet_hours_is_not_told(world: MakeWorld) -> None:
    here = world(quiet=Quiet(time(22), time(8)), **BACKLOG)
    notifier = here.notifier()
    here.now -= 2 * HOUR
    for waiting in (3, 0, 0):
        notifier.step(here.snapshot(waiting))
        here.now += HOUR + MINUTE
    assert here.sent == []


def test_no_more_messages_than_the_limit_go_out_in_a_day_and_the_rest_waits(
    world: MakeWorld,
) -> None:
    here = world(per_day=2, **BACKLOG)
    notifier = here.notifier()
    for waiting in (3, 0, 3, 0, 3):
        notifier.step(here.snapshot(waiting))
        here.now += 15 * MINUTE
    assert len(here.sent) == 2
    assert "2 messages were sent today" in here.deliveries.read().held
    here.now += DAY
    notifier.step(here.snapshot(3))
    assert len(here.sent) == 3


def test_while_a_message_cannot_be_sent_what_is_new_joins_it(world: MakeWorld) -> None:
    here = world(alerts=AlertRules(backlog=2, unassigned=3))
    here.answers = [Outcome("failed", "Down."), DONE]
    notifier = here.notifier()
    notifier.step(here.snapshot(3))
    here.now += 30 * timedelta(seconds=1)
    notifier.judge(here.snapshot(4))
    here.now += 15 * MINUTE
    notifier.step(here.snapshot(4))
    assert len(here.sent) == 2
    assert here.sent[1].subject == "Audience: 2 alerts have begun"


def test_what_joins_a_message_before_its_last_attempt_is_tried_as_often_as_others(
    world: MakeWorld,
) -> None:
    here = world(alerts=AlertRules(backlog=2, unassigned=100))
    here.answers = [Outcome("failed", "Busy.")]
    notifier = here.notifier()
    while not here.rows or here.rows[0].attempts < 5:
        notifier.step(here.snapshot(3))
        here.now += HOUR
    notifier.step(here.snapshot(102))
    here.now += 3 * HOUR
    notifier.step(here.snapshot(102))
    assert [each.state for each in here.rows] == ["failed"]
    here.answers = [DONE]
    here.now += HOUR
    notifier.step(here.snapshot(102))
    assert here.sent[-1].subject == "Audience: 2 alerts have begun"
    assert [each.state for each in here.rows] == ["done"]


def test_while_an_engine_gives_no_answer_messages_go_out_and_old_data_is_told(
    world: MakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    here = world(alerts=AlertRules(backlog=2, data_hours=2))
    here.answers = [Outcome("failed", "Busy."), DONE]
    is_up = True

    def past() -> NothingRecorded:
        if not is_up:
            raise EngineError("The engine cannot be reached.")
        return NothingRecorded()

    notifier = Notifier(
        here.recipient,
        Settings(token="token"),
        here.deliveries,
        clock=lambda: here.now,
        past=past,
        send=here.send,
    )
    notifier.step(here.snapshot(3))
    is_up = False
    for _ in range(4):
        here.now += HOUR
        notifier.step(here.snapshot())
    assert [message.subject for message in here.sent] == [
        *["Audience: 3 people wait for an answer"] * 2,
        "Audience: The data is older than 2 h",
    ]
    assert caplog.text.count("The engine cannot be reached.") == 1


def test_what_is_over_before_it_could_be_sent_is_not_sent(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    here.answers = [Outcome("failed", "Down."), DONE]
    notifier = here.notifier()
    notifier.step(here.snapshot(3))
    here.now += 30 * timedelta(seconds=1)
    notifier.step(here.snapshot(0))
    here.now += DAY
    notifier.step(here.snapshot(0))
    assert len(here.sent) == 1
    assert here.rows[0].outcome == "Over before it could be sent."


def test_old_data_is_told_though_nothing_is_fetched(world: MakeWorld) -> None:
    here = world(alerts=AlertRules(data_hours=2, backlog=2))
    notifier = here.notifier()
    last = here.snapshot(3)
    for _ in range(20):
        notifier.step(last)
        here.now += 10 * MINUTE
    assert [each.subject for each in here.sent] == [
        "Audience: 3 people wait for an answer",
        "Audience: The data is older than 2 h",
    ]
    alerts = here.deliveries.read().alerts
    assert alerts["backlog"].state == "unknown"
    notifier.step(here.snapshot(0))
    assert here.sent[2].subject == "Audience: 2 alerts are over"


def test_what_may_not_be_judged_for_its_view_is_unknown(world: MakeWorld) -> None:
    here = world(view="tag=601", **BACKLOG)
    notifier = here.notifier()
    waits = conversation(contactRepliedAt=NOW.isoformat(), botEnabled=False)
    tagged_ones = [contact(tagged("601"), waits)] * 3
    notifier.step(snapshot_of(*tagged_ones, as_of=NOW))
    here.now += HOUR
    notifier.step(snapshot_of(contact(waits), as_of=here.now))
    assert len(here.sent) == 1
    assert here.deliveries.read().alerts["backlog"].state == "unknown"


def test_a_snoozed_alert_is_told_when_the_snooze_ends(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    notifier = here.notifier()
    notifier.step(here.snapshot(3))
    until = here.now + 2 * HOUR
    here.deliveries.change(
        lambda ledger: replace(
            ledger, alerts={k: alert.snoozed(until) for k, alert in ledger.alerts.items()}
        )
    )
    here.now += HOUR
    notifier.step(here.snapshot(0))
    assert len(here.sent) == 1
    here.now += 2 * HOUR
    notifier.step(here.snapshot(0))
    assert here.sent[1].subject.startswith("Audience: Over")


def test_a_message_that_cannot_be_written_is_tried_again_and_said(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world(**BACKLOG)
    notifier = here.notifier()

    def broken(*_: object) -> Message:
        raise RuntimeError

    monkeypatch.setattr("lib.outputs.notify.notifier.alert_message", broken)
    notifier.step(here.snapshot(3))
    (row,) = here.rows
    assert row.state == "failed"
    assert "could not be written" in row.outcome


def test_nothing_of_an_address_is_kept(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    secret = "json://user:very-secret@127.0.0.1/token-of-the-hook"
    notifier = here.notifier(channel=Chat(secret, "web hook", "127.0.0.1"))
    notifier.step(here.snapshot(3))
    kept = (here.folder / "notify.sqlite3").read_bytes()
    assert b"127.0.0.1" in kept
    assert b"very-secret" not in kept
    assert b"token-of-the-hook" not in kept


def test_a_change_says_no_more_than_it_was_judged_to(world: MakeWorld) -> None:
    here = world(**BACKLOG)
    here.notifier().step(here.snapshot(3))
    (told,) = here.rows[0].tells
    assert isinstance(told, Change)
    assert told.sentence == "3 people wait for an answer."
    assert told.why == "Alerts above 2."
