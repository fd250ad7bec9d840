import random
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reference import phone_numbers
from lib.reference.phone_numbers import phone_country
from tests import effort

SHARED_CALLING_CODES = [
    code for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1
]


def phonenumbers_country(text: str, region: str | None = None) -> str | None:
    """The country of a number according to the library, without any shortcut."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    answer = phonenumbers.region_code_for_number(parsed)
    of_saint_helena = answer in ("AC", "TA")
    assigned = answer not in (None, "001", "XK")
    return "SH" if of_saint_helena else answer if assigned else None


class TestPhone:
    @pytest.mark.parametrize(
        ("number", "code"),
        [
            ("+5511900000001", "BR"),
            ("+84912345678", "VN"),
            ("+12125551234", "US"),
            ("+16045551234", "CA"),
            ("+18765551234", "JM"),
            ("+18095551234", "DO"),
            ("+74951234567", "RU"),
            ("+78121234567", "RU"),
            ("+77012345678", "KZ"),
            ("+442071234567", "GB"),
            ("+447400123456", "GB"),
            ("+441534123456", "JE"),
            ("+390612345678", "IT"),
            ("+390669812345", "VA"),
            ("+4721234567", "NO"),
            ("+4779123456", "SJ"),
            ("+61412345678", "AU"),
            ("+212650123456", "MA"),
            ("+262692123456", "RE"),
            ("+262639012345", "YT"),
            ("+35818123456", "AX"),
            ("+358401234567", "FI"),
            ("+5997151234", "BQ"),
            ("+59995181234", "CW"),
            ("+24740123", "SH"),
            ("+2908999", "SH"),
        ],
    )
    def test_number_tells_its_country(self, number: str, code: str) -> None:
        assert phone_country(number) == code

    @pytest.mark.parametrize(
        "number",
        [
            " +55 (11) 90000-0001 ",
            "+55.11.90000.0001",
            "\uff0b5511900000001",
            "+55\u00a011\u00a090000\u20110001",
            "\u202a+5511900000001\u202c",
            "+٥٥١١٩٠٠٠٠٠٠٠١",
            "+55 11 90000-0001 ext. 12",
        ],
        ids=["spaced", "dotted", "full-width", "no-break", "marks", "arabic", "extension"],
    )
    def test_number_is_read_however_it_is_written(self, number: str) -> None:
        assert phone_country(number) == "BR"

    @pytest.mark.parametrize(
        "number",
        ["", " ", "+", "++", "+5", "0912 345 678", "5511900000001", "005511900000001"]
        + ["tel 12", "+999123456789", "+0912345678", "+80012345678", "+38344123456", "unknown"],
    )
    def test_number_without_a_country_says_nothing(self, number: str) -> None:
        assert phone_country(number) is None

    def test_default_region_does_not_override_a_calling_code(self) -> None:
        assert phone_country("+5511900000001", "VN") == "BR"
        assert phone_country("00 55 11 90000 0001", "VN") == "BR"

    def test_default_region_that_is_none_says_nothing(self) -> None:
        assert phone_country("0912 345 678", "XX") is None
        assert phone_country("0912 345 678", "") is None

    def test_default_region_may_share_its_calling_code(self) -> None:
        assert phone_country("(604) 555-1234", "US") == "CA"
        assert phone_country("212-555-1234", "us") == "US"

    @pytest.mark.parametrize("calling_code", SHARED_CALLING_CODES)
    def test_any_number_of_a_shared_calling_code_is_answered_as_by_phonenumbers(
        self, calling_code: int
    ) -> None:
        for number in plausible_numbers(calling_code, 1500):
            assert phone_country(number) == phonenumbers_country(number), number

    def test_any_number_is_answered_as_by_phonenumbers(self) -> None:
        chance = random.Random(2)
        for calling_code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            for digits in range(1, 19):
                number = f"+{calling_code}{chance.randrange(10**digits):0{digits}}"
                assert phone_country(number) == phonenumbers_country(number), number

    def test_any_national_number_is_answered_as_by_phonenumbers(self) -> None:
        chance = random.Random(3)
        prefixes = ["", "0", "1", "8", "00", "001", "011", "00155", "009", "0014", "810"]
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            own_prefix = str(phonenumbers.country_code_for_region(region))
            for digits in range(1, 17):
                number = f"{chance.randrange(10**digits):0{digits}}"
                text = chance.choice([*prefixes, own_prefix]) + number
                expected = phonenumbers_country(text, region)
                assert phone_country(text, region) == expected, (text, region)

    @settings(deadline=None, max_examples=effort.of(500))
    @given(
        calling_code=st.sampled_from(["", *map(str, SHARED_CALLING_CODES), "55", "54", "52", "84"]),
        rest=st.text(" -.()/~x#,;+*\uff10٣²0123456789\u00ad\u200b", max_size=24),
        default_region=st.sampled_from([None, "BR", "US", "GB", "AU", "RU", "VN", "IT", "AR"]),
    )
    def test_any_spelling_is_answered_as_by_phonenumbers(
        self, calling_code: str, rest: str, default_region: str | None
    ) -> None:
        number = f"+{calling_code}{rest}".strip()
        assert phone_country(number, default_region) == phonenumbers_country(number, default_region)


def plausible_numbers(calling_code: int, count: int) -> Iterator[str]:
    """Random numbers, most of them similar to one of the library's examples."""
    chance = random.Random(calling_code)
    examples = [
        description.example_number
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]
        if (metadata := phonenumbers.PhoneMetadata.metadata_for_region(region))
        for kind in phone_numbers.NUMBER_TYPES.split()
        if (description := getattr(metadata, kind)) and description.example_number
    ]
    for _ in range(count):
        digits = list(chance.choice(examples))
        for _ in range(chance.randint(0, 6)):
            digits[chance.randrange(len(digits))] = chance.choice("0123456789")
        match chance.randrange(8):
            case 0:
                digits.insert(0, chance.choice("0189"))
            case 1:
                digits.append(chance.choice("0123456789"))
            case 2:
                digits.pop()
            case 3:
                digits = [chance.choice("0123456789") for _ in range(chance.randint(1, 17))]
        yield f"+{calling_code}{''.join(digits)}"
