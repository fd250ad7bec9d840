import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reference import countries, country_names, phone_numbers, regions
from lib.reference.countries import (
    SOURCES,
    UNKNOWN,
    country_name,
    country_of,
    locale_country,
    recorded_country,
    timezone_country,
)
from lib.reference.phone_numbers import phone_country
from lib.reference.regions import alpha3, assigned, is_region
from tests import effort

EDGE_CONTACTS = Path(__file__).parents[1] / "data" / "edge-contacts.json"


def test_recorded_workspace_has_the_countries_that_its_database_has() -> None:
    contacts = json.loads(EDGE_CONTACTS.read_text("utf-8"))

    answers = [
        country_of(
            contact["country"],
            phone_country(contact["phoneNumber"]),
            contact["timezone"],
            contact["locale"],
        )
        for contact in contacts
    ]

    assert Counter(source for _, source in answers) == {"recorded": 88, "phone": 47, "unknown": 2}
    assert Counter(code for code, _ in answers) == {
        "BR": 60,
        "US": 14,
        "GB": 12,
        "IN": 12,
        "MX": 12,
        "VN": 12,
        "PT": 11,
        "unknown": 2,
        "NA": 1,
        "TW": 1,
    }


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (("MX", "+5511900000001", "Asia/Tokyo", "vi_VN"), ("MX", "recorded")),
        (("unknown", "+5511900000001", "Asia/Tokyo", "vi_VN"), ("BR", "phone")),
        (("XX", "0912 345 678", "Asia/Tokyo", "vi_VN"), ("JP", "timezone")),
        ((None, "+800 1234 5678", "-3", "vi_VN"), ("VN", "locale")),
        (("", "", "UTC", "en"), ("unknown", "unknown")),
        ((None, None, None, None), ("unknown", "unknown")),
    ],
    ids=["recorded", "phone", "timezone", "locale", "nothing useful", "nothing"],
)
def test_first_source_that_answers_wins(
    fields: tuple[str | None, str | None, str | None, str | None], answer: tuple[str, str]
) -> None:
    country, phone, timezone, locale = fields
    assert country_of(country, phone_country(phone), timezone, locale) == answer


def test_sources_are_listed_in_the_order_in_which_they_are_tried() -> None:
    assert SOURCES == ("recorded", "phone", "timezone", "locale", "unknown")


def test_default_region_applies_to_numbers_without_a_calling_code() -> None:
    assert phone_country("0912 345 678") is None
    assert phone_country("0912 345 678", "VN") == "VN"


class TestRecorded:
    @pytest.mark.parametrize(
        "text",
        ["BR", "br", "Br", " BR ", "BRA", "bra", "Brazil", "BRAZIL", "Brasil", "\uff22\uff32"],
    )
    def test_code_or_name_in_any_case(self, text: str) -> None:
        assert recorded_country(text) == "BR"

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("NA", "NA"),
            ("na", "NA"),
            ("UK", "GB"),
            ("U.K.", "GB"),
            ("EL", "GR"),
            ("England", "GB"),
            ("Scotland", "GB"),
            ("Wales", "GB"),
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("U.S.", "US"),
            ("EE.UU.", "US"),
            ("EUA", "US"),
            ("UAE", "AE"),
            ("South Korea", "KR"),
            ("Korea, Republic of", "KR"),
            ("North Korea", "KP"),
            ("Russia", "RU"),
            ("Russian Federation", "RU"),
            ("Iran (Islamic Republic of)", "IR"),
            ("Czech Republic", "CZ"),
            ("Czechia", "CZ"),
            ("Ivory Coast", "CI"),
            ("Holland", "NL"),
            ("The Netherlands", "NL"),
            ("Turkey", "TR"),
            ("Burma", "MM"),
            ("Hong Kong", "HK"),
            ("Saint Lucia", "LC"),
            ("Bosnia and Herzegovina", "BA"),
            ("DR Congo", "CD"),
            ("Congo-Brazzaville", "CG"),
        ],
    )
    def test_usual_alias(self, text: str, code: str) -> None:
        assert recorded_country(text) == code

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Việt Nam", "VN"),
            ("VIỆT NAM", "VN"),
            ("Viet Nam", "VN"),
            ("Vietnam", "VN"),
            ("Vie\u0323\u0302t Nam", "VN"),
            ("Đức", "DE"),
            ("Deutschland", "DE"),
            ("Türkiye", "TR"),
            ("TÜRKİYE", "TR"),
            ("Turkiye", "TR"),
            ("España", "ES"),
            ("Espana", "ES"),
            ("Côte d\u2019Ivoire", "CI"),
            ("Cote d'Ivoire", "CI"),
            ("Österreich", "AT"),
            ("Moçambique", "MZ"),
            ("Irão", "IR"),
            ("Irã", "IR"),
            ("日本", "JP"),
            ("中国", "CN"),
            ("中國", "CN"),
            ("台灣", "TW"),
            ("대한민국", "KR"),
            ("भारत", "IN"),
            ("ไทย", "TH"),
            ("مصر", "EG"),
            ("ישראל", "IL"),
            ("Україна", "UA"),
            ("Ελλάδα", "GR"),
            ("Polska", "PL"),
            ("Pilipinas", "PH"),
            ("საქართველო", "GE"),
            ("Shqipëri", "AL"),
            ("Ísland", "IS"),
        ],
    )
    def test_name_in_an_own_or_a_major_language(self, text: str, code: str) -> None:
        assert recorded_country(text) == code

    @pytest.mark.parametrize("region", sorted(assigned()))
    def test_every_country_is_known_by_the_name_it_is_shown_with(self, region: str) -> None:
        assert recorded_country(country_name(region)) == region

    @pytest.mark.parametrize(
        "text",
        ["", " ", "-", "--", "?", "0", "55", "840", "unknown", "Unknown", "XX", "ZZ", "QQ"]
        + ["null", "NULL", "none", "None", "undefined", "nan", "n/a", "N/A", "n.a.", "n / a"]
        + ["EU", "UN", "XK", "Kosovo", "Europe", "Africa", "Asia", "World", "European Union"]
        + ["BUR", "DDR", "ANT", "YUG", "Y", "ß", "🇧🇷", "Wakanda", "Brazil or Portugal"],
    )
    def test_other_text_is_no_country(self, text: str) -> None:
        assert recorded_country(text) is None

    @pytest.mark.parametrize("text", ["Congo", "Kongo", "Korea", "Virgin Islands", "America"])
    def test_name_that_does_not_decide_says_nothing(self, text: str) -> None:
        assert recorded_country(text) is None

    def test_no_alias_is_the_code_of_another_country(self) -> None:
        for region, aliases in country_names.ALIASES.items():
            for alias in aliases.split("; "):
                assert recorded_country(alias) == region, alias


