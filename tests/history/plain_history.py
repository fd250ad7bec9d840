"""The rules of history once more, as plain loops over the contacts as they were sent.

It uses nothing of `lib.history` and does nothing in the same way, so what both agree on is hardly
wrong in both. It understands only the fields that these tests generate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A recorded snapshot: contacts by ID, and since when each waits for a person."""

    as_of: datetime
    contacts: Mapping[str, Json]
    since: Mapping[str, datetime]


@dataclass(frozen=True)
class Event:
    kind: str
    at: datetime
    seen: datetime
    before: Json | None
    after: Json | None
    value: str | None = None
    hours: float | None = None


@dataclass
class Past:
    states: list[State] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def record(
        self,
        as_of: datetime,
        contacts: Sequence[Json],
        doubtful: Sequence[tuple[datetime, datetime]] = (),
    ) -> None:
        now = {contact["id"]: contact for contact in contacts}
        if not self.states:
            since = {i: wrote(c) for i, c in now.items() if waits(c)}
            self.states.append(State(as_of, now, since))
            return
        then = self.states[-1]
        if as_of <= then.as_of:
            return
        for key, contact in then.contacts.items():
            created = time(contact["createdAt"])
            if key not in now and any(low <= created <= high for low, high in doubtful):
                now[key] = contact
        for key in {*then.contacts, *now}:
            self._compare(then, as_of, key, then.contacts.get(key), now.get(key))
        since = {}
        for key, contact in now.items():
            if waits(contact):
                before = then.contacts.get(key)
                goes_on = (
                    before is not None
                    and key in then.since
                    and same_conversation(before, contact)
                    and talk(before, "adminRepliedAt") == talk(contact, "adminRepliedAt")
                )
                since[key] = then.since[key] if goes_on else wrote(contact)
        self.states.append(State(as_of, now, since))

    def _compare(
        self, then: State, c: datetime, key: str, p: Json | None, now: Json | None
    ) -> None:
        def event(kind: str, own: datetime | None = None, **more: Any) -> None:
            at = own if own is not None and then.as_of < own <= c else c
            self.events.append(Event(kind, at, c, p, now, **more))

        if now is None:
            event("deleted")
            return
        created = time(now["createdAt"])
        if p is None:
            event("joined", created)
        if time(now["blockedAt"]) and not (p and p["blockedAt"]):
            event("blocked", time(now["blockedAt"]))
        if p and p["blockedAt"] and not now["blockedAt"]:
            event("unblocked")
        if now["broadcastSubscribedAt"] and not (p and p["broadcastSubscribedAt"]):
            event("broadcast_in", time(now["broadcastSubscribedAt"]))
        if p and p["broadcastSubscribedAt"] and not now["broadcastSubscribedAt"]:
            event("broadcast_out")
        if mailable(now) and not (p and mailable(p)):
            event("email_in", created if p is None else None)
        if p and mailable(p) and not mailable(now):
            event("email_out")
        for name, of in (("tag", tags), ("channel", channels)):
            for value in of(now) - (of(p) if p else set()):
                event(f"{name}_added", value=value)
            for value in (of(p) if p else set()) - of(now):
                event(f"{name}_removed", value=value)
        same = p is not None and same_conversation(p, now)
        held, holds = agent(p) if p else None, agent(now)
        if holds and (not same or not held):
            event("assigned")
        if same and held and not holds:
            event("unassigned")
        if same and held and holds and held != holds:
            event("reassigned")
        if same and p is not None:
            was, is_ = talk(p, "archivedAt"), talk(now, "archivedAt")
            if was is None and is_ is not None:
                event("closed", is_)
            if was is not None and is_ is None:
                event("reopened")
        said, had_said = wrote(now), wrote(p) if p else None
        anew = said is not None and (had_said is None or said > had_said)
        if anew:
            event("wrote", said)
        if same and p is not None and is_open(p):
            replied, had_replied = talk(now, "adminRepliedAt"), talk(p, "adminRepliedAt")
            if replied is not None and (had_replied is None or had_replied < replied):
                waited = then.since.get(key)
                if waited is not None or (anew and said is not None and said <= replied):
                    since = waited if waited is not None else said
                    assert since is not None
                    hours = (replied - since) / timedelta(hours=1)
                    event("answered", replied, hours=hours if hours >= 0 else None)

    def changes(self, start: date, end: date, zone: str, passes: Any = lambda c: True) -> Json:
        """Changes as in the report, without levels; `passes` is the filter."""
        first = datetime.combine(start, datetime.min.time(), ZoneInfo(zone))
        over = datetime.combine(end + timedelta(1), datetime.min.time(), ZoneInfo(zone))
        earlier = [state for state in self.states if state.as_of < first]
        opening = earlier[-1] if earlier else self.states[0]
        closing = [state for state in self.states if state.as_of < over][-1]
        counted = [e for e in self.events if opening.as_of < e.seen <= closing.as_of]

        def counts(event: Event) -> bool:
            taken_away = ("deleted", "tag_removed", "channel_removed", "unassigned")
            side = event.before if event.kind in taken_away else event.after
            return side is not None and passes(side)

        kept = [event for event in counted if counts(event)]
        numbers = Counter(event.kind for event in kept)
        days: dict[tuple[date, str], int] = Counter()
        for event in kept:
            day = event.at.astimezone(ZoneInfo(zone)).date()
            days[min(max(day, start), end), event.kind] += 1
        hours = [e.hours for e in kept if e.kind == "answered" and e.hours is not None]
        return {
            "opening": opening.as_of,
            "closing": closing.as_of,
            "events": numbers,
            "days": days,
            "answered": numbers["answered"],
            "timed": len(hours),
            "median_hours": median(hours) if hours else None,
            "active_opening": active(opening, passes),
            "active_closing": active(closing, passes),
            "deleted_active": sum(
                e.kind == "deleted" and e.before is not None and not e.before["blockedAt"]
                for e in kept
            ),
        }


def active(state: State, passes: Any) -> int:
    return sum(not c["blockedAt"] and passes(c) for c in state.contacts.values())


def time(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None


def mailable(contact: Json) -> bool:
    return bool(contact["email"] and "@" in contact["email"] and contact["emailOptIn"])


def tags(contact: Json) -> set[str]:
    return {tag["id"] for tag in contact["tags"] if not tag["deletedAt"]}


def channels(contact: Json) -> set[str]:
    return {link["channel"] for link in contact["contactInboxes"]}


def sources(contact: Json) -> set[str]:
    return {link["source"] for link in contact["contactInboxes"] if link.get("source")}


def talk(contact: Json, name: str) -> Any:
    return time(contact["conversation"][name]) if contact["conversation"] else None


def agent(contact: Json) -> str | None:
    conversation = contact["conversation"]
    return conversation["assignedUserId"] if conversation else None


def same_conversation(one: Json, other: Json) -> bool:
    a, b = one["conversation"], other["conversation"]
    return a is not None and b is not None and a["id"] == b["id"]


def is_open(contact: Json) -> bool:
    conversation = contact["conversation"]
    return bool(conversation and not conversation["archivedAt"] and not contact["blockedAt"])


def wrote(contact: Json) -> Any:
    times = [talk(contact, "contactRepliedAt")]
    times += [time(link["lastIncomingMessageAt"]) for link in contact["contactInboxes"]]
    return max((each for each in times if each), default=None)


def waits(contact: Json) -> bool:
    if not is_open(contact) or wrote(contact) is None:
        return False
    replied = talk(contact, "adminRepliedAt")
    return replied is None or replied < wrote(contact)
