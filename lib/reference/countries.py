"""Infers a contact's country: the rule "Country" of the metrics definitions.

Four fields of a contact may tell its country. They are asked in a fixed order, the first that
answers wins, and the answer carries the name of that source. Nothing that a contact says is
remembered here: the tables hold what is known of the world, never what was looked up in them.
"""

import pickle
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

import phonenumbers
from babel import Locale, UnknownLocaleError, localedata
from babel.core import get_global
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata

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
    if code := _codes().get(text):
        return code
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    text = unicodedata.normalize("NFKC", text)
    # Upper case makes an SS of ß, and South Sudan is not what was written.
    if text.isascii() and (code := _codes().get(text.upper())):
        return code
    name = _folded(text)
    plain = _without_diacritics(name)
    for names in (_common_names, _own_names):
        known = names()
        if name in known.exact:
            return known.exact[name]
        if plain in known.plain:
            return known.plain[plain]
    return None


def phone_country(text: str | None, default_region: str | None = None) -> str | None:
    """The country of an international phone number, as alpha-2: "Country", rule 2 of the metrics.

    Answers what `phonenumbers` says of the number, which needs to start with `+` and a calling
    code unless there is a `default_region` (alpha-2) for numbers that do not. Numbers that belong
    to no country (+800) and to a region without an assigned code (+383) say nothing.
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


def is_region(code: str) -> bool:
    """Whether `code` is an assigned ISO 3166-1 alpha-2 code, in upper case."""
    return code in _regions()


def alpha3(code: str) -> str | None:
    """The ISO 3166-1 alpha-3 code of an alpha-2 code, None if that is not assigned."""
    return _alpha3_codes().get(code)


def country_name(code: str, locale: str = "en") -> str:
    """The name of an alpha-2 code in the language of `locale`, in English if that is not known.

    The unknown country is an "Unknown country"; a code without a name is shown as it is.
    """
    if code == UNKNOWN:
        return "Unknown country"
    return _display_names(locale).get(code, code)


@cache
def _regions() -> frozenset[str]:
    """The assigned alpha-2 codes. CLDR would add some that are not, such as XK and EU."""
    return frozenset(line.split("\t")[0] for line in _table("iso3166.tab"))


@cache
def _alpha3_codes() -> Mapping[str, str]:
    """alpha-2 → alpha-3. CLDR lists alpha-3 codes as aliases, withdrawn ones among them."""
    withdrawn = {"BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"}
    return {
        regions[0]: alias
        for alias, regions in get_global("territory_aliases").items()
        if len(alias) == 3 and alias.isalpha() and alias not in withdrawn
        if len(regions) == 1 and is_region(regions[0])
    }


@cache
def _codes() -> Mapping[str, str]:
    """alpha-2 and alpha-3 codes, in upper and in lower case → alpha-2."""
    upper = {code: code for code in _regions()}
    upper |= {code: region for region, code in _alpha3_codes().items()}
    # The European Union writes these two for the United Kingdom and Greece; ISO assigns neither.
    upper |= {"UK": "GB", "EL": "GR"}
    return upper | {code.lower(): region for code, region in upper.items()}


def _table(name: str) -> Iterable[str]:
    """The lines of a table of the tz database that are not comments."""
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


_MAJOR_LANGUAGES = (
    "en es pt pt_PT fr de it nl sv da nb fi pl cs hu ro el ru uk tr "
    "ar fa he ur hi bn zh zh_Hant ja ko vi id ms th"
)

# What people write and CLDR does not: other names in use, ISO's own wording, abbreviations.
_ALIASES = {
    "AE": "الإمارات; UAE; Emirates; Emiratos Árabes; ОАЭ",
    "AG": "Antigua",
    "AU": "Úc",
    "BA": "Bosnia; Bosnia Herzegovina",
    "BN": "Brunei Darussalam",
    "BO": "Plurinational State of Bolivia; Bolivia, Plurinational State of",
    "BQ": "Bonaire, Sint Eustatius and Saba",
    "BY": "Белоруссия",
    "CD": "Democratic Republic of the Congo; Congo, Democratic Republic of the; "
    "Congo, The Democratic Republic of the; DR Congo; Congo DR; DRC; RDC; "
    "République démocratique du Congo; República Democrática do Congo",
    "CG": "Republic of the Congo; Republic of Congo; Congo, Republic of the; "
    "République du Congo; República del Congo",
    "CI": "Ivory Coast; Cote d Ivoire; Costa de Marfil; Costa do Marfim; Elfenbeinküste",
    "CN": "PRC; P.R. China; People's Republic of China; Mainland China; "
    "中华人民共和国; 中華人民共和國",
    "CV": "Cabo Verde",
    "CZ": "Czech Republic; República Checa; República Tcheca; République tchèque; "
    "Repubblica Ceca; Tschechische Republik; Česká republika; Чешская Республика",
    "DO": "Dominican Rep.; Rep. Dominicana",
    "FK": "Falklands; Falkland Islands; Falkland Islands (Malvinas); Malvinas",
    "FM": "Federated States of Micronesia; Micronesia, Federated States of",
    "GB": "United Kingdom of Great Britain and Northern Ireland; Great Britain; Britain; U.K.; "
    "G.B.; England; Scotland; Wales; Northern Ireland; Inglaterra; Angleterre; Inghilterra; "
    "Gran Bretaña; Grã-Bretanha; Grande-Bretagne; Gran Bretagna; Großbritannien; Англия; "
    "Wielka Brytania; Groot-Brittannië; Storbritannien; İngiltere; Anh; Nước Anh; 英國; イギリス",
    "HK": "Hong Kong; Hongkong; Hong Kong SAR; Hồng Kông; 香港; ホンコン; 홍콩; Гонконг; "
    "هونغ كونغ; ฮ่องกง",
    "HM": "Heard Island and McDonald Islands",
    "IE": "Republic of Ireland",
    "IR": "Islamic Republic of Iran; Iran, Islamic Republic of",
    "IT": "Ý",
    "KG": "Киргизия",
    "KN": "Saint Kitts",
    "KP": "Democratic People's Republic of Korea; Korea, Democratic People's Republic of; "
    "Korea (North); DPRK; N. Korea",
    "KR": "Republic of Korea; Korea, Republic of; Korea (South); ROK; S. Korea; 한국",
    "LA": "Lao PDR; Lao People's Democratic Republic",
    "LY": "Libyan Arab Jamahiriya",
    "MD": "Молдавия; Republic of Moldova; Moldova, Republic of",
    "MF": "Saint Martin (French part)",
    "MK": "Macedonia; FYROM; Republic of North Macedonia; "
    "Macedonia, the former Yugoslav Republic of",
    "MM": "Burma; Birma; Birmania; Birmanie",
    "MO": "Macao; Macau; Makau; Ma Cao; 澳门; 澳門; マカオ; 마카오; Макао; ماكاو; มาเก๊า",
    "NL": "Holland; Holanda; Hollande; Olanda; Holandia; Голландия; Hà Lan; 荷兰; 荷蘭; オランダ",
    "PS": "Palestine; State of Palestine; Palestine, State of; Palestinian Territory; "
    "Palestinian Territory, Occupied; Palestina; Palästina; Filistin; فلسطين; Палестина",
    "RU": "Russian Federation; Российская Федерация; РФ; Federación de Rusia",
    "SA": "السعودية; KSA; Kingdom of Saudi Arabia; Saudi",
    "SH": "Saint Helena, Ascension and Tristan da Cunha",
    "ST": "São Tomé",
    "SX": "Sint Maarten (Dutch part); Saint Maarten",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TH": "ประเทศไทย",
    "TL": "East Timor",
    "TR": "Turkey; Republic of Türkiye",
    "TT": "Trinidad",
    "TW": "Taiwan, Province of China; Chinese Taipei; 臺灣",
    "TZ": "United Republic of Tanzania; Tanzania, United Republic of",
    "UM": "United States Minor Outlying Islands; US Minor Outlying Islands",
    "US": "United States of America; U.S.; U.S.A.; "
    "EUA; EE.UU.; EE. UU.; États-Unis d'Amérique; Estados Unidos de América; "
    "Estados Unidos da América; Stati Uniti d'America; Vereinigte Staaten von Amerika; США; "
    "Соединенные Штаты Америки; الولايات المتحدة الأمريكية; Mỹ; アメリカ; 米国; 美國",
    "VA": "Holy See; Holy See (Vatican City State); Vatican; Vaticano",
    "VC": "Saint Vincent",
    "VE": "Bolivarian Republic of Venezuela; Venezuela, Bolivarian Republic of",
    "VG": "Virgin Islands, British",
    "VI": "Virgin Islands, U.S.",
}

# Both Congos are called so, and CLDR has it, in one language or another, for one of them.
_AMBIGUOUS_NAMES = ("Congo", "Kongo", "Конго")


class _Names(NamedTuple):
    """Folded names → alpha-2, None where two countries have the name."""

    exact: Mapping[str, str | None]
    plain: Mapping[str, str | None]  # those with diacritics, without them


@cache
def _common_names() -> _Names:
    """All countries as they are called in the major languages, and the aliases."""
    decided: dict[str, str | None] = {_folded(name): None for name in _AMBIGUOUS_NAMES}
    for region, aliases in _ALIASES.items():
        decided |= {_folded(alias): region for alias in aliases.split(";")}
    regions = _regions()
    return _indexed(dict.fromkeys(_MAJOR_LANGUAGES.split(), regions), decided)


@cache
def _own_names() -> _Names:
    """Countries as they are called by their state and by those who live there.

    Apart from the common names, since most workspaces never need it and a hundred files are read.
    """
    speakers: dict[str, set[str]] = {}
    for region in _regions():
        for language, use in get_global("territory_languages").get(region, {}).items():
            of_the_state = use["official_status"] in ("official", "de_facto_official")
            if of_the_state or use["population_percent"] >= 20:
                speakers.setdefault(language, set()).add(region)
    for language in _MAJOR_LANGUAGES.split():
        speakers.pop(language, None)
    return _indexed(speakers, {})


def _indexed(speakers: Mapping[str, Iterable[str]], decided: Mapping[str, str | None]) -> _Names:
    """The names in each language of the countries it goes with; what is decided is kept."""
    exact: dict[str, str | None] = {}
    for language, regions in speakers.items():
        names = _territory_names(language)
        for region in regions:
            if name := names.get(region):
                _note(exact, _folded(name), region)
    exact |= decided
    plain: dict[str, str | None] = {}
    for name, country in exact.items():
        letters = _without_diacritics(name)
        # Of a short name too little is left: the Vietnamese Ý (Italy) is not a Y.
        if letters != name and len(letters) > 3:
            _note(plain, letters, country)
    return _Names(exact, plain)


def _note(names: dict[str, str | None], name: str, country: str | None) -> None:
    names[name] = country if names.get(name, country) == country else None


def _territory_names(language: str) -> Mapping[str, str]:
    """What CLDR has as names of territories in `language`; nothing if it lacks the language.

    Read from the file because `localedata.load` keeps everything about every locale it loads,
    and here a hundred of them are wanted for one table each.
    """
    try:
        with Path(localedata.resolve_locale_filename(language)).open("rb") as file:
            names: Mapping[str, str] = pickle.load(file).get("territories", {})
    except FileNotFoundError:
        return {}
    return names


_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys(".\"'`\u00b4\u2018\u2019\u02bb\u02bc", ""),
        **dict.fromkeys("_,;:/()[]-\u2010\u2011\u2012\u2013\u2014", " "),
        "&": " and ",
    }
)


def _folded(name: str) -> str:
    """The form in which names are compared: without case, punctuation and English article."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_PUNCTUATION)
    words = ("st" if word == "saint" else word for word in folded.split())
    return " ".join(word for word in words if word != "the")