class TestTimezone:
    @pytest.mark.parametrize(
        ("zone", "code"),
        [
            ("America/Sao_Paulo", "BR"),
            ("america/sao_paulo", "BR"),
            (" America/Sao_Paulo ", "BR"),
            ("Asia/Ho_Chi_Minh", "VN"),
            ("Asia/Saigon", "VN"),
            ("US/Eastern", "US"),
            ("Asia/Calcutta", "IN"),
            ("Europe/Kiev", "UA"),
            ("Europe/Kyiv", "UA"),
            ("Japan", "JP"),
            ("Turkey", "TR"),
            ("PRC", "CN"),
            ("NZ", "NZ"),
        ],
    )
    def test_zone_under_its_new_or_old_name(self, zone: str, code: str) -> None:
        assert timezone_country(zone) == code

    @pytest.mark.parametrize(
        ("zone", "code"),
        [
            ("Europe/Oslo", "NO"),
            ("Europe/Stockholm", "SE"),
            ("Europe/Amsterdam", "NL"),
            ("Asia/Phnom_Penh", "KH"),
            ("America/Toronto", "CA"),
            ("America/Montreal", "CA"),
            ("America/Coral_Harbour", "CA"),
            ("America/Virgin", "VI"),
            ("Africa/Timbuktu", "ML"),
            ("Africa/Asmera", "ER"),
            ("Atlantic/Jan_Mayen", "SJ"),
            ("Iceland", "IS"),
            ("Pacific/Truk", "FM"),
            ("Pacific/Johnston", "UM"),
            ("Antarctica/South_Pole", "AQ"),
        ],
    )
    def test_zone_that_shares_its_time_is_in_its_own_country(self, zone: str, code: str) -> None:
        assert timezone_country(zone) == code

    @pytest.mark.parametrize(
        "text",
        ["", " ", "7", "-3", "+07:00", "UTC", "UTC+3", "GMT", "GMT-3", "Etc/GMT+7", "Etc/UTC"]
        + ["CET", "EET", "WET", "MET", "EST", "MST", "HST", "EST5EDT", "PST8PDT", "Zulu"]
        + ["Factory", "Etc/Unknown", "Mars/Olympus", "America", "Sao_Paulo"],
    )
    def test_clock_says_nothing(self, text: str) -> None:
        assert timezone_country(text) is None


