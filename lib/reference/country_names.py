"""Look up countries by name: in the major languages, in their own, and by common aliases."""

import pickle
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from babel import localedata
from babel.core import get_global

from lib.reference.regions import assigned


def named(text: str) -> str | None:
    """The alpha-2 code of the country with that name, in any case, with or without diacritics.

    None if there is no such country, or more than one.
    """
    name = _folded(text)
    plain = _without_diacritics(name)
    for names in (_common_names, _own_names):
        known = names()
        if name in known.exact:
            return known.exact[name]
        if plain in known.plain:
            return known.plain[plain]
    return None


_MAJOR_LANGUAGES = (
    "en es pt pt_PT fr de it nl sv da nb fi pl cs hu ro el ru uk tr "
    "ar fa he ur hi bn zh zh_Hant ja ko vi id ms th"
)

# Names that people use and CLDR lacks: alternatives, ISO's own wording, abbreviations.
ALIASES = {
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

# Both Congos go by these names, but some locales of CLDR assign them to only one of the two.
_AMBIGUOUS_NAMES = ("Congo", "Kongo", "Конго")


class _Names(NamedTuple):
    """Folded names → alpha-2; None for a name that two countries share."""

    exact: Mapping[str, str | None]
    plain: Mapping[str, str | None]  # the names with diacritics, with these removed


@cache
def _common_names() -> _Names:
    """Names of all countries in the major languages, and the aliases."""
    decided: dict[str, str | None] = {_folded(name): None for name in _AMBIGUOUS_NAMES}
    for region, aliases in ALIASES.items():
        decided |= {_folded(alias): region for alias in aliases.split(";")}
    regions = assigned()
    return _indexed(dict.fromkeys(_MAJOR_LANGUAGES.split(), regions), decided)


@cache
def _own_names() -> _Names:
    """Names of countries in their own official and widely spoken languages.

    Separate from the common names, because it reads a hundred files and most workspaces never need
    it.
    """
    speakers: dict[str, set[str]] = {}
    for region in assigned():
        for language, use in get_global("territory_languages").get(region, {}).items():
            is_official = use["official_status"] in ("official", "de_facto_official")
            if is_official or use["population_percent"] >= 20:
                speakers.setdefault(language, set()).add(region)
    for language in _MAJOR_LANGUAGES.split():
        speakers.pop(language, None)
    return _indexed(speakers, {})


def _indexed(speakers: Mapping[str, Iterable[str]], decided: Mapping[str, str | None]) -> _Names:
    """Index the names of countries in each language; `decided` takes precedence.

    `speakers` maps each language to the countries whose names to take from it.
    """
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
        # Short names would become ambiguous: the Vietnamese Ý (Italy) is not a Y.
        if letters != name and len(letters) > 3:
            _note(plain, letters, country)
    return _Names(exact, plain)


def _note(names: dict[str, str | None], name: str, country: str | None) -> None:
    names[name] = country if names.get(name, country) == country else None


def _territory_names(language: str) -> Mapping[str, str]:
    """CLDR's names of territories in `language`; empty if it lacks the language.

    Read from Babel's file directly, because `localedata.load` caches everything about every locale
    it loads, and here one table from each of a hundred is needed.
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
    """A name as it is compared: casefolded, without punctuation and the article "the"."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_PUNCTUATION)
    words = ("st" if word == "saint" else word for word in folded.split())
    return " ".join(word for word in words if word != "the")


# Letters that Unicode does not decompose into a base letter and a mark.
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