# Letters that Unicode does not take apart into a base and a mark.
_STROKES = str.maketrans(
    {
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",
        "ł": "l",
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
    }
)


def _without_diacritics(folded: str) -> str:
    if folded.isascii():
        return folded
    letters = unicodedata.normalize("NFD", folded.translate(_STROKES))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=32)
def _display_names(locale: str) -> Mapping[str, str]:
    try:
        names: Mapping[str, str] = Locale.parse(locale.replace("-", "_")).territories
    except (ValueError, UnknownLocaleError):
        names = Locale("en").territories
    return names


_PLUS_SIGNS = ("+", "\uff0b")
# Marks of direction and width that come along when a number is copied from an address book.
_INVISIBLE = " \u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SEPARATORS = str.maketrans("", "", " \u00a0-.()/")
# With fewer or more digits, rules for incomplete and overlong numbers come in.
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_NEVER = re.compile(r"(?!)")

# A number has a country if it matches one of these descriptions of the country's numbers.
_NUMBER_TYPES = (
    "fixed_line mobile toll_free premium_rate shared_cost voip personal_number pager uan voicemail"
)


class _CallingCode(NamedTuple):
    country: str | None  # of all its numbers, unless it is shared
    width: int = 0
    shared_code: int | None = None
    national_prefix: re.Pattern[str] = _NEVER  # what may precede a national number, wrongly so
    shortest: int = 0  # national numbers up to this length are taken as they are