class TestLocale:
    @pytest.mark.parametrize(
        ("locale", "code"),
        [
            ("pt_BR", "BR"),
            ("pt-br", "BR"),
            ("vi-VN", "VN"),
            (" en_US ", "US"),
            ("EN_US", "US"),
            ("zh_Hant_TW", "TW"),
            ("zh-cmn-Hans-CN", "CN"),
            ("fil-PH", "PH"),
            ("en_US.UTF-8", "US"),
            ("en_US_POSIX", "US"),
            ("sr-Latn-RS@calendar", "RS"),
            ("ca-ES-valencia", "ES"),
            ("en-GB-u-ca-gregory", "GB"),
        ],
    )
    def test_region_of_a_locale(self, locale: str, code: str) -> None:
        assert locale_country(locale) == code

    @pytest.mark.parametrize(
        "locale",
        ["", " ", "en", "pt", "zh_Hant", "sr-Latn", "C", "C.UTF-8", "POSIX", "BR", "_BR", "en_"]
        + ["en_001", "en_150", "es_419", "en_XX", "en_UK", "sq_XK", "en-x-us", "en-u-rg-uszzzz"]
        + ["en_USA", "en US", "\u017fr_BR"],
    )
    def test_locale_without_an_assigned_region_says_nothing(self, locale: str) -> None:
        assert locale_country(locale) is None

    @pytest.mark.parametrize("locale", ["es_LA", "ar_AR"])
    def test_umbrella_locale_of_messenger_is_no_country(self, locale: str) -> None:
        assert locale_country(locale) is None


class TestCodes:
    def test_iso_assigns_249_pairs_of_codes(self) -> None:
        codes = {code: alpha3(code) for code in assigned()}
        assert len(codes) == 249
        assert None not in codes.values()
        assert len(set(codes.values())) == 249

    @pytest.mark.parametrize(
        ("code", "expected"),
        [("BR", "BRA"), ("DE", "DEU"), ("MM", "MMR"), ("CD", "COD"), ("TL", "TLS"), ("RO", "ROU")],
    )
    def test_alpha3_is_the_one_in_force(self, code: str, expected: str) -> None:
        assert alpha3(code) == expected

    @pytest.mark.parametrize("code", ["XK", "EU", "UK", "ZZ", "AN", "br", "BRA", "unknown", ""])
    def test_other_codes_are_not_assigned(self, code: str) -> None:
        assert not is_region(code)
        assert alpha3(code) is None

    def test_name_is_in_the_language_of_the_reader(self) -> None:
        assert country_name("BR") == "Brazil"
        assert country_name("BR", "pt_BR") == "Brasil"
        assert country_name("BR", "pt-BR") == "Brasil"

    def test_name_falls_back_to_english_and_to_the_code(self) -> None:
        assert country_name("BR", "xx") == "Brazil"
        assert country_name("QQQ") == "QQQ"
        assert country_name("unknown") == "Unknown country"


anything = st.none() | st.text() | st.text("+\uff0b0123456789 ()-.;=ext", max_size=300)


class TestRobustness:
    @settings(deadline=None, max_examples=effort.of(300))
    @given(anything, anything, anything, anything, anything)
    def test_any_text_has_an_answer(
        self,
        country: str | None,
        phone: str | None,
        timezone: str | None,
        locale: str | None,
        default_region: str | None,
    ) -> None:
        code, source = country_of(country, phone_country(phone, default_region), timezone, locale)
        assert source in SOURCES
        assert is_region(code) if source != "unknown" else code == UNKNOWN

    @pytest.mark.parametrize(
        "text",
        ["\ud800", "+\ud800", "\udfff_BR", "\0", "BR\0", "+55\x0011900000001", "+", "_", "\u0301"]
        + [character * 100_000 for character in "x +9\u0301\ud800_B"]
        + ["+" + "1" * 100_000, "+1" + " " * 100_000, "en_" * 30_000],
        ids=lambda text: f"{text[:4]!a} x {len(text)}",
    )
    def test_hostile_text_is_unknown(self, text: str) -> None:
        for default_region in (None, "US"):
            phone = phone_country(text, default_region)
            assert country_of(text, phone, text, text) == (UNKNOWN, "unknown")

    @given(st.text(), st.text())
    @settings(deadline=None)
    def test_any_code_has_a_name(self, code: str, locale: str) -> None:
        assert isinstance(country_name(code, locale), str)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda text: phone_country(f"+1212{text}"),
            lambda text: phone_country(f"+44 20 {text}"),
            lambda text: phone_country(f"+44 (0)20 {text} ext. 1"),
            lambda text: phone_country(f"02{text}", "VN"),
            lambda text: recorded_country(f"Land {text}"),
            lambda text: timezone_country(f"Asia/{text}"),
            lambda text: locale_country(f"en_{text}"),
        ],
        ids=[
            "phone",
            "written phone",
            "odd phone",
            "national phone",
            "recorded",
            "timezone",
            "locale",
        ],
    )
    def test_lookups_are_not_cached(self, ask: Callable[[str], str | None]) -> None:
        ask("5550000")
        before = cached_entries()
        for number in range(500):
            ask(f"555{number:04}")
        assert cached_entries() == before


def cached_entries() -> int:
    """Total number of entries in all caches of these rules."""
    return sum(
        function.cache_info().currsize
        for module in (countries, country_names, phone_numbers, regions)
        for function in vars(module).values()
        if hasattr(function, "cache_info")
    )
