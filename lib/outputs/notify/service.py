"""Background thread of the server that writes to all configured recipients.

A sleeping server (Community Cloud suspends idle apps) sends nothing. `python -m lib.digest` from a
scheduled job does, and what it has sent the server does not send again.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from lib.insights.past import NothingRecorded, Past
from lib.insights.recorded_past import RecordedPast
from lib.outputs.deliveries import Contended, Deliveries
from lib.outputs.notify.notifier import Notifier
from lib.outputs.views import SavedViews
from lib.query import saved_views
from lib.query.saved_views import SavedViewError
from lib.reference import formatting
from lib.refresh.refreshers import refresher_of
from lib.settings import Configuration, Settings
from lib.settings.notifications import Chat, Recipient
from lib.store.documents import documents_of
from lib.store.snapshot import Snapshot

log = logging.getLogger(__name__)

SECONDS = 15
"""Polling interval: the maximum delay of a digest after its time, and of an alert after a
refresh."""


def deliveries_of(recipient: Recipient, settings: Settings) -> Deliveries:
    """The recipient's delivery record, stored beside the workspace's snapshots."""
    return Deliveries(documents_of(settings), recipient.name)


def past_of(settings: Settings) -> Past:
    """The history this process has of the workspace so far."""
    history = refresher_of(settings).state.history
    if history is None:
        return NothingRecorded()
    return RecordedPast(history, bot_answers=settings.bot_answers)


def saved_views_of(settings: Settings) -> SavedViews:
    """Lookup of views saved for everybody, by name."""

    def find(name: str) -> str | None:
        views = saved_views.of_workspace(settings)
        try:
            known = views.of(None) if views is not None else []
        except SavedViewError:
            return None
        folded = name.strip().casefold()
        found = next((each for each in known if each.name.casefold() == folded), None)
        return None if found is None else urlencode(dict(found.parameters), doseq=True)

    return find


def notifiers_of(configuration: Configuration) -> list[Notifier]:
    notifications = configuration.notifications
    found = []
    for recipient in notifications.recipients:
        settings = configuration.named(recipient.workspace)
        found.append(
            Notifier(
                recipient,
                settings,
                deliveries_of(recipient, settings),
                dashboard=notifications.dashboard,
                past=partial(past_of, settings),
                saved=saved_views_of(settings),
            )
        )
    return found


def mistakes(configuration: Configuration) -> list[str]:
    """Errors in chat addresses that only Apprise can detect, as sentences that leave the address
    out."""
    found = []
    for recipient in configuration.notifications.recipients:
        if isinstance(recipient.channel, Chat):
            from lib.outputs.notify import chat

            why = chat.mistake(recipient.channel)
            if why is not None:
                found.append(f"[notify.{recipient.name}] chat: {why}")
    return found


class Service:
    """Thread that lets each notifier do its due work every few seconds until it is stopped."""

    def __init__(
        self,
        notifiers: list[Notifier],
        latest: Callable[[Notifier], Snapshot | None],
    ) -> None:
        self._notifiers = notifiers
        self._latest = latest
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def start(self) -> "Service":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, leaving a few seconds for a message in transit to be recorded."""
        self._stopped.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopped.wait(SECONDS):
            for notifier in self._notifiers:
                if not self._stopped.is_set():
                    self._step(notifier)

    def _step(self, notifier: Notifier) -> None:
        name = notifier.recipient.name
        try:
            notifier.step(self._latest(notifier))
        except (OSError, Contended) as error:
            log.warning("Nothing is sent to “%s”: %s", name, error)
        except Exception:
            # Keep the thread alive for the other recipients.
            log.exception("Writing to “%s” failed unexpectedly", name)


_running: list[Service] = []


def start(configuration: Configuration) -> None:
    """Start the service at server start-up, if there are recipients."""
    formatting.set_locale(configuration.workspaces[0].locale)
    for mistake in mistakes(configuration):
        log.error("%s", mistake)
    notifiers = notifiers_of(configuration)
    settings = {
        notifier.recipient.name: configuration.named(notifier.recipient.workspace)
        for notifier in notifiers
    }

    def latest(notifier: Notifier) -> Snapshot | None:
        # Recipients count as viewers of the workspace.
        return refresher_of(settings[notifier.recipient.name]).look().snapshot

    _running.append(Service(notifiers, latest).start())


def stop() -> None:
    for service in _running:
        service.stop()
    _running.clear()
