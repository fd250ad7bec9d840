"""Hypothesis strategies for random workspaces and questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from lib.engines.questions import Engine
from lib.metrics.terms import Basis, Terms
from lib.reference.periods import Period
from lib.store.tables import Tables
from tests import plain_metrics as plain
from tests.engines.answering import engine_of
from tests.plain_metrics import Json, Question
from tests.workspaces import tables_of

STRANGE_DAYS = [
    ("UTC", date(2026, 6, 15)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("Europe/Lisbon", date(2026, 3, 29)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Africa/Cairo", date(2026, 4, 24)),
]
STATUSES = {"1": "connected", "2": "disconnected", "3": "expired", "4": None}
WAITS = [timedelta(hours=hours) for hours in (0, 1, 4, 24, 72, 168, 720)]


@dataclass(frozen=True, eq=False)
class Case:
    """A generated workspace, or a selection of its contacts, as JSON and as tables."""

    question: Question
    contacts: list[Json]
    everyone: list[Json]
    tables: Tables
    only: frozenset[str] | None = None

    @cached_property
    def asked(self) -> Engine:
        """The engine under test, restricted to the selected contacts."""
        return engine_of(self.tables, self.only)

    @property
    def terms(self) -> Terms:
        ask = self.question
        basis: Basis = "createdAt" if ask.basis == "createdAt" else "subscribedAt"
        period = Period(ask.start, ask.end, ask.timezone)
        return Terms(ask.as_of, period, basis, ask.bot_answers)


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, strange = draw(st.sampled_from(STRANGE_DAYS))
    start = strange + timedelta(days=draw(st.integers(-9, 1)))
    end = start + timedelta(days=draw(st.integers(0, 12)))
    midnights = [
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for day in (strange + timedelta(days=number) for number in range(-20, 20))
    ]
    as_of = draw(st.sampled_from(midnights[15:]))
    basis = draw(st.sampled_from(["createdAt", "subscribedAt"]))
    question = Question(start, end, zone, as_of, basis, draw(st.booleans()))
    a_little = st.sampled_from([timedelta(milliseconds=number) for number in (-1, 0, 1)])
    quarters = st.integers(-50 * 96, 30 * 96).map(lambda number: number * timedelta(minutes=15))
    moment = st.one_of(
        st.builds(
            lambda edge, little: as_text(edge + little), st.sampled_from(midnights), a_little
        ),
        st.builds(
            lambda wait, little: as_text(as_of - wait + little), st.sampled_from(WAITS), a_little
        ),
        quarters.map(lambda time: as_text(as_of + time)),
    )
    time = st.none() | moment
    contacts = draw(st.lists(contact_of(moment, time), max_size=12))
    everyone = plain.one_per_id(contacts)
    tables = tables_of(*contacts)
    if not draw(st.booleans()):
        return Case(question, everyone, everyone, tables)
    ids = set(draw(st.lists(st.sampled_from(IDS))))
    chosen = [each for each in everyone if each["id"] in ids]
    return Case(question, chosen, everyone, tables, frozenset(ids))


IDS = [str(number) for number in range(1, 13)]


def contact_of(moment: st.SearchStrategy[str], time: st.SearchStrategy[str | None]) -> Any:
    link = st.builds(
        lambda inbox, channel, source, incoming, last: {
            "inboxId": inbox,
            "channel": channel,
            "source": source,
            "lastIncomingMessageAt": incoming,
            "lastMessageAt": last,
            "inbox": {"channel": "Webchat", "status": STATUSES[inbox]},
        },
        st.sampled_from(sorted(STATUSES)),
        st.sampled_from(["whatsapp", " WhatsApp ", "telegram", "zalo", None]),
        st.sampled_from(["ads", " botLink ", "none", "", None]),
        time,
        time,
    )
    tag = st.fixed_dictionaries(
        {
            "id": st.sampled_from(["601", "602", "603", "1001"]),
            "name": st.just("VIP"),
            "deletedAt": time,
        }
    )
    agent, team = st.sampled_from([None, "99", "101", "102"]), st.sampled_from([None, "7", "8"])
    conversation = st.fixed_dictionaries(
        {
            "id": st.sampled_from([*IDS, None]),
            "botEnabled": st.sampled_from([None, True, False]),
            "followed": st.sampled_from([None, True, False]),
            "botResumeAt": time,
            "archivedAt": st.none() | time,
            "assignedUserId": agent,
            "assignedInboxTeamId": team,
            "lastActivityAt": time,
            "contactRepliedAt": time,
            "adminRepliedAt": time,
            "agentLastReadAt": time,
        }
    )
    return st.fixed_dictionaries(
        {
            "id": st.sampled_from(IDS),
            "createdAt": moment,
            "updatedAt": time,
            "subscribedAt": time,
            "broadcastSubscribedAt": time,
            "blockedAt": time,
            "email": st.sampled_from(
                [None, "", "guest-1", "a@b", " a@b.example ", "a b@c.de", "@b.de"]
            ),
            "emailOptIn": st.sampled_from([None, True, False]),
            "emailVerified": st.sampled_from([None, True, False]),
            "country": st.sampled_from([None, "BR", "VN", "NA"]),
            "tags": st.lists(tag, max_size=3),
            "contactInboxes": st.none() | st.lists(link, max_size=3),
            "conversation": st.none() | conversation,
        }
    )
