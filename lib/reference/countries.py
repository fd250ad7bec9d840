"""Infers a contact's country: the rule "Country" of the metrics definitions.

Four fields of a contact may tell its country. They are asked in a fixed order, the first that
answers wins, and the answer carries the name of that source. Nothing that a contact says is
remembered here: the tables hold what is known of the world, never what was looked up in them.
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
"""Longer than the name of any country, locale or zone."""


def country_of(
    country: str | None, phone: str | None, timezone: str | None, locale: str | None
) -> tuple[str, Source]:
    """The ISO 3166-1 alpha-2 code of a contact's country, or "unknown", and what decided it.

    The sources are asked in the order of "Country" in the metrics definitions. `phone` is what
    `phone_country` said of the number, which itself is personal and does not come here. No text
    makes this raise.
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
    """The country that a `country` field names, as alpha-2: "Country", rule 1 of the metrics.

    Known are the assigned alpha-2 and alpha-3 codes in any case, the usual aliases, and the names
    in English, in the country's own and in the major languages, with or without diacritics. Codes
    come before names: `NA` is Namibia. A name that two countries share says nothing.
    """
    if not text:
        return None
    if code := codes().get(text):
        return code
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    text = unicodedata.normalize("NFKC", text)
    # Upper case makes an SS of ß, and South Sudan is not what was written.
    if text.isascii() and (code := codes().get(text.upper())):
        return code
    return named(text)


def timezone_country(text: str | None) -> str | None:
    """The country in which a time zone lies, as alpha-2: "Country", rule 3 of the metrics.

    Known are the IANA zones under their new and old names, in any case. Offsets, UTC and the
    zones of a clock rather than a place (`CET`, `EST5EDT`, `Etc/GMT+7`) say nothing.
    """
    if not text:
        return None
    zones = _zones()
    if code := zones.get(text):
        return code
    return zones.get(text.strip().casefold()) if len(text) <= _LONGEST_TEXT else None


def locale_country(text: str | None) -> str | None:
    """The region that a locale names, as alpha-2: "Country", rule 4 of the metrics.

    Read are `pt_BR`, `vi-VN`, `zh_Hant_TW`, `en_US.UTF-8` and their like, in any case. A bare
    language, a numeric area (`es_419`) and a region that is not assigned say nothing.
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
    """The name of an alpha-2 code in the language of `locale`, in English if that is not known.

    The unknown country is an "Unknown country"; a code without a name is shown as it is.
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


# Zones of a clock. The tz database links some of them to a place that keeps that clock.
_CLOCKS = "CET CST6CDT EET EST EST5EDT HST MET MST MST7MDT PST8PDT WET"


@cache
def _zones() -> Mapping[str, str]:
    """Names of zones, as they are and casefolded → alpha-2."""
    zones = {}
    for line in table("zone.tab"):
        region, _, name = line.split("\t")[:3]
        zones[name] = region
    # The links of the tz database lead from Iceland to Africa/Abidjan since both keep one clock;
    # CLDR follows a name to the zone of the same country.
    countries = get_global("zone_territories")
    for old_name, name in get_global("zone_aliases").items():
        region = zones.get(name) or countries.get(name, "")
        if old_name not in zones and old_name not in _CLOCKS.split() and is_region(region):
            zones[old_name] = region
    # Two places where CLDR, too, follows the clock.
    zones |= {"Antarctica/South_Pole": "AQ", "Pacific/Johnston": "UM"}
    return zones | {name.casefold(): region for name, region in zones.items()}


# Language, perhaps extended, perhaps a script, then the region, then whatever follows it.
_LOCALE = re.compile(
    r"([a-z]{2,3})(?:[-_][a-z]{3}){0,3}(?:[-_][a-z]{4})?[-_]([a-z]{2})(?=[-_.@]|\Z)",
    re.ASCII | re.IGNORECASE,
)

# Messenger's way to say Latin America and Arabic, not Laos and Argentina:
# https://developers.facebook.com/docs/internationalization
_UMBRELLA_LOCALES = ("es_LA", "ar_AR")
