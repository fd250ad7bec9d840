"""A naive implementation of the metrics: contact by contact, from the JSON, by their definitions.

It shares no code with `lib.metrics`, so that the two can be compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Day = timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """The days `start` to `end` in a zone, "now", the API's name of the subscription time, and
    whether an active bot counts as answering."""

    start: date
    end: date
    timezone: str
    as_of: datetime
    basis: str
    bot_answers: bool = True

    @property
    def previous(self) -> tuple[date, date]:
        days = (self.end - self.start).days + 1
        return self.start - days * Day, self.end - days * Day

    def day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.timezone)).date()


def time(holder: Json, key: str) -> datetime | None:
    text = holder.get(key)
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_per_id(contacts: Iterable[Json]) -> list[Json]:
    """The later `updatedAt` wins, then the later page."""
    kept: dict[str, Json] = {}
    never = datetime.min.replace(tzinfo=UTC)
    for contact in contacts:
        other = kept.get(contact["id"])
        if other is None or (time(contact, "updatedAt") or never) >= (
            time(other, "updatedAt") or never
        ):
            kept[contact["id"]] = contact
    return list(kept.values())


def is_active(contact: Json) -> bool:
    return time(contact, "blockedAt") is None


def has_email(contact: Json) -> bool:
    address = (contact.get("email") or "").strip()
    before, at, domain = address.partition("@")
    return (
        bool(before and at)
        and "@" not in domain
        and "." in domain
        and all(domain.split("."))
        and not re.search(r"\s", address)
    )


def channels(contact: Json) -> set[str]:
    found = set()
    for link in contact.get("contactInboxes") or []:
        own = ((link.get("inbox") or {}).get("channel") or "").strip().lower()
        if channel := (link.get("channel") or "").strip().lower() or own:
            found.add(channel)
    return found


def inboxes(contact: Json) -> dict[str, str | None]:
    return {
        link["inboxId"]: link["inbox"]["status"] for link in contact.get("contactInboxes") or []
    }


def sources(contact: Json) -> set[str]:
    links = contact.get("contactInboxes") or []
    return {source for link in links if (source := (link.get("source") or "").strip())}


def tags(contact: Json) -> set[str]:
    return {tag["id"] for tag in contact.get("tags") or [] if tag.get("deletedAt") is None}


def country(contact: Json) -> str:
    return contact.get("country") or "unknown"


def in_days(question: Question, contact: Json, key: str, days: tuple[date, date]) -> bool:
    moment = time(contact, key)
    return moment is not None and days[0] <= question.day(moment) <= days[1]


def is_before(question: Question, contact: Json, key: str) -> bool:
    """Whether the time lies in the previous period to date."""
    if not in_days(question, contact, key, question.previous):
        return False
    moment = time(contact, key)
    assert moment is not None
    then, now = (each.astimezone(ZoneInfo(question.timezone)) for each in (moment, question.as_of))
    length = question.start - question.previous[0]
    return (then.date() + length, then.time()) < (now.date(), now.time())


def counted(contacts: list[Json], question: Question) -> dict[str, int]:
    """The numbers of "Audience", and numerators and denominators of the rates of "Opt-in"."""
    period, previous = (question.start, question.end), question.previous
    active = [each for each in contacts if is_active(each)]
    on_channel = [each for each in active if channels(each)]
    with_email = [each for each in active if has_email(each)]

    def during(key: str, days: tuple[date, date]) -> int:
        return sum(in_days(question, each, key, days) for each in contacts)

    return {
        "contacts": len(contacts),
        "active": len(active),
        "new": during(question.basis, period),
        "new_previous": during(question.basis, previous),
        "new_before": sum(is_before(question, each, question.basis) for each in contacts),
        "lost": during("blockedAt", period),
        "lost_previous": during("blockedAt", previous),
        "lost_before": sum(is_before(question, each, "blockedAt") for each in contacts),
        "on_channel": len(on_channel),
        "broadcast": sum(time(each, "broadcastSubscribedAt") is not None for each in on_channel),
        "with_email": len(with_email),
        "email": sum(each.get("emailOptIn") is True for each in with_email),
        "email_verified": sum(each.get("emailVerified") is True for each in with_email),
    }


def counted_by(
    contacts: list[Json], question: Question, keys: Callable[[Json], set[str]]
) -> dict[str, dict[str, int]]:
    """`counted` for each key that a contact has; contacts without any are under ""."""
    groups: dict[str, list[Json]] = {}
    for contact in contacts:
        for key in keys(contact) or {""}:
            groups.setdefault(key, []).append(contact)
    return {key: counted(group, question) for key, group in groups.items()}


def new_and_lost(contacts: list[Json], question: Question) -> dict[date, tuple[int, int]]:
    """New and lost contacts by day of the period."""
    new, lost = (
        Counter(question.day(moment) for each in contacts if (moment := time(each, key)))
        for key in (question.basis, "blockedAt")
    )
    days = [
        question.start + number * Day for number in range((question.end - question.start).days + 1)
    ]
    return {day: (new[day], lost[day]) for day in days}


def subscribers(contacts: list[Json], question: Question, day: date) -> int:
    """At the end of a day: contacts subscribed by then, minus those of them blocked by then."""
    number = 0
    for contact in contacts:
        joined, blocked = time(contact, question.basis), time(contact, "blockedAt")
        if joined is not None and question.day(joined) <= day:
            number += not (blocked is not None and question.day(blocked) <= day)
    return number


def new_by_hour(contacts: list[Json], question: Question) -> Counter[tuple[int, int]]:
    """New contacts by local weekday, where 0 is Monday, and hour."""
    zone = ZoneInfo(question.timezone)
    return Counter(
        (local.weekday(), local.hour)
        for each in contacts
        if in_days(question, each, question.basis, (question.start, question.end))
        and (moment := time(each, question.basis))
        for local in [moment.astimezone(zone)]
    )


def new_by_day_and(
    contacts: list[Json], question: Question, keys: Callable[[Json], set[str]]
) -> Counter[tuple[date, str]]:
    """New contacts by day and by each key that a contact has."""
    return Counter(
        (question.day(moment), key)
        for each in contacts
        if in_days(question, each, question.basis, (question.start, question.end))
        and (moment := time(each, question.basis))
        for key in keys(each) or {""}
    )


def opt_in_before(
    contacts: list[Json], question: Question, day: date
) -> tuple[float | None, float | None]:
    """The shares opted in to broadcasts and to e-mail at the start of the day."""

    def had(contact: Json, key: str) -> bool:
        moment = time(contact, key)
        return moment is not None and question.day(moment) < day

    there = [each for each in contacts if had(each, "createdAt") and not had(each, "blockedAt")]
    on_channel = [each for each in there if channels(each)]
    with_email = [each for each in there if has_email(each)]
    broadcast = sum(had(each, "broadcastSubscribedAt") for each in on_channel)
    email = sum(each.get("emailOptIn") is True for each in with_email)
    return (
        broadcast / len(on_channel) if on_channel else None,
        email / len(with_email) if with_email else None,
    )


def shared(contacts: list[Json], keys: Callable[[Json], set[str]]) -> Counter[tuple[str, str]]:
    """How many contacts have both of two keys."""
    return Counter((a, b) for each in contacts for a in keys(each) for b in keys(each) if a < b)


def in_open_conversation(contacts: list[Json]) -> list[Json]:
    return [
        each
        for each in contacts
        if each.get("conversation") is not None
        and time(each["conversation"], "archivedAt") is None
        and is_active(each)
    ]


def wrote(contact: Json) -> datetime | None:
    """When the contact last wrote."""
    links = contact.get("contactInboxes") or []
    said = [time(link, "lastIncomingMessageAt") for link in links]
    said.append(time(contact["conversation"], "contactRepliedAt"))
    return max((each for each in said if each is not None), default=None)


def bot_is_on(conversation: Json, question: Question) -> bool:
    resumes = time(conversation, "botResumeAt")
    return conversation.get("botEnabled") is not False or (
        resumes is not None and resumes <= question.as_of
    )


def answered(contact: Json, question: Question) -> datetime | None:
    replies = [time(contact["conversation"], "adminRepliedAt")]
    if bot_is_on(contact["conversation"], question):
        for link in contact.get("contactInboxes") or []:
            last, incoming = time(link, "lastMessageAt"), time(link, "lastIncomingMessageAt")
            if last is not None and (incoming is None or last > incoming):
                replies.append(last)
    return max((each for each in replies if each is not None), default=None)


def has_last_word(contact: Json, question: Question) -> bool:
    asked, told = wrote(contact), answered(contact, question)
    return asked is not None and (told is None or asked > told)


def awaits_reply(contact: Json, question: Question) -> bool:
    tells = any(time(link, "lastMessageAt") for link in contact.get("contactInboxes") or [])
    is_off = not bot_is_on(contact["conversation"], question)
    return has_last_word(contact, question) and (is_off or tells or not question.bot_answers)


def never_answered(contact: Json, question: Question) -> bool:
    return (
        awaits_reply(contact, question) and time(contact["conversation"], "adminRepliedAt") is None
    )


def is_orphaned(contact: Json, question: Question) -> bool:
    conversation = contact["conversation"]
    return not bot_is_on(conversation, question) and is_unassigned(conversation)


def is_unread(conversation: Json) -> bool:
    activity, read = time(conversation, "lastActivityAt"), time(conversation, "agentLastReadAt")
    return activity is not None and read is not None and activity > read


def waited(contact: Json, question: Question) -> timedelta:
    """How long a contact has waited; never negative, even if clocks differ."""
    since = wrote(contact)
    assert since is not None
    return max(question.as_of - since, timedelta())


def age(wait: timedelta) -> str:
    hour = timedelta(hours=1)
    if wait < hour:
        return "under_1h"
    if wait < 4 * hour:
        return "1h_4h"
    if wait < 24 * hour:
        return "4h_24h"
    if wait < 3 * Day:
        return "1d_3d"
    return "3d_7d" if wait < 7 * Day else "over_7d"


def workload(contacts: list[Json], question: Question) -> dict[str, Any]:
    numbers: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for contact in in_open_conversation(contacts):
        each = contact["conversation"]
        agent, team = each.get("assignedUserId"), each.get("assignedInboxTeamId")
        activity, read = time(each, "lastActivityAt"), time(each, "agentLastReadAt")
        replied, admin = time(each, "contactRepliedAt"), time(each, "adminRepliedAt")
        numbers["open"] += 1
        numbers["assigned_agent"] += agent is not None
        numbers["assigned_team_only"] += agent is None and team is not None
        numbers["unassigned"] += is_unassigned(each)
        numbers["awaiting_reply"] += awaits_reply(contact, question)
        numbers["left_to_bot"] += has_last_word(contact, question) and not awaits_reply(
            contact, question
        )
        numbers["never_answered"] += never_answered(contact, question)
        numbers["no_admin_reply"] += bool(replied and admin and replied > admin)
        numbers["unread"] += is_unread(each)
        numbers["never_read"] += activity is not None and read is None
        numbers["with_human"] += not bot_is_on(each, question)
        numbers["orphaned_handoff"] += is_orphaned(contact, question)
        numbers["follow_up"] += each.get("followed") is True
        if awaits_reply(contact, question):
            waiting[age(waited(contact, question))] += 1
    return {**numbers, "waiting": dict(waiting)}


def load(
    contacts: list[Json], key: str, question: Question, everyone: list[Json]
) -> dict[str, dict[str, Any]]:
    """By agent or team, depending on `key`: all that are assigned anywhere in the workspace,
    including archived conversations."""
    seen = {
        each["conversation"][key]
        for each in everyone
        if each.get("conversation") and each["conversation"].get(key)
    }
    found = {}
    for holder in seen:
        held = [
            each
            for each in in_open_conversation(contacts)
            if each["conversation"].get(key) == holder
        ]
        waits = [waited(each, question) for each in held if awaits_reply(each, question)]
        hour = timedelta(hours=1)
        found[holder] = {
            "open": len(held),
            "awaiting_reply": len(waits),
            "never_answered": sum(never_answered(each, question) for each in held),
            "unread": sum(is_unread(each["conversation"]) for each in held),
            "follow_up": sum(each["conversation"].get("followed") is True for each in held),
            "oldest_wait_hours": max(waits) / hour if waits else None,
            "median_wait_hours": median(wait / hour for wait in waits) if waits else None,
        }
    return found


def longest_waits(
    contacts: list[Json], question: Question
) -> tuple[float | None, int, float | None]:
    """The longest wait in hours; how many of those who wait are orphaned, and their longest."""
    waiting = [each for each in in_open_conversation(contacts) if awaits_reply(each, question)]
    orphaned = [each for each in waiting if is_orphaned(each, question)]
    longest, longest_orphaned = (
        max((waited(each, question) / timedelta(hours=1) for each in some), default=None)
        for some in (waiting, orphaned)
    )
    return longest, len(orphaned), longest_orphaned


def awaiting_by(
    contacts: list[Json], question: Question, keys: Callable[[Json], set[str]]
) -> Counter[str]:
    return Counter(
        key
        for each in in_open_conversation(contacts)
        if awaits_reply(each, question)
        for key in keys(each) or {""}
    )


def open_by_agent_and_channel(contacts: list[Json]) -> Counter[tuple[str, str]]:
    return Counter(
        (each["conversation"].get("assignedUserId") or "", channel)
        for each in in_open_conversation(contacts)
        for channel in channels(each) or {""}
    )


def is_unassigned(conversation: Json) -> bool:
    return not (conversation.get("assignedUserId") or conversation.get("assignedInboxTeamId"))


def backlog_before(contacts: list[Json], question: Question, day: date) -> tuple[int, int]:
    """How many of those who wait now had written before the day started, and how many of those that
    are unassigned now had their last activity before it."""

    open_ones = in_open_conversation(contacts)
    waiting = [wrote(each) for each in open_ones if awaits_reply(each, question)]
    quiet = [
        time(each["conversation"], "lastActivityAt")
        for each in open_ones
        if is_unassigned(each["conversation"])
    ]
    had_begun, had_gone = (
        sum(moment is not None and question.day(moment) < day for moment in since)
        for since in (waiting, quiet)
    )
    return had_begun, had_gone


def queue(contacts: list[Json], which: str, question: Question) -> list[dict[str, Any]]:
    """The conversations in a queue, longest first, then in the order in which contacts came."""
    is_in: dict[str, Callable[[Json], bool]] = {
        "waiting": lambda contact: awaits_reply(contact, question),
        "orphaned": lambda contact: is_orphaned(contact, question),
        "unread": lambda contact: is_unread(contact["conversation"]),
    }
    rows = []
    for contact in in_open_conversation(contacts):
        each = contact["conversation"]
        if not is_in[which](contact):
            continue
        awaits = awaits_reply(contact, question)
        since = wrote(contact) if awaits else time(each, "lastActivityAt")
        came = (time(contact, "createdAt"), int(contact["id"]))
        hours = None if since is None else (question.as_of - since) / timedelta(hours=1)
        row = {
            "conversation": each["id"],
            "since": since,
            "hours": None if hours is None else max(hours, 0),
            "assignee": each.get("assignedUserId"),
            "team": each.get("assignedInboxTeamId"),
            "awaiting": awaits,
            "never_answered": never_answered(contact, question),
            "channels": tuple(sorted(channels(contact))),
        }
        never = datetime.max.replace(tzinfo=UTC)
        rows.append(((since is None, since or never, came), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def is_busy(contact: Json, as_of: datetime, days: int) -> bool:
    """Whether either side was active in the last `days` days."""
    moment = time(contact.get("conversation") or {}, "lastActivityAt")
    return moment is not None and moment >= as_of - days * Day


def engagement(
    contacts: list[Json], as_of: datetime, everyone: list[Json]
) -> dict[str, int | None]:
    """The 24-hour window is None if no contact in the workspace has its field."""
    active = [each for each in contacts if is_active(each)]

    def incoming(contact: Json) -> list[datetime]:
        links = contact.get("contactInboxes") or []
        return [moment for link in links if (moment := time(link, "lastIncomingMessageAt"))]

    told = any(incoming(each) for each in everyone)
    inside = (any(moment >= as_of - Day for moment in incoming(each)) for each in active)
    return {
        "active_7d": sum(is_busy(each, as_of, 7) for each in active),
        "active_30d": sum(is_busy(each, as_of, 30) for each in active),
        "window_24h": sum(inside) if told else None,
        "reach_at_risk": sum(
            bool(inboxes(each)) and "connected" not in inboxes(each).values() for each in active
        ),
    }


def cohorts(contacts: list[Json], question: Question) -> dict[tuple[int, int], tuple[int, ...]]:
    """By year and month: contacts, still active, and of these, opted in and active in 30 days."""
    months: dict[tuple[int, int], list[Json]] = {}
    for contact in contacts:
        if moment := time(contact, question.basis):
            day = question.day(moment)
            months.setdefault((day.year, day.month), []).append(contact)
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for month, members in months.items():
        active = [each for each in members if is_active(each)]
        found[month] = (
            len(members),
            len(active),
            sum(time(each, "broadcastSubscribedAt") is not None for each in active),
            sum(is_busy(each, question.as_of, 30) for each in active),
        )
    return found