def _parsed_country(number: str, region: str | None) -> str | None:
    """What `phonenumbers` says, at some 30 µs a number: the rule that the rest is measured by."""
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
    """ISO 3166-1 counts Ascension and Tristan da Cunha to Saint Helena."""
    if region in ("AC", "TA"):
        return "SH"
    return region if region is not None and is_region(region) else None


def _plain_digits(number: str) -> str:
    """The digits of a number written in the usual way, none if they need a closer look."""
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
    """Matches the national numbers of one length, with the region as the name of the group.

    The regions of a shared calling code are tried in the order and by the criteria of
    `phonenumbers.region_code_for_number`: by leading digits where the region has such, else by
    whether the number is valid there.
    """
    alternatives = []
    for region in COUNTRY_CODE_TO_REGION_CODE[calling_code]:
        metadata = _phone_metadata(region)
        if metadata.leading_digits is not None:
            alternatives.append(f"(?P<{region}>{metadata.leading_digits})")
            continue
        general = _patterns(metadata, "general_desc", length)
        types = _patterns(metadata, _NUMBER_TYPES, length)
        if general and types:
            alternatives.append(rf"(?P<{region}>(?=(?:{general})\Z)(?:{types})\Z)")
    return re.compile("|".join(alternatives)) if alternatives else _NEVER


def _patterns(metadata: PhoneMetadata, kinds: str, length: int) -> str:
    """The alternatives by which a region's metadata describe numbers of one length."""
    descriptions = (getattr(metadata, kind) for kind in kinds.split())
    return "|".join(
        description.national_number_pattern
        for description in descriptions
        if description and description.national_number_pattern
        if not description.possible_length or length in description.possible_length
    )


class _Home(NamedTuple):
    country: str | None  # of all national numbers, None if its calling code is shared
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


# Zones of a clock. The tz database links some of them to a place that keeps that clock.
_CLOCKS = "CET CST6CDT EET EST EST5EDT HST MET MST MST7MDT PST8PDT WET"


@cache
def _zones() -> Mapping[str, str]:
    """Names of zones, as they are and casefolded → alpha-2."""
    zones = {}
    for line in _table("zone.tab"):
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
