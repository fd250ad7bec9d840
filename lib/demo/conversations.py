"""Draw the demo's conversations: who wrote, who answered, who is waiting, and for whom."""

from __future__ import annotations

import numpy as np

from lib.demo.arrivals import Arrivals
from lib.demo.chance import chosen, whole
from lib.demo.company import (
    AGENTS,
    COUNTRY_CODES,
    NONE,
    OVERLOADED,
    TAG_KEYS,
    WHOLESALE,
)
from lib.demo.times import DAY, HOUR, MINUTE, NEVER, Flags, Floats, Ints, Times, as_times
from lib.demo.workspace import Conversations

ANSWERED_AFTER, OVERLOOKED_AFTER, LOOKED_IN_AFTER, ANSWERED_SPREAD = 4, 8, 1, 1.75
"""Medians of log-normal distributions, in hours, and their common sigma: until an agent answers,
until an unassigned conversation or one with the overloaded agent is answered, and until somebody
answers in a conversation with a bot."""


def draw_heard(
    created: Ints, inboxes: Ints, conversations: Conversations, rng: np.random.Generator
) -> Times:
    """Time of the last incoming message by contact and slot; the latest is in the first inbox."""
    last = conversations.contact_replied.view(np.int64)[:, None]
    earliness = rng.random(inboxes.shape) * [0, *[1] * (inboxes.shape[1] - 1)]
    since_first = np.where(last == NEVER, 0, last - created[:, None])
    return as_times(last - whole(earliness * since_first))


_SILENT_BOT = 0.004
"""Probability that a bot does not answer a message."""


def draw_told(
    now: int, heard: Times, conversations: Conversations, rng: np.random.Generator
) -> Times:
    """Time of the last message by contact and slot: an admin's reply, or the bot's a minute after
    the contact's message."""
    last = heard.view(np.int64)
    replied = conversations.admin_replied.view(np.int64)[:, None]
    resume = conversations.resume.view(np.int64)
    is_off: Flags = ~conversations.bot & ((resume == NEVER) | (resume > now))
    silent = is_off.reshape(-1, 1) | (rng.random((len(last), heard.shape[1])) < _SILENT_BOT)
    after = np.where(silent, last, np.minimum(last + MINUTE, now))
    first_slot = np.arange(heard.shape[1]) == 0
    told = np.where(first_slot, np.maximum(after, replied), after)
    return as_times(np.where(last == NEVER, NEVER, told))


def draw_conversations(
    now: int, arrivals: Arrivals, tags: Flags, blocked: Ints, rng: np.random.Generator
) -> Conversations:
    created = arrivals.created
    size = len(created)
    end = np.where(blocked == NEVER, now, blocked)
    last_visit = _draw_last_visits(end, arrivals, rng)

    closed_after = open_for(rng.random(size))
    is_open = last_visit + closed_after > now
    is_open &= (blocked == NEVER) | (rng.random(size) < 0.2)
    bot = rng.random(size) < np.where(is_open, 0.42, 0.6)
    agent, team = _draw_assignment(is_open, bot, arrivals, tags, rng)

    overlooked = (agent == OVERLOADED) | (~bot & (agent < 0) & (team < 0))
    may_wait = is_open & (blocked == NEVER)
    waits, unanswered, last_message = _draw_waiting(
        now, may_wait, overlooked, bot, created, last_visit, rng
    )
    never_answered = unanswered | (~is_open & (rng.random(size) < 0.03))
    admin_replied = np.where(
        never_answered,
        NEVER,
        _draw_answers(created, last_message, end, waits, overlooked, bot, rng),
    )
    present = rng.random(size) < np.where(arrivals.imported, 0.35, 0.96)
    present &= arrivals.channel != NONE
    wrote_nothing = ~waits & (rng.random(size) < np.where(arrivals.imported, 0.5, 0.03))
    wrote_nothing |= arrivals.imported & ~present
    contact_replied = np.where(wrote_nothing, NEVER, last_message)

    last_activity = np.maximum(contact_replied, admin_replied)
    last_activity = np.where(last_activity == NEVER, last_visit, last_activity)
    quiet = end - last_activity
    tidied = np.minimum(rng.lognormal(np.log(10 * MINUTE), 1, size), quiet * 0.9)
    closed = np.maximum(last_activity + whole(tidied), np.minimum(last_visit + closed_after, end))
    archived = np.where(is_open, NEVER, closed)

    read_after = np.minimum(rng.lognormal(np.log(10 * MINUTE), 1, size), quiet * 0.5)
    up_to_date = rng.random(size) < np.where(waits, 0.35, 0.93)
    agent_read = np.where(up_to_date, last_activity + whole(read_after), admin_replied)
    nobody_looked = (agent < 0) & (rng.random(size) < np.where(bot, 0.5, 0.2))
    agent_read = np.where(nobody_looked, NEVER, agent_read)
    contact_read = np.where(rng.random(size) < 0.6, last_activity + whole(read_after), NEVER)

    # Where a person took over, the bot is paused for a day, or until somebody resumes it.
    handed_over = np.maximum(admin_replied, created)
    pauses = ~bot & ~waits & (rng.random(size) < 0.5)
    resume = np.where(pauses, handed_over + DAY, NEVER)

    vip = tags[:, TAG_KEYS.index("VIP")]
    return Conversations(
        present=present,
        bot=bot,
        followed=rng.random(size) < np.where(vip, 0.12, 0.016),
        agent=agent,
        team=team,
        updated=as_times(np.maximum(last_activity, archived)),
        archived=as_times(archived),
        last_activity=as_times(last_activity),
        admin_replied=as_times(admin_replied),
        contact_replied=as_times(contact_replied),
        agent_read=as_times(agent_read),
        contact_read=as_times(contact_read),
        resume=as_times(resume),
    )


