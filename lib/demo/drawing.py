"""Draws the demo workspace from a seed, relative to one instant: two years of a retailer's life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from lib.demo.company import (
    AGENTS,
    CHANNEL_OF_INBOX,
    CHANNELS,
    COUNTRIES,
    COUNTRY_CODES,
    ID_STEP,
    INSTAGRAM,
    MESSENGER,
    NONE,
    OVERLOADED,
    SMTP,
    SOURCES,
    TAG_KEYS,
    TAGS,
    TIKTOK,
    WEBCHAT,
    WHATSAPP,
    WHATSAPP_MEXICO,
    WHOLESALE,
    raw_company,
)
from lib.demo.times import DAY, EPOCH, HOUR, MINUTE, NEVER, Flags, Floats, Ints, Times, as_times
from lib.demo.workspace import Consents, Conversations, Profiles, Workspace


def draw_workspace(as_of: datetime, contacts: int, rng: np.random.Generator) -> Workspace:
    now = (as_of - EPOCH) // timedelta(milliseconds=1)
    arrivals = _draw_arrivals(now, contacts, rng)
    inboxes = _draw_inboxes(now, arrivals, rng)
    profiles = _draw_profiles(arrivals, inboxes, rng)
    tags = _draw_tags(now, arrivals, rng)
    blocked = _draw_blocked(now, arrivals.created, rng)
    conversations = _draw_conversations(now, arrivals, tags, blocked, rng)
    heard = _draw_heard(arrivals.created, inboxes, conversations, rng)
    return Workspace(
        company=raw_company(now),
        created=arrivals.created,
        ids=_ids(arrivals.created),
        profiles=profiles,
        consents=_draw_consents(now, arrivals, profiles, tags, blocked, rng),
        tags=tags,
        inboxes=inboxes,
        sources=_draw_sources(arrivals, inboxes, rng),
        heard=heard,
        told=_draw_told(now, heard, conversations, rng),
        conversations=conversations,
    )


def _ids(created: Ints) -> Ints:
    """Ids as the platform makes them: milliseconds since 2004-02-01, then 22 bits of sequence."""
    epoch = (datetime(2004, 2, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    place_in_tie = np.arange(len(created)) - np.searchsorted(created, created)
    return ((created - epoch) << 22) + (place_in_tie + 1) * ID_STEP


def _whole(numbers: Floats) -> Ints:
    return numbers.astype(np.int64)


def _choice(rng: np.random.Generator, weights: object, size: int) -> Ints:
    """Positions in `weights`, drawn as often as those say."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(np.searchsorted(steps, rng.random(size) * steps[-1], "right"))


