"""Synthetic contacts in the API's format, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Contact = dict[str, Any]

WORKSPACE_ID = "2990000000000000007"
FIRST_DAY = datetime(2024, 7, 1, tzinfo=UTC)
LAST_DAY = datetime(2026, 6, 30, tzinfo=UTC)
IMPORTED_AT = datetime(2026, 3, 4, 9, 15, 27, 318_422, tzinfo=UTC)
ONE_OF_THESE_IS_IMPORTED = 40

# Like the platform's, ids are milliseconds since this instant, shifted by 22 bits.
_ID_EPOCH = datetime(2004, 2, 1, tzinfo=UTC)
_ID_LOW_BITS = 22


def synthetic_contacts(count: int, seed: int) -> Iterator[Contact]:
    """Yield `count` contacts, not sorted by time; the same `count` and `seed` give the same ones.

    One contact in forty belongs to an import: all of them share `createdAt` to the microsecond.
    Ids are unique and grow roughly with `createdAt`. The part of `createdAt` below the millisecond,
    which the API stores but does not show, is in `_createdAtMicros`.
    """
    random = Random(f"synthetic contacts {seed}")
    for number in range(count):
        yield _contact(number, random)


def _contact(number: int, random: Random) -> Contact:
    created = _creation(number, random)
    contact_id = _id(created + timedelta(seconds=random.uniform(-4, 4)), number)
    last_activity = min(created + timedelta(days=random.expovariate(1 / 20)), LAST_DAY)
    country, calling_code, language, zone = random.choice(_PLACES)
    first, last = random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
    phone = f"+{calling_code}{random.randrange(10**8, 10**9)}" if random.random() < 0.75 else None
    return {
        "id": contact_id,
        "createdAt": _time(created),
        "_createdAtMicros": created.microsecond % 1000,
        "updatedAt": _time(last_activity + timedelta(minutes=random.randrange(600))),
        "avatar": f"https://example.com/avatars/{contact_id}.jpg" if number % 3 else None,
        "phoneNumber": phone,
        "email": f"{first}.{last}{number}@example.com".lower() if random.random() < 0.6 else None,
        "emailVerified": random.random() < 0.1,
        "emailOptIn": random.random() < 0.9,
        "firstName": first,
        "lastName": last,
        "fullName": f"{first} {last}",
        "gender": random.choice(("female", "male", "unknown", None)),
        "lastReadAt": _time(last_activity) if random.random() < 0.5 else None,
        "ref": random.choice((None, None, None, "qr-store", "ad-spring")),
        "country": country if random.random() < 0.05 else None,
        "state": None,
        "city": None,
        "location": None,
        "locale": language if random.random() < 0.8 else None,
        "timezone": zone if random.random() < 0.6 else None,
        "subscribedAt": None,
        "broadcastSubscribedAt": _time(created) if random.random() < 0.4 else None,
        "blockedAt": _time(last_activity) if random.random() < 0.03 else None,
        "workspaceId": WORKSPACE_ID,
        "contactCustomFields": _custom_fields(contact_id, created, random),
        "tags": random.sample(_TAGS, random.choice((0, 1, 1, 2, 2, 3))),
        "contactInboxes": _contact_inboxes(contact_id, last_activity, random),
        "conversation": _conversation(contact_id, created, last_activity, random),
    }


def _creation(number: int, random: Random) -> datetime:
    if number % ONE_OF_THESE_IS_IMPORTED == 0:
        return IMPORTED_AT
    # The square root makes later days have more contacts, so that the audience grows.
    seconds = (LAST_DAY - FIRST_DAY).total_seconds() * random.random() ** 0.5
    return FIRST_DAY + timedelta(seconds=seconds)


def _custom_fields(contact_id: str, created: datetime, random: Random) -> list[Contact]:
    if random.random() < 0.7:
        return []
    return [
        {
            "id": str(int(contact_id) + 70_001),
            "createdAt": _time(created),
            "updatedAt": _time(created),
            "value": str(random.randrange(1000)),
            "contactId": contact_id,
            "customFieldId": "801",
        }
    ]


def _contact_inboxes(contact_id: str, last: datetime, random: Random) -> list[Contact]:
    inboxes = random.sample(_INBOXES, random.choice((1, 1, 1, 1, 1, 2)))
    return [
        {
            "id": str(int(contact_id) + 10_000 + place),
            "contactId": contact_id,
            "inboxId": inbox["id"],
            "channel": inbox["channel"],
            "lastIncomingMessageAt": _time(last) if random.random() < 0.8 else None,
            "contactLastReadAt": _time(last) if random.random() < 0.4 else None,
            "inbox": inbox,
        }
        for place, inbox in enumerate(inboxes)
    ]


def _conversation(
    contact_id: str, created: datetime, last: datetime, random: Random
) -> Contact | None:
    if random.random() < 0.04:
        return None
    agent = random.choice(_AGENTS) if random.random() < 0.6 else None
    team = random.choice(_TEAMS) if random.random() < 0.4 else None
    return {
        "id": str(int(contact_id) + 50_000),
        "createdAt": _time(created),
        "updatedAt": _time(last),
        "botEnabled": random.random() < 0.7,
        "botResumeAt": None,
        "archivedAt": _time(last) if random.random() < 0.2 else None,
        "additionalAttributes": None,
        "contactLastReadAt": _time(last) if random.random() < 0.5 else None,
        "agentLastReadAt": _time(last) if agent else None,
        "aiContextLastMessageId": None,
        "lastActivityAt": _time(last),
        "followed": random.random() < 0.05,
        "assignedUserId": agent and agent["id"],
        "assignedInboxTeamId": team and team["id"],
        "workspaceId": WORKSPACE_ID,
        "contactId": contact_id,
        "sourceId": None,
        "adminRepliedAt": _time(last) if random.random() < 0.6 else None,
        "contactRepliedAt": _time(last) if random.random() < 0.7 else None,
        "assignedUser": agent,
        "assignedInboxTeam": team,
    }


def _id(moment: datetime, number: int) -> str:
    milliseconds = (moment - _ID_EPOCH) // timedelta(milliseconds=1)
    return str((milliseconds << _ID_LOW_BITS) | number % (1 << _ID_LOW_BITS))


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _of_workspace(item_id: str, name: str) -> Contact:
    return {
        "id": item_id,
        "createdAt": "2024-06-02T00:00:00.000Z",
        "updatedAt": "2024-06-02T00:00:00.000Z",
        "name": name,
        "workspaceId": WORKSPACE_ID,
    }


_PLACES = (
    ("BR", "55", "pt_BR", "America/Sao_Paulo"),
    ("VN", "84", "vi_VN", "Asia/Ho_Chi_Minh"),
    ("US", "1", "en_US", "America/New_York"),
    ("PT", "351", "pt_PT", "Europe/Lisbon"),
    ("DE", "49", "de_DE", "Europe/Berlin"),
    ("IN", "91", "en_IN", "Asia/Kolkata"),
    ("MX", "52", "es_MX", "America/Mexico_City"),
    ("FR", "33", "fr", "2"),
    ("ID", "62", "id_ID", "7"),
    ("AR", "54", "es", "-3"),
)
_FIRST_NAMES = ("José", "Maria", "Linh", "João", "Wei", "Anna", "Priya", "Olivia", "Minh", "Luís")
_LAST_NAMES = ("Souza", "Silva", "Trần", "Nguyễn", "李", "Müller", "Sharma", "Smith", "García")
_TAG_NAMES = (
    *("VIP", "lead", "newsletter", "returning", "wholesale", "webinar", "trial", "churned"),
    *("partner", "press", "student", "local", "abroad", "discount", "survey", "waitlist"),
    *("refund", "event", "beta", "campaign-2024"),
)
_TAGS = [
    {
        **_of_workspace(str(601 + place), name),
        "deletedAt": "2025-06-01T00:00:00.000Z" if name == "campaign-2024" else None,
        "folderId": None,
    }
    for place, name in enumerate(_TAG_NAMES)
]
_INBOXES = [
    {
        **_of_workspace(f"2990000000000000{301 + place}", name),
        "channel": channel,
        "sourceId": f"{channel}-{place}",
        "status": "disconnected" if channel == "smtp" else "connected",
    }
    for place, (channel, name) in enumerate(
        (
            ("whatsapp", "WhatsApp BR"),
            ("whatsapp", "WhatsApp VN"),
            ("messenger", "Messenger page"),
            ("instagram", "Instagram shop"),
            ("webchat", "Site chat"),
            ("telegram", "Telegram bot"),
            ("zalo", "Zalo OA"),
            ("smtp", "Mailbox"),
        )
    )
]
_AGENTS = [
    {
        "id": str(101 + place),
        "createdAt": "2024-06-02T00:00:00.000Z",
        "updatedAt": "2026-06-01T00:00:00.000Z",
        "name": f"{_FIRST_NAMES[place]} {_LAST_NAMES[-1 - place % len(_LAST_NAMES)]}",
        "email": f"agent{place + 1}@example.com",
        "emailVerified": True,
        "image": f"https://example.com/u/{place + 1}.png",
        "isAnonymous": False,
        "mustChangePassword": False,
        "tenantId": "1",
    }
    for place in range(10)
]
_TEAMS = [
    _of_workspace(str(201 + place), name) for place, name in enumerate(("Sales", "Support", "Care"))
]
