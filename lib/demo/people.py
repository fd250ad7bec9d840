"""Draw what is known of the demo's contacts: profiles, inboxes, sources, tags, consents, blocks."""

from __future__ import annotations

import numpy as np

from lib.demo.arrivals import DAYS, DRY_DAYS, LAUNCH_AGE, Arrivals, black_fridays
from lib.demo.chance import choice, choice_by, chosen, whole
from lib.demo.company import (
    CHANNEL_OF_INBOX,
    CHANNELS,
    COUNTRY_CODES,
    INSTAGRAM,
    MESSENGER,
    NONE,
    SMTP,
    SOURCES,
    TAGS,
    TIKTOK,
    WEBCHAT,
    WHATSAPP,
    WHATSAPP_MEXICO,
)
from lib.demo.times import DAY, HOUR, MINUTE, NEVER, Flags, Ints, as_times
from lib.demo.workspace import Consents, Profiles


def draw_profiles(arrivals: Arrivals, inboxes: Ints, rng: np.random.Generator) -> Profiles:
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
        recorded=choice(rng, [0.895, 0.04, 0.03, 0.03, 0.005], size),
        noise=rng.integers(1 << 62, size=size),
    )


def draw_inboxes(now: int, arrivals: Arrivals, rng: np.random.Generator) -> Ints:
    """Inboxes by contact and slot, -1 for none: first the one that the contact came through.

    One contact in twelve has more than one.
    """
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
    second_weights[:, MESSENGER] = np.where(age > DRY_DAYS * DAY, 0.8, 0)
    second_weights[np.arange(size), channel] = 0
    second = chosen(second_weights, rng.random(size))
    second_weights[np.arange(size), second] = 0
    third = chosen(second_weights, rng.random(size))

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
    """Whether each contact has an inbox of the channel, in any slot."""
    return np.asarray((CHANNEL_OF_INBOX[inboxes] == channel).any(axis=1))


def draw_sources(arrivals: Arrivals, inboxes: Ints, rng: np.random.Generator) -> Ints:
    """By contact and slot, how the contact came into the inbox; depends on its channel."""
    channel = CHANNEL_OF_INBOX[inboxes]
    weights = np.array([[dict(c.sources).get(s, 0.0) for s in SOURCES] for c in CHANNELS])
    sources = np.stack(
        [choice_by(rng, column, weights) for column in channel.T],
        axis=1,
    )
    sources[arrivals.imported, 0] = SOURCES.index("imported")
    return sources


def draw_tags(now: int, arrivals: Arrivals, rng: np.random.Generator) -> Flags:
    created, channel = arrivals.created, arrivals.channel
    size = len(created)

    def some(chance: float) -> Flags:
        return rng.random(size) < chance

    day = created // DAY
    on_black_friday = np.isin(day, [b + d for b in black_fridays(now // DAY) for d in range(-1, 5)])
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


def draw_consents(
    now: int,
    arrivals: Arrivals,
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
        - 0.08 * (age / (DAYS * DAY) - 0.4)
    )
    delay = (rng.lognormal(np.log(10 * MINUTE), 2.5, size)).clip(max=(end - created) / 2)
    asked = (channel != NONE) & (rng.random(size) < chance)
    return Consents(
        # True is the platform's default, so only contacts with an address have it revoked.
        email=~profiles.mail | (rng.random(size) < 0.83),
        email_verified=profiles.mail & (rng.random(size) < np.where(channel == SMTP, 0.7, 0.4)),
        broadcast=as_times(np.where(asked, created + whole(delay), NEVER)),
        blocked=as_times(blocked),
    )


def draw_blocked(now: int, created: Ints, rng: np.random.Generator) -> Ints:
    """Times of blocking: a constant rate, and more in the days after a campaign to everyone."""
    size = len(created)
    blocked = created + whole(rng.exponential(10_500, size) * DAY)
    today = now // DAY
    campaigns = [*((day, 0.007) for day in black_fridays(today)), (today - LAUNCH_AGE, 0.0015)]
    for campaign, chance in campaigns:
        annoyed = rng.random(size) < chance
        then = campaign * DAY + whole(rng.exponential(2.5, size) * DAY) + 14 * HOUR
        blocked = np.where(annoyed & (created < then), np.minimum(blocked, then), blocked)
    return np.where(blocked < now, blocked, NEVER)
