"""Find the country of a phone number as `phonenumbers` does, but without parsing most numbers."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata

from lib.reference.regions import is_region


def phone_country(text: str | None, default_region: str | None = None) -> str | None:
    """The alpha-2 code for an international phone number (metrics.md, "Country", rule 2).

    The result is that of `phonenumbers`. The number must start with `+` and a calling code, unless
    there is a `default_region` (alpha-2) for numbers that do not. None for text that is no number,
    for numbers that belong to no country (+800) and for regions without an assigned code (+383).
    """
    if not text:
        return None
    number = text.strip()
    if not number.startswith(_PLUS_SIGNS):
        number = number.strip(_INVISIBLE)
        if not number.startswith(_PLUS_SIGNS):
            return _national_country(number, default_region) if default_region else None
    digits = _plain_digits(number[1:])
    plan = _calling_codes().get(digits[:3]) if digits else None
    if plan is None:
        return _parsed_country(number, default_region)
    if plan.shared_code is None:
        return plan.country
    national = digits[plan.width :]
    length = len(national)
    if length > plan.shortest and plan.national_prefix.match(national):
        return _parsed_country(number, default_region)
    match = _region_pattern(plan.shared_code, length).match(national)
    return _country_of_phone_region(match.lastgroup) if match else None


_PLUS_SIGNS = ("+", "\uff0b")
# Direction marks and zero-width characters that are copied along from address books.
_INVISIBLE = " \u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SEPARATORS = str.maketrans("", "", " \u00a0-.()/")
# Outside these limits, special rules for incomplete and overlong numbers apply.
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_NEVER = re.compile(r"(?!)")

# A number belongs to a country if it matches one of these descriptions in the country's metadata.
NUMBER_TYPES = (
    "fixed_line mobile toll_free premium_rate shared_cost voip personal_number pager uan voicemail"
)


class _CallingCode(NamedTuple):
    country: str | None  # None if several countries share the calling code
    width: int = 0
    shared_code: int | None = None
    national_prefix: re.Pattern[str] = _NEVER  # a prefix that people add by mistake
    shortest: int = 0  # numbers up to this length are not checked for the prefix


def _parsed_country(number: str, region: str | None) -> str | None:
    """The result of `phonenumbers` itself, at about 30 µs a number. All shortcuts must agree."""
    try:
        parsed = phonenumbers.parse(number, region.strip().upper() if region else None)
    except NumberParseException:
        return None
    return _country_of_phone_region(phonenumbers.region_code_for_number(parsed))


def _national_country(number: str, region: str) -> str | None:
    """The country of a number without `+`, dialled in `region`."""
    home = _home(region)
    digits = _plain_digits(number)
    if digits and home.country and not home.international_prefix.match(digits):
        return home.country
    return _parsed_country(number, region)


def _country_of_phone_region(region: str | None) -> str | None:
    """The alpha-2 code for a region of `phonenumbers`; None if ISO 3166-1 assigns it none.

    ISO 3166-1 includes Ascension and Tristan da Cunha in Saint Helena.
    """
    if region in ("AC", "TA"):
        return "SH"
    return region if region is not None and is_region(region) else None


def _plain_digits(number: str) -> str:
    """The digits of a number in a common notation; empty if it needs to be parsed properly."""
    if not (number.isascii() and number.isdigit()):
        if len(number) > 2 * _MOST_DIGITS:
            return ""
        number = number.translate(_SEPARATORS)
        if not (number.isascii() and number.isdigit()):
            return ""
    return number if _FEWEST_DIGITS <= len(number) <= _MOST_DIGITS else ""


@cache
def _calling_codes() -> Mapping[str, _CallingCode]:
    """The first three digits of an international number → its calling code."""
    table = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if len(regions) == 1:
            plan = _CallingCode(_country_of_phone_region(regions[0]))
        else:
            plan = _shared_calling_code(code, regions[0])
        prefix = str(code)
        for rest in product("0123456789", repeat=3 - len(prefix)):
            table[prefix + "".join(rest)] = plan
    return table


def _shared_calling_code(code: int, main_region: str) -> _CallingCode:
    main = _phone_metadata(main_region)
    prefix = main.national_prefix_for_parsing
    lengths = main.general_desc.possible_length if main.general_desc else ()
    rewritten = main.national_prefix_transform_rule is not None
    return _CallingCode(
        country=None,
        width=len(str(code)),
        shared_code=code,
        national_prefix=re.compile(prefix) if prefix else _NEVER,
        shortest=0 if rewritten else min(lengths, default=0),
    )


@cache
def _region_pattern(calling_code: int, length: int) -> re.Pattern[str]:
    """A pattern for national numbers of one length whose group is named after the region.

    The regions of a shared calling code are tried in the order and by the criteria of
    `phonenumbers.region_code_for_number`: by leading digits if the region's metadata has any,
    otherwise by whether the number is valid there.
    """
    alternatives = []
    for region in COUNTRY_CODE_TO_REGION_CODE[calling_code]:
        metadata = _phone_metadata(region)
        if metadata.leading_digits is not None:
            alternatives.append(f"(?P<{region}>{metadata.leading_digits})")
            continue
        general = _patterns(metadata, "general_desc", length)
        types = _patterns(metadata, NUMBER_TYPES, length)
        if general and types:
            alternatives.append(rf"(?P<{region}>(?=(?:{general})\Z)(?:{types})\Z)")
    return re.compile("|".join(alternatives)) if alternatives else _NEVER


def _patterns(metadata: PhoneMetadata, kinds: str, length: int) -> str:
    """The alternatives in a region's metadata that describe numbers of one length."""
    descriptions = (getattr(metadata, kind) for kind in kinds.split())
    return "|".join(
        description.national_number_pattern
        for description in descriptions
        if description and description.national_number_pattern
        if not description.possible_length or length in description.possible_length
    )


class _Home(NamedTuple):
    country: str | None  # of all national numbers; None if the calling code is shared
    international_prefix: re.Pattern[str]


@lru_cache(maxsize=16)
def _home(region: str) -> _Home:
    region = region.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        return _Home(None, _NEVER)
    metadata = _phone_metadata(region)
    shared = len(COUNTRY_CODE_TO_REGION_CODE[metadata.country_code or 0]) > 1
    country = None if shared else _country_of_phone_region(region)
    return _Home(country, re.compile(metadata.international_prefix or r"(?!)"))


def _phone_metadata(region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise LookupError(f"phonenumbers has no metadata for its region {region}")
    return metadata
