"""Draw when, through which channel and from which country the demo company's contacts came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from lib.demo.chance import choice, choice_by, whole
from lib.demo.company import (
    CHANNELS,
    COUNTRIES,
    COUNTRY_CODES,
    ID_STEP,
    MESSENGER,
    NONE,
    TIKTOK,
    WHATSAPP,
)
from lib.demo.times import DAY, EPOCH, HOUR, MINUTE, Flags, Floats, Ints


@dataclass(frozen=True)
class Arrivals:
    """A row per contact, ordered by `created` (ms since 1970).

    `channel` and `country` are positions in `CHANNELS` and `COUNTRIES`.
    """

    created: Ints
    channel: Ints
    country: Ints
    imported: Flags


DAYS = 730
"""Length of the company's history."""

_IMPORT_SHARE = 0.06
"""Share of contacts that came in a single import."""

_IMPORT_AGE = 425
"""Days since the import."""

DRY_DAYS = 21
"""Days since Messenger stopped bringing contacts."""

_TIKTOK_DAYS = 150
"""Days since TikTok was added."""

LAUNCH_AGE = 9
"""Days since a campaign that brought about five times the usual number of contacts."""


def draw_arrivals(now: int, contacts: int, rng: np.random.Generator) -> Arrivals:
    imports = round(contacts * _IMPORT_SHARE)
    walk_ins = contacts - imports
    newest = now - 4 * MINUTE
    # The last day is not over, so some draws lie in the future and are discarded.
    drawn = walk_ins + walk_ins // 20 + 64
    channel = choice(rng, [channel.share for channel in CHANNELS], drawn)
    country = choice_by(rng, channel, _country_weights())
    created = _draw_created(now, channel, country, rng)
    kept = np.flatnonzero((created <= newest) & (created > newest - DAYS * DAY))[:walk_ins]

    channel = np.concatenate([channel[kept], np.where(rng.random(imports) < 0.85, WHATSAPP, NONE)])
    country = np.concatenate([country[kept], np.where(rng.random(imports) < 0.9, 0, 1)])
    import_time = (now // DAY - _IMPORT_AGE) * DAY + 13 * HOUR + 4 * MINUTE + 11_000
    created = np.concatenate([created[kept], np.full(imports, import_time)])
    order = np.argsort(created, kind="stable")
    created = created[order]
    created[-1:] = newest
    return Arrivals(created, channel[order], country[order], order >= len(kept))


def _country_weights() -> Floats:
    """Weights by channel (rows) and country (columns)."""
    weights = np.tile([country.share for country in COUNTRIES], (len(CHANNELS), 1))
    for row, channel in zip(weights, CHANNELS, strict=True):
        for code, factor in channel.leaning:
            row[COUNTRY_CODES.index(code)] *= factor
    return weights


def _draw_created(now: int, channel: Ints, country: Ints, rng: np.random.Generator) -> Ints:
    """Times over two years, with growth, weekdays, campaigns, and waking hours in local time."""
    today = now // DAY
    arrivals_a_day = _daily_arrivals(today, rng)
    day = today - DAYS + choice_by(rng, channel, arrivals_a_day * _channel_careers())
    offset = np.array([country.utc_offset for country in COUNTRIES])[country]
    hour = choice_by(rng, np.digitize(offset, [-2.5, 4]), _HOURS) + rng.random(len(day))
    return day * DAY + whole((hour - offset) * HOUR)


def _daily_arrivals(today: int, rng: np.random.Generator) -> Floats:
    days = np.arange(today - DAYS, today + 1)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    arrivals: Floats = (
        np.linspace(0.4, 1, len(days))
        * np.array([1.08, 1.05, 1.02, 1.0, 1.06, 0.72, 0.58])[weekday]
        * rng.lognormal(0, 0.1, len(days))
    )
    for black_friday in black_fridays(today):
        for day, factor in enumerate((1.8, 4.5, 2.4, 1.9, 2.6, 1.4), black_friday - 1):
            arrivals[days == day] *= factor
    launch = len(days) - 1 - LAUNCH_AGE
    arrivals[launch] = 5.2 * arrivals[launch - 28 : launch].mean()  # some of it falls past midnight
    return arrivals


def black_fridays(today: int) -> list[int]:
    """Black Fridays of the last three years, as days since 1970."""
    year = (EPOCH + timedelta(days=today)).year
    novembers = [date(y, 11, 1) for y in range(year - 2, year + 1)]
    return [(first - EPOCH.date()).days + (3 - first.weekday()) % 7 + 22 for first in novembers]


def _channel_careers() -> Floats:
    """Factors by channel (rows) and day (columns): how the channel did compared with the others."""
    careers = np.array([np.linspace(*channel.career, DAYS + 1) for channel in CHANNELS])
    age = np.arange(DAYS, -1, -1)
    careers[MESSENGER, age < DRY_DAYS] *= 0.04
    careers[TIKTOK] *= np.clip(1 - age / _TIKTOK_DAYS, 0, 1) ** 1.1
    return careers


_HOURS = np.array(
    [  # local hours 0..23 in the Americas, in Europe and Africa, in Asia
        [2, 1, 1, 0.5, 0.5, 1, 2, 4, 7, 10, 12, 12, 11, 10, 10, 10, 10, 10, 11, 13, 14, 12, 8, 4],
        [2, 1, 0.5, 0.5, 0.5, 0.5, 1, 3, 6, 10, 12, 12, 10, 8, 8, 9, 11, 12, 13, 12, 11, 12, 9, 5],
        [1, 0.5, 0.5, 0.5, 1, 2, 5, 8, 11, 12, 11, 9, 7, 8, 9, 9, 9, 8, 9, 13, 15, 12, 6, 2],
    ]
)


def ids(created: Ints) -> Ints:
    """Ids like the platform's: milliseconds since 2004-02-01, then a 22-bit sequence number."""
    epoch = (datetime(2004, 2, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    rank_in_tie = np.arange(len(created)) - np.searchsorted(created, created)
    return ((created - epoch) << 22) + (rank_in_tie + 1) * ID_STEP
