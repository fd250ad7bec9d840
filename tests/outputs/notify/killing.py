"""Two processes that write to the same recipient, each killed at a point chosen by a seed.

    python -m tests.outputs.notify.killing FOLDER FIRST_SEED SEEDS [ENDPOINT]

Points lie before and after each commit to the ledger, and before and after the other side accepts a
message. The processes are forked from this one, which has no threads. It prints a line of JSON per
seed: how often each message arrived, and what the record says about it. The ledger is in the
folder, or in the bucket of an endpoint.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from lib.outputs.deliveries import Deliveries, Outcome
from lib.outputs.message import Message
from lib.outputs.notify.notifier import Notifier
from lib.settings import AlertRules, Chat, Recipient, Settings
from lib.store.documents import BucketDocuments, Documents, LocalDocuments, Version
from lib.store.snapshot import Snapshot
from tests.bucket import place_in
from tests.outputs.digesting import snapshot_of
from tests.workspaces import contact, conversation

START = datetime(2026, 7, 1, 5, 59, tzinfo=UTC)
STEPS = (0, 2, 20, 40)
"""Minutes at which each process acts: nothing is due; a digest is due and an alert begins; the
alert ends; nothing is due."""

WAITING = (0, 3, 0, 0)
RECIPIENT = Recipient(
    "boss",
    Chat("json://127.0.0.1/", "web hook", "127.0.0.1"),
    at="0 6 * * *",
    alerts=AlertRules(backlog=2),
)


@dataclass
class Fate:
    """Kill the process after that many points; never for None."""

    left: int | None

    def point(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Doomed:
    """Documents of a process that may be killed around each commit."""

    documents: Documents
    fate: Fate

    def get(self, key: str) -> tuple[bytes, Version] | None:
        return self.documents.get(key)

    def put(self, key: str, body: bytes, version: Version | None) -> bool:
        self.fate.point()
        done = self.documents.put(key, body, version)
        self.fate.point()
        return done


def documents_in(folder: Path) -> Documents:
    endpoint = folder / "endpoint"
    if not endpoint.exists():
        return LocalDocuments(folder)
    return BucketDocuments(
        place_in(endpoint.read_text("utf-8"), f"{folder.parent.name}/{folder.name}")
    )


def snapshots() -> list[Snapshot]:
    found = []
    for minutes, waiting in zip(STEPS, WAITING, strict=True):
        waits = [
            contact(conversation(contactRepliedAt=START.isoformat(), botEnabled=False))
        ] * waiting
        found.append(snapshot_of(contact(), *waits, as_of=START + timedelta(minutes=minutes)))
    return found


def run(folder: Path, shown: list[Snapshot], fate: Fate, later: timedelta) -> None:
    """Everything one process does."""
    clock = folder / "clock"

    def send(message: Message, _: Recipient, id_: str, when: datetime) -> Outcome:
        fate.point()
        with (folder / "arrived").open("a", encoding="utf-8") as file:
            file.write(f"{message.subject}\n")
        fate.point()
        return Outcome("done", "Taken.")

    notifier = Notifier(
        RECIPIENT,
        Settings(token="token"),
        Deliveries(Doomed(documents_in(folder), fate), "boss"),
        clock=lambda: START + timedelta(minutes=STEPS[reached(clock)]) + later,
        send=send,
    )
    for place in range(reached(clock), len(STEPS)):
        with clock.open("a", encoding="utf-8") as file:
            file.write(f"{place}\n")
        notifier.step(shown[place])


def reached(clock: Path) -> int:
    """The step of the fastest process: time is the same for all, and does not go back at a
    restart."""
    return max(map(int, clock.read_text("utf-8").split()), default=0) if clock.exists() else 0


def forked(work: Callable[[], None]) -> int:
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return process


def told(folder: Path) -> None:
    """Write down what the record says."""
    rows = Deliveries(documents_in(folder), "boss").read().deliveries
    said = [[each.kind, each.state, [t.began for t in each.tells]] for each in rows]
    (folder / "rows").write_text(json.dumps(said), "utf-8")


def story(
    folder: Path, shown: list[Snapshot], seed: int, endpoint: str | None
) -> dict[str, object]:
    source = Random(seed)
    folder.mkdir(parents=True)
    if endpoint is not None:
        (folder / "endpoint").write_text(endpoint, "utf-8")
    failed = 0
    at_once = timedelta(0)
    for _ in range(2):
        fates = [Fate(source.randrange(24)), Fate(source.randrange(40))]
        processes = [forked(partial(run, folder, shown, fate, at_once)) for fate in fates]
        for process in processes:
            failed += os.waitpid(process, 0)[1] not in (0, signal.SIGKILL)
    # The next process closes what was left open.
    for later in (timedelta(minutes=10), timedelta(minutes=20)):
        failed += os.waitpid(forked(partial(run, folder, shown, Fate(None), later)), 0)[1] != 0
    # Imported late: after a library has started threads, the process can no longer fork safely.
    failed += os.waitpid(forked(partial(told, folder)), 0)[1] != 0
    arrived = folder / "arrived"
    return {
        "seed": seed,
        "failed": failed,
        "arrived": arrived.read_text("utf-8").splitlines() if arrived.exists() else [],
        "rows": json.loads((folder / "rows").read_text("utf-8")),
    }


if __name__ == "__main__":
    place, first, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    made = snapshots()
    warm = place / "warm"
    warm.mkdir(parents=True)
    run(warm, made, Fate(None), timedelta(0))  # loaded here so that forks need not load it
    for each in range(first, first + number):
        told_of = story(place / str(each), made, each, next(iter(sys.argv[4:]), None))
        sys.stdout.write(json.dumps(told_of) + "\n")
