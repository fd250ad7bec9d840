"""Command that sends a digest (`python -m lib.digest`), for cron or a scheduled job.

It is safe beside a server that sends digests itself: each is sent once, by whichever comes first.
Exit status: 0 sent, now or before; 2 invalid argument or setting; 3 the workspace could not be
fetched, or an engine gave no answer; 4 not sent. On failure a sentence on standard error says why.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from lib import settings
from lib.chatbotx.errors import ChatbotXError
from lib.engines.errors import EngineError
from lib.history.demo import demo_past
from lib.history.recorder import recorder_of
from lib.insights.past import NothingRecorded, Past
from lib.insights.recorded_past import RecordedPast
from lib.outputs import digest as digests
from lib.outputs.deliveries import Contended, Delivery, Ledger, settle
from lib.outputs.message import Message
from lib.outputs.notify import schedule
from lib.outputs.notify.notifier import Notifier
from lib.outputs.notify.service import deliveries_of, mistakes, saved_views_of
from lib.outputs.views import ViewGone, view_named
from lib.reference import formatting
from lib.settings import Configuration, Recipient, Settings, SettingsError
from lib.store.place import StoreError
from lib.store.snapshot import Snapshot
from lib.store.storage import store_of
from lib.store.workspace import connect, fetched


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    try:
        given = _parser().parse_args(arguments)
        configuration = settings.load_all()
        recipient = _recipient(given, configuration)
        workspace = _workspace(given, configuration, recipient)
    except (SettingsError, ValueError) as error:
        return _fail(2, error)
    formatting.set_locale(workspace.locale)
    now = datetime.now(UTC)
    try:
        snapshot = _snapshot(workspace, now)
    except ChatbotXError as error:
        return _fail(3, error)
    except StoreError as error:
        return _fail(3, f"What was fetched could not be kept: {error}.")
    try:
        if given.dry_run or given.html is not None:
            return _show(given, configuration, recipient, workspace, snapshot, now)
        assert recipient is not None, "argparse asks for one where something is sent"
        return _send(configuration, recipient, workspace, snapshot, now, again=given.again)
    except ViewGone as error:
        return _fail(2, error)
    except EngineError as error:
        return _fail(3, error)
    except (OSError, Contended) as error:
        return _fail(4, f"Nothing was sent: {error}.")


def _send(
    configuration: Configuration,
    recipient: Recipient,
    workspace: Settings,
    snapshot: Snapshot,
    now: datetime,
    *,
    again: bool,
) -> int:
    deliveries = deliveries_of(recipient, workspace)
    past = _past(workspace, snapshot)
    notifier = Notifier(
        recipient,
        workspace,
        deliveries,
        dashboard=configuration.notifications.dashboard,
        past=lambda: past,
        saved=saved_views_of(workspace),
    )
    row = notifier.digest_of(_moment(recipient, workspace, now))
    if again:
        row = replace(row, id=f"{row.id}-again-{now:%H%M%S}")

    def planned(ledger: Ledger) -> Ledger:
        ledger = settle(ledger, now)
        known = ledger.delivery(row.id)
        is_missed = known is not None and known.state == "missed"
        return ledger.with_delivery(row) if known is None or is_missed else ledger

    known = deliveries.change(planned).delivery(row.id) or row
    if not known.is_open:
        return _already(known)
    ended = notifier.send(known, lambda: notifier.digest(snapshot, now))
    print(f"{ended.host}: {ended.outcome}", file=sys.stderr)
    return 0 if ended.state == "done" else 4


def _already(known: Delivery) -> int:
    if known.state == "done":
        print("This digest was sent already; --again sends it once more.", file=sys.stderr)
        return 0
    if known.state == "begun":
        return _fail(4, "Another process is sending this digest.")
    return _fail(4, f"This digest is not sent: {known.outcome}")


def _moment(recipient: Recipient, workspace: Settings, now: datetime) -> datetime:
    """Time that identifies the digest: the scheduled time if it has just passed, otherwise the
    current hour."""
    if recipient.at is not None:
        times = schedule.times_between(
            recipient.at, workspace.timezone, now - schedule.LATEST, now + timedelta(minutes=5)
        )
        if times:
            return times[-1]
    return now.replace(minute=0, second=0, microsecond=0)


def _show(
    given: argparse.Namespace,
    configuration: Configuration,
    recipient: Recipient | None,
    workspace: Settings,
    snapshot: Snapshot,
    now: datetime,
) -> int:
    """Write the digest to where it was asked for, without sending it."""
    written = _message(given, configuration, recipient, workspace, snapshot, now)
    if given.html is not None:
        given.html.write_text(written.html, encoding="utf-8")
    if given.dry_run:
        sys.stdout.write(f"Subject: {written.subject}\n\n{written.plain}\n")
    return 0


def _message(
    given: argparse.Namespace,
    configuration: Configuration,
    recipient: Recipient | None,
    workspace: Settings,
    snapshot: Snapshot,
    now: datetime,
) -> Message:
    view = given.view if given.view is not None else recipient.view if recipient else ""
    past = _past(workspace, snapshot)
    return digests.message(
        digests.digest(
            view_named(view, snapshot, workspace, saved_views_of(workspace), past.history),
            workspace,
            now=now,
            past=past,
            dashboard=configuration.notifications.dashboard,
        )
    )


def _snapshot(workspace: Settings, now: datetime) -> Snapshot:
    """The snapshot saved by a server, if it is fresh; otherwise a newly fetched one. Raises
    ChatbotXError and StoreError."""
    store = store_of(workspace)
    is_in_memory = workspace.engine == "memory"
    stored = store.load(tables=is_in_memory)[0] if store is not None else None
    usual = timedelta(minutes=workspace.refresh_minutes)
    if stored is not None and timedelta(0) <= now - stored.as_of <= usual:
        return stored
    with connect(workspace, as_of=now) as client:
        return fetched(workspace, client, store, began=now)


def _past(workspace: Settings, snapshot: Snapshot) -> Past:
    """The history recorded by a server; the demo has its own."""
    if workspace.is_demo:
        return RecordedPast(demo_past(snapshot), bot_answers=workspace.bot_answers)
    recorder = recorder_of(workspace)
    history = recorder.open().history if recorder is not None else None
    if history is None:
        return NothingRecorded()
    return RecordedPast(history, bot_answers=workspace.bot_answers)


def _recipient(given: argparse.Namespace, configuration: Configuration) -> Recipient | None:
    """The recipient to write to; None if the digest is only shown. Raises SettingsError."""
    recipients = {each.name: each for each in configuration.notifications.recipients}
    if given.to is None:
        if given.dry_run or given.html is not None:
            return None
        if len(recipients) != 1:
            raise SettingsError(
                ["Name a recipient with --to: the name of a table [notify.<name>] of the secrets."]
            )
        (recipient,) = recipients.values()
    elif given.to in recipients:
        recipient = recipients[given.to]
    else:
        raise SettingsError(["There is no [notify.<name>] of that name in the secrets."])
    wrong = [
        each for each in mistakes(configuration) if each.startswith(f"[notify.{recipient.name}]")
    ]
    if wrong:
        raise SettingsError(wrong)
    return recipient if given.view is None else replace(recipient, view=given.view)


def _workspace(
    given: argparse.Namespace, configuration: Configuration, recipient: Recipient | None
) -> Settings:
    """The workspace of the digest. Raises SettingsError."""
    if given.demo:
        return replace(configuration.workspaces[0], token=None)
    name = recipient.workspace if recipient is not None else given.workspace
    if name is None and len(configuration.workspaces) > 1:
        raise SettingsError(["There are several [workspaces]: name one with --workspace."])
    try:
        return configuration.named(name if name is not None else configuration.names[0])
    except KeyError:
        raise SettingsError(["There is no workspace of that name in [workspaces]."]) from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report an invalid argument like an invalid setting."""
        raise SettingsError([message.removeprefix("argument ")])


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m lib.digest",
        description="Sends the digest of a view to a recipient of [notify] in the secrets.",
    )
    parser.add_argument("--to", metavar="NAME", help="name of a [notify.<name>] table")
    parser.add_argument("--view", help="name of a saved view, or what follows the ? of a link")
    parser.add_argument("--workspace", metavar="NAME", help="one of several in the settings")
    parser.add_argument("--demo", action="store_true", help="the demo workspace, without a token")
    parser.add_argument("--dry-run", action="store_true", help="print it and send nothing")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it there, send nothing")
    parser.add_argument("--again", action="store_true", help="also if it was sent already")
    return parser


def _fail(status: int, reason: object) -> int:
    print(reason, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
