"""The demo workspace as columns, and their conversion to the JSON that servers send."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np

from lib.demo.company import (
    AGENT_IDS,
    COUNTRIES,
    ID_STEP,
    INBOX_IDS,
    INBOXES,
    NAMES,
    SOURCES,
    TEAM_IDS,
    WORKSPACE_ID,
    Company,
    id_of,
)
from lib.demo.times import Flags, Ints, Json, Times, as_texts, as_times, columns_as_lists


@dataclass(frozen=True)
class Workspace:
    """The contacts as columns, ordered by `created` (ms since 1970) and id.

    A country, an inbox, an agent and so on is given by its position in the tuple that lists them,
    or -1 for none.
    """

    company: Company
    created: Ints
    ids: Ints
    profiles: Profiles
    consents: Consents
    tags: Flags  # by contact and tag
    inboxes: Ints  # by contact and slot
    sources: Ints  # by contact and slot: how they came in
    heard: Times  # by contact and slot: the last incoming message
    told: Times  # by contact and slot: the last message in either direction
    conversations: Conversations

    def contacts(self, rows: Ints, custom_fields: bool) -> list[Json]:
        """The contacts in these rows as JSON, as the server sends them."""
        return [
            {
                "id": str(id_),
                "createdAt": created_at,
                "updatedAt": updated,
                **profile,
                **consent,
                "workspaceId": WORKSPACE_ID,
                **(
                    {"contactCustomFields": _custom_fields(id_, created_at)}
                    if custom_fields
                    else {}
                ),
                "tags": list(compress(self.company.tags, tags)),
                "contactInboxes": _contact_inboxes(
                    self.company, id_, inboxes, sources, heard, told
                ),
                "conversation": _conversation(self.company, id_, created_at, *conversation),
            }
            for (
                id_,
                created_at,
                updated,
                profile,
                consent,
                tags,
                inboxes,
                sources,
                heard,
                told,
                conversation,
            ) in zip(
                self.ids[rows].tolist(),
                as_texts(as_times(self.created[rows])),
                as_texts(np.fmax(self.conversations.updated, self.consents.blocked)[rows]),
                map(_profile, *columns_as_lists(self.profiles, rows)),
                map(_consent, *columns_as_lists(self.consents, rows)),
                self.tags[rows].tolist(),
                self.inboxes[rows].tolist(),
                self.sources[rows].tolist(),
                as_texts(self.heard[rows]),
                as_texts(self.told[rows]),
                zip(*columns_as_lists(self.conversations, rows), strict=True),
                strict=True,
            )
        ]


def _custom_fields(contact: int, created: str) -> list[Json]:
    """The custom field with the customer's preferred shop, which one in eight has."""
    if contact // ID_STEP % 8:
        return []
    return [
        {
            "id": str(contact + 10),
            "createdAt": created,
            "updatedAt": created,
            "value": ("São Paulo", "Lisboa", "Ciudad de México")[contact // ID_STEP % 3],
            "contactId": str(contact),
            "customFieldId": id_of("custom field", 0),
        }
    ]


class Profiles(NamedTuple):
    country: Ints
    phone: Flags
    mail: Flags
    guest: Flags  # came through the web chat, which writes an opaque id into `email`
    zone: Ints  # 0 none, 1 the zone's name, 2 hours from UTC
    locale: Ints  # 0 none, 1 with a region, 2 without
    recorded: Ints  # how the country is written; see `_profile`
    noise: Ints  # random bits for names, addresses and phone numbers


def _profile(
    number: int,
    phone: bool,
    mail: bool,
    guest: bool,
    zone: int,
    locale: int,
    recorded: int,
    noise: int,
) -> Json:
    country = COUNTRIES[number]
    language = country.locale[:2]
    first_names, last_names = NAMES.get(language, NAMES["en"])
    first_name = first_names[noise % 8]
    last_name = last_names[(noise >> 3) % 8]
    email = None
    if mail:
        email = f"customer{noise % 10**9}@example.{'com' if noise & 1 else 'org'}"
    elif guest:
        email = f"guest_{noise:032x}"
        first_name, last_name = "Guest", f"{noise & 0xFFFFFFFF:08x}"
    return {
        "avatar": None,
        "phoneNumber": country.phone(noise) if phone else None,
        "email": email,
        "firstName": first_name,
        "lastName": last_name,
        "fullName": f"{first_name} {last_name}",
        "gender": "unknown",
        "lastReadAt": None,
        "ref": "spring-catalogue" if noise % 17 == 0 else None,
        "country": (None, country.code, country.code.lower(), country.name, "unknown")[recorded],
        "state": None,
        "city": None,
        "location": None,
        "locale": (None, country.locale, language)[locale],
        "timezone": (None, country.zone, f"{country.utc_offset:g}")[zone],
    }


def _contact_inboxes(
    company: Company,
    contact: int,
    inboxes: list[int],
    sources: list[int],
    heard: list[str | None],
    told: list[str | None],
) -> list[Json]:
    return [
        {
            "id": str(contact + 1 + slot),
            "contactId": str(contact),
            "inboxId": INBOX_IDS[inbox],
            "channel": INBOXES[inbox].channel,
            "source": SOURCES[source],
            "language": None,
            "lastIncomingMessageAt": heard_at,
            "lastMessageAt": told_at,
            "contactLastReadAt": None,
            "inbox": company.inboxes[inbox],
        }
        for slot, (inbox, source, heard_at, told_at) in enumerate(
            zip(inboxes, sources, heard, told, strict=True)
        )
        if inbox >= 0
    ]


class Consents(NamedTuple):
    email: Flags
    email_verified: Flags
    broadcast: Times
    blocked: Times


def _consent(email: bool, verified: bool, broadcast: str | None, blocked: str | None) -> Json:
    return {
        "emailVerified": verified,
        "emailOptIn": email,
        "subscribedAt": None,
        "broadcastSubscribedAt": broadcast,
        "blockedAt": blocked,
    }


class Conversations(NamedTuple):
    present: Flags
    bot: Flags
    followed: Flags
    agent: Ints
    team: Ints
    updated: Times
    archived: Times
    last_activity: Times
    admin_replied: Times
    contact_replied: Times
    agent_read: Times
    contact_read: Times
    resume: Times


def _conversation(
    company: Company,
    contact: int,
    created: str,
    present: bool,
    bot: bool,
    followed: bool,
    agent: int,
    team: int,
    updated: str,
    archived: str | None,
    last_activity: str | None,
    admin_replied: str | None,
    contact_replied: str | None,
    agent_read: str | None,
    contact_read: str | None,
    resume: str | None,
) -> Json | None:
    if not present:
        return None
    return {
        "id": str(contact + 20),
        "createdAt": created,
        "updatedAt": updated,
        "botEnabled": bot,
        "botResumeAt": resume,
        "archivedAt": archived,
        "additionalAttributes": None,
        "contactLastReadAt": contact_read,
        "agentLastReadAt": agent_read,
        "aiContextLastMessageId": None,
        "lastActivityAt": last_activity,
        "followed": followed,
        "assignedUserId": AGENT_IDS[agent] if agent >= 0 else None,
        "assignedInboxTeamId": TEAM_IDS[team] if team >= 0 else None,
        "workspaceId": WORKSPACE_ID,
        "contactId": str(contact),
        "sourceId": None,
        "adminRepliedAt": admin_replied,
        "contactRepliedAt": contact_replied,
        "assignedUser": company.agents[agent] if agent >= 0 else None,
        "assignedInboxTeam": company.teams[team] if team >= 0 else None,
    }
