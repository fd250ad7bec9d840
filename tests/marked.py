"""A workspace in which all personal data contains a mark."""

from __future__ import annotations

from typing import Any

from tests.synthetic import synthetic_contacts

Json = dict[str, Any]

MARK = "qzmark"
"""Part of every personal text. Texts are compared in lower case."""

DIGITS = "976543210"
"""Part of every phone number."""

SHOWN = "shownopenly"
"""The name of a tag, which must be found wherever tags are shown, to prove that searching works."""


def contacts(number: int = 400) -> list[Json]:
    """Synthetic contacts whose personal texts all contain a mark.

    Some have them in fields of other types, or in unknown fields.
    """
    found = []
    for place, contact in enumerate(synthetic_contacts(number, seed=7)):
        contact |= {
            "firstName": f"First{MARK}",
            "lastName": f"Last {MARK}",
            "fullName": f"First{MARK} Last {MARK}",
            "email": f"{MARK}.{place}@{MARK}.example",
            "phoneNumber": f"+5511{DIGITS}",
            "avatar": f"https://{MARK}.example/{MARK}.jpg",
            "ref": MARK,
            "state": MARK,
            "city": f"City of {MARK}",
            "location": {"address": f"{MARK} street 1", "zip": DIGITS},
            "notes": [{"text": f"says {MARK}", "author": f"agent@{MARK}.example"}],
            "lastMessage": f"call me: {DIGITS}, {MARK}",
            "contactCustomFields": [
                {"id": str(place), "value": f"{MARK} {DIGITS}", "customField": {"name": MARK}}
            ],
        }
        for link in contact["contactInboxes"]:
            link |= {"sourceId": f"{MARK}{DIGITS}", "lastMessage": MARK}
        if contact["conversation"] is not None:
            contact["conversation"] |= {
                "additionalAttributes": {"note": MARK, MARK: DIGITS},
                "sourceId": MARK,
                "lastMessage": {"text": MARK},
            }
            agent = contact["conversation"]["assignedUser"]
            if agent is not None:
                marked = {"email": f"{agent['id']}@{MARK}.example", "image": f"https://{MARK}/x"}
                contact["conversation"]["assignedUser"] = agent | marked
        contact["tags"] = [
            *contact["tags"],
            {"id": f"699-{SHOWN}", "name": SHOWN, "deletedAt": None},
        ]
        contact |= _ODD.get(place, {})
        found.append(contact)
    return found


_ODD: dict[int, Json] = {
    1: {"phoneNumber": {"number": DIGITS, "of": MARK}},
    2: {"email": [MARK, DIGITS]},
    3: {"phoneNumber": int(DIGITS), "email": f"no address of {MARK}"},
    4: {"blockedAt": f"never, says {MARK}"},
    5: {"conversation": MARK},
    6: {"contactInboxes": [MARK, {"inboxId": {"x": MARK}, "channel": None}]},
    7: {"emailVerified": MARK, "emailOptIn": DIGITS},
    8: {"subscribedAt": MARK, "workspaceId": {"x": MARK}},
    9: {"phoneNumber": f"+5511{DIGITS} ext. {MARK}"},
    10: {"timezone": {"of": MARK}, "locale": [MARK], "country": {"of": MARK}},
}