def open_for(draws: Floats) -> Ints:
    """How long conversations stay open, in ms, for draws between 0 and 1.

    Many are closed at once, others after days or months, a few never.
    """
    days = np.concatenate([[0], np.geomspace(0.01, 730, 200)])
    still_open = 0.4 * np.exp(-days / 6) + 0.17 * np.exp(-days / 60) + 0.008
    return whole(np.interp(-draws, -still_open, days, right=10 * 730) * DAY)


def _draw_last_visits(end: Ints, arrivals: Arrivals, rng: np.random.Generator) -> Ints:
    """Nearly half wrote once, at first contact; the others came back, most of them recently."""
    size = len(end)
    life = end - arrivals.created
    talk = np.minimum(rng.lognormal(np.log(12 * MINUTE), 1.2, size), life * 0.8)
    came_back = arrivals.imported | (rng.random(size) < 0.55)
    since = np.where(came_back, life * rng.random(size) ** 1.5, life - talk)
    return end - whole(since)


def _draw_assignment(
    is_open: Flags, bot: Flags, arrivals: Arrivals, tags: Flags, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Agent and team of each conversation, -1 for none. Most handovers by a bot are assigned."""
    size = len(is_open)
    weights = np.where(
        is_open[:, None],
        [agent.open_share for agent in AGENTS],
        [agent.archived_share for agent in AGENTS],
    )
    wholesale = tags[:, TAG_KEYS.index("Wholesale")]
    weights[wholesale] *= [8 if agent.team == WHOLESALE else 1 for agent in AGENTS]
    vietnamese = arrivals.country == COUNTRY_CODES.index("VN")
    weights[vietnamese] *= [12 if "vi" in agent.languages else 1 for agent in AGENTS]
    agent = chosen(weights, rng.random(size))
    team = np.array([agent.team for agent in AGENTS])[agent]

    kind = rng.random(size)
    with_agent = kind < np.where(bot, 0.22, 0.74)
    with_team = kind < np.where(bot, 0.34, 0.92)
    agent_has_team = with_agent & (rng.random(size) < 0.9)
    return (
        np.where(with_agent, agent, -1),
        np.where(agent_has_team | (with_team & ~with_agent), team, -1),
    )


def _draw_waiting(
    now: int,
    may_wait: Flags,
    overlooked: Flags,
    bot: Flags,
    created: Ints,
    last_visit: Ints,
    rng: np.random.Generator,
) -> tuple[Flags, Flags, Ints]:
    """Who waits for a reply, who of them never got one, and when everyone last wrote."""
    size = len(may_wait)
    chance = np.where(bot, 0.03, 0.12) * np.where(overlooked, 1.8, 1)
    waits = may_wait & (rng.random(size) < chance)
    life = now - created
    usual = np.where(overlooked, OVERLOOKED_AFTER, ANSWERED_AFTER)
    hours = rng.lognormal(np.log(usual), ANSWERED_SPREAD, size).clip(0.05, 20 * 24)
    wait = whole(np.minimum(hours * HOUR, life * 0.95))
    new = life - wait < 2 * DAY
    unanswered = waits & (rng.random(size) < np.where(new, 0.6, np.where(overlooked, 0.3, 0.1)))
    return waits, unanswered, np.where(waits, now - wait, last_visit)


def _draw_answers(
    created: Ints,
    last_message: Ints,
    end: Ints,
    waits: Flags,
    overlooked: Flags,
    bot: Flags,
    rng: np.random.Generator,
) -> Ints:
    """Times of the last admin reply.

    Agents answer within hours, and leave most of the bot's conversations to the bot. Contacts who
    wait were answered before their last message.
    """
    size = len(created)
    usual = np.where(bot, LOOKED_IN_AFTER, np.where(overlooked, OVERLOOKED_AFTER, ANSWERED_AFTER))
    delay = rng.lognormal(np.log(usual * HOUR), ANSWERED_SPREAD, size)
    after = last_message + whole(np.minimum(delay, (end - last_message) * 0.9))
    share = rng.random(size)
    before = last_message - whole((last_message - created) * share**3)
    by_bot = bot & ~waits & (share < 0.7)
    return np.where(by_bot, NEVER, np.where(waits, before, after))
