"""Infer a contact's country (metrics.md, "Country").

Four fields of a contact can tell its country. They are tried in a fixed order, and the first that
yields a country wins; the result names that source. Nothing about contacts is cached here: the
tables contain facts about the world, never what was looked up in them.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final, Literal, get_args

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from lib.reference.country_names import named
from lib.reference.regions import codes, is_region, table

UNKNOWN: Final = "unknown"

Source = Literal["recorded", "phone", "timezone", "locale", "unknown"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)

_LONGEST_TEXT = 96
"""In characters; no name of a country, locale or time zone is longer."""


def country_of(
    country: str | None, phone: str | None, timezone: str | None, locale: str | None
) -> tuple[str, Source]:
    """Return a contact's ISO 3166-1 alpha-2 code, or "unknown", and the source that decided it.

    The sources are tried in the order of metrics.md, "Country". `phone` is the result of
    `phone_country`; the number itself is personal data and is not passed on. Never raises.
    """
    if code := recorded_country(country):
        return code, "recorded"
    if phone:
        return phone, "phone"
    if code := timezone_country(timezone):
        return code, "timezone"
    if code := locale_country(locale):
        return code, "locale"
    return UNKNOWN, "unknown"


def recorded_country(text: str | None) -> str | None:
    """The alpha-2 code for the text of a `country` field (metrics.md, "Country", rule 1).

    Accepts the assigned alpha-2 and alpha-3 codes in any case, common aliases, and names in
    English, in the country's own and in the major languages, with or without diacritics. Codes take
    precedence over names: `NA` is Namibia. None for anything else, and for a name that two
    countries share.
    """
    if not text:
        return None
    if code := codes().get(text):
        return code
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    text = unicodedata.normalize("NFKC", text)
    # `upper` turns ß into SS, which is South Sudan's code.
    if text.isascii() and (code := codes().get(text.upper())):
        return code
    return named(text)


def timezone_country(text: str | None) -> str | None:
    """The alpha-2 code of the country of a time zone (metrics.md, "Country", rule 3).

    Accepts IANA zones under their current and former names, in any case. None for anything else:
    offsets, UTC and zones that name no place (`CET`, `EST5EDT`, `Etc/GMT+7`).
    """
    if not text:
        return None
    zones = _zones()
    if code := zones.get(text):
        return code
    return zones.get(text.strip().casefold()) if len(text) <= _LONGEST_TEXT else None


def locale_country(text: str | None) -> str | None:
    """The alpha-2 code of a locale's region (metrics.md, "Country", rule 4).

    Accepts `pt_BR`, `vi-VN`, `zh_Hant_TW`, `en_US.UTF-8` and the like, in any case. None for
    anything else: a bare language, a numeric area (`es_419`) or an unassigned region.
    """
    if not text or len(text) > _LONGEST_TEXT:
        return None
    match = _LOCALE.match(text.strip())
    if match is None:
        return None
    language, region = match[1].lower(), match[2].upper()
    if f"{language}_{region}" in _UMBRELLA_LOCALES:
        return None
    return region if is_region(region) else None


def country_name(code: str, locale: str = "en") -> str:
    """The name for an alpha-2 code in the language of `locale`, or in English if unsupported.

    `UNKNOWN` is named "Unknown country"; a code without a name is returned unchanged.
    """
    if code == UNKNOWN:
        return "Unknown country"
    return _display_names(locale).get(code, code)


@lru_cache(maxsize=32)
def _display_names(locale: str) -> Mapping[str, str]:
    try:
        names: Mapping[str, str] = Locale.parse(locale.replace("-", "_")).territories
    except (ValueError, UnknownLocaleError):
        names = Locale("en").territories
    return names


# Zones that name no place. The tz database links some of them to a place that keeps that time.
_PLACELESS_ZONES = frozenset(
    ("CET", "CST6CDT", "EET", "EST", "EST5EDT", "HST", "MET", "MST", "MST7MDT", "PST8PDT", "WET")
)


@cache
def _zones() -> Mapping[str, str]:
    """Names of zones, as written and casefolded → alpha-2."""
    zones = {}
    for line in table("zone.tab"):
        region, _, name = line.split("\t")[:3]
        zones[name] = region
    # The links of the tz database lead from Iceland to Africa/Abidjan, since both keep the same
    # time; the aliases of CLDR stay within the country.
    countries = get_global("zone_territories")
    for old_name, name in get_global("zone_aliases").items():
        region = zones.get(name) or countries.get(name, "")
        if old_name not in zones and old_name not in _PLACELESS_ZONES and is_region(region):
            zones[old_name] = region
    # The two exceptions, where the aliases of CLDR lead to another country as well.
    zones |= {"Antarctica/South_Pole": "AQ", "Pacific/Johnston": "UM"}
    return zones | {name.casefold(): region for name, region in zones.items()}


# Language, optional extended languages, optional script, region, then anything.
_LOCALE = re.compile(
    r"([a-z]{2,3})(?:[-_][a-z]{3}){0,3}(?:[-_][a-z]{4})?[-_]([a-z]{2})(?=[-_.@]|\Z)",
    re.ASCII | re.IGNORECASE,
)

# Messenger's codes for Latin American Spanish and for Arabic, not Laos and Argentina:
# https://developers.facebook.com/docs/internationalization
_UMBRELLA_LOCALES = ("es_LA", "ar_AR")