def _chosen(weights: Floats, draws: Floats) -> Ints:
    """As `_choice`, with a row of weights for each draw in 0..1."""
    steps = np.cumsum(weights, axis=1)
    return np.asarray((draws[:, None] * steps[:, -1:] >= steps).sum(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class _Arrivals:
    created: Ints
    channel: Ints
    country: Ints
    imported: Flags


_DAYS = 730

_IMPORT_SHARE = 0.06

_IMPORT_AGE = 425  # days

_DRY_DAYS = 21

_TIKTOK_DAYS = 150

_LAUNCH_AGE = 9  # days since the campaign that brought four times the usual


def _draw_arrivals(now: int, contacts: int, rng: np.random.Generator) -> _Arrivals:
    imports = round(contacts * _IMPORT_SHARE)
    walk_ins = contacts - imports
    newest = now - 4 * MINUTE
    # The last day is not over, so some draws lie in the future and are left out.
    drawn = walk_ins + walk_ins // 20 + 64
    channel = _choice(rng, [channel.share for channel in CHANNELS], drawn)
    country = _choice_by(rng, channel, _country_weights())
    created = _draw_created(now, channel, country, rng)
    kept = np.flatnonzero((created <= newest) & (created > newest - _DAYS * DAY))[:walk_ins]

    channel = np.concatenate([channel[kept], np.where(rng.random(imports) < 0.85, WHATSAPP, NONE)])
    country = np.concatenate([country[kept], np.where(rng.random(imports) < 0.9, 0, 1)])
    import_time = (now // DAY - _IMPORT_AGE) * DAY + 13 * HOUR + 4 * MINUTE + 11_000
    created = np.concatenate([created[kept], np.full(imports, import_time)])
    order = np.argsort(created, kind="stable")
    created = created[order]
    created[-1:] = newest
    return _Arrivals(created, channel[order], country[order], order >= len(kept))


def _choice_by(rng: np.random.Generator, group: Ints, weights: Floats) -> Ints:
    """As `_choice`, with the row of `weights` that belongs to each one's group."""
    found = np.zeros(len(group), dtype=np.int64)
    for number, row in enumerate(weights):
        members = group == number
        found[members] = _choice(rng, row, int(members.sum()))
    return found


def _country_weights() -> Floats:
    """Channel by country."""
    weights = np.tile([country.share for country in COUNTRIES], (len(CHANNELS), 1))
    for row, channel in zip(weights, CHANNELS, strict=True):
        for code, factor in channel.leaning:
            row[COUNTRY_CODES.index(code)] *= factor
    return weights


def _draw_created(now: int, channel: Ints, country: Ints, rng: np.random.Generator) -> Ints:
    """Times over two years: growth, weeks, campaigns, and waking hours where the person lives."""
    today = now // DAY
    arrivals_a_day = _daily_arrivals(today, rng)
    day = today - _DAYS + _choice_by(rng, channel, arrivals_a_day * _channel_careers())
    offset = np.array([country.utc_offset for country in COUNTRIES])[country]
    hour = _choice_by(rng, np.digitize(offset, [-2.5, 4]), _HOURS) + rng.random(len(day))
    return day * DAY + _whole((hour - offset) * HOUR)


def _daily_arrivals(today: int, rng: np.random.Generator) -> Floats:
    days = np.arange(today - _DAYS, today + 1)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    arrivals: Floats = (
        np.linspace(0.4, 1, len(days))
        * np.array([1.08, 1.05, 1.02, 1.0, 1.06, 0.72, 0.58])[weekday]
        * rng.lognormal(0, 0.1, len(days))
    )
    for black_friday in _black_fridays(today):
        for day, factor in enumerate((1.8, 4.5, 2.4, 1.9, 2.6, 1.4), black_friday - 1):
            arrivals[days == day] *= factor
    launch = len(days) - 1 - _LAUNCH_AGE
    arrivals[launch] = 5.2 * arrivals[launch - 28 : launch].mean()  # some of it falls past midnight
    return arrivals


def _black_fridays(today: int) -> list[int]:
    """Those of the last three years, as days since 1970."""
    year = (EPOCH + timedelta(days=today)).year
    novembers = [date(y, 11, 1) for y in range(year - 2, year + 1)]
    return [(first - EPOCH.date()).days + (3 - first.weekday()) % 7 + 22 for first in novembers]


def _channel_careers() -> Floats:
    """Channel by day: how the channel did against the rest."""
    careers = np.array([np.linspace(*channel.career, _DAYS + 1) for channel in CHANNELS])
    age = np.arange(_DAYS, -1, -1)
    careers[MESSENGER, age < _DRY_DAYS] *= 0.04
    careers[TIKTOK] *= np.clip(1 - age / _TIKTOK_DAYS, 0, 1) ** 1.1
    return careers


_HOURS = np.array(
    [  # local hours 0..23 in the Americas, in Europe and Africa, in Asia
        [2, 1, 1, 0.5, 0.5, 1, 2, 4, 7, 10, 12, 12, 11, 10, 10, 10, 10, 10, 11, 13, 14, 12, 8, 4],
        [2, 1, 0.5, 0.5, 0.5, 0.5, 1, 3, 6, 10, 12, 12, 10, 8, 8, 9, 11, 12, 13, 12, 11, 12, 9, 5],
        [1, 0.5, 0.5, 0.5, 1, 2, 5, 8, 11, 12, 11, 9, 7, 8, 9, 9, 9, 8, 9, 13, 15, 12, 6, 2],
    ]
)


def _draw_profiles(arrivals: _Arrivals, inboxes: Ints, rng: np.random.Generator) -> Profiles:
    channel = arrivals.channel
    size = len(channel)

    def happens(chance: str) -> Flags:
        return rng.random(size) < np.array([getattr(c, chance) for c in CHANNELS])[channel]

    return Profiles(
        country=arrivals.country,
        phone=happens("phone") | _reached(inboxes, WHATSAPP) | arrivals.imported,
        mail=happens("mail") | _reached(inboxes, SMTP),
        guest=channel == WEBCHAT,
        zone=np.where(happens("zone"), np.where(channel == MESSENGER, 2, 1), 0),
        locale=np.where(happens("locale"), np.where(happens("region"), 1, 2), 0),
        recorded=_choice(rng, [0.895, 0.04, 0.03, 0.03, 0.005], size),
        noise=rng.integers(1 << 62, size=size),
    )


def _draw_inboxes(now: int, arrivals: _Arrivals, rng: np.random.Generator) -> Ints:
    """Contact by slot: the one they came through first; one in twelve has more than that."""
    channel, size = arrivals.channel, len(arrivals.channel)
    age = now - arrivals.created

    mexican = arrivals.country == COUNTRY_CODES.index("MX")
    first = np.where(
        (channel == WHATSAPP) & mexican & (age > 12 * DAY) & (rng.random(size) < 0.8),
        WHATSAPP_MEXICO,
        np.where(channel == NONE, -1, channel),
    )
    second_weights = np.zeros((size, len(CHANNELS)))
    second_weights[:, [WHATSAPP, INSTAGRAM, WEBCHAT, SMTP]] = 3, 2, 1.5, 1
    second_weights[:, MESSENGER] = np.where(age > _DRY_DAYS * DAY, 0.8, 0)
    second_weights[np.arange(size), channel] = 0
    second = _chosen(second_weights, rng.random(size))
    second_weights[np.arange(size), second] = 0
    third = _chosen(second_weights, rng.random(size))

    several = rng.random(size)
    reached = first >= 0
    return np.column_stack(
        [
            first,
            np.where(reached & (several < 0.085), second, -1),
            np.where(reached & (several < 0.008), third, -1),
        ]
    )


def _reached(inboxes: Ints, channel: int) -> Flags:
    """Whether the contact has an inbox of the channel, in whatever slot."""
    return np.asarray((CHANNEL_OF_INBOX[inboxes] == channel).any(axis=1))


def _draw_heard(
    created: Ints, inboxes: Ints, conversations: Conversations, rng: np.random.Generator
) -> Times:
    """The last message came to the first inbox; the others heard of the contact earlier."""
    last = conversations.contact_replied.view(np.int64)[:, None]
    earliness = rng.random(inboxes.shape) * [0, *[1] * (inboxes.shape[1] - 1)]
    since_first = np.where(last == NEVER, 0, last - created[:, None])
    return as_times(last - _whole(earliness * since_first))


def _draw_sources(arrivals: _Arrivals, inboxes: Ints, rng: np.random.Generator) -> Ints:
    """Contact by slot: how they came into the inbox, by its channel."""
    channel = CHANNEL_OF_INBOX[inboxes]
    weights = np.array([[dict(c.sources).get(s, 0.0) for s in SOURCES] for c in CHANNELS])
    sources = np.stack(
        [_choice_by(rng, column, weights) for column in channel.T],
        axis=1,
    )
    sources[arrivals.imported, 0] = SOURCES.index("imported")
    return sources


ANSWERED_AFTER, OVERLOOKED_AFTER, LOOKED_IN_AFTER, ANSWERED_SPREAD = 4, 8, 1, 1.75
"""Hours until a person answers, until then of what is with nobody or with whoever has too much, and
until somebody looks in on a bot: medians of logarithmic normal distributions, and their spread."""

_SILENT_BOT = 0.004
"""So rarely does a bot not answer who wrote to it."""


def _draw_told(
    now: int, heard: Times, conversations: Conversations, rng: np.random.Generator
) -> Times:
    """The last message in each inbox: an admin's, or the bot's, a minute after the contact's."""
    last = heard.view(np.int64)
    replied = conversations.admin_replied.view(np.int64)[:, None]
    resume = conversations.resume.view(np.int64)
    is_off: Flags = ~conversations.bot & ((resume == NEVER) | (resume > now))
    silent = is_off.reshape(-1, 1) | (rng.random((len(last), heard.shape[1])) < _SILENT_BOT)
    after = np.where(silent, last, np.minimum(last + MINUTE, now))
    first_slot = np.arange(heard.shape[1]) == 0
    told = np.where(first_slot, np.maximum(after, replied), after)
    return as_times(np.where(last == NEVER, NEVER, told))


def _draw_tags(now: int, arrivals: _Arrivals, rng: np.random.Generator) -> Flags:
    created, channel = arrivals.created, arrivals.channel
    size = len(created)

    def some(chance: float) -> Flags:
        return rng.random(size) < chance

    day = created // DAY
    on_black_friday = np.isin(
        day, [b + d for b in _black_fridays(now // DAY) for d in range(-1, 5)]
    )
    old = now - created > 365 * DAY
    bought_again = some(0.13)
    vip = bought_again & some(0.3)
    drawn = {
        "VIP": vip,
        "Loyalty": (vip & some(0.7)) | (bought_again & some(0.3)) | some(0.04),
        "Repeat customer": bought_again,
        "First order": ~bought_again & some(0.3),
        "Newsletter": np.where(channel == SMTP, some(0.6), some(0.26)),
        "Black Friday": np.where(on_black_friday, some(0.8), some(0.05)),
        "Wholesale": np.where(channel == SMTP, some(0.2), some(0.025)),
        "Returned item": some(0.05),
        "Complaint": some(0.025),
        "Abandoned cart": some(0.13),
        "Gift card": some(0.035),
        "Kitchen": some(0.16),
        "Bedroom": some(0.12),
        "Garden": some(0.07),
        "Showroom visit": some(0.03),
        "Lead": np.isin(channel, [INSTAGRAM, TIKTOK]) & some(0.35),
        "Lead, from the form": (channel == WEBCHAT) & some(0.45),
        "Old catalogue": old & some(0.12),
    }
    tags = np.column_stack([drawn[tag.key] for tag in TAGS])
    return tags & some(0.79)[:, None]


def _draw_consents(
    now: int,
    arrivals: _Arrivals,
    profiles: Profiles,
    tags: Flags,
    blocked: Ints,
    rng: np.random.Generator,
) -> Consents:
    created, channel = arrivals.created, arrivals.channel
    size = len(created)
    age = now - created
    end = np.where(blocked == NEVER, now, blocked)
    chance = (
        np.array([channel.broadcast for channel in CHANNELS])[channel]
        + tags @ np.array([tag.broadcast for tag in TAGS])
        - 0.08 * (age / (_DAYS * DAY) - 0.4)
    )
    delay = (rng.lognormal(np.log(10 * MINUTE), 2.5, size)).clip(max=(end - created) / 2)
    asked = (channel != NONE) & (rng.random(size) < chance)
    return Consents(
        # True is the platform's default, so only those with an address ever had it taken off.
        email=~profiles.mail | (rng.random(size) < 0.83),
        email_verified=profiles.mail & (rng.random(size) < np.where(channel == SMTP, 0.7, 0.4)),
        broadcast=as_times(np.where(asked, created + _whole(delay), NEVER)),
        blocked=as_times(blocked),
    )


def _draw_blocked(now: int, created: Ints, rng: np.random.Generator) -> Ints:
    """Some any day, and more in the days after a campaign has written to everyone."""
    size = len(created)
    blocked = created + _whole(rng.exponential(10_500, size) * DAY)
    today = now // DAY
    campaigns = [*((day, 0.007) for day in _black_fridays(today)), (today - _LAUNCH_AGE, 0.0015)]
    for campaign, chance in campaigns:
        annoyed = rng.random(size) < chance
        then = campaign * DAY + _whole(rng.exponential(2.5, size) * DAY) + 14 * HOUR
        blocked = np.where(annoyed & (created < then), np.minimum(blocked, then), blocked)
    return np.where(blocked < now, blocked, NEVER)


def _draw_conversations(
    now: int, arrivals: _Arrivals, tags: Flags, blocked: Ints, rng: np.random.Generator
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
    closed = np.maximum(last_activity + _whole(tidied), np.minimum(last_visit + closed_after, end))
    archived = np.where(is_open, NEVER, closed)

    read_after = np.minimum(rng.lognormal(np.log(10 * MINUTE), 1, size), quiet * 0.5)
    up_to_date = rng.random(size) < np.where(waits, 0.35, 0.93)
    agent_read = np.where(up_to_date, last_activity + _whole(read_after), admin_replied)
    nobody_looked = (agent < 0) & (rng.random(size) < np.where(bot, 0.5, 0.2))
    agent_read = np.where(nobody_looked, NEVER, agent_read)
    contact_read = np.where(rng.random(size) < 0.6, last_activity + _whole(read_after), NEVER)

    # Where a person took over, the bot is paused for a day, or until somebody lets it go on.
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
    """How long conversations stay open, in milliseconds, of draws in 0..1: many are closed at once,
    others within days or in months, a few never."""
    days = np.concatenate([[0], np.geomspace(0.01, 730, 200)])
    still_open = 0.4 * np.exp(-days / 6) + 0.17 * np.exp(-days / 60) + 0.008
    return _whole(np.interp(-draws, -still_open, days, right=10 * 730) * DAY)


def _draw_last_visits(end: Ints, arrivals: _Arrivals, rng: np.random.Generator) -> Ints:
    """Nearly half spoke once, at first contact; the others came back, more of them of late."""
    size = len(end)
    life = end - arrivals.created
    talk = np.minimum(rng.lognormal(np.log(12 * MINUTE), 1.2, size), life * 0.8)
    came_back = arrivals.imported | (rng.random(size) < 0.55)
    since = np.where(came_back, life * rng.random(size) ** 1.5, life - talk)
    return end - _whole(since)


def _draw_assignment(
    is_open: Flags, bot: Flags, arrivals: _Arrivals, tags: Flags, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Agent and team. A bot that has handed over mostly knows to whom."""
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
    agent = _chosen(weights, rng.random(size))
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
    """Who waits for a reply, who of them never had one, and when everyone last wrote."""
    size = len(may_wait)
    chance = np.where(bot, 0.03, 0.12) * np.where(overlooked, 1.8, 1)
    waits = may_wait & (rng.random(size) < chance)
    life = now - created
    usual = np.where(overlooked, OVERLOOKED_AFTER, ANSWERED_AFTER)
    hours = rng.lognormal(np.log(usual), ANSWERED_SPREAD, size).clip(0.05, 20 * 24)
    wait = _whole(np.minimum(hours * HOUR, life * 0.95))
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
    """People answer in hours, and leave most that the bot deals with to the bot; those who wait had
    their answer to what they wrote before."""
    size = len(created)
    usual = np.where(bot, LOOKED_IN_AFTER, np.where(overlooked, OVERLOOKED_AFTER, ANSWERED_AFTER))
    delay = rng.lognormal(np.log(usual * HOUR), ANSWERED_SPREAD, size)
    after = last_message + _whole(np.minimum(delay, (end - last_message) * 0.9))
    share = rng.random(size)
    before = last_message - _whole((last_message - created) * share**3)
    by_bot = bot & ~waits & (share < 0.7)
    return np.where(by_bot, NEVER, np.where(waits, before, after))
