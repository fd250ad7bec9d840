"""The running server writes by itself: one thread for all recipients, where there are any.

A server that sleeps, as on Community Cloud when nobody looks, does not; `python -m lib.digest` from
a scheduled job does, and what it has sent the server does not send again.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from lib.insights.past import NothingRecorded, Past
from lib.outputs.deliveries import Contended, Deliveries
from lib.outputs.documents import LocalDocuments
from lib.outputs.notify.notifier import Notifier
from lib.reference import formatting
from lib.refresh.refreshers import refresher_of
from lib.settings import Configuration, Settings
from lib.settings.notifications import Chat, Recipient
from lib.store.snapshot import Snapshot

log = logging.getLogger(__name__)

SECONDS = 15
"""Between two looks: a digest comes as much after its time, an alert after a refresh."""

_FOLDER = ".cache"
"""Where the store is a bucket."""


def deliveries_of(recipient: Recipient, settings: Settings) -> Deliveries:
    """The record of what was sent, beside the snapshots of the workspace."""
    folder = settings.store_folder or Path(_FOLDER)
    return Deliveries(LocalDocuments(folder), recipient.name)


def past_of(settings: Settings) -> Past:
    """The record of the workspace's past."""
    return NothingRecorded()


def notifiers_of(configuration: Configuration) -> list[Notifier]:
    notifications = configuration.notifications
    return [
        Notifier(
            recipient,
            configuration.named(recipient.workspace),
            deliveries_of(recipient, configuration.named(recipient.workspace)),
            dashboard=notifications.dashboard,
            past=past_of(configuration.named(recipient.workspace)),
        )
        for recipient in notifications.recipients
    ]


def mistakes(configuration: Configuration) -> list[str]:
    """What is wrong with addresses that only Apprise can tell, as sentences without them."""
    found = []
    for recipient in configuration.notifications.recipients:
        if isinstance(recipient.channel, Chat):
            from lib.outputs.notify import chat

            why = chat.mistake(recipient.channel)
            if why is not None:
                found.append(f"[notify.{recipient.name}] chat: {why}")
    return found


class Service:
    """Looks every few seconds at what there is to do, until it is stopped."""

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
        """What is being sent is sent: a few seconds are left for it to be written down."""
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
            # The thread must live on: the others are to be written to.
            log.exception("Writing to “%s” failed unexpectedly", name)


_running: list[Service] = []


def start(configuration: Configuration) -> None:
    """For the server's start-up, where anybody is to be written to."""
    formatting.speak(configuration.workspaces[0].locale)
    for mistake in mistakes(configuration):
        log.error("%s", mistake)
    notifiers = notifiers_of(configuration)
    settings = {
        notifier.recipient.name: configuration.named(notifier.recipient.workspace)
        for notifier in notifiers
    }
    for recipient in configuration.notifications.recipients:
        if settings[recipient.name].store_folder is None:
            log.warning(
                "What was sent to “%s” is kept on this machine, not in the bucket: let one server "
                "only send.",
                recipient.name,
            )

    def latest(notifier: Notifier) -> Snapshot | None:
        return refresher_of(settings[notifier.recipient.name]).state.snapshot

    _running.append(Service(notifiers, latest).start())


def stop() -> None:
    for service in _running:
        service.stop()
    _running.clear()
